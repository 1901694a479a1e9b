"""Where a command may write: refused, if at all, before it starts, in words that name the file or folder."""

import os
import tempfile
from collections.abc import Collection
from pathlib import Path

from lprior.errors import UserError


def check_file(path: str | Path, endings: Collection[str] = (), makes_folder: bool = False) -> Path:
    """The file to be written. Raises UserError if that is a folder or a device, would be in no folder, cannot be
    written, or ends in none of `endings`. `makes_folder`: whether missing folders will be made."""
    path = Path(path)
    if path.is_dir():
        raise UserError(f"{path} is a folder: name the file to write")
    if os.path.lexists(path) and not path.is_file():
        raise UserError(f"{path} is no file, and would be lost: name another file to write")
    if endings and path.suffix.lower() not in endings:
        raise UserError(f"{path} must end in {' or '.join(sorted(endings))}")
    if makes_folder:
        check_folder(path.parent)
    elif not path.parent.is_dir():
        raise UserError(f"{path} cannot be written: the folder {path.parent} does not exist")
    elif not os.access(path.parent, os.W_OK):
        raise UserError(f"{path} cannot be written: the folder {path.parent} is read-only")
    if len(os.fsencode(path.name)) > 200:  # a file system takes 255, and what is written has a longer name at first
        raise UserError(f"{path} cannot be written: its name is too long")
    return path


def check_folder(path: str | Path) -> Path:
    """The folder to be written into, which may be missing. Raises UserError if a file is in its place or in that of a
    folder above it, or if it cannot be made or written."""
    path, there = Path(path), Path(path)
    while not os.path.lexists(there):
        there = there.parent
    if not there.is_dir():
        raise UserError(f"{path} cannot be written: {there} is no folder")
    if not os.access(there, os.W_OK):
        raise UserError(f"{path} cannot be written: {there} is read-only")
    return path


def replace_file(path: Path, content: bytes) -> None:
    """Write it: it appears whole, or what was there stays. An OSError names `path`."""
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as beside:
            (Path(beside) / "whole").write_bytes(content)
            os.replace(Path(beside) / "whole", path)
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise
