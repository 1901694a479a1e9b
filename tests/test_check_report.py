"""The check of a built report, tests/check_report.sh."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def built(tmp_path) -> Path:
    folder = tmp_path / "build"
    for name in ("sections", "figures"):
        (folder / name).mkdir(parents=True)
    (folder / "main.pdf").write_text("pdf")
    (folder / "main.tex").write_text(r"\input{sections/results} \includegraphics[width=1cm]{figures/plan.png}")
    (folder / "parts.tex").write_text(
        "\\newcommand{\\results}[2]{\\includegraphics{figures/#1-samples} #2}\n"
        "\\newcommand{\\progressfigure}[2]{\\includegraphics{figures/#1progress.pdf} #2}\n"
    )
    (folder / "sections" / "results.tex").write_text(
        "\\results{aae}{AAE} \\results{cifar10-aae}{AAE}\n"
        "\\progressfigure{}{} \\progressfigure{cifar10-}{cifar10/}\n"
        "% \\includegraphics{figures/old.png}\n"
    )
    used = ("plan.png", "aae-samples.png", "cifar10-aae-samples.jpg", "progress.pdf")
    for name in (*used, "lpaae-samples.png", "old.png"):
        (folder / "figures" / name).write_text("png")
    (folder / "main.log").write_text(
        "".join(f"<use figures/{name}>\n" for name in used)
        + "Overfull \\hbox (1.5pt too wide) in paragraph\n"
        "LaTeX Font Info: shape undefined, using another\n"
    )
    return folder


def check(folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(["bash", ROOT / "tests" / "check_report.sh", folder], capture_output=True, text=True)


def test_the_check_passes_a_report_without_warnings(built):
    """A figure of a model that the text does not show need not be used, nor one of a part that was not run be there."""
    answer = check(built)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "report: 4 figures, no warnings\n", "")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("LaTeX Warning: Reference `fig:x' on page 1 undefined on input line 3.", "undefined"),
        ("Package natbib Warning: Citation `x' on page 1 undefined on input line 3.", "undefined"),
        ("LaTeX Warning: There were undefined references.", "undefined"),
        ("Overfull \\hbox (60.09467pt too wide) in paragraph at lines 22--29", "60.09467pt"),
    ],
)
def test_the_check_refuses_warnings(built, line, reason):
    with (built / "main.log").open("a") as log:
        log.write(line + "\n")
    answer = check(built)
    assert answer.returncode != 0
    assert reason in answer.stderr and len(answer.stderr.splitlines()) == 1


@pytest.mark.parametrize(("page", "code"), [(15, 0), (16, 1)])
def test_the_check_refuses_a_body_that_nobody_finishes(built, page, code):
    (built / "main.aux").write_text(rf"\newlabel{{sec:more}}{{{{A}}{{{page}}}{{More}}{{appendix.A}}{{}}}}" "\n")
    answer = check(built)
    assert answer.returncode == code and ("15 pages" in answer.stderr) == bool(code)


@pytest.mark.parametrize("missing", ["main.pdf", "main.log", "main.tex"])
def test_the_check_refuses_an_incomplete_build(built, missing):
    (built / missing).unlink()
    answer = check(built)
    assert answer.returncode != 0
    assert missing in answer.stderr and len(answer.stderr.splitlines()) == 1


@pytest.mark.parametrize("figure", ["plan.png", "aae-samples.png", "cifar10-aae-samples.jpg", "progress.pdf"])
def test_the_check_refuses_a_report_that_lacks_a_figure(built, figure):
    log = built / "main.log"
    log.write_text(log.read_text().replace(figure, "other.png"))
    answer = check(built)
    assert answer.returncode != 0
    assert figure in answer.stderr and len(answer.stderr.splitlines()) == 1
