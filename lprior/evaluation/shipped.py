"""The files of the shipped classifiers: for each its weights, and a description by which they are verified."""

import hashlib
import json
from pathlib import Path

from lprior.errors import UserError

FOLDER = Path(__file__).parent / "classifiers"
DESCRIPTION = {"version": int, "weights_sha256": str, "accuracy_test": float, "anchors": dict}  # and sums of the data


def weights_path(name: str) -> Path:
    return FOLDER / f"{name}.safetensors"


def description_path(name: str) -> Path:
    return FOLDER / f"{name}.json"


def read_weights(name: str) -> tuple[bytes, str]:
    """The content of the weights file, and its SHA-256 sum. Raises UserError if it cannot be read."""
    content = _read(weights_path(name))
    return content, hashlib.sha256(content).hexdigest()


def read_description(name: str) -> dict:
    """Raises UserError if it cannot be read, or does not describe a classifier."""
    try:
        found = json.loads(_read(description_path(name)))
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(found.get(key), kind) for key, kind in DESCRIPTION.items()):
        raise UserError(f"{description_path(name)} is damaged: it should have {', '.join(DESCRIPTION)}. Replace it")
    return found


def verified_weights(name: str) -> bytes:
    """The content of the weights file. Raises UserError if they are not those that are described."""
    (content, found), expected = read_weights(name), read_description(name)["weights_sha256"]
    if found != expected:
        raise UserError(
            f"{weights_path(name)} has other weights than are described: SHA-256 expected {expected}, found {found}. "
            "Replace them"
        )
    return content


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read the classifier's {path}: {error.strerror}. Replace it") from error
