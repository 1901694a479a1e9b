"""Each command of "What makes what" in the report's appendix, run dry."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lprior import __main__ as cli
from lprior import workflow
from lprior.config import RunConfig, resolve
from lprior.report.commands import command_of, command_text, commands_table, runs_table
from lprior.results import RunFolder, finished
from lprior.runs import STUDIES, parse_run
from lprior.settings import parse_assignments

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "results" / "published"
NEEDED = ("Snakefile", "lprior", "notebooks", "report", "benchmarks", "docs")
PLACES = {"FOLDER": "sheets", "RUN": "mnist-lpaae-s0", "NAME=VALUE": "lam=5", "TEXT": "why", "RESULTS": "results/quick"}
RUNS = [*finished(PUBLISHED), *finished(PUBLISHED / "full")]


def commands() -> list[str]:
    tables = runs_table(RUNS, {name: finished(PUBLISHED / name) for name in STUDIES}, {}) + commands_table("published")
    return [in_a_shell(line.removesuffix(r" \\").split(" & ")[-1]) for line in tables.splitlines()]


def in_a_shell(cell: str) -> str:
    """A command as it is read off the page."""
    text = re.sub(r".*\\texttt\{(.*?)\}+$", r"\1", cell).replace("-{}-", "--").replace(r"\char13{}", "'")
    return re.sub(r"\\([&%$#_{}])", r"\1", text)


COMMANDS = commands()
WORKFLOW = [command for command in COMMANDS if command.startswith("./run_all.sh ")]


def options_of(command: str):
    """The arguments of ./run_all.sh, understood."""
    return cli.parser().parse_args(["workflow", *shlex.split(command)[1:]])


def config_of(command: str) -> RunConfig:
    """Of the run that it trains."""
    if command.startswith("./run_all.sh "):
        options = options_of(command)
        return resolve(**parse_run(options.target), preset=options.preset)
    options = cli.parser().parse_args(shlex.split(command)[3:])
    return resolve(**parse_run(options.name), preset=options.preset, **parse_assignments(options.set, "--set"))


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """What Snakemake would be asked for: goal and settings, where all data are at hand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(workflow, "data_at_hand", lambda needed, options: (needed, []))
    return lambda command: workflow.plan(options_of(command))


def test_there_is_a_command_for_each_published_run_and_study():
    assert {word for command in COMMANDS for word in command.split()} >= {run.path.name for run in RUNS}
    assert {command.split()[2] for command in WORKFLOW} >= {name for name in STUDIES if finished(PUBLISHED / name)}


def test_a_run_s_command_has_the_values_that_the_run_has(tmp_path):
    departed = resolve("lpaae", "cifar10", "quick", "long", lam=0.3, betas=(0.5, 0.8))
    folder = RunFolder(tmp_path / departed.name)
    folder.path.mkdir()
    folder.write_json("config.json", departed.to_dict())
    for run in (*RUNS, folder):
        made, asked = run.config(), config_of(command_of(run))
        assert asked.to_dict() | {"variant": ""} == made.to_dict() | {"variant": ""}, run.path


def test_a_command_survives_the_page():
    command = "python -m lprior run cifar10-vaegan-s0 --set 'betas=(0.5, 0.9)' --set a=100%_$b"
    assert in_a_shell(command_text(command)) == command


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
    program, *words = shlex.split(command)
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
