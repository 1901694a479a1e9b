"""From a trained model to its metrics: the digit classifier whose features they are measured on, and the protocol."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from lprior.data import Dataset, batches, generator, to_float, to_uint8
from lprior.errors import UserError
from lprior.metrics import class_histogram, classifier_score, entropy, frechet_distance
from lprior.networks import Autoencoder

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
        """Features and logits of uint8 images, a batch at a time."""
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


def describe_evaluator(name: str, train: Dataset, test: Dataset) -> dict:
    """Write, beside the shipped classifier, its accuracy and the anchors: what real images get from the metrics."""
    evaluator = load_evaluator(name)
    features, logits = evaluator.measure(test.images)
    train_features, _ = evaluator.measure(train.images[: len(test.images)])
    description = {
        "accuracy_test": accuracy(evaluator, test),
        "score_test": classifier_score(logits),
        "score_test_100": classifier_score(logits[:100]),
        "fid_train_test": frechet_distance(train_features, features),
        "data_sha256_train": train.sha256,
        "data_sha256_test": test.sha256,
    }
    (SHIPPED / f"{name}.json").write_text(json.dumps(description, indent=2) + "\n")
    return description


def load_evaluator(dataset: str) -> Evaluator:
    """The shipped classifier for a data set. Raises UserError if there is none."""
    if dataset not in EVALUATOR_OF:
        raise UserError(f"no evaluator is shipped for {dataset!r}, only for {', '.join(EVALUATOR_OF)}")
    evaluator = Evaluator()
    weights = load_file(SHIPPED / f"{EVALUATOR_OF[dataset]}.safetensors")
    evaluator.load_state_dict({key: v.float() if v.is_floating_point() else v for key, v in weights.items()})
    return evaluator.eval()


def load_evaluator_description(dataset: str) -> dict:
    """Accuracy, recipe and data of the shipped classifier for a data set."""
    if dataset not in EVALUATOR_OF:
        raise UserError(f"no evaluator is shipped for {dataset!r}, only for {', '.join(EVALUATOR_OF)}")
    return json.loads((SHIPPED / f"{EVALUATOR_OF[dataset]}.json").read_text())


@torch.no_grad()
def sample(model: Autoencoder, noise: Tensor, batch_size: int = 500) -> Tensor:
    """uint8 images (N, C, H, W) from noise (N, noise), on the CPU."""
    return torch.cat([to_uint8(model(part)).cpu() for part in noise.split(batch_size)])


@torch.no_grad()
def reconstruct(model: Autoencoder, images: Tensor, batch_size: int = 500) -> Tensor:
    """uint8 images, on the CPU, as the model gives back uint8 images (N, C, H, W)."""
    device = next(model.parameters()).device
    return torch.cat([to_uint8(model.reconstruct(to_float(part.to(device)))).cpu() for part in images.split(batch_size)])


def measure(samples: Tensor, reconstructions: Tensor, test: Dataset) -> dict:
    """Metrics of uint8 samples and of the reconstructions of the test images, the protocol in each key.

    `clf`: on features or logits of the shipped classifier; `10k`: of so many samples; `test`: against all test images.
    Keys that need a classifier are absent where the package has none for the data set.
    """
    error = ((reconstructions.float() - test.images.float()) / 255).square().mean().item()
    values = {"reconstruction_mse_test": error}
    if test.name in EVALUATOR_OF:
        evaluator = load_evaluator(test.name)
        features, logits = evaluator.measure(_cropped(samples))
        reference, _ = evaluator.measure(_cropped(test.images))
        histogram = class_histogram(logits)
        protocol, count = f"{EVALUATOR_OF[test.name]}_clf", _thousands(len(samples))
        values |= {
            f"fid_{protocol}_{count}_test": frechet_distance(features, reference),
            f"score_{protocol}_{count}": classifier_score(logits),
            f"score_{protocol}_100": classifier_score(logits[:100]),
            f"entropy_{protocol}_{count}": entropy(histogram),
            f"histogram_{protocol}_{count}": histogram.tolist(),
        }
    return values


def _cropped(images: Tensor) -> Tensor:
    """The middle 28x28 pixels, which is what the classifier of digits sees."""
    margin = (images.shape[-1] - 28) // 2
    return images[..., margin : margin + 28, margin : margin + 28]


def _thousands(count: int) -> str:
    return f"{count // 1000}k" if count % 1000 == 0 else str(count)
