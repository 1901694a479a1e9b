"""The steps of a GPU day, on a CPU with the smoke preset: what is stopped goes on, what is carried back is whole, and
what was not measured there is measured at home."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from lprior import lock
from lprior.config import resolve
from lprior.errors import UserError
from lprior.results import RunFolder
from lprior.runs import parse_run, runs_of

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
import gpu_order  # noqa: E402
import on_gpu  # noqa: E402
import parcels  # noqa: E402
import side_by_side  # noqa: E402

RUN = "smoke/mnist5k-aae-s0"
SMALL = ("epochs=1", "images=128", "samples=200")


def step(name: str, results: Path, *arguments: str) -> int:
    return on_gpu.main([name, "--results", str(results), *arguments])


def training(results: Path, minutes: float, *changes: str, runs: tuple[str, ...] = (RUN,)) -> list[str]:
    given = ["train", "--results", str(results), "--device", "cpu", "--minutes", str(minutes), "--together", "2"]
    return [*given, *(part for change in changes for part in ("--set", change)), "--runs", *runs]


def train(*arguments, **options) -> int:
    return on_gpu.main(training(*arguments, **options))


@pytest.mark.slow
def test_what_is_stopped_goes_on(tmp_path, capsys):
    folder = tmp_path / RUN
    for _ in range(9):  # where the machine is busy, two may end before the first epoch does
        assert train(tmp_path, 0.3, "epochs=20000", "images=128") == 0
        assert f"{RUN} can go on from the last epoch" in capsys.readouterr().out
        if (folder / "provenance.json").exists() and RunFolder(folder).read_json("provenance.json")["resumed"]:
            break
    resumed, *_ = RunFolder(folder).read_json("provenance.json")["resumed"]
    assert resumed["epoch"] > 0 and not RunFolder(folder).trained
    assert step("pack", tmp_path, str(tmp_path / "out"), "--runs", RUN) == 0
    assert capsys.readouterr().out.startswith("0 runs")


@pytest.mark.slow
def test_what_is_trained_is_carried_home_whole_and_measured_there(tmp_path, capsys):
    results, home, out = tmp_path / "results", tmp_path / "home", tmp_path / "out"
    runs = ("smoke/mnist5k-lpaae-s0", RUN)
    assert train(results, 5, *SMALL, runs=runs) == 0
    assert train(results, 5, *SMALL, runs=runs) == 0
    assert capsys.readouterr().out.count("starts") == 2  # the second time nothing is left to do
    assert step("pack", results, str(out), "--runs", *runs) == 0 and step("unpack", home, str(out)) == 0
    for run in runs:
        names = {path.name for path in (home / run).iterdir()}
        assert {"config.json", "provenance.json", "samples.png", "log.csv", "model.safetensors"} <= names
        assert not {"metrics.json", "checkpoint.pt", "frames"} & names
        made = (home / run / "provenance.json").read_bytes()
        assert made == (results / run / "provenance.json").read_bytes() and "finished" in json.loads(made)
    assert step("unpack", home, str(out)) == UserError.exit_code  # what is there is not replaced
    assert "exists already" in capsys.readouterr().err
    assert step("measure", home, "--together", "2", "--runs", *runs, "smoke/mnist5k-vaegan-s0") == 0
    assert {len(RunFolder(home / run).read_json("metrics.json")) > 9 for run in runs} == {True}
    assert capsys.readouterr().out.count("starts") == 2  # what is not there, or measured, is left alone
    assert step("measure", home, "--runs", *runs) == 0 and capsys.readouterr().out == ""


@pytest.mark.slow
def test_training_in_the_background_outlives_its_command_and_is_waited_for(tmp_path):
    out = tmp_path / "out"
    command = [ROOT / "on_gpu.sh", *training(tmp_path, 9, *SMALL), "--background"]
    assert subprocess.run(command, cwd=ROOT).returncode == 0
    assert step("pack", tmp_path, str(out), "--wait", "9", "--runs", RUN) == 0
    assert RunFolder(tmp_path / RUN).trained
    assert parcels.unpack(out, tmp_path / "home") == [RUN]


@pytest.mark.parametrize("background", [False, True])
def test_two_do_not_train_at_once(tmp_path, capsys, background):
    (tmp_path / "gpu").mkdir()
    with lock.held(tmp_path / "gpu" / on_gpu.LOCK):
        more = ["--background"] if background else []
        assert on_gpu.main([*training(tmp_path, 1), *more]) == UserError.exit_code
    said = (tmp_path / "gpu" / on_gpu.TRAINING).read_text() if background else capsys.readouterr().err
    assert "another run is at work" in said and not (tmp_path / RUN).exists()


def test_what_was_packed_before_is_packed_again_only_if_asked(finished, tmp_path, capsys):
    results, out = tmp_path / "results", str(tmp_path / "out")
    results.mkdir()
    (results / "smoke").symlink_to(finished)
    counts = []
    for more in ((), (), ("--again",)):
        assert step("pack", results, out, *more, "--runs", RUN) == 0
        counts.append(capsys.readouterr().out.split()[0])
    assert counts == ["1", "0", "1"]


def test_what_would_be_too_large_to_carry_is_left_for_the_next_time(finished, tmp_path, capsys):
    results, names = tmp_path / "results", sorted(f"smoke/{path.name}" for path in finished.iterdir())[:3]
    results.mkdir()
    (results / "smoke").symlink_to(finished)
    for carried, left in ((0, 2), (1, 1), (2, None)):
        assert step("pack", results, str(tmp_path / f"{carried}"), "--most", "0.001", "--runs", *names) == 0
        said = capsys.readouterr().out
        assert said.startswith("1 runs") and names[carried] in said
        assert f"{left} more are left" in said if left else "left" not in said
        assert parcels.unpack(tmp_path / f"{carried}", tmp_path / "home") == [names[carried]]


@pytest.mark.parametrize(
    ("name", "measured", "carried"),
    [
        ("quick/mnist-aae-s0", True, {"samples.png", "evolution.png", "model.safetensors"}),
        ("quick/mnist-aae-s1", True, {"samples.png", "model.safetensors"}),
        ("codes/mnist-lpaae-s0", False, {"samples.png", "model.safetensors"}),
        ("codes/mnist-lpaae-s0", True, {"samples.png"}),
        ("text/scenes-lptext-s0", True, {"samples.png", "model.safetensors"}),  # its weights are published
    ],
)
def test_of_a_run_travels_what_publishing_and_measuring_need(tmp_path, name, measured, carried):
    preset, _, run = name.partition("/")
    folder = RunFolder(tmp_path / name)
    folder.path.mkdir(parents=True)
    folder.write_json("config.json", resolve(**parse_run(run), preset=preset).to_dict())
    folder.write_json("provenance.json", {})
    if measured:
        folder.write_json("metrics.json", {})
    for picture in ("samples.png", "evolution.png", "checkpoint.pt"):
        (folder / picture).write_bytes(b"")
    save_file({"a": torch.zeros(1)}, folder / "model.safetensors")
    parcels.pack(tmp_path, [name], [], tmp_path / "out")
    assert parcels.unpack(tmp_path / "out", tmp_path / "home") == [name]
    found = {path.name for path in (tmp_path / "home" / name).iterdir()}
    assert found == carried | {"config.json", "provenance.json"} | ({"metrics.json"} if measured else set())


def test_a_damaged_part_is_refused(finished, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(parcels, "PART", 50_000)
    results = tmp_path / "results"
    results.mkdir()
    (results / "smoke").symlink_to(finished)
    assert step("pack", results, str(tmp_path / "out"), "--runs", *(f"smoke/{p.name}" for p in finished.iterdir())) == 0
    parts = sorted((tmp_path / "out").glob("lprior.tar.gz.*"))
    assert len(parts) > 1 and all(part.stat().st_size <= 50_000 for part in parts)
    content = bytearray(parts[1].read_bytes())
    content[100] ^= 1
    parts[1].write_bytes(content)
    assert step("unpack", tmp_path / "home", str(tmp_path / "out")) == UserError.exit_code
    assert f"{parts[1]} is damaged" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()


def job(folder: Path, name: str, share: float, code: str = "") -> side_by_side.Job:
    """It tells of its start and end, and in between runs `code`."""
    said = [f"open({str(folder / 'said')!r}, 'a').write('{sign}{name} ')" for sign in "+-"]
    code = "\n".join(["import time", said[0], code, said[1]])
    return side_by_side.Job(name, (sys.executable, "-c", code), folder / f"{name}.txt", share, name[0])


def said(folder: Path) -> list[str]:
    return (folder / "said").read_text().split()


def test_a_job_starts_when_there_is_room_and_never_before_an_earlier_one(tmp_path, capsys):
    jobs = [job(tmp_path, *one) for one in (("a", 0.7, "time.sleep(0.5)"), ("b", 0.7), ("c", 0.3, "exit(3)"))]
    assert side_by_side.work(jobs) == {"a": 0, "b": 0, "c": 3}
    assert said(tmp_path)[:2] == ["+a", "-a"] and set(said(tmp_path)[2:]) == {"+b", "-b", "+c"}
    assert re.search(r"^c ended after \d+ s, with 3: $", capsys.readouterr().out, re.MULTILINE)


def test_a_job_waits_for_what_it_needs(tmp_path):
    needed = tmp_path / "needed"
    fails = f"import os; assert os.path.exists({str(needed)!r})"
    jobs = [job(tmp_path, "a", 0.5, f"time.sleep(0.5); open({str(needed)!r}, 'w')"), job(tmp_path, "b", 0.5, fails)]
    assert {*side_by_side.work(jobs, ready=lambda one: one.name == "a" or needed.exists()).values()} == {0}
    assert said(tmp_path)[0] == "+a" and {*said(tmp_path)} == {"+a", "-a", "+b", "-b"}


def test_what_would_not_end_in_time_does_not_start(tmp_path, monkeypatch, capsys):
    """By a clock that has 0 until the first job says that it has started, and 60 from then on."""
    clock = SimpleNamespace(monotonic=lambda: 60.0 if (tmp_path / "said").exists() else 0.0, sleep=time.sleep)
    monkeypatch.setattr(side_by_side, "time", clock)
    jobs = [job(tmp_path, name, 1.0) for name in ("long1", "long2", "short1")]
    assert side_by_side.work(jobs, until=100.0) == {"long1": 0, "short1": 0}
    assert "long2 would not end in time" in capsys.readouterr().out


def test_what_is_at_work_when_time_is_up_is_stopped(tmp_path, capsys):
    asleep = job(tmp_path, "a", 1.0, f"open({str(tmp_path / 'asleep')!r}, 'w'); time.sleep(100)")
    before = time.monotonic()
    assert side_by_side.work([asleep, job(tmp_path, "b", 1.0)], until=before + 3) == {"a": 130}
    assert time.monotonic() - before < 3 + side_by_side.GRACE + 20
    assert "time is up: a can go on" in capsys.readouterr().out and "-a" not in said(tmp_path)


def test_the_order_is_what_matters_first_and_each_of_it_is_a_run():
    names = gpu_order.order()
    first = next(number for number, name in enumerate(names) if name.startswith("full/"))
    studies, pictures, digits = names[:first], names[first : first + 9], names[first + 9 :]
    wanted = [f"{study}/{name}" for study in gpu_order.ANEW for name in runs_of(study, "mnist", [0, 1, 2])]
    assert sorted(studies) == sorted(wanted) and studies[0].startswith("ablation_long/")
    assert [parse_run(name.partition("/")[2])["seed"] for name in studies[:42]] == [0] * 14 + [1] * 14 + [2] * 14
    assert pictures[:3] == ["full/cifar10-vaegan-s0", "full/cifar10-aae-s0", "full/cifar10-lpaae-supervised-s0"]
    assert sorted(digits) == sorted(f"full/{name}" for name in runs_of("full", "mnist", [0, 1, 2]))
    assert digits[:5] == [f"full/mnist-{model}-s0" for model in gpu_order.FIRST]
    for name in names:
        preset, _, run = name.partition("/")
        assert resolve(**parse_run(run), preset=preset).name == run
        assert gpu_order.family(name) in gpu_order.TOGETHER


@pytest.mark.slow
def test_check_and_bench_keep_what_they_print(tmp_path, monkeypatch):
    monkeypatch.setattr(on_gpu, "COMPARED_ON_CPU", {"compact": ["aae:preset=smoke"]})
    assert step("bench", tmp_path, "--device", "cpu") == 0
    assert "images/s" in (tmp_path / "gpu" / "bench-compact.txt").read_text()
    assert (tmp_path / "gpu" / "bench-compact.json").exists()
    assert step("check", tmp_path, "--device", "cpu") == 0
    assert "passed" in (tmp_path / "gpu" / "check.txt").read_text() and (tmp_path / "gpu" / "machine.json").exists()


def test_the_script_has_the_steps():
    told = subprocess.run([ROOT / "on_gpu.sh", "--help"], capture_output=True, text=True, cwd=ROOT)
    steps = ("check", "bench", "train", "pack", "unpack", "measure")
    assert told.returncode == 0 and all(name in told.stdout for name in steps)
