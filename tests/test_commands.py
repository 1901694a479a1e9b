"""Each command of "What makes what" in the report's appendix, run dry."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lprior import __main__ as cli
from lprior import workflow
from lprior.report.commands import commands_table, runs_table
from lprior.results import finished
from lprior.runs import STUDIES

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "results" / "published"
NEEDED = ("Snakefile", "lprior", "notebooks", "report", "benchmarks", "docs")
PLACES = {"FOLDER": "sheets", "RUN": "mnist-lpaae-s0", "NAME=VALUE": "lam=5", "TEXT": "why", "RESULTS": "results/quick"}


def commands() -> list[str]:
    runs = [*finished(PUBLISHED), *finished(PUBLISHED / "full")]
    tables = runs_table(runs, {name: finished(PUBLISHED / name) for name in STUDIES}, {}) + commands_table("published")
    cells = [line.removesuffix(r" \\").split(" & ")[-1] for line in tables.splitlines()]
    return [re.sub(r"\\texttt\{(.*)\}", r"\1", cell).replace("-{}-", "--").replace("\\_", "_") for cell in cells]


COMMANDS = commands()
WORKFLOW = [command for command in COMMANDS if command.startswith("./run_all.sh ")]


def options_of(command: str):
    """The arguments of ./run_all.sh, understood."""
    return cli.parser().parse_args(["workflow", *command.split()[1:]])


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """What Snakemake would be asked for: goal and settings, where all data are at hand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(workflow, "data_at_hand", lambda needed, options: (needed, []))
    return lambda command: workflow.plan(options_of(command))


def test_there_is_a_command_for_each_published_run_and_study():
    assert {command.split()[-1] for command in WORKFLOW} >= {run.path.name for run in finished(PUBLISHED)}
    assert {command.split()[2] for command in WORKFLOW} >= {name for name in STUDIES if finished(PUBLISHED / name)}


@pytest.mark.parametrize("command", WORKFLOW)
def test_the_workflow_would_make_it(command, planned):
    goal, settings = planned(command)
    target = options_of(command).target
    if target == "report":
        assert goal in ("report", "readings") and settings["preset"] in (*STUDIES, "published")
    else:
        assert goal == f"results/{settings['preset']}/{target}/metrics.json"
        assert workflow.runs_behind(goal, settings) == [target]


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in WORKFLOW])
def test_another_command_is_one_that_there_is(command):
    program, *words = command.split()
    assert program == "python"
    if words[0] == "-m":
        cli.parser().parse_args([PLACES.get(word, word) for word in words[2:]])
    else:
        assert (ROOT / words[0]).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("preset", sorted({command.split()[2] for command in WORKFLOW}))
def test_snakemake_knows_how(preset, planned, tmp_path):
    for name in NEEDED:
        (tmp_path / name).symlink_to(ROOT / name)
    if preset == "published":
        (tmp_path / "results").mkdir()
        (tmp_path / "results" / "published").symlink_to(PUBLISHED)
    goals, settings = zip(*[planned(one) for one in WORKFLOW if one.split()[2] == preset], strict=True)
    data = " ".join(sorted({name for one in settings for name in one["dataset"].split()}))
    given = {name: value for name, value in settings[0].items() if value} | ({"dataset": data} if data else {})
    call = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules", "host", "--cores", "1", "--config"]
    call += [*(f"{name}={value}" for name, value in given.items()), "--", *goals]
    answer = subprocess.run(call, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
