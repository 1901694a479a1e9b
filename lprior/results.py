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
import platform
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch

from lprior.data import Dataset
from lprior.errors import UserError
from lprior.presets import STUDIES, RunConfig, from_dict

PUBLISHED = (
    "config.json", "provenance.json", "log.csv", "metrics.json", "samples.png", "evolution.png", "evolution.gif",
    "reconstructions.png", "neighbours.png", "model.safetensors", "notebook.ipynb",
)  # fmt: skip
OF_FIRST_SEED = ("evolution.png", "evolution.gif", "reconstructions.png", "neighbours.png", "notebook.ipynb")
OF_STUDIES = ("config.json", "provenance.json", "log.csv", "metrics.json")


def publish(run: "RunFolder", target: Path) -> None:
    """Copy the small files of a finished run: weights in half precision, pictures and notebook of seed 0 only, and of a
    study neither.

    Raises UserError if the run is not finished.
    """
    from safetensors.torch import load_file, save_file

    run.read_json("metrics.json")
    config = run.config()
    names = set(OF_STUDIES if config.preset in STUDIES else PUBLISHED) - set(OF_FIRST_SEED if config.seed else ())
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in sorted(names):
        if (run / name).exists():
            shutil.copy(run / name, target / name)
    if "model.safetensors" in names:
        weights = load_file(run / "model.safetensors")
        half = {key: v.half() if v.is_floating_point() else v for key, v in weights.items()}
        save_file(half, target / "model.safetensors")


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


def provenance(device: torch.device, dataset: Dataset, bfloat16: bool, engine: str) -> dict:
    """Where, with what and from what a run is made."""
    packages = ("torch", "torchvision", "numpy", "torch-fidelity", "papermill")
    return {
        "commit": git_commit(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU ({platform.machine()})",
        "threads": torch.get_num_threads(),
        "precision": "bfloat16 autocast" if bfloat16 else "float32",
        "engine": engine,
        "data": dataset.source,
        "data_title": dataset.title,
        "data_sha256": dataset.sha256,
    }


def git_commit() -> str:
    """The commit of the working tree, with "+" if the library differs from it; "unknown" outside a repository."""
    here = Path(__file__).parent
    answers = [
        subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True)
        for arguments in (["rev-parse", "--short=10", "HEAD"], ["status", "--porcelain", "."])
    ]
    if answers[0].returncode:
        return "unknown"
    return answers[0].stdout.strip() + ("+" if answers[1].stdout.strip() else "")


def peak_memory_bytes(device: torch.device) -> int:
    """The most memory in use so far: of the GPU on a GPU, else of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if platform.system() == "Darwin" else 1024  # getrusage counts bytes on macOS, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _flat(config: dict) -> dict:
    return {**{key: value for key, value in config.items() if key != "settings"}, **config["settings"]}


def scratch_folder(config: RunConfig) -> Path:
    """Where a notebook that a person opened keeps its runs: a folder for each setting, so that changing one starts
    a new run and going back to an old one finds it."""
    identity = json.dumps(_flat(config.to_dict()) | {"epochs": None}, sort_keys=True)
    digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
    root = Path(__file__).parents[1] / "results"
    return Path(os.path.relpath(root)) / "interactive" / f"{config.name}-{digest}"
