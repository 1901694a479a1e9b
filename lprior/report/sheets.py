"""Sheets of samples that others published, scored by our classifiers, beside real images in samples of the same size.

`python -m lprior sheets FOLDER` writes report/sheets.json, from which the report and the claims take their numbers. The
sheets themselves are not ours to ship: their sums say which files were scored.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torchvision.transforms.functional import resize

from lprior.data import DATASETS, load
from lprior.errors import UserError
from lprior.evaluation.formulas import classifier_score
from lprior.evaluation.judges import Evaluator, load_evaluator, protocol
from lprior.figures import tiles
from lprior.outputs import replace_file
from lprior.stored import read_picture

FILE = Path(__file__).parents[2] / "report" / "sheets.json"
PADDING = 2  # pixels around each image


@dataclass(frozen=True)
class Sheet:
    """`files`: a pattern in the folder. `tile`: pixels a side of an image on it."""

    title: str
    dataset: str
    files: str
    tile: int = 32


AUTHORS = {
    f"{dataset}/{prior}{kind}": Sheet(f"{title}{suffix}", dataset, f"wang2018/{dataset}/{file}_{name}.png")
    for dataset in ("mnist", "cifar10")
    for kind, name, suffix in (
        ("", "generation", ""), ("-supervised", "supervised", ", supervised"),
        ("-unsupervised", "unsupervised", ", unsupervised"),
    )
    for prior, title, file in (("learned", "LP-AAE", "ours"), ("fixed", "fixed prior", "maae"))
}  # fmt: skip
SHEETS = AUTHORS | {
    "mnist/2018": Sheet("2018 report, epochs 58 to 67", "mnist", "skoltech2018/mnist_epoch_*.jpg", 28),
    "cifar10/2018": Sheet("2018 report", "cifar10", "skoltech2018/samples_55.jpg"),
}


def score_sheets(folder: Path) -> Iterator[tuple[str, dict]]:
    """What report/sheets.json holds of each of `SHEETS`, in a folder. Raises UserError if one is missing."""
    for dataset in dict.fromkeys(sheet.dataset for sheet in SHEETS.values()):
        judge = load_evaluator(dataset)
        real = judge.measure(load(dataset, split="test").images)[1]
        for key, sheet in SHEETS.items():
            if sheet.dataset == dataset:
                yield key, _scored(sheet, folder, judge, real)


def _scored(sheet: Sheet, folder: Path, judge: Evaluator, real: Tensor) -> dict:
    """`real`: the logits of the test images."""
    paths = sorted(folder.glob(sheet.files))
    if not paths:
        raise UserError(f"{folder} has no sheet {sheet.files}")
    images, picture = [tiles(path, sheet.tile, PADDING) for path in paths], read_picture(paths[0])
    logits = judge.measure(prepared(torch.cat(images), sheet.dataset))[1]
    alike = torch.tensor([classifier_score(part) for part in real.split(len(logits)) if len(part) == len(logits)])
    return {
        "title": sheet.title, "dataset": sheet.dataset,
        "files": {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths},
        "grid": [side // (sheet.tile + PADDING) for side in (picture.height, picture.width)], "tile": sheet.tile,
        "images": len(logits), "protocol": protocol(sheet.dataset), "score": round(classifier_score(logits), 4),
        "real": {"samples": len(alike), "mean": round(alike.mean().item(), 4), "sd": round(alike.std().item(), 4)},
    }  # fmt: skip


def prepared(images: Tensor, dataset: str) -> Tensor:
    """uint8 images (N, 3, H, W) of a sheet as the classifier of a data set takes them.

    Of grey ones the median, which is the background, becomes black and the brightest pixel white; digits on the
    authors' sheets had been enlarged from 28 pixels a side to 32.
    """
    spec = DATASETS[dataset]
    if spec.channels == 3:
        return images
    grey = resize(images.float().mean(dim=1, keepdim=True), [spec.size, spec.size], antialias=True)
    dark = grey.flatten(1).median(dim=1).values.view(-1, 1, 1, 1)
    bright = grey.amax(dim=(1, 2, 3), keepdim=True)
    return (255 * (grey - dark) / (bright - dark).clamp(min=1)).clamp(0, 255).round().to(torch.uint8)


def write_sheets(folder: Path) -> None:
    """Score the sheets in a folder into report/sheets.json, and print the scores."""
    found = dict(score_sheets(folder))
    replace_file(FILE, (json.dumps(found, indent=1) + "\n").encode())
    for key, row in found.items():
        real = f"{row['real']['mean']:.2f} +- {row['real']['sd']:.2f}"
        print(f"{key:26}  {row['score']:.2f} of {row['images']} images; real ones {real}")


def published() -> dict[str, dict]:
    """What report/sheets.json holds."""
    return json.loads(FILE.read_text())
