"""Weights of published runs: their sums, the archive that holds all of them, and how they get from it to the runs.

Git holds the weights of some runs (`publish.py` says which), and `weights.json` beside the runs the SHA-256 sum of the
weights of every run that has any, in half precision. The archive is a plain tar file, the same byte for byte for the
same weights: `SHA256SUMS`, which `sha256sum --check` reads, and `<run>/model.safetensors` of each run.
"""

import hashlib
import http.client
import io
import json
import os
import re
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO

from lprior import stored
from lprior.errors import UserError
from lprior.outputs import replace_file

FILE = "model.safetensors"
SUMS = "weights.json"
MANIFEST = "SHA256SUMS"
TIMEOUT = 60  # seconds without an answer


def half(path: Path) -> bytes:
    """The weights in `path` in half precision, as the content of such a file. Raises UserError if it is not there or
    damaged, and if half precision cannot hold a weight."""
    from safetensors.torch import save

    weights = {key: v.half() if v.is_floating_point() else v for key, v in stored.read_weights(path).items()}
    beyond = [name for name, tensor in weights.items() if not tensor.isfinite().all()]
    if beyond:
        raise UserError(f"{path} cannot be published: {beyond[0]} holds more than half precision does")
    return save(weights)


def sum_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def read_sums(folder: Path) -> dict[str, str]:
    """Run -> sum of its weights, of the published runs in `folder`. Raises UserError if they are not there."""
    try:
        found = json.loads((folder / SUMS).read_text())
    except FileNotFoundError:
        raise UserError(f"{folder / SUMS} does not exist: is {folder} a folder of published runs?") from None
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(re.fullmatch(r"[\w-]+", name, re.ASCII) for name in found):
        raise UserError(f"{folder / SUMS} cannot be read: it should hold a sum for each name of a run")
    return found


def record(folder: Path, run: str, found: str, in_git: bool) -> None:
    """Write the sum of a run's weights into `folder`. Weights that are not for git are named in its .gitignore, so that
    git does not take them when `fetch` has put them in place."""
    sums = read_sums(folder) if (folder / SUMS).exists() else {}
    text = json.dumps(dict(sorted((sums | {run: found}).items())), indent=2) + "\n"
    replace_file(folder / SUMS, text.encode())
    ignored = folder / ".gitignore"
    lines = set(ignored.read_text().splitlines()) if ignored.exists() else set()
    lines = lines - {f"/{run}/{FILE}"} | (set() if in_git else {f"/{run}/{FILE}"})
    replace_file(ignored, "".join(f"{line}\n" for line in sorted(lines)).encode())


def write_archive(archive: Path, runs: dict[str, Path]) -> None:
    """Write the archive of the weights of `runs`, name -> its folder, in half precision. Raises UserError if there are
    none, or if those of a run are missing."""
    if not runs:
        raise UserError(f"no run that was named has weights to publish: {archive} was not written")
    sums = {name: sum_of(half(folder / FILE)) for name, folder in sorted(runs.items())}
    manifest = "".join(f"{found}  {name}/{FILE}\n" for name, found in sums.items())
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=archive.parent, prefix=".writing-") as beside:
        with tarfile.open(Path(beside) / "archive", "w", format=tarfile.USTAR_FORMAT) as tar:
            _add(tar, MANIFEST, manifest.encode())
            for name in sums:
                _add(tar, f"{name}/{FILE}", half(runs[name] / FILE))
        os.replace(Path(beside) / "archive", archive)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Without owner and time, which `TarInfo` has as 0 and nobody."""
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def fetch(source: str, folder: Path) -> list[str]:
    """Put the weights in an archive, a file or an address, in their places in `folder`; the names of their runs.

    All are checked before the first is put there. Raises UserError if `source` cannot be read, or holds anything but
    weights that `folder` has a sum of, and that have this sum.
    """
    sums = read_sums(folder)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as beside:
        try:
            archive = _download(source, Path(beside) / "archive") if _is_address(source) else Path(source)
            with tarfile.open(archive, "r:") as tar:
                runs = _extract(tar, source, sums, Path(beside))
        except (tarfile.TarError, EOFError):
            raise UserError(f"{source} is no whole tar file") from None
        except OSError as error:
            raise UserError(f"cannot read {source}: {error.strerror or error}") from error
        if not runs:
            raise UserError(f"{source} holds no weights")
        for run in runs:
            (folder / run).mkdir(exist_ok=True)
            os.replace(Path(beside) / f"{run}.weights", folder / run / FILE)
    return runs


def _is_address(source: str) -> bool:
    return re.match(r"https?://", source, re.IGNORECASE) is not None


def _download(address: str, target: Path) -> Path:
    """Raises UserError if that fails."""
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer, target.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except (OSError, http.client.HTTPException, ValueError) as error:  # a URLError is an OSError
        reason = " ".join(str(getattr(error, "reason", error)).split()) or type(error).__name__
        raise UserError(f"cannot fetch {address}: {reason}") from error
    return target


def _extract(tar: tarfile.TarFile, source: str, sums: dict[str, str], beside: Path) -> list[str]:
    """Write the weights in `tar` as `beside`/<run>.weights. Nothing but weights with the right sum passes: a name has
    to be one that `sums` gives, so that no path leaves the folder."""
    wanted, runs = {f"{name}/{FILE}": name for name in sums}, []
    for entry in tar:
        if entry.name == MANIFEST:
            continue
        if entry.name not in wanted or entry.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or entry.sparse:
            raise UserError(f"{source} holds {entry.name!r}, which is none of the weights that {SUMS} lists")
        run, content = wanted[entry.name], tar.extractfile(entry)
        assert content is not None  # it is a file
        if _copy(content, beside / f"{run}.weights") != sums[run]:
            raise UserError(f"{source} holds other weights of {run} than those of which {SUMS} has the sum")
        runs.append(run)
    return list(dict.fromkeys(runs))


def _copy(content: IO[bytes], target: Path) -> str:
    """Write a file; the sum of what was written."""
    found = hashlib.sha256()
    with target.open("wb") as file:
        while part := content.read(1 << 20):
            found.update(part)
            file.write(part)
    return found.hexdigest()
