"""Trained runs on their way from one machine to another: as parts of a tar file, small enough to be carried, with their
sums."""

import hashlib
import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

from lprior import weights
from lprior.errors import UserError
from lprior.results import MEASURED, OUTPUTS, RunFolder
from lprior.runs import STUDIES

PART = 15 * 2**20  # bytes of a part
SUMS = "SHA256SUMS"
DESCRIPTIONS = ("config.json", "provenance.json")


def pack(results: Path, names: Iterable[str], others: Iterable[Path], to: Path) -> int:
    """Write the runs `names`, <preset>/<run> below `results`, of each what `_wanted` says and weights in half
    precision, and `others`, files below `results`, as parts into the folder `to`; their size in bytes."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", compresslevel=1) as archive:
        for name in names:
            run = RunFolder(results / name)
            for file in _wanted(run):
                if not (run / file).exists():
                    continue
                if file != weights.FILE:
                    archive.add(run / file, f"{name}/{file}")
                    continue
                small = weights.half(run / file)
                member = tarfile.TarInfo(f"{name}/{file}")
                member.size = len(small)
                archive.addfile(member, io.BytesIO(small))
        for path in others:
            archive.add(path, str(path.relative_to(results)))
    to.mkdir(parents=True, exist_ok=True)
    whole, sums = content.getvalue(), []
    for number, start in enumerate(range(0, len(whole), PART)):
        part = whole[start : start + PART]
        (to / f"lprior.tar.gz.{number:02}").write_bytes(part)
        sums.append(f"{hashlib.sha256(part).hexdigest()}  lprior.tar.gz.{number:02}\n")
    (to / SUMS).write_text("".join(sums))
    return len(whole)


def first_of(results: Path, names: list[str], most: float) -> list[str]:
    """The first of the runs, as many as take at most `most` bytes together, before compression and with weights in half
    precision; one at least."""
    size = 0.0
    for number, name in enumerate(names):
        run = RunFolder(results / name)
        for path in (run / file for file in _wanted(run)):
            size += path.stat().st_size * (0.5 if path.name == weights.FILE else 1) if path.exists() else 0
        if size > most and number:
            return names[:number]
    return names


def _wanted(run: RunFolder) -> tuple[str, ...]:
    """Files that `publish` may want of it, and what measuring it at home takes."""
    config, study = run.config(), STUDIES.get(run.config().preset)
    if study is None and config.seed == 0:
        return (*DESCRIPTIONS, *OUTPUTS)
    few = (*DESCRIPTIONS, MEASURED, "log.csv", "samples.png")
    needless = study and config.model not in study.shipped and (run / MEASURED).exists()
    return few if needless else (*few, weights.FILE)


def unpack(folder: Path, results: Path) -> list[str]:
    """Check the parts in `folder`, and put what is in them under `results`; the names of the runs. Raises UserError,
    before anything is written, for a part that is damaged and for a run that is there already."""
    whole = b""
    for line in (folder / SUMS).read_text().splitlines():
        expected, name = line.split("  ")
        part = (folder / name).read_bytes()
        if hashlib.sha256(part).hexdigest() != expected:
            raise UserError(f"{folder / name} is damaged: carry it back again")
        whole += part
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        members = archive.getnames()
        runs = [str(Path(name).parent) for name in members if Path(name).name == "config.json"]
        for name in runs:
            if (results / name).exists():
                raise UserError(f"{results / name} exists already: move it aside")
        archive.extractall(results, filter="data")
    return runs
