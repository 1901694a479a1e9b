"""A GPU day in one command, on a machine that is lent for minutes: no network, no LaTeX, no workflow engine.

    ./on_gpu.sh check                            the CUDA tests, which hold captured steps against plain ones
    ./on_gpu.sh bench                            what a step costs, eager and captured
    ./on_gpu.sh train --minutes 13 --background  the next runs, in the order that matters; they are not measured
    ./on_gpu.sh pack FOLDER --wait 8             what is trained by then, as parts of 15 MiB with their sums
    ./on_gpu.sh unpack FOLDER                    at home: joins the parts, checks them, and puts runs under results/
    ./on_gpu.sh measure                          at home: metrics of what is trained, as many at once as there are cores

Each step can be stopped and called again: a finished test run or measurement is made anew, an unfinished training goes
on from its last epoch. `--runs smoke/mnist5k-aae-s0 --device cpu` tries all of it on a CPU.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import parcels
from gpu_order import TOGETHER, dataset, family, order
from side_by_side import STOPPED, Job, sharing, work

from lprior import lock
from lprior.errors import UserError
from lprior.results import MEASURED, RunFolder

ROOT = Path(__file__).parents[1]
LOCK, TRAINING, PACKED = ".lock", "train.txt", "packed"  # in results/gpu: while training; what it says; runs packed
COMPARED = {  # a bench: what takes turns in it
    "compact": ["lpaae:engine=eager", "lpaae:engine=graph", "aae:engine=graph", "vaegan:engine=graph"],
    "paper": ["lpaae:preset=full,engine=eager", "lpaae:preset=full,engine=graph"],
    "precision": ["lpaae:precision=float32", "lpaae:precision=bfloat16"],
}
COMPARED_ON_CPU = {"compact": ["lpaae:preset=smoke", "aae:preset=smoke"]}


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parser().parse_args(arguments)
    options.arguments = arguments
    try:
        return options.step(options)
    except UserError as error:
        print(f"on_gpu: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    steps = top.add_subparsers(required=True, metavar="STEP")
    for step in (check, bench, train, pack, unpack, measure):
        one = steps.add_parser(step.__name__, help=step.__doc__.splitlines()[0], allow_abbrev=False)
        one.set_defaults(step=step)
        one.add_argument("--results", type=Path, default=ROOT / "results")
        if step in (check, bench, train):
            one.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
        if step in (pack, unpack):
            one.add_argument("folder", type=Path)
        if step in (train, pack, measure):
            text = "of these, as PRESET/RUN (default: see gpu_order.py)"
            one.add_argument("--runs", nargs="+", metavar="RUN", help=text)
        if step in (train, measure):
            text = "how many at once (default: see gpu_order.py; to measure, one a core)"
            one.add_argument("--together", type=int, help=text)
    training, packing = steps.choices["train"], steps.choices["pack"]
    text = "the runs that still train then are stopped (default: 9)"
    training.add_argument("--minutes", type=float, default=9.0, help=text)
    text = "go on when this command, and its shell, have ended"
    training.add_argument("--background", action="store_true", help=text)
    training.add_argument("--set", action="append", default=[], help="NAME=VALUE for every run, to try a step")
    packing.add_argument("--wait", type=float, default=0.0, metavar="MINUTES", help="so long, at most, for what trains")
    text = "as many runs as take about so much, one at least, logs aside; others wait for the next call (default: 50)"
    packing.add_argument("--most", type=float, default=50.0, metavar="MIB", help=text)
    packing.add_argument("--again", action="store_true", help="also what was packed before")
    return top


def check(options: argparse.Namespace) -> int:
    """The tests that need CUDA, and what machine this is."""
    folder = _folder(options)
    (folder / "machine.json").write_text(json.dumps(_machine(), indent=2) + "\n")
    tests = [str(path) for path in sorted((ROOT / "tests").glob("test_*.py")) if "mark.cuda" in path.read_text()]
    if options.device == "cpu":
        tests = [str(ROOT / "tests" / "test_updates.py")]
    marked = ["-m", "cuda"] if options.device == "cuda" else []  # other files may need packages that are not there
    marked += ["-n", "4"] if find_spec("xdist") else []  # each process waits for the CPU most of the time
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--durations=5", *marked, *tests]
    return _told(command, folder / "check.txt")


def bench(options: argparse.Namespace) -> int:
    """What a step costs."""
    folder, code = _folder(options), 0
    compared, seconds = (COMPARED, "1") if options.device == "cuda" else (COMPARED_ON_CPU, "0.1")
    for name, contenders in compared.items():
        command = [sys.executable, "-m", "lprior", "bench", "--device", options.device, "--seconds", seconds]
        command += ["--repeats", "3", "--json", str(folder / f"bench-{name}.json"), "--compare", *contenders]
        code = _told(command, folder / f"bench-{name}.txt") or code
    return code


def train(options: argparse.Namespace) -> int:
    """The next runs, in the order that matters, many side by side; they are not measured."""
    until, folder = time.monotonic() + 60 * options.minutes, _folder(options)
    if options.background:
        return _detached(folder, options.arguments)
    names = [name for name in options.runs or order() if not RunFolder(options.results / name).trained]
    jobs = [_training(name, options) for name in names]
    with lock.held(folder / LOCK):
        data = {name: _looked_at(name, folder) for name in dict.fromkeys(map(dataset, names))}  # decoded once for all
        with sharing(options.device == "cuda" and len(jobs) > 1) as shared:
            environment = {"OMP_NUM_THREADS": "1"} | shared
            codes = work(jobs, until, environment, lambda job: data[dataset(job.name)].poll() is not None)
        for process in data.values():
            process.kill()  # where time was up before they ended
            process.wait()
    return _worst(codes)


def _training(name: str, options: argparse.Namespace) -> Job:
    preset, _, run = name.partition("/")
    command = [sys.executable, "-m", "lprior", "run", run, "--preset", preset, "--results", str(options.results)]
    command += ["--unmeasured", "--device", options.device, *(part for text in options.set for part in ("--set", text))]
    share = 1 / (options.together or TOGETHER[family(name)])
    return Job(name, tuple(command), options.results / f"{name}.txt", share, f"{preset} {family(name)}")


def _looked_at(name: str, folder: Path) -> subprocess.Popen:
    with (folder / f"data-{name}.txt").open("w") as kept:
        return subprocess.Popen([sys.executable, "-m", "lprior", "data", name], stdout=kept, stderr=kept, cwd=ROOT)


def _detached(folder: Path, arguments: list[str]) -> int:
    """The same command in a process that stays when this one, and the shell that has called it, end."""
    command = [sys.executable, __file__, *(one for one in arguments if one != "--background")]
    with (folder / TRAINING).open("a") as kept:
        process = subprocess.Popen(command, stdout=kept, stderr=kept, stdin=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None and _at_work(folder) != process.pid:
        time.sleep(0.1)
    print(f"training tells of itself in {folder / TRAINING}", flush=True)
    return process.poll() or 0


def _at_work(folder: Path) -> int | None:
    """The process that trains, if there is one."""
    try:
        process = int((folder / LOCK).read_text())
        os.kill(process, 0)
    except (OSError, ValueError):  # none, one that was killed, or one that does not say yet
        return None
    return process


def pack(options: argparse.Namespace) -> int:
    """Trained runs that were not packed before, measured or not, and what check and bench found."""
    folder = _folder(options)
    _wait(folder, time.monotonic() + 60 * options.wait)
    packed = folder / PACKED
    before = packed.read_text().split() if packed.exists() and not options.again else []
    asked = options.runs or order()
    trained = [name for name in asked if name not in before and RunFolder(options.results / name).trained]
    names = parcels.first_of(options.results, trained, 2**20 * options.most)
    logs = [path for name in asked if (path := options.results / f"{name}.txt").exists()]
    others = [*logs, *(path for path in sorted(folder.glob("*.*")) if path.name not in (LOCK, PACKED))]
    size = parcels.pack(options.results, names, others, options.folder)
    packed.write_text("".join(f"{name}\n" for name in [*before, *names]))
    print(f"{len(names)} runs, {size / 2**20:.1f} MiB, in {options.folder}: {' '.join(names)}")
    if len(names) < len(trained):
        print(f"{len(trained) - len(names)} more are left for the next time")
    return 0


def _wait(folder: Path, until: float) -> None:
    """While something trains; what it says meanwhile is shown."""
    told, log = 0, folder / TRAINING
    while True:
        at_work = _at_work(folder)
        if log.exists():
            text = log.read_text(errors="replace")
            print(text[told:], end="", flush=True)
            told = len(text)
        if not at_work or time.monotonic() >= until:
            return
        time.sleep(0.5)


def unpack(options: argparse.Namespace) -> int:
    """At home: joins and checks the parts, and puts the runs under --results, where none is replaced."""
    names = parcels.unpack(options.folder, options.results)
    print(f"unpacked into {options.results}: {' '.join(names)}")
    return 0


def measure(options: argparse.Namespace) -> int:
    """At home: metrics of the runs that are trained and have none, a core each."""
    folders = {name: options.results / name for name in options.runs or order()}
    names = [name for name, folder in folders.items() if not (folder / MEASURED).exists() and RunFolder(folder).trained]
    share = 1 / (options.together or os.cpu_count() or 1)
    command = (sys.executable, "-m", "lprior", "evaluate")
    jobs = [Job(n, (*command, str(folders[n])), options.results / f"{n}.txt", share) for n in names]
    return _worst(work(jobs, environment={"OMP_NUM_THREADS": "1"}))


def _folder(options: argparse.Namespace) -> Path:
    folder = options.results / "gpu"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _machine() -> dict:
    import torch

    from lprior.benchmark.timing import machine

    cuda = torch.cuda.is_available()
    return machine("cuda" if cuda else "cpu") | {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}


def _told(command: list[str], file: Path) -> int:
    """The exit code of a command whose output is shown and kept."""
    with file.open("w") as kept, subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:  # fmt: skip
        for line in process.stdout:
            print(line, end="", flush=True)
            kept.write(line)
    return process.returncode


def _worst(codes: dict[str, int]) -> int:
    return max((code for code in codes.values() if code not in (0, *STOPPED)), default=0)


def _end(number: int, frame: object) -> None:
    """In order, so that no run is left at work."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    sys.exit(main())
