"""One process at a time in a folder. The system gives a lock back when its process ends, however it ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lprior.errors import UserError

try:
    import fcntl
except ImportError:  # no POSIX system
    fcntl = None


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock that the file `path` is, which is removed afterwards.

    Raises UserError if another process, or this one elsewhere, holds it. Where the system has no such locks, this is
    said, and nothing is held.
    """
    file = _take(path)
    try:
        yield
    finally:
        if file is not None:
            path.unlink(missing_ok=True)
            file.close()


def _take(path: Path) -> IO[str] | None:
    while True:
        try:
            file = path.open("a+")
        except OSError as error:
            raise UserError(f"cannot write to the results folder {path.parent}: {error.strerror}") from error
        reason = "this system has no locks" if fcntl is None else _lock(file, path)
        if reason:
            file.close()
            print(f"{path} cannot be locked ({reason}): see to it that no second run works in this folder", flush=True)
            return None
        if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            break
        file.close()  # of one who has just gone, and who took the file along
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def _lock(file: IO[str], path: Path) -> str:
    """Take it; why that is impossible, "" if it is not. Raises UserError if it is taken."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        process = file.read().strip()
        file.close()
        by = f" (process {process})" if process else ""
        raise UserError(
            f"another run is at work in {path.parent}{by}: wait for it, or stop it, or name another results folder"
        ) from None
    except OSError as error:  # some network file systems
        return error.strerror or type(error).__name__
    return ""
