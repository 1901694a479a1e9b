"""Snakemake as a process: one at a time in a folder, and none that outlives this one."""

import os
import signal
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from lprior.errors import UserError
from lprior.workflow.options import PROFILES

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = [128 + number for number in SIGNALS]  # exit codes, as a shell has them
PLUGINS = Path(__file__).parent / "plugins"  # of Snakemake
GRACE = 5.0  # seconds that jobs have to end in order


@contextmanager
def one_at_a_time() -> Iterator[IO]:
    """The lock of the folder. Raises UserError if another process has it; one that was killed has it no more."""
    import fcntl

    try:
        Path("results").mkdir(exist_ok=True)
        lock = open("results/.lock", "w")
    except OSError:
        raise UserError("the folder results cannot be written") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError("another run_all.sh is at work in this folder") from None
        yield lock


def snakemake(goal: str, settings: dict[str, Any], options: Namespace, lock: IO, anew: str = "") -> int:
    """Its exit code, or 128 and the number of the signal that ended it or this process. `anew`: a rule to apply in any
    case.

    It inherits the lock, so that its own, which it leaves behind if it is killed, can be ignored.
    """
    command = [sys.executable, "-m", "snakemake", "--nolock", "--rerun-incomplete"]
    command += [] if options.dry_run else ["--logger", "lprior"]
    command += ["--cores", "all"]
    if options.profile:  # whose dry run shows what each job may use
        command += ["--profile", str(PROFILES / options.profile)]
        command += ["--quiet", "host"] if options.dry_run else []
    else:
        command += ["--resources", f"run={settings['jobs']}"]
        command += ["--quiet", "rules", "host"] if options.dry_run else []
    chosen = {"--dry-run": options.dry_run, "--keep-going": options.keep_going, "--forceall": options.force}
    command += [option for option, wanted in chosen.items() if wanted]
    command += ["--forcerun", anew] if anew else []
    command += ["--config", *(f"{name}={value}" for name, value in settings.items() if value)]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    plugins = os.pathsep.join([str(PLUGINS), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PATH": path, "PYTHONPATH": plugins, "SNAKEMAKE_OUTPUT_CACHE": ""}
    return supervise([*command, "--", goal], env=environment, pass_fds=[lock.fileno()])


def supervise(command: list[str], **options: Any) -> int:
    """Run a command in a session of its own, which a signal to this process ends as Ctrl-C would, and soon for good."""
    received: list[int] = []
    before = {number: signal.signal(number, lambda which, _: received.append(which)) for number in SIGNALS}
    try:
        process = subprocess.Popen(command, start_new_session=True, **options)
        deadline = 0.0
        while process.poll() is None:
            if received and not deadline:
                deadline = time.monotonic() + GRACE
                _send(process, signal.SIGINT)
            elif deadline and time.monotonic() > deadline:
                _send(process, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
        if received:
            _send(process, signal.SIGKILL)  # a job that Snakemake did not wait for
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        return 128 + received[0]
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def _send(process: subprocess.Popen, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
