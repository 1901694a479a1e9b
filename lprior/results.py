"""The run directory: what is in it, reading and writing it. Every file appears whole or not at all.

    config.json            the resolved configuration, complete enough to run again
    provenance.json        commit, versions, device, engine, data, times
    log.csv                one row per epoch
    metrics.json           final metrics, with the protocol in the key: the run is finished. Without it, a provenance
                           that has "finished" says that the run is trained, and only to be measured
    language.json          of a model that reads: the words of the captions that it was trained on, and examples
    glance.json            some of them, of fewer samples: what a notebook measures at first
    samples.png, evolution.png, evolution.gif
    animation.webp         in colour: the same as evolution.gif, in all colours
    reconstructions.png    test images, and below each its reconstruction
    neighbours.png         samples, and below each the training image nearest to it in pixels
    mixture.png            samples of the control, a mixture of Gaussians fitted to the codes, if it could be fitted
    model.safetensors      the averaged autoencoder, and with a condition Q on its trunk
    notebook.ipynb         the executed notebook, if one ran the training
    checkpoint.pt, checkpoint.previous.pt, frames/    what resuming needs
    checkpoint.damaged.pt, checkpoint.previous.damaged.pt    moved aside when they were found so
    .lock                  while a run is at work here
    metrics.old.json       those of fewer epochs, until the further ones are measured
    diverged.txt           why the last attempt ended, if a loss was not a finite number
"""

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lprior import checkpoints, clone, lock, stored
from lprior.clone import PUBLISHED
from lprior.config import RunConfig, from_dict
from lprior.data.sentences import Language
from lprior.errors import UserError, choose

if TYPE_CHECKING:
    import pandas as pd

OUTPUTS = (  # of these: what a run ends with, and does not read when it is resumed, so that the workflow may delete it
    "metrics.json", "log.csv", "samples.png", "evolution.png", "evolution.gif", "reconstructions.png", "neighbours.png",
    "model.safetensors", "notebook.ipynb",
)  # fmt: skip
LANGUAGE = "language.json"
MEASURED, MEASURED_FEW, MEASURED_BEFORE = "metrics.json", "glance.json", "metrics.old.json"
MIXTURE_SHEET = "mixture.png"
DIVERGED = "diverged.txt"
WRITING = ".writing-"  # begins the names of folders in which files are written
CHECKPOINTS = ("checkpoint.pt", "checkpoint.previous.pt")
OF_A_RUN = {  # what tells a run's folder
    "config.json", "provenance.json", MEASURED_FEW, LANGUAGE, MIXTURE_SHEET, "animation.webp", "frames", *CHECKPOINTS,
    *OUTPUTS,
}  # fmt: skip


class RunFolder:
    """The folder `path` of one run."""

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @contextmanager
    def held(self, name: str = ".lock") -> Iterator[None]:
        """The folder, made if need be, for one run alone. Raises UserError if another one is at work in it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write to the results folder {self.path}: {error.strerror}") from error
        with lock.held(self / name):
            yield

    def clear(self) -> None:
        """Delete what a run has left, but for locks. Raises UserError for a symbolic link, for a folder of something
        else, and for what cannot be deleted."""
        if self.path.is_symlink():
            raise UserError(
                f"{self.path} is a symbolic link, behind which --force deletes nothing: "
                f"name the folder itself, {self.path.resolve()}, or remove the link"
            )
        entries = [path for path in self.path.iterdir() if not path.name.startswith(".lock")]
        names = {path.name for path in entries if not path.match("notebook*.ipynb")}
        if names and names.isdisjoint(OF_A_RUN):
            raise UserError(f"{self.path} holds no run, and --force deletes nothing else: name another results folder")
        try:
            for path in entries:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        except OSError as error:
            raise UserError(f"cannot delete {error.filename or self.path}: {error.strerror}") from error

    def claim(self, config: RunConfig) -> None:
        """Make the folder a run's, or recognise it as the same run's; only `epochs` may have changed.

        Raises UserError if the folder cannot be written or holds another run.
        """
        try:
            (self / "frames").mkdir(parents=True, exist_ok=True)
            for left in self.path.rglob(f"{WRITING}*"):  # by a run that was killed
                shutil.rmtree(left)
        except OSError as error:
            raise UserError(f"cannot write to the results folder {self.path}: {error.strerror}") from error
        if (self / "config.json").exists():
            self._compare(self.config().to_dict(), config)
        self.write_json("config.json", config.to_dict())

    def _compare(self, made: dict[str, Any], config: RunConfig) -> None:
        old, new = flat(made) | {"epochs": None}, flat(config.to_dict()) | {"epochs": None}
        changed = [f"{key} {old.get(key)} -> {new.get(key)}" for key in old | new if old.get(key) != new.get(key)]
        if changed:
            raise UserError(
                f"{self.path} holds a run with other settings ({'; '.join(changed)}): "
                "name another results folder, or start over with --force"
            )

    def config(self) -> RunConfig:
        """Raises UserError if there is none, or none that a run can have."""
        values = self.read_json("config.json")
        try:
            return from_dict(values)
        except UserError as error:
            raise stored.damaged(self / "config.json", str(error)) from error

    def read_json(self, name: str) -> dict:
        """An object; of metrics and provenance, checked. Raises UserError if there is none."""
        return stored.read_object(self / name)

    def language(self) -> Language | None:
        """Of the captions that the run was trained on; None where that is not kept."""
        if not (self / LANGUAGE).exists():
            return None
        found = self.read_json(LANGUAGE)
        stored.need(self / LANGUAGE, found, {"vocabulary": list, "examples": list})
        return Language(tuple(found["vocabulary"]), tuple(found["examples"]))

    def metrics(self) -> dict:
        """All that were measured, else those of fewer samples. Raises UserError if there are none."""
        few = (self / MEASURED_FEW).exists() and not (self / MEASURED).exists()
        return self.read_json(MEASURED_FEW if few else MEASURED)

    @property
    def trained(self) -> bool:
        """Whether training has come to its end, measured or not. Raises UserError for a damaged provenance.json."""
        return (self / "provenance.json").exists() and "finished" in self.read_json("provenance.json")

    def log(self) -> "pd.DataFrame":
        """A row for each epoch. Raises UserError if there is no such table."""
        return stored.read_log(self / "log.csv")

    def write_json(self, name: str, value: dict) -> None:
        self.write(name, lambda path: path.write_text(stored.as_json(value)))

    def write(self, name: str, save: Callable[[Path], object], before: Callable[[], object] = lambda: None) -> None:
        """Let `save(path)` write a file, which then, after `before()`, appears under `name` in one instant.

        Raises UserError if it cannot be written: what was there under `name` still is.
        """
        target = self / name
        try:
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=WRITING) as folder:
                partial = Path(folder) / target.name
                save(partial)
                with partial.open("rb") as file:
                    os.fsync(file.fileno())
                before()
                os.replace(partial, target)
        except OSError as error:
            raise self._unwritten(target, error) from error

    def _unwritten(self, target: Path, error: OSError) -> UserError:
        there = next(folder for folder in target.absolute().parents if folder.exists())
        reason, free = error.strerror or stored.first_line(error), shutil.disk_usage(there).free / 1e6
        advice = "make room" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "mend this"
        return UserError(
            f"cannot write {target}: {reason}, with {free:,.0f} MB free: {advice} and start the run again, "
            "which goes on from its last checkpoint"
        )

    def still(self, stem: str) -> Path:
        """Raises UserError if there is none."""
        return still(self.path, stem)

    def has_still(self, stem: str) -> bool:
        """Whether there is a picture of that name."""
        return any((self.path / f"{stem}{suffix}").exists() for suffix in SUFFIXES)

    def save_checkpoint(self, config: RunConfig, state: dict) -> None:
        """Write checkpoint.pt; the one before, if it is good, is kept as checkpoint.previous.pt."""
        self.write("checkpoint.pt", lambda path: checkpoints.save(path, config.to_dict(), state), self._keep_checkpoint)

    def _keep_checkpoint(self) -> None:
        path = self / "checkpoint.pt"
        if path.exists() and checkpoints.is_good(path):
            os.replace(path, self / "checkpoint.previous.pt")
        elif path.exists():
            self._move_aside(path, "found when it was to become the previous one")

    def load_checkpoint(self, config: RunConfig, device: torch.device) -> dict | None:
        """The state of the newest checkpoint that is whole, or None if there is none. Damaged ones are moved aside,
        which is said. Raises UserError if the checkpoint is of a run with other settings."""
        found = [self / name for name in CHECKPOINTS if (self / name).exists()]
        for path in found:
            try:
                made, state = checkpoints.load(path, device)
            except checkpoints.Damaged as error:
                going = "back one checkpoint" if path != found[-1] else "on from none"
                self._move_aside(path, f"{error}; going {going}")
                continue
            self._compare(made, config)
            return state
        return None

    def _move_aside(self, path: Path, reason: str) -> None:
        aside = path.with_suffix(".damaged.pt")
        os.replace(path, aside)
        print(f"{path} is damaged and was moved to {aside.name} ({reason})", flush=True)

    def frame(self, epoch: int) -> Path:
        """Where the samples from the fixed noise after an epoch are kept (0: before training)."""
        return self / "frames" / f"epoch-{epoch:04d}.png"


def flat(values: dict[str, Any]) -> dict[str, Any]:
    """Every value of a configuration as `to_dict` gives it, by its name, the algorithm's after the others."""
    return {name: value for name, value in values.items() if name != "settings"} | values["settings"]


def scratch_folder(config: RunConfig) -> Path:
    """Where a notebook that a person opened keeps its runs: a folder for each setting, so that changing one starts
    a new run and going back to an old one finds it."""
    identity = json.dumps(flat(config.to_dict()) | {"epochs": None}, sort_keys=True)
    digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
    root = clone.CLONE if (clone.CLONE / "notebooks").exists() else Path.cwd()
    return Path(os.path.relpath(root / "results")) / "interactive" / f"{config.name}-{digest}"


def locate(run: str | os.PathLike[str]) -> RunFolder:
    """The folder of a run: a path, or else the name of a published run. Raises UserError for a name that is neither."""
    path = Path(run)
    if os.path.exists(path) or path.name != os.fspath(run):
        return RunFolder(path)
    there = sorted(found.parent.name for found in clone.of_clone("results/published").glob("*/config.json"))
    choose("run", path.name, there)
    return RunFolder(PUBLISHED / path.name)


def unpublished_weights(run: RunFolder) -> str:
    """What is to be said of a run that is published without its weights: where they are, which those of studies and of
    `full` are nowhere, and what trains it again. "" for others."""
    folder, parents = PUBLISHED.resolve(), run.path.resolve().parents
    if folder not in parents or (run / "model.safetensors").exists():
        return ""
    kept = "docs/weights.md says how to fetch them" if parents[0] == folder else "they are not kept"
    name, preset = run.path.name, run.config().preset
    return (
        f"{name} is published without its weights: {kept}; `python -m lprior run {name} --preset {preset}` trains it "
        "again, with --set for what its config.json has otherwise"
    )


def runs_at(runs: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The folders of the finished runs that these are or have in them: paths, or names of published runs. Raises
    UserError for what is neither, and if no run is finished."""
    tops = [stored.folder_at(locate(run).path) for run in runs]
    candidates = [path for top in tops for path in sorted({top, *top.iterdir()})]
    found = [path for path in candidates if (path / MEASURED).exists()]
    if not found:
        raise UserError(f"{' '.join(map(str, tops))}: no finished run is there")
    return found


SUFFIXES = (".png", ".webp", ".jpg")


def still(folder: Path, stem: str) -> Path:
    """The picture `stem` in a folder: a PNG where it was made, and as what takes less room where it is published.

    Raises UserError if there is none.
    """
    for suffix in SUFFIXES:
        if (folder / f"{stem}{suffix}").exists():
            return folder / f"{stem}{suffix}"
    raise UserError(f"{folder} has no picture {stem}{SUFFIXES[0]}: is it a finished run?")


def finished(folder: Path) -> list[RunFolder]:
    """The finished runs in a folder, if there is one."""
    return [RunFolder(path.parent) for path in sorted(folder.glob("*/metrics.json"))]
