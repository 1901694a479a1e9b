"""Where data sets are kept: files of the cache, each of which appears whole or not at all, and downloads into it."""

import errno
import hashlib
import http.client
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from lprior.data.images import sha256
from lprior.errors import DataUnavailable, UserError

FULL = {errno.ENOSPC, errno.EDQUOT}
STORAGE = FULL | {errno.EACCES, errno.EPERM, errno.EROFS}  # what goes wrong with a disk and not with a network


def cache() -> Path:
    """Where downloads and decoded data are kept. Raises UserError if the user has no home folder to have it in."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lprior"
    except RuntimeError as error:
        raise UserError("there is no home folder to keep data in: let $XDG_CACHE_HOME name another") from error


def write(path: Path, content: bytes | memoryview) -> None:
    """Write a file of the cache in one instant, even if others do so at the same time. Raises UserError if it can't."""
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as beside:
            partial = Path(beside) / path.name
            partial.write_bytes(content)
            os.replace(partial, path)


def decoded(path: Path, decode: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Images and labels that are kept in the file `path` of the cache, with their sums, by which they are verified.

    If the file is not there they are decoded and kept; also, with a line that says so, if it is damaged. Raises
    UserError if it cannot be written.
    """
    if path.exists():
        try:
            kept = dict(torch.load(path, weights_only=True))
            images, labels = kept["images"], kept["labels"]
            if kept["sha256"] == [sha256(images), sha256(labels)]:
                return images, labels
        except Exception:  # torch names no common class for what a damaged file may raise
            pass
        say(f"{path} is damaged, or an older version's: making it anew")
    images, labels = decode()
    content = io.BytesIO()
    torch.save({"images": images, "labels": labels, "sha256": [sha256(images), sha256(labels)]}, content)
    write(path, content.getbuffer())
    return images, labels


def verify(path: Path, md5: str) -> None:
    """Raises UserError for a file with another MD5 sum than the one that torchvision knows."""
    with path.open("rb") as content:
        found = hashlib.file_digest(content, "md5").hexdigest()
    if found != md5:
        raise UserError(f"{path} is corrupt: MD5 expected {md5}, found {found}. Delete or replace it")


def download(kind: Callable[..., object], names: list[str], lack: str, advice: str) -> None:
    """Let torchvision's data set `kind` download itself, and put its verified archives `names` into the cache.

    Raises UserError if the cache cannot be written, DataUnavailable, beginning with `lack`, without a network.
    """
    with _writing(cache()):
        cache().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache(), prefix=".downloading-") as beside:
            try:
                kind(beside, download=True)
            except (RuntimeError, OSError, http.client.HTTPException) as error:
                if getattr(error, "errno", None) in STORAGE:
                    raise
                reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
                raise DataUnavailable(f"{lack} and cannot be downloaded ({reason}). {advice}") from error
            for name in names:
                (cache() / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(Path(beside) / name, cache() / name)


def say(line: str) -> None:
    """To a person, past what the command prints."""
    print(f"lprior: {line}", file=sys.stderr, flush=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Raises UserError, in the place of an OSError, that names `path` and the ways out."""
    try:
        yield
    except OSError as error:
        reason = "the disk is full" if error.errno in FULL else error.strerror or error
        raise UserError(
            f"cannot write {path}: {reason}. Let $XDG_CACHE_HOME name a folder with room that can be written; data at "
            "hand are read from $LPRIOR_DATA"
        ) from error
