"""Who judges samples: a classifier a data set, trained here and shipped as weights, on whose features and logits the
metrics are computed.

Training a shipped classifier anew makes a new version of it. The version is part of every metric's key, so that numbers
of two versions are never compared.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_weights
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import OneCycleLR

from lprior.data import DATASETS, Dataset, to_float
from lprior.device import convolutions
from lprior.errors import UserError
from lprior.evaluation import formulas, shipped
from lprior.evaluation.metrics import AGAINST_TEST, ALONE, METRICS, Seen, against, thousands
from lprior.streams import batches, generator


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
    def measure(self, images: Tensor, batch_size: int = 500) -> tuple[Tensor, Tensor]:
        """Features and logits, on the CPU, of uint8 images, a batch at a time."""
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
}  # fmt: skip


def train_evaluator(train: Dataset, epochs: int | None = None, seed: int = 0) -> Evaluator:
    """The recipe of the shipped classifier; `epochs` None: as many as the recipe has. Shows a line for each epoch."""
    recipe = RECIPES[_shipped_for(train.name)]
    torch.manual_seed(seed)
    evaluator = recipe.build().to(memory_format=torch.channels_last)
    optimizer, epochs = recipe.optimizer(evaluator.parameters()), epochs or recipe.epochs
    steps = epochs * (len(train.images) // recipe.batch_size)
    schedule = OneCycleLR(optimizer, recipe.learning_rate, total_steps=steps)
    for epoch in range(epochs):
        losses = []
        for index in batches(len(train.images), recipe.batch_size, seed, epoch):
            x = recipe.augment(train.images[index], generator(seed, "shift", schedule.last_epoch))
            with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
                logits = evaluator(to_float(x))[1]
            loss = F.cross_entropy(logits.float(), train.labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.detach())
        print(f"epoch {epoch + 1} of {epochs}: cross-entropy {torch.stack(losses).mean():.4f}", flush=True)
    return evaluator.eval()


def accuracy(evaluator: Evaluator, dataset: Dataset) -> float:
    """Share of the images that the classifier puts into the class of their label."""
    return (evaluator.measure(dataset.images)[1].argmax(dim=1) == dataset.labels).double().mean().item()


def save_evaluator(evaluator: Evaluator, name: str) -> Path:
    """Write `name`.safetensors, in half precision, into the package."""
    path = shipped.weights_path(name)
    path.parent.mkdir(exist_ok=True)
    weights = {key: v.contiguous() for key, v in evaluator.state_dict().items()}
    save_file({key: v.half() if v.is_floating_point() else v for key, v in weights.items()}, path)
    return path


def describe_evaluator(name: str, train: Dataset, test: Dataset, anchors: dict | None = None) -> dict:
    """Write, beside the shipped classifier, what it is: accuracy, data, checksum, version, and the anchors.

    `anchors`: the metrics that real images get (`measurement.anchors`). The version counts the trainings: it is one
    more than before if the weights have changed. Raises UserError if the weights or what they were described with are
    damaged.
    """
    path = shipped.description_path(name)
    before = shipped.read_description(name) if path.exists() else {"version": 0, "weights_sha256": None}
    content, checksum = shipped.read_weights(name)
    description = {
        "version": before["version"] + (before["weights_sha256"] != checksum),
        "weights_sha256": checksum,
        "accuracy_test": accuracy(_evaluator(name, content), test),
        "data_sha256_train": train.sha256,
        "data_sha256_test": test.sha256,
        "anchors": anchors or {},
    }
    path.write_text(json.dumps(description, indent=2) + "\n")
    return description


def load_evaluator(dataset: str) -> Evaluator:
    """The shipped classifier for a data set. Raises UserError if there is none, or if its weights are not the ones
    that its version was described with."""
    name = _shipped_for(dataset)
    return _evaluator(name, shipped.verified_weights(name))


def evaluator_description(dataset: str) -> dict:
    """Version, accuracy, data and anchors of a data set's shipped classifier. Raises UserError if there is none, or if
    its description is damaged."""
    return shipped.read_description(_shipped_for(dataset))


def _evaluator(name: str, content: bytes) -> Evaluator:
    """The classifier with the weights of a safetensors file. Raises UserError if they are not of its layers."""
    evaluator = RECIPES[name].build()
    try:
        weights = load_weights(content)
        evaluator.load_state_dict({key: v.float() if v.is_floating_point() else v for key, v in weights.items()})
    except (SafetensorError, RuntimeError) as error:
        raise UserError(f"{shipped.weights_path(name)} has no weights of this classifier. Replace it") from error
    return evaluator.eval()


def protocol(dataset: str) -> str:
    """What metrics on the features of this classifier have in their keys: its name and version, such as mnist_clf1."""
    return f"{_shipped_for(dataset)}_clf{evaluator_description(dataset)['version']}"


def _shipped_for(dataset: str) -> str:
    name = DATASETS[dataset].classifier if dataset in DATASETS else None
    if name is None:
        shipped = ", ".join(known for known, spec in DATASETS.items() if spec.classifier)
        raise UserError(f"no evaluator is shipped for {dataset!r}, only for {shipped}")
    return name


class Judge:
    """The shipped classifier of a data set with what it sees in the test images: measures samples.

    Where no classifier is shipped for the data set, nothing that needs one is measured.
    """

    def __init__(self, test: Dataset, device: torch.device | str = "cpu"):
        self.available = DATASETS[test.name].classifier is not None
        if self.available:
            self.evaluator, self.protocol = load_evaluator(test.name).to(device), protocol(test.name)
            self.reference, _ = self.evaluator.measure(test.images)
            self.split = test.split

    def glance(self, samples: Tensor) -> dict:
        """FID and score of uint8 samples (N, C, H, W): cheap enough to be taken again and again in training."""
        if not self.available:
            return {}
        features, logits = self.evaluator.measure(samples)
        count = thousands(len(samples))
        return against(self.split, {
            f"fid_{self.protocol}_{AGAINST_TEST.format(count=count)}":
                formulas.frechet_distance(features, self.reference),
            f"score_{self.protocol}_{ALONE.format(count=count)}": formulas.classifier_score(logits),
        })  # fmt: skip

    def measure(self, samples: Tensor) -> dict:
        """Every metric of uint8 samples (N, C, H, W) that `metrics.METRICS` has."""
        if not self.available:
            return {}
        seen, count = Seen(*self.evaluator.measure(samples), self.reference), thousands(len(samples))
        return {
            f"{metric.key}_{self.protocol}_{metric.of.format(count=count)}": metric.measured(seen)
            for metric in METRICS if metric.of_samples is not None
        }  # fmt: skip
