"""Reading what lies in a run's folder, where anything may have happened to it: either it is whole and makes sense, or
UserError says in one line which file is damaged, how, and what to do."""

import json
import math
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lprior.errors import UserError, nearest

if TYPE_CHECKING:
    import pandas as pd
    from PIL import Image
    from torch import Tensor

AGAIN = "start the run again, which makes it anew from its checkpoint"
ADVICE = {  # what to do about a damaged file
    "config.json": "restore it, or delete it and start the run again: the checkpoint knows the settings",
    "provenance.json": "restore it, or start the run over with --force",
    "metrics.json": "measure the run again with python -m lprior evaluate",
    "glance.json": AGAIN,
    "log.csv": AGAIN,
    "model.safetensors": AGAIN,
}
MADE = {"commit": str, "device": str, "threads": int, "precision": str, "data": str, "data_sha256": str}
COST = {"seconds_per_epoch": float, "training_seconds": float}
NUMBERS = re.compile(r"\[\n\s*([-+.\w,\s]+?)\n\s*\]")  # a list of numbers over several lines: no string has such a line
SOMETIMES = {
    "peak_memory_bytes": float, "data_title": str, "engine": str, "started": str, "finished": str, "resumed": list,
    "code_sha256": dict,
}  # fmt: skip


def damaged(path: Path, reason: str) -> UserError:
    """The error to raise."""
    return UserError(f"{path} is damaged ({reason}): {ADVICE.get(path.name, 'restore it, or make it anew')}")


def first_line(error: BaseException) -> str:
    """What an error of another library says, in one line."""
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__


def as_json(value: dict[str, Any]) -> str:
    """To be read by people and by `read_object`: an entry a line, a list of numbers on one line."""
    return NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", json.dumps(value, indent=2)) + "\n"


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object without NaN or infinity. Of metrics and provenance, what is in it is checked too.

    Raises UserError if there is none.
    """
    try:
        found = json.loads(path.read_text(), parse_constant=_refuse)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: is {path.parent} a finished run?") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # neither text nor JSON
        raise damaged(path, first_line(error) if path.stat().st_size else "it is empty") from error
    if not isinstance(found, dict):
        raise damaged(path, f"it holds a {type(found).__name__} instead of an object")
    if path.name in ("metrics.json", "glance.json"):
        for key in (key for key, value in found.items() if not _is_metric(value)):
            raise damaged(path, f"{key} is {found[key]!r}, neither a number nor numbers nor a reason")
    if path.name == "provenance.json":
        need(path, found, MADE)
        need(path, found, {name: kind for name, kind in (SOMETIMES | COST).items() if name in found})
        if not all(isinstance(stop, dict) for stop in found.get("resumed", [])):
            raise damaged(path, "resumed holds something else than objects")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"it holds {constant}")


def need(path: Path, found: dict[str, Any], fields: dict[str, type]) -> None:
    """Raises UserError if the content of `path` lacks one of the fields, or has it of another type."""
    missing = [name for name in fields if name not in found]
    if missing:
        raise damaged(path, f"it lacks {', '.join(missing)}")
    for name, kind in fields.items():
        if not _fits(found[name], kind):
            raise damaged(path, f"{name} is {found[name]!r}, which is no {kind.__name__}")


def _fits(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _is_metric(value: Any) -> bool:
    """A number, numbers, or the reason why there is none."""
    if isinstance(value, str):
        return bool(value)
    parts = value if isinstance(value, list) else [value]
    return bool(parts) and all(_fits(part, float) for part in parts)


def read_log(path: Path) -> "pd.DataFrame":
    """A row for each epoch. All but the metrics of few samples are finite. Raises UserError if it is no such table."""
    import pandas as pd

    try:
        log = pd.read_csv(path)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: is {path.parent} a finished run?") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # no text, no table, or an empty one
        raise damaged(path, first_line(error)) from error
    words = [name for name in log if not pd.api.types.is_numeric_dtype(log[name]) and log[name].notna().any()]
    if not {"epoch", "seconds"} <= set(log) or words:
        raise damaged(path, f"{words[0]!r} holds no numbers" if words else "it lacks the columns epoch and seconds")
    if not len(log) or log["epoch"].tolist() != list(range(1, len(log) + 1)):
        raise damaged(path, "its rows are not the epochs from 1 on")
    for name in log:
        if name.startswith(("L_", "seconds")) and not all(map(math.isfinite, log[name])):
            raise damaged(path, f"{name} is not a finite number everywhere")
    return log


def read_weights(path: Path) -> dict[str, "Tensor"]:
    """Tensors of a safetensors file, float32 those that are not whole numbers.

    Raises UserError if it cannot be read, or if a number in it is not finite.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.exists():
        raise UserError(f"{path} does not exist: is {path.parent} a finished run?")
    try:
        found = load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise damaged(path, first_line(error)) from error
    weights = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in found.items()}
    wrong = [name for name, tensor in weights.items() if not tensor.isfinite().all()]
    if wrong:
        raise damaged(path, f"{wrong[0]} holds what is no finite number")
    return weights


def refuse_others(path: Path, weights: dict[str, "Tensor"], expected: dict[str, "Tensor"]) -> None:
    """Raises UserError if the tensors in `path` are not those of the networks, `expected`, by name and shape."""
    odd: Iterable[str] = weights.keys() ^ expected.keys()
    for name in sorted(odd):
        raise damaged(path, f"{name} is {'missing' if name in expected else 'no part of the networks'}")
    for name, tensor in weights.items():
        if tensor.shape != expected[name].shape:
            shapes = " instead of ".join(str(tuple(one.shape)) for one in (tensor, expected[name]))
            raise damaged(path, f"{name} is {shapes}, which config.json asks for")


def read_picture(path: Path) -> "Image.Image":
    """Raises UserError if it is none, or not a whole one."""
    return read_frames(path)[0]


def read_frames(path: Path) -> "list[Image.Image]":
    """The pictures of an animation, or the only one. Raises UserError if it is none, or not a whole one."""
    from PIL import Image, ImageSequence

    try:
        return [frame.copy() for frame in ImageSequence.Iterator(Image.open(path))]
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: is {path.parent} a finished run?") from None
    except Exception as error:  # Pillow names no common class for what a damaged file may raise
        raise damaged(path, first_line(error)) from error


def folder_at(path: str | Path) -> Path:
    """It. Raises UserError if it is no folder; of one that is missing, with a hint at what has nearly its name."""
    path = Path(path)
    if os.path.isdir(path):
        return path
    if os.path.lexists(path):
        raise UserError(f"{path} is no folder")
    there = next(parent for parent in path.parents if os.path.isdir(parent))
    wrong, *below = path.relative_to(there).parts
    near = nearest(wrong, [other.name for other in there.iterdir() if os.path.isdir(Path(other, *below))], 1, 0.6)
    advice = f"did you mean '{Path(there, near[0], *below)}'?" if near else "is its name right?"
    raise UserError(f"the folder {path} does not exist: {advice}")
