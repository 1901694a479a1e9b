"""Whatever is typed, and whatever has happened to a run's files: no traceback, a documented exit code, a line or two
that say what is wrong, and nothing touched but what was named. 500 cases; with --slow 5,000."""

import shutil
from pathlib import Path

import conftest
import pytest
from command_lines import COMMANDS, DAMAGES, RUN, SET, may_write, some
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sandbox import Sandbox, fill, stub

from lprior import __main__ as cli

READERS = {
    "sample": ["sample", "{}", "new.png"],
    "report": ["report", "runs", "new"],
    "gallery": ["gallery", "runs"],
    "publish": ["publish", "{}", "--to", "new", "--archive", "new.tar"],
    "evaluate": ["evaluate", "{}"],
    "verify": ["verify", "{}"],
    "run": ["run", RUN, "--preset", "smoke", "--results", "results", "--set", "images=128", "--set", "epochs=1"],
}
FILES = [
    "config.json", "provenance.json", "metrics.json", "log.csv", "model.safetensors", "samples.png", "evolution.png",
    "evolution.gif", "reconstructions.png", "neighbours.png", "checkpoint.pt", "frames/epoch-0001.png",
]  # fmt: skip


def cases(count: int):
    """So many, the same ones each time; ten times as many with --slow."""
    return settings(
        max_examples=count * (10 if conftest.MANY else 1), derandomize=True, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip


@pytest.fixture(scope="module")
def template(tmp_path_factory, private_cache):
    """What each case begins with; the run is a real one."""
    folder = tmp_path_factory.mktemp("properties")
    options = ["--preset", "smoke", "--results", str(folder), "--device", "cpu"]
    assert cli.main(["run", RUN, *options, "--set", "images=128", "--set", "epochs=1"]) == 0
    fill(folder / "template", folder / "smoke" / RUN)
    return folder / "template"


@pytest.fixture(scope="module")
def sandbox(template):
    with pytest.MonkeyPatch.context() as patch:
        stub(patch)
        yield Sandbox(template, template.parent / "sandbox")


@cases(325)
@given(arguments=st.one_of(list(COMMANDS.values())))
def test_any_command_line(sandbox, arguments):
    sandbox.run(arguments).check(may_write(arguments))


@cases(25)
@given(arguments=st.lists(some(*COMMANDS, "--help", "--version"), max_size=4))
def test_any_arguments(sandbox, arguments):
    sandbox.run(arguments).check(may_write(arguments))


@cases(50)
@given(texts=st.lists(SET, max_size=3), output=st.just("out.ipynb"))
def test_any_settings_of_a_notebook(sandbox, texts, output):
    arguments = ["notebook", "aae.ipynb", output, "--set", f"settings={', '.join(texts)}"]
    sandbox.run(arguments).check(may_write(arguments))


@cases(100)
@given(reader=st.sampled_from(sorted(READERS)), file=st.sampled_from(FILES), damage=DAMAGES)
def test_any_damage_to_a_run(template, sandbox, reader, file, damage):
    folder = Path("results" if reader == "run" else "runs", "smoke" if reader == "run" else "", RUN)
    damaged = template.parent / "damaged"
    shutil.rmtree(damaged, ignore_errors=True)
    shutil.copytree(template, damaged, symlinks=True)
    shutil.copytree(template / "runs" / RUN, damaged / folder, dirs_exist_ok=True)
    damage.to(damaged / folder / file)
    arguments = [text.format(folder) for text in READERS[reader]]
    Sandbox(damaged, sandbox.place).run(arguments).check(may_write(arguments))


def test_the_classifiers_are_as_they_were():
    """None of these commands has changed the package itself."""
    from lprior.evaluation.judges import load_evaluator

    for dataset in ("mnist", "cifar10"):
        load_evaluator(dataset)
