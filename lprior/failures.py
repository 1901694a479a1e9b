"""What the command line says when something fails: a line, never a traceback and an exit code."""

import errno
import os
import re
import shutil
import sys
import tempfile
import traceback
import unicodedata
from pathlib import Path

from lprior.errors import UserError

WRONG, UNEXPECTED, INTERRUPTED, UNREAD = 2, 70, 130, 141  # the last two as a shell has them, of SIGINT and SIGPIPE
EXIT_CODES = """\
Exit codes: 0 done, 2 wrong input or what this machine lacks, 3 no data, 4 training diverged, 70 unexpected (the line
names the file with the traceback), 130 interrupted, 141 nobody reads the output any more. ./run_all.sh --help has
those of workflow."""
KEPT = "what is finished is kept, and a run goes on from its last epoch"  # whatever was ended
UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")  # classes of characters: control, not Unicode, and ends of lines
MOST = 1000  # characters of a line


def check_texts(arguments: list[str]) -> None:
    """Raises UserError for an empty argument, and for one that no line can show."""
    for before, text in zip(["the program's name", *arguments], arguments, strict=False):
        if any(unicodedata.category(character) in UNPRINTABLE for character in text):
            raise UserError(f"an argument has a character that cannot be printed, such as a line break: {text!r}")
        if not text.strip():
            raise UserError(f"the argument after {before} is empty: give a value, or leave it out")


def tell(error: BaseException, voice: str) -> int:
    """Say it on stderr, in the name of `voice`; the exit code."""
    if isinstance(error, UserError):
        return say(voice, str(error), error.exit_code)
    if isinstance(error, KeyboardInterrupt):
        return say(voice, f"interrupted; {KEPT}", INTERRUPTED)
    if isinstance(error, BrokenPipeError):
        _leave_stdout()
        return UNREAD
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError) or "can't allocate memory" in text or type(error).__name__ == "OutOfMemoryError":
        advice = "choose smaller values, such as of width, code, batch_size or samples"
        return say(voice, f"the memory is not enough ({text or 'none is left'}): {advice}", WRONG)
    if isinstance(error, OSError) or "No space left" in text:
        return say(voice, _of_the_system(error, text), WRONG)
    return say(voice, f"unexpected {type(error).__name__}: {text}; {_keep(error)}", UNEXPECTED)


def say(voice: str, message: str, code: int) -> int:
    """On stderr; `code`."""
    try:
        print(f"{voice}: {shorten(message)}", file=sys.stderr, flush=True)
    except (OSError, ValueError):
        pass  # nobody listens
    return code


def shorten(message: str) -> str:
    """Without the middle of very long names, and the end of very long lines."""
    message = re.sub(r"\S{300,}", lambda long: f"{long[0][:100]}...{long[0][-100:]}", message)
    return "\n".join(line if len(line) <= MOST else f"{line[:MOST]}..." for line in message.splitlines())


def _of_the_system(error: BaseException, text: str) -> str:
    """What a file or the network refused. Of a full disk, how much is left."""
    name = getattr(error, "filename", None)
    reason = getattr(error, "strerror", None)
    said = f"{os.fsdecode(name)}: {reason}" if isinstance(name, str | bytes) and reason else text
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in text:
        folder = Path(os.fsdecode(name)).absolute() if isinstance(name, str | bytes) else Path.cwd()
        while not folder.is_dir():
            folder = folder.parent
        free = shutil.disk_usage(folder).free / 1e6
        return f"{said}: {free:,.1f} MB are free on the disk of {folder}; what was written before is kept"
    return said or type(error).__name__


def _keep(error: BaseException) -> str:
    """Write the traceback into a file; where it is, in words."""
    try:
        with tempfile.NamedTemporaryFile("w", prefix="lprior-", suffix=".txt", delete=False, errors="replace") as file:
            file.writelines(traceback.format_exception(error))
        return f"the traceback is in {file.name}"
    except OSError as problem:
        return f"the traceback could not be kept ({problem.strerror or problem})"


def _leave_stdout() -> None:
    """So that Python, when it ends, does not try again to write what nobody reads."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        pass  # it is no file: nothing is written at the end
