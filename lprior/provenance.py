"""Where, when, with what and from what a run is made."""

import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch

from lprior.data import Dataset


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


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
