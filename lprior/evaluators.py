"""The classifiers whose features and logits samples are measured on: one for a data set, trained here, shipped as weights.

Training a shipped classifier anew makes a new version of it. The version is part of every metric's key, so that numbers
of two versions are never compared.
"""

import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from lprior.data import Dataset, batches, generator, to_float
from lprior.errors import UserError

SHIPPED = Path(__file__).parent / "evaluators"
EVALUATOR_OF = {"mnist": "mnist", "mnist5k": "mnist"}  # data set -> classifier


class Evaluator(nn.Module):
    """A small convolutional classifier of uint8 images (N, 1, 28, 28), and its 64 penultimate features."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, 1, 1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, 1, 1), nn.BatchNorm2d(64), nn.ReLU(),
            nn.Conv2d(64, 64, 3, 1, 1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 7 * 7, 64), nn.BatchNorm1d(64), nn.ReLU(),
        )  # fmt: skip
        self.classify = nn.Linear(64, 10)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, 64) and class logits (N, 10) of float images in [-1, 1]."""
        features = self.features(images)
        return features, self.classify(features)

    @torch.no_grad()
    def measure(self, images: Tensor, batch_size: int = 500) -> tuple[Tensor, Tensor]:
        """Features and logits, on the CPU, of uint8 images, a batch at a time."""
        device = self.classify.weight.device
        parts = [self(to_float(part.to(device))) for part in images.split(batch_size)]
        features, logits = (torch.cat(column).cpu() for column in zip(*parts, strict=True))
        return features, logits


def train_evaluator(train: Dataset, epochs: int = 5, seed: int = 0) -> Evaluator:
    """The recipe of the shipped classifier: random shifts of up to two pixels, Adam on a one-cycle schedule."""
    torch.manual_seed(seed)
    evaluator, batch_size = Evaluator(), 128
    optimizer = torch.optim.Adam(evaluator.parameters(), fused=True)
    steps = epochs * (len(train.images) // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for epoch in range(epochs):
        for index in batches(len(train.images), batch_size, seed, epoch):
            shift = torch.randint(-2, 3, (2,), generator=generator(seed, "shift", schedule.last_epoch)).tolist()
            x, targets = to_float(train.images[index]).roll(shift, (2, 3)), train.labels[index]
            loss = F.cross_entropy(evaluator(x)[1], targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return evaluator.eval()


def accuracy(evaluator: Evaluator, dataset: Dataset) -> float:
    """Share of the images that the classifier puts into the class of their label."""
    return (evaluator.measure(dataset.images)[1].argmax(dim=1) == dataset.labels).double().mean().item()


def save_evaluator(evaluator: Evaluator, name: str) -> Path:
    """Write `name`.safetensors, in half precision, into the package."""
    SHIPPED.mkdir(exist_ok=True)
    path = SHIPPED / f"{name}.safetensors"
    save_file({key: v.half() if v.is_floating_point() else v for key, v in evaluator.state_dict().items()}, path)
    return path


def describe_evaluator(name: str, train: Dataset, test: Dataset, anchors: dict | None = None) -> dict:
    """Write, beside the shipped classifier, what it is: accuracy, data, checksum, version, and the anchors.

    `anchors`: the metrics that real images get (`evaluate.anchors`). The version counts the trainings: it is one more
    than before if the weights have changed.
    """
    path = SHIPPED / f"{name}.json"
    before = json.loads(path.read_text()) if path.exists() else {"version": 0}
    checksum = hashlib.sha256((SHIPPED / f"{name}.safetensors").read_bytes()).hexdigest()
    description = {
        "version": before["version"] + (before.get("weights_sha256") != checksum),
        "weights_sha256": checksum,
        "accuracy_test": accuracy(load_evaluator(name), test),
        "data_sha256_train": train.sha256,
        "data_sha256_test": test.sha256,
        "anchors": anchors or {},
    }
    path.write_text(json.dumps(description, indent=2) + "\n")
    return description


def load_evaluator(dataset: str) -> Evaluator:
    """The shipped classifier for a data set. Raises UserError if there is none."""
    evaluator = Evaluator()
    weights = load_file(SHIPPED / f"{_shipped_for(dataset)}.safetensors")
    evaluator.load_state_dict({key: v.float() if v.is_floating_point() else v for key, v in weights.items()})
    return evaluator.eval()


def evaluator_description(dataset: str) -> dict:
    """Version, accuracy, data and anchors of the shipped classifier for a data set. Raises UserError if there is none."""
    return json.loads((SHIPPED / f"{_shipped_for(dataset)}.json").read_text())


def protocol(dataset: str) -> str:
    """What metrics on the features of this classifier have in their keys: its name and version, such as mnist_clf1."""
    return f"{_shipped_for(dataset)}_clf{evaluator_description(dataset)['version']}"


def _shipped_for(dataset: str) -> str:
    if dataset not in EVALUATOR_OF:
        raise UserError(f"no evaluator is shipped for {dataset!r}, only for {', '.join(EVALUATOR_OF)}")
    return EVALUATOR_OF[dataset]
