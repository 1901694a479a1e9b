"""The shipped classifiers: networks, and how each was trained."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, AdamW, Optimizer

from lprior.data import to_float
from lprior.device import convolutions
from lprior.evaluation.residual import mirror_and_erase, residual_features, shift_each


class Evaluator(nn.Module):
    """A small convolutional classifier, and its `width` penultimate features."""

    def __init__(self, features: nn.Module, width: int):
        super().__init__()
        self.features, self.classify = features, nn.Linear(width, 10)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, width) and class logits (N, 10) of float images (N, C, H, W) in [-1, 1]."""
        features = self.features(images)
        return features, self.classify(features)

    @torch.no_grad()
    def measure(self, images: Tensor, batch_size: int = 100) -> tuple[Tensor, Tensor]:
        """Features and logits, on the CPU, of uint8 images, a batch at a time: of 500 a layer's maps leave a core's
        cache, and take twice as long."""
        device = self.classify.weight.device
        with convolutions(device, tf32=False):
            parts = [self(to_float(part.to(device))) for part in images.split(batch_size)]
        features, logits = (torch.cat(column).cpu() for column in zip(*parts, strict=True))
        return features, logits


def mnist_evaluator() -> Evaluator:
    """For images of 1x28x28; 64 features."""
    return Evaluator(nn.Sequential(
        nn.Conv2d(1, 32, 3, 1, 1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, 1, 1), nn.BatchNorm2d(64), nn.ReLU(),
        nn.Conv2d(64, 64, 3, 1, 1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 7 * 7, 64), nn.BatchNorm1d(64), nn.ReLU(),
    ), 64)  # fmt: skip


def cifar10_evaluator() -> Evaluator:
    """For images of 3x32x32; 256 features."""

    def block(c_in: int, c_out: int, halve: bool = False) -> list[nn.Module]:
        pool = [nn.MaxPool2d(2)] if halve else []
        return [nn.Conv2d(c_in, c_out, 3, 1, 1, bias=False), *pool, nn.BatchNorm2d(c_out), nn.ReLU()]

    return Evaluator(nn.Sequential(
        *block(3, 32), *block(32, 64, halve=True), *block(64, 64), *block(64, 128, halve=True), *block(128, 128),
        *block(128, 256, halve=True), *block(256, 256), nn.AdaptiveMaxPool2d(1), nn.Flatten(),
    ), 256)  # fmt: skip


def mnist_resnet() -> Evaluator:
    """For images of 1x28x28; 96 features."""
    return Evaluator(residual_features(1, 12, (24, 48, 96), 1), 96)


def cifar10_resnet() -> Evaluator:
    """For images of 3x32x32; 96 features."""
    return Evaluator(residual_features(3, 24, (48, 96), 2), 96)


def shift_together(images: Tensor, random: torch.Generator) -> Tensor:
    """All images by the same offset of up to two pixels; what leaves on one side comes back on the other."""
    return images.roll(torch.randint(-2, 3, (2,), generator=random).tolist(), (2, 3))


def shift_and_mirror(images: Tensor, random: torch.Generator, most: int = 3) -> Tensor:
    """Each image by its own offset of up to `most` pixels, mirrored at the border, and half of them left to right."""
    count, _, height, width = images.shape
    around = F.pad(images.float(), (most,) * 4, mode="reflect").to(images.dtype)
    windows = around.unfold(2, height, 1).unfold(3, width, 1)
    down, right = torch.randint(2 * most + 1, (2, count), generator=random)
    shifted = windows[torch.arange(count), :, down, right]
    return torch.where(torch.rand((count, 1, 1, 1), generator=random) < 0.5, shifted, shifted.flip(3))


@dataclass(frozen=True)
class Recipe:
    """How a shipped classifier was trained, on a one-cycle schedule up to `learning_rate`."""

    build: Callable[[], Evaluator]
    augment: Callable[[Tensor, torch.Generator], Tensor]
    optimizer: Callable[..., Optimizer]
    learning_rate: float
    epochs: int
    bfloat16: bool
    batch_size: int = 128


RECIPES = {
    "mnist": Recipe(mnist_evaluator, shift_together, lambda p: Adam(p, fused=True), 4e-3, epochs=5, bfloat16=False),
    "cifar10": Recipe(
        cifar10_evaluator, shift_and_mirror, lambda p: SGD(p, momentum=0.9, weight_decay=5e-4, nesterov=True), 0.15,
        epochs=12, bfloat16=True,
    ),
    "mnist_resnet": Recipe(
        mnist_resnet, shift_each, lambda p: SGD(p, momentum=0.9, weight_decay=5e-4, nesterov=True), 0.1,
        epochs=5, bfloat16=False,
    ),
    "cifar10_resnet": Recipe(
        cifar10_resnet, mirror_and_erase, lambda p: AdamW(p, weight_decay=0.05, fused=True), 4e-3,
        epochs=8, bfloat16=True,
    ),
}  # fmt: skip
SECOND = {"mnist": "mnist_resnet", "cifar10": "cifar10_resnet"}  # first judge -> the second of the same data sets
