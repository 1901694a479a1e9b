"""Sheets of samples that others published, scored by our classifiers, beside real images in samples of the same size.

`python -m lprior sheets FOLDER` writes report/sheets.json, from which the report and the claims take their numbers. The
sheets themselves are not ours to ship: their sums say which files were scored.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torchvision.transforms.functional import resize

from lprior.clone import CLONE
from lprior.data import DATASETS, load
from lprior.errors import UserError
from lprior.evaluation.formulas import classifier_score
from lprior.evaluation.judges import load_evaluator, protocol
from lprior.figures import tiles
from lprior.outputs import replace_file
from lprior.report.latex import escape
from lprior.results import RunFolder
from lprior.runs import title_of
from lprior.stored import read_picture

FILE = CLONE / "report" / "sheets.json"
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
    for sheet in SHEETS.values():
        if not any(folder.glob(sheet.files)):
            raise UserError(f"{folder} has no sheet {sheet.files}")
    for dataset in dict.fromkeys(sheet.dataset for sheet in SHEETS.values()):
        test = load(dataset, split="test").images
        judges = {name: Scale(dataset, test, second=name == "second") for name in ("first", "second")}
        in_colour = DATASETS[dataset].channels == 3
        for key, sheet in SHEETS.items():
            if sheet.dataset == dataset:
                images, facts = _read(sheet, folder)
                facts |= {name: judge.measure(images) for name, judge in judges.items()}
                if in_colour:
                    facts |= {"contrasts": contrasts(images), "real contrasts": contrasts(test)}
                yield key, facts


def _read(sheet: Sheet, folder: Path) -> tuple[Tensor, dict]:
    """Its images as a classifier takes them, and what it is."""
    paths = sorted(folder.glob(sheet.files))
    images = prepared(torch.cat([tiles(path, sheet.tile, PADDING) for path in paths]), sheet.dataset)
    picture = read_picture(paths[0])
    return images, {
        "title": sheet.title, "dataset": sheet.dataset,
        "files": {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths},
        "grid": [side // (sheet.tile + PADDING) for side in (picture.height, picture.width)], "tile": sheet.tile,
        "images": len(images),
    }  # fmt: skip


def contrasts(images: Tensor) -> list[float]:
    """Of uint8 images (N, C, H, W), as standard deviations in their unit: that of an image's values, as the mean over
    images, and that of the images' means."""
    values = images.float().flatten(1)
    return [round(number.item(), 2) for number in (values.std(dim=1).mean(), values.mean(dim=1).std())]


def contrasts_in_words(runs: Iterable[RunFolder], dataset: str) -> str:
    """Of the sheets of the runs, of published ones of a data set and of real images, in LaTeX."""
    others = {sheet["title"]: sheet for sheet in published().values() if sheet["dataset"] == dataset}
    real = next((sheet["real contrasts"] for sheet in others.values() if "real contrasts" in sheet), None)
    if real is None:
        return "Contrasts of sheets were not measured."
    ours = {
        title_of(run.config().model): contrasts(tiles(run.still("samples"), run.config().image_size, PADDING))
        for run in runs if run.has_still("samples")
    }  # fmt: skip
    theirs = {title: sheet["contrasts"] for title, sheet in others.items()}

    def said(found: dict[str, list[float]]) -> str:
        return "; ".join(f"{escape(title)} {one:.0f} and {other:.0f}" for title, (one, other) in found.items())

    return (
        f"Values of real pictures, in 256 steps, have a standard deviation of {real[0]:.0f} within a picture, and "
        f"their means one of {real[1]:.0f}. On our sheets these are: {said(ours)}. On published ones: {said(theirs)}."
    )


class Scale:
    """A judge of a data set, and what it says of real images in samples of any size. `test`: uint8 (N, C, H, W)."""

    def __init__(self, dataset: str, test: Tensor, second: bool):
        self.judge, self.protocol = load_evaluator(dataset, second), protocol(dataset, second)
        self.real = self.judge.measure(test)[1]

    def measure(self, images: Tensor) -> dict:
        """Their score, and mean and standard deviation of the scores of disjoint samples of as many real images."""
        samples = [part for part in self.real.split(len(images)) if len(part) == len(images)]
        alike = torch.tensor([classifier_score(part) for part in samples])
        return {
            "protocol": self.protocol, "score": round(classifier_score(self.judge.measure(images)[1]), 4),
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
    for key, sheet in found.items():
        by_both = (_in_words(sheet[name]) for name in ("first", "second"))
        print(f"{key:26}  {sheet['images']} images", *by_both, sep=", ")


def _in_words(judge: dict) -> str:
    return f"{judge['score']:.2f} (real {judge['real']['mean']:.2f} +- {judge['real']['sd']:.2f})"


def real_like(sheet: dict) -> str:
    """The score of real images in samples as large as a sheet of `published`, by the first judge: mean and standard
    deviation, in LaTeX."""
    real = sheet["first"]["real"]
    return rf"${real['mean']:.2f} \pm {real['sd']:.2f}$"


def published() -> dict[str, dict]:
    """What report/sheets.json holds."""
    return json.loads(FILE.read_text())
