"""Nothing lost, nothing silent: what may happen to a run or a workflow, and after each the same bits as undisturbed.

Only with --slow: about ten minutes. A case is a fault, then the same command again. Its run has to end with the
tensors, metrics, losses and pictures of one that nobody disturbed, and one epoch at most may be trained twice.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from places import Place, appear, end_of
from safetensors.torch import load_file

from lprior.results import OUTPUTS

pytestmark = [pytest.mark.slow, pytest.mark.faults]
RUN, EPOCHS = "mnist5k-lpaae-s0", 3
PRESET = {"images": 256, "epochs": EPOCHS, "samples": 200, "width": 4}
PLAIN = (sys.executable, "-m", "lprior", "run", RUN, "--preset", "smoke", "--device", "cpu")
NOTEBOOK = (*PLAIN, "--notebook")
WORKFLOW = ("./run_all.sh", "--preset", "smoke", "--device", "cpu", "--dataset", "mnist5k", RUN)
KILLS = 10  # of each kind, at random moments
PICTURES = ("samples.png", "evolution.png", "reconstructions.png", "neighbours.png")
COUNT: Counter = Counter()


@pytest.fixture(scope="module", autouse=True)
def counted(pytestconfig):
    yield
    with pytestconfig.pluginmanager.get_plugin("capturemanager").global_and_fixture_disabled():
        print(
            f"\nfaults: {COUNT['cases']} cases, {COUNT['survived']} survived, {COUNT['lost']} files with other bytes "
            f"than undisturbed, {COUNT['epochs']} epochs trained again, {COUNT['orphans']} processes left"
        )


@pytest.fixture
def place(tmp_path) -> Place:
    return Place(tmp_path, PRESET)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict:
    """By command: what its run is, and how long it took."""
    found = {}
    for command in (PLAIN, NOTEBOOK):
        place, started = Place(tmp_path_factory.mktemp("undisturbed"), PRESET), time.monotonic()
        code, said = place.call(*command)
        assert code == 0, said
        found[command] = contents(folder_of(place)), time.monotonic() - started
    assert found[PLAIN][0] == found[NOTEBOOK][0]
    return found


def folder_of(place: Place) -> Path:
    return place.path / "results" / "smoke" / RUN


def contents(folder: Path) -> dict:
    """What of a finished run must not depend on what happened to it."""
    log = pd.read_csv(folder / "log.csv").drop(columns=["seconds", "images_per_second"])
    weights = {name: tensor.numpy().tobytes() for name, tensor in load_file(folder / "model.safetensors").items()}
    pictures = {name: (folder / name).read_bytes() for name in PICTURES}
    return {"metrics": (folder / "metrics.json").read_text(), "log": log.to_csv(), **weights, **pictures}


def assert_goes_on(
    place: Place, command: tuple[str, ...], undisturbed: dict, most: float = 1, but: tuple[str, ...] = ()
) -> None:
    """The same command again. `most`: epochs that may be trained twice. `but`: what may be other than undisturbed."""
    COUNT["cases"] += 1
    if not place.quiet(10):
        COUNT["orphans"] += len(place.processes())
    made, epochs = provenance(place), len(list(folder_of(place).glob("frames/*.png"))) - 1
    code, said = place.call(*command)
    assert code == 0, said
    found, expected = contents(folder_of(place)), undisturbed[PLAIN][0]
    different = [name for name in expected if found.get(name) != expected[name] and name not in but]
    COUNT["lost"] += len(different)
    assert different == [] and found.keys() == expected.keys(), said
    assert not list(folder_of(place).glob(".writing-*")), "a part of a file was left"
    again = trained_again(made, provenance(place), max(epochs, 0))
    COUNT["epochs"] += again if "--force" not in command else 0
    assert again <= most and "Traceback" not in said, said
    COUNT["survived"] += 1


def provenance(place: Place) -> dict:
    try:
        return json.loads((folder_of(place) / "provenance.json").read_text())
    except (OSError, ValueError):
        return {}


def trained_again(before: dict, after: dict, epochs: int) -> int:
    """Of so many `epochs` that had a picture."""
    if len(after["resumed"]) > len(before.get("resumed", [])):
        return epochs - after["resumed"][-1]["epoch"]
    return 0 if after["started"] == before.get("started") else epochs


def two_by_two(case: Callable, folder: Path, cases: Iterable) -> None:
    """`case(place, one)` for each, in places of their own; two at a time, which takes half the time on two cores."""
    with ThreadPoolExecutor(2) as pool:
        started = [pool.submit(case, Place(folder / f"case-{number}", PRESET), one) for number, one in enumerate(cases)]
        problems = [f"{done.exception()}" for done in started if done.exception()]
    assert not problems, "\n".join(problems)


# Killed


@pytest.mark.parametrize("command", [PLAIN, NOTEBOOK], ids=["plain", "notebook"])
def test_kill_9_at_any_moment(tmp_path, undisturbed, command):
    def kill(place: Place, moment: float) -> None:
        process = place.start(*command)
        try:
            process.wait(moment * undisturbed[command][1])
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert_goes_on(place, command, undisturbed)

    seeded = random.Random(len(command))
    two_by_two(kill, tmp_path, [seeded.uniform(0.2, 1.1) for _ in range(KILLS)])


STAGES = {  # file whose appearance begins it, in the run's folder
    "start": ".lock", "first frame": "frames/epoch-0000.png", "checkpoint": "checkpoint.pt",
    "later checkpoint": "checkpoint.previous.pt", "measuring": "evolution.png",
}  # fmt: skip


@pytest.mark.parametrize("stage", STAGES)
def test_a_signal_at_each_stage(tmp_path, undisturbed, stage):
    command = NOTEBOOK if stage in ("checkpoint", "measuring") else PLAIN

    def end(place: Place, number: int) -> None:
        process = place.start(*command)
        appear(folder_of(place) / STAGES[stage], process)
        process.send_signal(number)
        code, said = end_of(process, 10)
        assert code in (128 + number, 0), said  # 0: it was as good as done
        assert place.quiet(2), place.processes()
        assert_goes_on(place, command, undisturbed)

    two_by_two(end, tmp_path, [signal.SIGINT, signal.SIGTERM])


@pytest.mark.parametrize("stage", ["data", "notebook"])
def test_a_signal_to_the_workflow(tmp_path, undisturbed, stage):
    def end(place: Place, number: int) -> None:
        process, results = place.start(*WORKFLOW), place.path / "results"
        appear(results / ".lock" if stage == "data" else folder_of(place) / "checkpoint.pt", process)
        if stage == "notebook":
            assert any("ipykernel" in command for command in place.processes())
        started = time.monotonic()
        process.send_signal(number)
        code, said = end_of(process, 15)
        assert code == 128 + number and time.monotonic() - started < 10, said
        assert place.quiet(1), place.processes()
        assert "interrupted" in said.splitlines()[-1] and "goes on from" in said.splitlines()[-1]
        assert_goes_on(place, WORKFLOW, undisturbed)

    two_by_two(end, tmp_path, [signal.SIGINT, signal.SIGTERM])


def test_a_job_that_is_taken_away_goes_on_by_itself(place):
    """As a cluster may do it: the processes of the run are killed, and the one workflow starts it again."""
    epochs, profile = 40, place.path / "profile"
    place.set(PRESET | {"epochs": epochs})
    profile.mkdir()
    (profile / "config.yaml").write_text("retries: 1\n")
    process = place.start(*WORKFLOW, SNAKEMAKE_PROFILE=str(profile))
    appear(folder_of(place) / "checkpoint.pt", process)
    killed = [
        number for number, command in place.at_work().items() if "lprior run" in command or "ipykernel" in command
    ]
    for number in killed:
        os.kill(number, signal.SIGKILL)
    COUNT["cases"] += 1
    code, said = end_of(process)
    assert code == 0 and len(killed) >= 2, said
    (resumed,) = provenance(place)["resumed"]
    assert 1 <= resumed["epoch"] < epochs
    assert list(pd.read_csv(folder_of(place) / "log.csv")["epoch"]) == list(range(1, epochs + 1))
    assert (folder_of(place) / "metrics.json").exists()
    COUNT["survived"] += 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_signal_while_the_report_is_written(place, finished, number):
    command, output = report_of(finished), place.path / "sources"
    undisturbed = place.path / "undisturbed"
    assert place.call(*command, str(undisturbed))[0] == 0
    process = place.start(*command, str(output))
    appear(output / "figures", process)
    process.send_signal(number)
    end_of(process, 10)
    COUNT["cases"] += 1
    code, said = place.call(*command, str(output))
    assert code == 0, said
    assert files(output) == files(undisturbed)
    COUNT["survived"] += 1


def report_of(runs: Path) -> tuple[str, ...]:
    return (sys.executable, "-m", "lprior", "report", str(runs))


def files(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Disks


@contextmanager
def mounted(folder: Path, options: str):
    """A disk of its own in memory."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.name != "posix" or os.getuid() or subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True
    ).returncode:  # fmt: skip
        pytest.skip("needs root, and a system that lets it mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


@pytest.mark.parametrize(
    ("command", "size"), [(PLAIN, 16), (PLAIN, 700), (PLAIN, 1200), (PLAIN, 1700), (NOTEBOOK, 16), (NOTEBOOK, 1200)],
    ids=lambda value: value if isinstance(value, int) else "notebook" if "--notebook" in value else "plain",
)  # fmt: skip
def test_a_full_disk(place, undisturbed, command, size):
    """Of so many KiB, at which other files have no room."""
    with mounted(place.path / "results", f"size={size}k"):
        code, said = place.call(*command)
        assert code == 2, said
        assert "o space left" in said and "Traceback" not in said
        remount(place.path / "results", "size=64m")
        assert_goes_on(place, command, undisturbed)


def test_a_full_disk_under_the_report(place, finished):
    output = place.path / "sources"
    with mounted(output, "size=400k"):
        code, said = place.call(*report_of(finished), str(output))
        assert code == 2 and "o space left" in said and "Traceback" not in said, said
        COUNT["cases"] += 1
        remount(output, "size=64m")
        assert place.call(*report_of(finished), str(output))[0] == 0
        assert place.call(*report_of(finished), str(place.path / "other"))[0] == 0
        assert files(output) == files(place.path / "other")
        COUNT["survived"] += 1


@pytest.mark.parametrize("command", [PLAIN, NOTEBOOK], ids=["plain", "notebook"])
def test_a_folder_that_cannot_be_written(place, undisturbed, command):
    with mounted(place.path / "results", "size=64m"):
        remount(place.path / "results", "ro")
        code, said = place.call(*command)
        assert code == 2 and "ead-only" in said and "Traceback" not in said, said
        remount(place.path / "results", "rw")
        assert_goes_on(place, command, undisturbed)


@pytest.mark.parametrize("command", [PLAIN, NOTEBOOK], ids=["plain", "notebook"])
def test_a_folder_for_temporary_files_that_is_not_there(place, undisturbed, command):
    code, said = place.call(*command, TMPDIR="/nowhere")
    assert code in (0, 2) and "Traceback" not in said, said
    assert_goes_on(place, command, undisturbed)


# Other faults


def test_two_workflows_at_once(place, undisturbed):
    processes = [place.start(*WORKFLOW) for _ in range(2)]
    answers = sorted(end_of(process) for process in processes)
    assert [code for code, _ in answers] == [0, 2], answers
    assert answers[1][1].splitlines()[-1] == "run_all.sh: another run_all.sh is at work in this folder"
    assert_goes_on(place, WORKFLOW, undisturbed)


def test_two_runs_at_once(place, undisturbed):
    processes = [place.start(*PLAIN) for _ in range(2)]
    answers = sorted(end_of(process) for process in processes)
    assert [code for code, _ in answers] in ([0, 0], [0, 2]), answers
    assert_goes_on(place, PLAIN, undisturbed)


def test_no_network(place):
    COUNT["cases"] += 1
    code, said = place.call(*(part.replace("mnist5k", "mnist") for part in PLAIN))
    assert code == 3 and "Traceback" not in said and len(said.splitlines()) <= 3, said
    code, said = place.call(*(part.replace("mnist5k", "mnist") for part in WORKFLOW))
    assert code == 3 and "Traceback" not in said, said
    COUNT["survived"] += 1


# Damaged files


NEEDED = ("config.json", "provenance.json", "checkpoint.pt", "checkpoint.previous.pt", "frames/epoch-0001.png")


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory) -> Path:
    place = Place(tmp_path_factory.mktemp("damaged"), PRESET)
    assert place.call(*NOTEBOOK)[0] == 0
    return folder_of(place)


@pytest.mark.parametrize("name", [*NEEDED, "outputs"])
def test_a_damaged_file(tmp_path, undisturbed, finished_run, name):
    """The run is made whole again, or refused in one line that names the file; then --force makes it anew. The picture
    of an epoch that has passed is all that cannot be made again: the evolution then says that it leaves it out."""

    def harm(place: Place, how: str) -> None:
        shutil.copytree(finished_run, folder_of(place))
        for file in OUTPUTS if name == "outputs" else [name]:
            damage(folder_of(place) / file, how)
        code, said = place.call(*PLAIN)
        assert "Traceback" not in said and code in (0, 2), said
        if code:
            assert name in said.splitlines()[-1], said
            assert_goes_on(place, (*PLAIN, "--force"), undisturbed, most=EPOCHS)
        else:
            lost = name.startswith("frames")
            assert ("leaves out epoch 1" in said) == lost
            assert_goes_on(place, PLAIN, undisturbed, but=("evolution.png",) if lost else ())

    two_by_two(harm, tmp_path, ["truncated", "flipped"])


def damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "truncated":
        content = content[: len(content) // 2]
    else:
        content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
