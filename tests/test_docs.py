"""What the documents tell a person to type: it can be read without scrolling, and leaves nothing for git to see."""

import re
import subprocess
from pathlib import Path

import pytest

from lprior.training import trials

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WIDTH = 100  # characters that a block of code shows without a bar to scroll by


def code(document: Path) -> list[str]:
    """The lines of its blocks of code, indented or fenced, without their indentation."""
    text = document.read_text()
    fenced = [
        line
        for block in re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        for line in block.splitlines()
    ]
    return [*re.findall(r"^ {4}(.*)", text, re.MULTILINE), *fenced]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_lines_of_code_fit_where_they_are_shown(document):
    assert [line for line in code(document) if len(line) > WIDTH] == []


def test_code_is_found_indented_and_fenced(tmp_path):
    (tmp_path / "a.md").write_text("text\n\n    one\n\n```bash\ntwo\nthree\n```\n")
    assert code(tmp_path / "a.md") == ["one", "two", "three"] and code(ROOT / "docs" / "running.md") != []


def test_git_ignores_what_documented_commands_make():
    made = ["my-notebooks/aae.ipynb", "my-results/quick/mnist-lpaae-s0/metrics.json", "sheet.png", "nine.png"]
    answer = subprocess.run(["git", "check-ignore", "--no-index", *made], cwd=ROOT, capture_output=True, text=True)
    assert answer.stdout.splitlines() == made
    tracked = subprocess.run(["git", "ls-files", "-ci", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    assert [path for path in tracked.stdout.splitlines() if not path.startswith("results/")] == []


def test_copies_of_notebooks_are_made_and_made_again_without_loss(tmp_path):
    (command,) = [line for line in code(ROOT / "docs" / "running.md") if line.startswith("mkdir -p my-notebooks")]
    (tmp_path / "notebooks").symlink_to(ROOT / "notebooks")
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True)
    copies = sorted(path.name for path in (tmp_path / "my-notebooks").iterdir())
    assert copies == sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    (tmp_path / "my-notebooks" / "aae.ipynb").write_text("mine")
    subprocess.run(["bash", "-c", command], cwd=tmp_path)  # newer versions of cp fail where they have nothing to do
    assert sorted(path.name for path in (tmp_path / "my-notebooks").iterdir()) == copies
    assert (tmp_path / "my-notebooks" / "aae.ipynb").read_text() == "mine"


def test_the_table_of_what_was_tried_on_pictures_is_of_trials():
    text = (ROOT / "docs" / "results.md").read_text().split("### What was tried on small networks")[1]
    cells = [[cell.strip() for cell in row.split("|")] for row in text.split("\n###")[0].splitlines() if row[:1] == "|"]
    said = [tuple(row[2:5]) for row in cells if row[1] != "change" and not row[1].startswith("-")]
    rows = [row for row in trials.read() if row["dataset"] == "cifar10" and row["preset"] == "quick"]
    found = {(row["FID"], row["score"], row["recall"]) for row in rows if row["epochs"] == "4"}
    assert len(said) == 15 and set(said) <= found


def test_the_tables_of_what_lowers_recall_are_of_trials():
    text = (ROOT / "docs" / "results.md").read_text().split("### What lowers recall")[1].split("\n###")[0]
    rows = [row for row in trials.read() if (row["dataset"], row["model"], row["epochs"]) == ("mnist", "lpaae", "6")]
    found = {tuple(row[name] for name in trials.MEASURED) for row in rows if "falling" not in row["changes"]}
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:1] == "|"]
    said = [tuple(cells[1:]) for cells in lines if re.fullmatch(r"\d+\.\d+", cells[1])]
    said += [tuple(cell.split(" / ")) for cells in lines for cell in cells[1:] if " / " in cell]
    assert len(said) == 23 and set(said) <= found
