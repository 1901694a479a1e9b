"""A GPU day in one command, on a machine that is lent for minutes: no network, no LaTeX, no workflow engine.

    ./on_gpu.sh check               the CUDA tests, which hold captured steps against plain ones; 2 to 3 minutes
    ./on_gpu.sh bench               what a step costs, eager and captured; 2 minutes
    ./on_gpu.sh train --minutes 8   the next runs of `full`, in the order that matters, several side by side
    ./on_gpu.sh pack FOLDER         what is worth carrying back, as parts of 15 MiB with their sums
    ./on_gpu.sh unpack FOLDER       at home: joins the parts, checks them, and puts the runs under results/

Each step can be stopped and called again: a finished test run or measurement is made anew, an unfinished training goes
on from its last epoch. `--preset smoke --device cpu` tries all of it on a CPU.
"""

import argparse
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from lprior.config import resolve
from lprior.errors import UserError
from lprior.results import OUTPUTS, RunFolder
from lprior.runs import parse_run, runs_of

ROOT = Path(__file__).parents[1]
FIRST = ("lpaae", "lpaae-supervised", "lpaae-fixed", "vaegan", "aae")  # of each data set; then the others, then seeds
COMPARED = {  # a bench: what takes turns in it
    "compact": ["lpaae:engine=eager", "lpaae:engine=graph", "aae:engine=graph", "vaegan:engine=graph"],
    "paper": ["lpaae:preset=full,engine=eager", "lpaae:preset=full,engine=graph"],
    "precision": ["lpaae:precision=float32", "lpaae:precision=bfloat16"],
}
COMPARED_ON_CPU = {"compact": ["lpaae:preset=smoke", "aae:preset=smoke"]}
PART = 15 * 2**20  # bytes of a part
GRACE = 30  # seconds that a run gets to end by itself


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    steps = parser.add_subparsers(required=True, metavar="STEP")
    for name, step in (("check", check), ("bench", bench), ("train", train), ("pack", pack), ("unpack", unpack)):
        one = steps.add_parser(name, help=step.__doc__.splitlines()[0])
        one.set_defaults(step=step)
        one.add_argument("--results", type=Path, default=ROOT / "results")
        one.add_argument("--preset", default="full")
        one.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
        if name in ("pack", "unpack"):
            one.add_argument("folder", type=Path)
        if name == "train":
            one.add_argument("--minutes", type=float, default=9.0, help="the runs that still train then are stopped")
            one.add_argument("--together", type=int, default=3, help="how many share the device (default: 3)")
            one.add_argument("--dataset", default="cifar10 mnist", help="in this order (default: cifar10 mnist)")
            one.add_argument("--seeds", default="0 1 2")
            one.add_argument("--set", action="append", default=[], help="NAME=VALUE for every run, to try a step")
    options = parser.parse_args(arguments)
    try:
        return options.step(options)
    except UserError as error:
        print(f"on_gpu: {error}", file=sys.stderr)
        return error.exit_code


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
    """The next runs, in the order that matters."""
    until, waiting, working = time.monotonic() + 60 * options.minutes, order(options), {}
    folder, codes = options.results / options.preset, {}
    shared = sharing(options)
    environment = os.environ | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2")} | shared
    waiting = [name for name in waiting if not (folder / name / "metrics.json").exists()]
    folder.mkdir(parents=True, exist_ok=True)
    while working or (waiting and time.monotonic() < until):
        while waiting and len(working) < options.together and time.monotonic() < until:
            name = waiting.pop(0)
            working[name] = _start(name, options, folder / f"{name}.txt", environment)
            print(f"{_clock(until)} {name} starts", flush=True)
        time.sleep(1)
        for name in [name for name, process in working.items() if process.poll() is not None]:
            codes[name] = working.pop(name).returncode
            print(f"{_clock(until)} {name} ended with {codes[name]}: {_last_line(folder / f'{name}.txt')}", flush=True)
        if working and time.monotonic() >= until:
            codes |= _stop(working)
            print(f"time is up: {' '.join(working)} can go on from the last epoch", flush=True)
            working = {}
    _end_sharing(shared)
    return max((code for code in codes.values() if code not in (0, 130, -signal.SIGINT)), default=0)


def sharing(options: argparse.Namespace) -> dict[str, str]:
    """Variables with which processes share the GPU at the same time, by NVIDIA's MPS, whose server this starts, and not
    in turns; none where it is missing or a process under it computes nothing. `_end_sharing` ends it."""
    control = shutil.which("nvidia-cuda-mps-control")
    if options.device != "cuda" or options.together < 2 or control is None:
        return {}
    place = Path(tempfile.mkdtemp(prefix="mps-"))
    found = {"CUDA_MPS_PIPE_DIRECTORY": str(place / "pipe"), "CUDA_MPS_LOG_DIRECTORY": str(place / "log")}
    probe = "import torch; assert torch.ones(9, device='cuda').sum().item() == 9"
    try:
        for command in ([control, "-d"], [sys.executable, "-c", probe]):
            subprocess.run(command, env=os.environ | found, timeout=60, check=True, capture_output=True)
    except (subprocess.SubprocessError, OSError) as error:
        print(f"no MPS ({error}): the runs take turns on the GPU", flush=True)
        return {}
    print("the runs share the GPU by MPS", flush=True)
    return found


def _end_sharing(environment: dict[str, str]) -> None:
    """The server that `sharing` gave these variables for."""
    if environment:
        control, environment = ["nvidia-cuda-mps-control"], os.environ | environment
        subprocess.run(control, input="quit\n", text=True, env=environment, timeout=60, capture_output=True)


def order(options: argparse.Namespace) -> list[str]:
    """The names of the runs: by seed, by data set, and there by `FIRST`."""
    names = []
    for seed in map(int, options.seeds.split()):
        for dataset in options.dataset.split():
            found = runs_of(options.preset, dataset, [seed])
            models = [resolve(**parse_run(name), preset=options.preset).model for name in found]
            rank = {name: FIRST.index(m) if m in FIRST else len(FIRST) for name, m in zip(found, models, strict=True)}
            names += sorted(found, key=rank.__getitem__)
    return names


def pack(options: argparse.Namespace) -> int:
    """Finished runs without what resuming needs, weights in half precision, and what `check` and `bench` found."""
    from lprior import weights

    content, folder = io.BytesIO(), options.results / options.preset
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for path in sorted(folder.glob("*/metrics.json")):
            run = RunFolder(path.parent)
            for name in OUTPUTS:
                if (run / name).exists() and name != weights.FILE:
                    archive.add(run / name, f"{options.preset}/{run.path.name}/{name}")
            for name in ("config.json", "provenance.json"):
                archive.add(run / name, f"{options.preset}/{run.path.name}/{name}")
            _add(archive, f"{options.preset}/{run.path.name}/{weights.FILE}", weights.half(run / weights.FILE))
        for path in sorted([*folder.glob("*.txt"), *(options.results / "gpu").glob("*")]):
            archive.add(path, str(path.relative_to(options.results)))
    options.folder.mkdir(parents=True, exist_ok=True)
    whole, sums = content.getvalue(), []
    for number, start in enumerate(range(0, len(whole), PART)):
        part = whole[start : start + PART]
        (options.folder / f"lprior.tar.gz.{number:02}").write_bytes(part)
        sums.append(f"{hashlib.sha256(part).hexdigest()}  lprior.tar.gz.{number:02}\n")
    (options.folder / "SHA256SUMS").write_text("".join(sums))
    print(f"{len(sums)} parts, {len(whole) / 2**20:.1f} MiB, in {options.folder}")
    return 0


def unpack(options: argparse.Namespace) -> int:
    """Joins and checks the parts, and puts what is in them under --results; nothing that is there is replaced."""
    whole = b""
    for line in (options.folder / "SHA256SUMS").read_text().splitlines():
        expected, name = line.split("  ")
        part = (options.folder / name).read_bytes()
        if hashlib.sha256(part).hexdigest() != expected:
            raise UserError(f"{options.folder / name} is damaged: carry it back again")
        whole += part
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        for member in archive:
            target = options.results / member.name
            if target.exists() and not member.isdir():
                raise UserError(f"{target} exists already: move it aside")
        archive.extractall(options.results, filter="data")
    print(f"unpacked into {options.results}")
    return 0


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


def _start(name: str, options: argparse.Namespace, log: Path, environment: dict[str, str]) -> subprocess.Popen:
    settings = [part for text in options.set for part in ("--set", text)]
    command = [sys.executable, "-m", "lprior", "run", name, "--preset", options.preset]
    command += ["--results", str(options.results), "--device", options.device, *settings]
    with log.open("a") as kept:
        return subprocess.Popen(command, cwd=ROOT, stdout=kept, stderr=kept, env=environment)


def _stop(working: dict[str, subprocess.Popen]) -> dict[str, int]:
    """As Ctrl-C would, and by force after `GRACE` seconds."""
    for process in working.values():
        process.send_signal(signal.SIGINT)
    ends = time.monotonic() + GRACE
    for process in working.values():
        try:
            process.wait(max(0.1, ends - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return dict.fromkeys(working, 0)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _clock(until: float) -> str:
    left = max(0, round(until - time.monotonic()))
    return f"[{left // 60}:{left % 60:02} left]"


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


if __name__ == "__main__":
    sys.exit(main())
