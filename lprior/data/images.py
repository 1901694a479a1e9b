"""A data set as one uint8 tensor, and the two forms of pixels: uint8 in files, float in networks."""

import hashlib
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from lprior.errors import UserError
from lprior.streams import generator


@dataclass(frozen=True)
class Dataset:
    """`images`: uint8 (N, C, H, W). `labels`: int64 (N,), classes from 0; or (N, L), the tokens of a sentence on each
    image (`sentences.py`). `source`: where the pixels came from.

    `title`: the name for captions, if these are not the data set's own pixels; "" is filled by `data.load`. `split`:
    "train", "test", or "val" for images held out of "train", on which choices are made. Raises UserError for labels
    that are none of `classes`, and for images and labels of other types, shapes or numbers.
    """

    name: str
    images: Tensor
    labels: Tensor
    source: str
    title: str = ""
    classes: int = 10
    split: str = "test"

    def __post_init__(self):
        check_labels(self.labels, self.classes)
        for what, tensor, kind, dimensions in (
            ("images", self.images, torch.uint8, (4,)), ("labels", self.labels, torch.int64, (1, 2)),
        ):  # fmt: skip
            if tensor.dtype != kind or tensor.ndim not in dimensions:
                allowed = " or ".join(map(str, dimensions))
                raise UserError(f"{what} must be {kind} in {allowed} dimensions, not {tensor.dtype} in {tensor.ndim}")
        if len(self.labels) not in (0, len(self.images)):
            raise UserError(f"{len(self.images)} images have {len(self.labels)} labels: each must have one, or none")

    @property
    def sha256(self) -> str:
        """Of the pixels, in storage order: identifies the data whatever file they came from."""
        return sha256(self.images)

    @property
    def labels_sha256(self) -> str:
        """Of the labels, in the same way."""
        return sha256(self.labels)

    def head(self, count: int | None) -> "Dataset":
        """The first `count` images (all of them for None)."""
        return replace(self, images=self.images[:count], labels=self.labels[:count])

    def padded(self, size: int) -> "Dataset":
        """Zero-padded on all sides to `size` x `size` pixels."""
        return replace(self, images=pad(self.images, size))

    def shuffled(self) -> "Dataset":
        """In a fixed random order: of files that are sorted by class, any first n images are then a fair sample."""
        order = torch.randperm(len(self.images), generator=generator(0, self.name, 0))
        return replace(self, images=self.images[order], labels=self.labels[order])


def known_labels(labels: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Indices of `count` images whose labels a run may use (all if they are fewer), drawn by its seed, as many of each
    class as there are of it; and labels (N,) of which all others are -1. For a count of 0, and for sentences (N, L), no
    index, and all labels."""
    if not count or len(labels) == 0 or labels.ndim != 1:
        return labels.new_empty(0), labels
    order = torch.randperm(len(labels), generator=generator(seed, "labelled", 0))
    nth = F.one_hot(labels[order]).cumsum(dim=0).gather(1, labels[order, None])[:, 0]  # of its class
    index = order[nth.argsort(stable=True)[:count]]
    known = torch.full_like(labels, -1)
    known[index] = labels[index]
    return index, known


def sha256(tensor: Tensor) -> str:
    """Of the values of a tensor, row by row."""
    return hashlib.sha256(tensor.numpy().tobytes()).hexdigest()


def check_labels(labels: Tensor, classes: int) -> None:
    """Raises UserError if a label is not a whole number from 0 to `classes` - 1."""
    if labels.is_floating_point():
        raise UserError(f"labels must be whole numbers from 0 to {classes - 1}, not {labels.dtype}")
    wrong = labels[(labels < 0) | (labels >= classes)]
    if len(wrong):
        raise UserError(f"label {wrong[0].item()} is out of range: labels go from 0 to {classes - 1}")


def pad(images: Tensor, size: int) -> Tensor:
    """Images (N, C, H, W) zero-padded on all sides to `size` x `size` pixels."""
    margin = (size - images.shape[-1]) // 2
    return F.pad(images, (margin,) * 4) if margin else images


def crop(images: Tensor, size: int) -> Tensor:
    """The inverse of `pad`: the middle `size` x `size` pixels of images (N, C, H, W)."""
    margin = (images.shape[-1] - size) // 2
    return images[..., margin : images.shape[-2] - margin, margin : images.shape[-1] - margin]


def to_float(images: Tensor) -> Tensor:
    """uint8 images as float32 in [-1, 1], in the memory format that convolutions like."""
    return (images.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def to_uint8(images: Tensor) -> Tensor:
    """The inverse of `to_float`, rounded and clamped."""
    return ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
