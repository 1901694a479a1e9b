"""Who judges samples: two classifiers a data set, trained here and shipped as weights, on whose features and logits the
metrics are computed. The first is looked at when something is chosen; the second (`residual.py`) never is, so that what
both say does not hang on the one that was looked at.

Training a shipped classifier anew makes a new version of it. The version is part of every metric's key, so that numbers
of two versions are never compared.
"""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_weights
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F
from torch.optim.lr_scheduler import OneCycleLR

from lprior.data import DATASETS, Dataset, to_float
from lprior.errors import UserError
from lprior.evaluation import formulas, shipped
from lprior.evaluation.metrics import AGAINST_TEST, ALONE, METRICS, Reference, Seen, against, thousands
from lprior.evaluation.recipes import RECIPES, SECOND, Evaluator
from lprior.streams import batches, generator

SEED = 0  # of the training of a classifier


def train_evaluator(train: Dataset, epochs: int | None = None, second: bool = False) -> Evaluator:
    """The recipe of a shipped classifier; `epochs` None: as many as the recipe has. Shows a line for each epoch."""
    recipe = RECIPES[_shipped_for(train.name, second)]
    torch.manual_seed(SEED)
    evaluator = recipe.build().to(memory_format=torch.channels_last)
    optimizer, epochs = recipe.optimizer(evaluator.parameters()), epochs or recipe.epochs
    steps = epochs * (len(train.images) // recipe.batch_size)
    schedule = OneCycleLR(optimizer, recipe.learning_rate, total_steps=steps)
    for epoch in range(epochs):
        losses = []
        for index in batches(len(train.images), recipe.batch_size, SEED, epoch):
            x = recipe.augment(train.images[index], generator(SEED, "shift", schedule.last_epoch))
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


def load_evaluator(dataset: str, second: bool = False) -> Evaluator:
    """A shipped classifier for a data set. Raises UserError if there is none, or if its weights are not the ones that
    its version was described with."""
    name = _shipped_for(dataset, second)
    return _evaluator(name, shipped.verified_weights(name))


def evaluator_description(dataset: str, second: bool = False) -> dict:
    """Version, accuracy, data and anchors of a shipped classifier of a data set. Raises UserError if there is none, or
    if its description is damaged."""
    return shipped.read_description(_shipped_for(dataset, second))


def _evaluator(name: str, content: bytes) -> Evaluator:
    """The classifier with the weights of a safetensors file. Raises UserError if they are not of its layers."""
    evaluator = RECIPES[name].build()
    try:
        weights = load_weights(content)
        evaluator.load_state_dict({key: v.float() if v.is_floating_point() else v for key, v in weights.items()})
    except (SafetensorError, RuntimeError) as error:
        raise UserError(f"{shipped.weights_path(name)} has no weights of this classifier. Replace it") from error
    return evaluator.eval().to(memory_format=torch.channels_last)


def protocol(dataset: str, second: bool = False) -> str:
    """What metrics on the features of this classifier have in their keys: its name and version, such as mnist_clf1."""
    return f"{_shipped_for(dataset, second)}_clf{evaluator_description(dataset, second)['version']}"


def _shipped_for(dataset: str, second: bool = False) -> str:
    name = DATASETS[dataset].classifier if dataset in DATASETS else None
    name = SECOND.get(name) if second else name
    if name is None:
        shipped = ", ".join(known for known, spec in DATASETS.items() if spec.classifier)
        raise UserError(f"no evaluator is shipped for {dataset!r}, only for {shipped}")
    return name


REFERENCES: dict[tuple[str, str, str], Reference] = {}  # by sums of weights and pixels, and device: once in a process


class Judge:
    """A shipped classifier of a data set with what it sees in the test images: measures samples.

    Where no classifier is shipped for the data set, nothing that needs one is measured.
    """

    def __init__(self, test: Dataset, device: torch.device | str = "cpu", second: bool = False):
        name = DATASETS[test.name].classifier
        self.available = (SECOND.get(name) if second else name) is not None
        if self.available:
            self.evaluator = load_evaluator(test.name, second).to(device)
            self.protocol = protocol(test.name, second)
            self.split = test.split
            key = evaluator_description(test.name, second)["weights_sha256"], test.sha256, str(device)
            if key not in REFERENCES:
                REFERENCES[key] = Reference(self.evaluator.measure(test.images)[0])
            self.real = REFERENCES[key]
            self.reference = self.real.features

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

    def see(self, samples: Tensor) -> Seen:
        """What the classifier, which must be available, sees in uint8 samples (N, C, H, W)."""
        return Seen(*self.evaluator.measure(samples), self.real)

    def measure(self, samples: Tensor) -> dict:
        """`of` uint8 samples (N, C, H, W)."""
        return self.of(self.see(samples)) if self.available else {}

    def of(self, seen: Seen) -> dict:
        """Every metric of samples that `metrics.METRICS` has."""
        count = thousands(len(seen.features))
        return {
            f"{metric.key}_{self.protocol}_{metric.of.format(count=count)}": metric.measured(seen)
            for metric in METRICS if metric.of_samples is not None
        }  # fmt: skip
