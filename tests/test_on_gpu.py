"""The steps of a GPU day, on a CPU with the smoke preset: what is stopped goes on, what is carried back is whole."""

import subprocess
import sys
from pathlib import Path

import pytest

from lprior.errors import UserError
from lprior.results import RunFolder
from lprior.runs import parse_run, runs_of

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
import on_gpu  # noqa: E402

COMMON = ["--preset", "smoke", "--device", "cpu"]


def step(name: str, results: Path, *arguments: str) -> int:
    return on_gpu.main([name, "--results", str(results), *COMMON, *arguments])


def train(results: Path, minutes: float, *changes: str) -> int:
    only = ["--dataset", "mnist5k", "--seeds", "0", "--together", "2"]
    return step("train", results, "--minutes", str(minutes), *only, *(x for c in changes for x in ("--set", c)))


@pytest.fixture
def two_runs(monkeypatch):
    monkeypatch.setattr(on_gpu, "order", lambda options: ["mnist5k-lpaae-s0", "mnist5k-aae-s0"])


@pytest.mark.slow
def test_what_is_stopped_goes_on(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(on_gpu, "order", lambda options: ["mnist5k-aae-s0"])
    folder = tmp_path / "smoke" / "mnist5k-aae-s0"
    for _ in range(9):  # where the machine is busy, two may end before the first epoch does
        assert train(tmp_path, 0.3, "epochs=20000", "images=128") == 0
        assert "mnist5k-aae-s0 can go on from the last epoch" in capsys.readouterr().out
        if (folder / "provenance.json").exists() and RunFolder(folder).read_json("provenance.json")["resumed"]:
            break
    resumed, *_ = RunFolder(folder).read_json("provenance.json")["resumed"]
    assert resumed["epoch"] > 0 and not (folder / "metrics.json").exists()


@pytest.mark.slow
def test_what_is_finished_is_carried_back_whole(two_runs, tmp_path, capsys):
    results, home, out = tmp_path / "results", tmp_path / "home", tmp_path / "out"
    assert train(results, 5, "epochs=1", "images=128") == 0
    assert step("pack", results, str(out)) == 0 and step("unpack", home, str(out)) == 0
    for run in ("mnist5k-lpaae-s0", "mnist5k-aae-s0"):
        ours, theirs = results / "smoke" / run, home / "smoke" / run
        assert {"metrics.json", "config.json", "samples.png", "model.safetensors"} <= {p.name for p in theirs.iterdir()}
        assert not (theirs / "checkpoint.pt").exists()
        assert (theirs / "metrics.json").read_bytes() == (ours / "metrics.json").read_bytes()
    assert train(results, 5) == 0 and "starts" not in capsys.readouterr().out.splitlines()[-1]  # nothing is left to do
    assert step("unpack", home, str(out)) == UserError.exit_code  # what is there is not replaced
    assert "exists already" in capsys.readouterr().err


def test_a_damaged_part_is_refused(finished, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(on_gpu, "PART", 50_000)
    results = tmp_path / "results"
    results.mkdir()
    (results / "smoke").symlink_to(finished)
    assert step("pack", results, str(tmp_path / "out")) == 0
    parts = sorted((tmp_path / "out").glob("lprior.tar.gz.*"))
    assert len(parts) > 1 and all(part.stat().st_size <= 50_000 for part in parts)
    content = bytearray(parts[1].read_bytes())
    content[100] ^= 1
    parts[1].write_bytes(content)
    assert step("unpack", tmp_path / "home", str(tmp_path / "out")) == UserError.exit_code
    assert f"{parts[1]} is damaged" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()


def test_the_order_is_what_matters_first():
    options = type("Options", (), {"preset": "full", "dataset": "cifar10 mnist", "seeds": "0 1"})
    names = on_gpu.order(options)
    assert names[:5] == [f"cifar10-{model}-s0" for model in on_gpu.FIRST]
    assert set(names) == {*runs_of("full", "cifar10", [0, 1]), *runs_of("full", "mnist", [0, 1])}
    assert [parse_run(name)["seed"] for name in names] == sorted(parse_run(name)["seed"] for name in names)


@pytest.mark.slow
def test_check_and_bench_keep_what_they_print(tmp_path, monkeypatch):
    monkeypatch.setattr(on_gpu, "COMPARED_ON_CPU", {"compact": ["aae:preset=smoke"]})
    assert step("bench", tmp_path) == 0
    assert "images/s" in (tmp_path / "gpu" / "bench-compact.txt").read_text()
    assert (tmp_path / "gpu" / "bench-compact.json").exists()
    assert step("check", tmp_path) == 0
    assert "passed" in (tmp_path / "gpu" / "check.txt").read_text() and (tmp_path / "gpu" / "machine.json").exists()


def test_the_script_has_the_steps():
    told = subprocess.run([ROOT / "on_gpu.sh", "--help"], capture_output=True, text=True, cwd=ROOT)
    assert told.returncode == 0 and all(name in told.stdout for name in ("check", "bench", "train", "pack", "unpack"))
