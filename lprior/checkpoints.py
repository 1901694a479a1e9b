"""The file of a checkpoint: the configuration that it belongs to, the state of training, and a sum over both.

It verifies itself: a byte that has changed anywhere in a tensor or a value is noticed when it is read.
"""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lprior.errors import UserError

SUM = "sha256"


class Damaged(Exception):
    """The file is no checkpoint, or not the one that was written."""


def save(path: Path, config: dict[str, Any], state: dict[str, Any]) -> None:
    """Write the file. Both hold tensors and plain values only. Raises OSError where there is no room."""
    content = {"config": config, "state": state}
    buffer = io.BytesIO()  # torch would say of a full disk nothing but that writing failed
    torch.save(content | {SUM: digest(content)}, buffer)
    path.write_bytes(buffer.getbuffer())


def load(path: Path, device: torch.device | str = "cpu") -> tuple[dict[str, Any], dict[str, Any]]:
    """Configuration and state. Raises Damaged, and UserError for a checkpoint of a version that wrote no sum."""
    try:
        found = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch names no common class for what a damaged file may raise
        raise Damaged(f"it cannot be read: {type(error).__name__}") from error
    if not isinstance(found, dict):
        raise Damaged("it holds something else")
    if found.keys() >= {"algorithm", "average", "optimizers", "log"}:
        raise UserError(
            f"{path} is of an older version of lprior, without a sum to check it by, and cannot go on: "
            "name another results folder, or start over with --force"
        )
    content = {name: found.get(name) for name in ("config", "state")}
    if digest(content) != found.get(SUM):
        raise Damaged("its sum is another than when it was written")
    return found["config"], found["state"]


def is_good(path: Path) -> bool:
    """Whether it can be gone on from."""
    try:
        load(path)
    except (Damaged, UserError):
        return False
    return True


def digest(content: Any) -> str:
    """A SHA-256 sum over every tensor and plain value in nested mappings and sequences. Raises TypeError for others."""
    found = hashlib.sha256()
    _add(found, content)
    return found.hexdigest()


def _add(found: Any, value: Any) -> None:
    if isinstance(value, Tensor):
        found.update(f"tensor {value.dtype} {tuple(value.shape)}\n".encode())
        found.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    elif isinstance(value, Mapping):
        found.update(f"mapping {len(value)}\n".encode())
        for key, part in value.items():
            _add(found, key)
            _add(found, part)
    elif isinstance(value, list | tuple):
        found.update(f"{type(value).__name__} {len(value)}\n".encode())
        for part in value:
            _add(found, part)
    elif value is None or isinstance(value, bool | int | float | str):
        found.update(f"{type(value).__name__} {value!r}\n".encode())
    else:
        raise TypeError(f"a checkpoint holds tensors and plain values, not {type(value).__name__}")
