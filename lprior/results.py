"""The run directory: what is in it, reading and writing it. Every file appears whole or not at all.

    config.json            the resolved configuration, complete enough to run again
    provenance.json        commit, versions, device, engine, data, times
    log.csv                one row per epoch
    metrics.json           final metrics, with the protocol in the key
    samples.png, evolution.png, evolution.gif
    reconstructions.png    test images, and below each its reconstruction
    neighbours.png         samples, and below each the training image nearest to it in pixels
    model.safetensors      the averaged autoencoder, and with a condition Q on its trunk
    notebook.ipynb         the executed notebook, if one ran the training
    checkpoint.pt, checkpoint.previous.pt, frames/    what resuming needs
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from lprior.config import RunConfig, from_dict
from lprior.errors import UserError

OUTPUTS = (  # of these: what a run ends with, and does not read when it is resumed, so that the workflow may delete it
    "metrics.json", "log.csv", "samples.png", "evolution.png", "evolution.gif", "reconstructions.png", "neighbours.png",
    "model.safetensors", "notebook.ipynb",
)  # fmt: skip


class RunFolder:
    """The folder `path` of one run."""

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def claim(self, config: RunConfig) -> None:
        """Create the folder for a run, or recognise it as the same run's; only `epochs` may have changed.

        Raises UserError if the folder cannot be written or holds another run.
        """
        try:
            (self / "frames").mkdir(parents=True, exist_ok=True)
            if (self / "config.json").exists():
                self._compare(config)
            self.write_json("config.json", config.to_dict())
        except OSError as error:
            raise UserError(f"cannot write to the results folder {self.path}: {error.strerror}") from error

    def _compare(self, config: RunConfig) -> None:
        old, new = _flat(self.config().to_dict()), _flat(config.to_dict())  # a setting that is newer has its default
        changed = [f"{key} {old.get(key)} -> {new.get(key)}" for key in old | new if old.get(key) != new.get(key)]
        changed = [text for text in changed if not text.startswith("epochs ")]
        if changed:
            raise UserError(
                f"{self.path} holds a run with other settings ({'; '.join(changed)}): "
                "name another results folder, or start over with --force"
            )

    def config(self) -> RunConfig:
        return from_dict(self.read_json("config.json"))

    def read_json(self, name: str) -> dict:
        try:
            return json.loads((self / name).read_text())
        except FileNotFoundError:
            raise UserError(f"{self / name} does not exist: is {self.path} a finished run?") from None

    def write_json(self, name: str, value: dict) -> None:
        self.write(name, lambda path: path.write_text(json.dumps(value, indent=2) + "\n"))

    def write(self, name: str, save: Callable[[Path], object]) -> None:
        """Let `save(path)` write a file, which then appears under `name` in one instant."""
        target = self / name
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".writing-") as folder:
            partial = Path(folder) / target.name
            save(partial)
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(partial, target)

    def still(self, stem: str) -> Path:
        """Raises UserError if there is none."""
        return still(self.path, stem)

    def save_checkpoint(self, state: dict) -> None:
        """Write checkpoint.pt; the one before is kept as checkpoint.previous.pt."""
        if (self / "checkpoint.pt").exists():
            os.replace(self / "checkpoint.pt", self / "checkpoint.previous.pt")
        self.write("checkpoint.pt", lambda path: torch.save(state, path))

    def load_checkpoint(self, device: torch.device) -> dict | None:
        """The newest checkpoint that can be read, or None if there is none. Says so if it skips a damaged one."""
        for name in ("checkpoint.pt", "checkpoint.previous.pt"):
            if (self / name).exists():
                try:
                    return torch.load(self / name, map_location=device, weights_only=True)
                except Exception as error:  # torch names no common class for what a damaged file may raise
                    reason = type(error).__name__
                    print(f"{self / name} cannot be read ({reason}): going back one checkpoint", flush=True)
        return None

    def frame(self, epoch: int) -> Path:
        """Where the samples from the fixed noise after an epoch are kept (0: before training)."""
        return self / "frames" / f"epoch-{epoch:04d}.png"


def _flat(config: dict) -> dict:
    return {**{key: value for key, value in config.items() if key != "settings"}, **config["settings"]}


def scratch_folder(config: RunConfig) -> Path:
    """Where a notebook that a person opened keeps its runs: a folder for each setting, so that changing one starts
    a new run and going back to an old one finds it."""
    identity = json.dumps(_flat(config.to_dict()) | {"epochs": None}, sort_keys=True)
    digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
    root = Path(__file__).parents[1] / "results"
    return Path(os.path.relpath(root)) / "interactive" / f"{config.name}-{digest}"


STILLS = (".png", ".webp", ".jpg")


def still(folder: Path, stem: str) -> Path:
    """The picture `stem` in a folder: a PNG where it was made, and as what takes less room where it is published.

    Raises UserError if there is none.
    """
    for suffix in STILLS:
        if (folder / f"{stem}{suffix}").exists():
            return folder / f"{stem}{suffix}"
    raise UserError(f"{folder} has no picture {stem}{STILLS[0]}: is it a finished run?")


def finished(folder: Path) -> list[RunFolder]:
    """The finished runs in a folder, if there is one."""
    return [RunFolder(path.parent) for path in sorted(folder.glob("*/metrics.json"))]
