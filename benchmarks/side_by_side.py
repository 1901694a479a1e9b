"""Processes side by side on one device: the next of a list starts when there is room for it, and none that would not
end in time."""

import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
GRACE = 15  # seconds that a process gets to end by itself
STOPPED = (130, 143, -signal.SIGINT)  # exit codes of who was asked to


@dataclass(frozen=True)
class Job:
    """`share`: of the device, of which those at work take 1 together. `kind`: of jobs that take about the same time."""

    name: str
    command: tuple[str, ...]
    log: Path
    share: float
    kind: str = ""


@dataclass(frozen=True)
class Work:
    process: subprocess.Popen
    started: float


def work(
    jobs: list[Job], until: float = math.inf, environment: dict[str, str] | None = None,
    ready: Callable[[Job], bool] = lambda job: True,
) -> dict[str, int]:  # fmt: skip
    """The exit codes of the jobs that have started. They start in their order, each not before it is `ready`; by
    `until` (time.monotonic) what is still at work is asked to end, as by Ctrl-C, and after `GRACE` seconds made to. One
    that would end later, going by the quickest of its kind so far, does not start."""
    waiting, working, codes = list(jobs), dict[Job, Work](), dict[str, int]()
    took: dict[str, float] = {}
    try:
        while working or waiting:
            while waiting and _room(working, waiting[0]) and ready(waiting[0]):
                job = waiting.pop(0)
                if time.monotonic() + took.get(job.kind, 0) < until:
                    working[job] = Work(_start(job, environment), time.monotonic())
                    say(until, f"{job.name} starts")
                else:
                    say(until, f"{job.name} would not end in time")
            time.sleep(0.2)
            for job in [job for job, one in working.items() if one.process.poll() is not None]:
                one = working.pop(job)
                codes[job.name], seconds = one.process.returncode, time.monotonic() - one.started
                if one.process.returncode == 0:
                    took[job.kind] = min(seconds, took.get(job.kind, math.inf))
                say(until, f"{job.name} ended after {seconds:.0f} s{_trouble(one.process, job)}")
            if time.monotonic() >= until:
                waiting = []
                break
    finally:
        codes |= _stop(working)
    if working:
        say(until, f"time is up: {' '.join(job.name for job in working)} can go on from the last epoch")
    return codes


def _room(working: dict[Job, Work], job: Job) -> bool:
    return not working or sum(one.share for one in working) + job.share < 1 + 1e-6


def _start(job: Job, environment: dict[str, str] | None) -> subprocess.Popen:
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with job.log.open("a") as kept:
        return subprocess.Popen(job.command, cwd=ROOT, stdout=kept, stderr=kept, env=os.environ | (environment or {}))


def _stop(working: dict[Job, Work]) -> dict[str, int]:
    for one in working.values():
        one.process.send_signal(signal.SIGINT)
    ends = time.monotonic() + GRACE
    for one in working.values():
        try:
            one.process.wait(max(0.1, ends - time.monotonic()))
        except subprocess.TimeoutExpired:
            one.process.kill()
            one.process.wait()
    return {job.name: STOPPED[0] for job in working}


def _trouble(process: subprocess.Popen, job: Job) -> str:
    lines = job.log.read_text(errors="replace").strip().splitlines()
    return f", with {process.returncode}: {lines[-1] if lines else ''}" if process.returncode else ""


def say(until: float, text: str) -> None:
    """A line, after the time that is left, if that is limited."""
    left = max(0, round(until - time.monotonic())) if until < math.inf else 0
    print(f"[{left // 60}:{left % 60:02} left] {text}" if until < math.inf else text, flush=True)


@contextmanager
def sharing(wanted: bool) -> Iterator[dict[str, str]]:
    """Variables with which processes share the GPU at the same time, by NVIDIA's MPS, whose server is there meanwhile,
    and not in turns; none if that is not wanted, is missing, or a process under it computes nothing."""
    control = shutil.which("nvidia-cuda-mps-control") if wanted else None
    if control is None:
        yield {}
        return
    place = Path(tempfile.mkdtemp(prefix="mps-"))
    found = {"CUDA_MPS_PIPE_DIRECTORY": str(place / "pipe"), "CUDA_MPS_LOG_DIRECTORY": str(place / "log")}
    probe = "import torch; assert torch.ones(9, device='cuda').sum().item() == 9"
    try:
        for command in ([control, "-d"], [sys.executable, "-c", probe]):
            subprocess.run(command, env=os.environ | found, timeout=60, check=True, capture_output=True)
    except (subprocess.SubprocessError, OSError) as error:
        print(f"no MPS ({error}): the runs take turns on the GPU", flush=True)
        yield {}
        return
    print("the runs share the GPU by MPS", flush=True)
    try:
        yield found
    finally:
        subprocess.run([control], input="quit\n", text=True, env=os.environ | found, timeout=60, capture_output=True)
