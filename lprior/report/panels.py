"""Small sheets that the report sets side by side: samples of models, real images, and what others published."""

import hashlib
from math import isqrt
from pathlib import Path

import pandas as pd
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import pil_to_tensor

from lprior import figures
from lprior.config import RunConfig
from lprior.data import DATASETS, crop
from lprior.errors import UserError
from lprior.report.frame import MIXTURE
from lprior.report.parts import Part, first_seeds
from lprior.report.sheets import PADDING, SHEETS, published
from lprior.results import RunFolder
from lprior.stored import read_picture
from lprior.tiles import COLUMNS, sheet

SIDE = 7  # tiles a side of a panel, at most
OTHERS = ("mnist/2018", "mnist/learned", "cifar10/2018", "cifar10/learned")  # of `sheets.SHEETS`
EVOLUTIONS = {  # data set -> the 2018 report's picture of all its epochs, and its SHA-256
    "mnist": (
        "skoltech2018/MNIST-original-evolution.png", "cc752f3f6369dfa8073c314fef2e0601a10f40d7b6e95b83bc54a6147fe15a35"
    ),
    "cifar10": (
        "skoltech2018/CIFAR-original-evolution.png", "18a3d200c804ccabc2aab69dafdeb5bd1842ded4b30e339cc78bbf15ded81915"
    ),
}  # fmt: skip
CONTROL = "lpaae-fixed"  # the model whose mixture is shown beside the models' own samples


def write_panels(part: Part, table: pd.DataFrame, runs: dict[str, RunFolder], folder: Path) -> bool:
    """<model>-side, the first samples of each model's first seed; control-side, those of the mixture fitted to the
    codes of `CONTROL`; and real-side, the first test images. Whether there is a control's."""
    first = first_seeds(table)
    for key, facts in first.iterrows():
        _save(tiles_of(runs[facts["run"]], "samples"), folder / f"{part.file}{key}-side")
    _save(real(runs[first["run"].iloc[0]]), folder / f"{part.file}real-side")
    measured = f"{MIXTURE}FID" in table
    control = measured and CONTROL in first.index and runs[first.at[CONTROL, "run"]].has_still("mixture")
    if control:
        _save(tiles_of(runs[first.at[CONTROL, "run"]], "mixture"), folder / f"{part.file}control-side")
    return control


def write_others(source: Path, folder: Path) -> None:
    """others-<sheet> for each of `OTHERS`, its first images as they were published, and others-<data set>-evolution for
    each of `EVOLUTIONS`. Raises UserError unless `source` holds the very files that report/sheets.json has the scores
    of, and those of `EVOLUTIONS`."""
    for dataset, (name, digest) in EVOLUTIONS.items():
        if not _is(source / name, digest):
            raise UserError(f"{source / name} is not the picture of epochs that the report shows")
        figures.save_for_print(source / name, folder / f"others-{dataset}-evolution", times=1)
    for key in OTHERS:
        for name, digest in published()[key]["files"].items():
            if not _is(source / name, digest):
                raise UserError(f"{source / name} is not the sheet that report/sheets.json has the score of")
        paths = [source / name for name in published()[key]["files"]]
        images = torch.cat([figures.tiles(path, SHEETS[key].tile, PADDING) for path in paths])
        _save(images, folder / f"others-{key.replace('/', '-')}")


def _is(path: Path, digest: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest


def real(run: RunFolder) -> Tensor:
    """uint8 test images (N, 3, H, W): the upper ones of the pairs that a run has reconstructed."""
    return tiles_of(run, "reconstructions").unflatten(0, (-1, 2, COLUMNS))[:, 0].flatten(0, 1)


def tiles_of(run: RunFolder, stem: str) -> Tensor:
    """uint8 images (N, 3, H, W) of one of a run's sheets, of the data set's size."""
    config: RunConfig = run.config()
    return crop(figures.tiles(run.still(stem), config.image_size, padding=PADDING), DATASETS[config.dataset].size)


def unlabelled(path: Path) -> Image.Image:
    """The picture of an evolution without the numbers left of its rows, which would be too small to read in print."""
    picture = read_picture(path).convert("RGB")
    used = pil_to_tensor(picture.convert("L")).squeeze(0) < 250  # of white
    rows, columns = used.float().mean(dim=1) > 0.5, used.float().mean(dim=0) > 0.5
    if not rows.any() or not columns.any():
        return picture
    (top, *_, bottom), (left, *_, right) = (found.nonzero().flatten().tolist() for found in (rows, columns))
    return picture.crop((left, top, right + 1, bottom + 1))


def _save(images: Tensor, stem: Path) -> None:
    side = min(SIDE, isqrt(len(images)))
    figures.save_for_print(sheet(images[: side**2], padding=1, columns=side), stem, quality=85)
