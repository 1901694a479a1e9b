"""What run_all.sh starts, and what it leaves out, where data sets are not to be had. No test reaches the network."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_cifar10 import make_pictures

from lprior import config as presets

ROOT = Path(__file__).parents[1]
NEEDED = ("run_all.sh", "setup.sh", "Snakefile", "lprior", "notebooks", "report", "benchmarks")
OF_DIGITS, OF_CIFAR10 = (len(presets.runs_of("quick", dataset)) for dataset in ("mnist", "cifar10"))
NOWHERE = "http://127.0.0.1:9"  # as a proxy, it refuses every connection at once


@pytest.fixture
def dry_run(tmp_path, monkeypatch):
    """run_all.sh --dry-run in a folder of its own, with this environment's Python."""
    for name in NEEDED:
        (tmp_path / "project").mkdir(exist_ok=True)
        (tmp_path / "project" / name).symlink_to(ROOT / name)
    (tmp_path / "data").mkdir()
    for name, value in {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "LPRIOR_DATA": str(tmp_path / "data"), "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "http_proxy": NOWHERE, "https_proxy": NOWHERE, "no_proxy": "",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)

    def start(*arguments: str) -> subprocess.CompletedProcess:
        command = ["bash", tmp_path / "project" / "run_all.sh", "--dry-run", "--device", "cpu", *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    return start


def jobs(answer: subprocess.CompletedProcess) -> dict[str, int]:
    """How often each rule of the workflow would be applied."""
    counts = re.findall(r"^(\w+) +(\d+)$", answer.stdout + answer.stderr, re.MULTILINE)
    return {rule: int(count) for rule, count in counts}


def own_lines(answer: subprocess.CompletedProcess) -> list[str]:
    return [line for line in answer.stderr.splitlines() if line.startswith("run_all.sh: ")]


@pytest.mark.slow
def test_what_is_in_by_default_is_left_out_with_one_line(dry_run):
    answer = dry_run("--preset", "quick")
    assert answer.returncode == 0
    (line,) = own_lines(answer)
    assert "cifar10 is left out" in line and "cannot be downloaded" in line
    assert "GOING ON WITH mnist5k" in answer.stderr
    assert (jobs(answer)["data"], jobs(answer)["run"]) == (1, OF_DIGITS)


@pytest.mark.slow
def test_both_data_sets_are_run_where_they_are_there(dry_run, tmp_path):
    make_pictures(tmp_path / "data")
    answer = dry_run("--preset", "quick", "--dataset", "mnist5k cifar10")
    assert (answer.returncode, own_lines(answer)) == (0, [])
    assert (jobs(answer)["data"], jobs(answer)["run"]) == (2, OF_DIGITS + OF_CIFAR10)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [["--dataset", "mnist5k cifar10"], ["cifar10-lpaae-s0/samples.png", "--keep-going"]], ids=" ".join
)
def test_what_was_asked_for_and_is_not_there_is_refused_in_one_line(dry_run, arguments):
    answer = dry_run("--preset", "quick", *arguments)
    assert answer.returncode == 3
    assert answer.stderr.splitlines() == own_lines(answer) and len(own_lines(answer)) == 1
    assert "CIFAR-10 is not in" in answer.stderr and jobs(answer) == {}


@pytest.mark.slow
def test_keep_going_leaves_it_out_instead(dry_run):
    answer = dry_run("--preset", "quick", "--dataset", "mnist5k cifar10", "--keep-going")
    assert answer.returncode == 0 and len(own_lines(answer)) == 1
    assert jobs(answer)["run"] == OF_DIGITS


@pytest.mark.slow
def test_if_nothing_is_left_nothing_is_started(dry_run):
    answer = dry_run("--preset", "quick", "--dataset", "cifar10", "--keep-going")
    assert answer.returncode == 0 and len(own_lines(answer)) == 1 and jobs(answer) == {}


@pytest.mark.slow
def test_a_run_needs_no_data_but_its_own(dry_run):
    answer = dry_run("--preset", "quick", "mnist5k-aae-s0")
    assert (answer.returncode, own_lines(answer)) == (0, [])
    assert "GOING ON WITH" not in answer.stderr and jobs(answer)["run"] == 1
