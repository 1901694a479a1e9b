"""Attributes that are measured on the image itself, as notebooks show them: tables in words, directions, swaps."""

import math

import pandas as pd
import torch
from IPython.display import Image as Shown
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image
from torch import Tensor

from lprior import data, figures
from lprior.algorithms.conditions import VALUES, with_s
from lprior.data import DATASETS, Dataset
from lprior.errors import UserError
from lprior.evaluation.arithmetic import MEASURED, direction
from lprior.evaluation.attributes import RULERS, Ruler
from lprior.evaluation.disentanglement import s_of_images, style
from lprior.evaluation.judges import evaluator_description
from lprior.evaluation.measurement import further
from lprior.evaluation.metrics import metric_of
from lprior.model import Model, load
from lprior.results import RunFolder, unpublished_weights
from lprior.stored import read_picture

STEPS = (-1.0, -0.5, 0.0, 0.5, 1.0)  # of a direction
WORDS = {"thickness": "stroke width"}
QUANTITIES = {"r": "correlation", "slope": "slope", "class": "class stays, %"}
OF_S = {  # what is shown of s and z -> the end of its titles, one for each attribute
    "kept when s changes, correlation": "kept", "the same with z shuffled": "shuffled",
    "kept with another image's s, correlation": "swapped", "the same with its own s": "own",
}  # fmt: skip
ALONE = {
    "s found in z by logistic regression, %": "linear probe", "by ten nearest neighbours, %": "nearest neighbours",
    "by naming the most frequent s, %": "chance", "class of the other image's s, %": "swapped obeyed",
}  # fmt: skip


def measured(result: RunFolder) -> dict[str, float]:
    """The metrics of attributes of a run, by their titles in `evaluation.metrics`, scaled as they are shown: those that
    `python -m lprior attributes` has left there, or else measured now, which takes a minute."""
    values = result.metrics()
    if not titled(values):
        model = load(result.path)
        config = model.config
        values = further(model, *data.split(config.dataset, images=config.images, validation=config.validation))
    return titled(values)


def titled(values: dict) -> dict[str, float]:
    """Of metrics of attributes, title -> number as it is shown; what has no value is left out."""
    found: dict[str, float] = {}
    for key, value in values.items():
        metric = metric_of(key)
        if metric is None or not metric.further or isinstance(value, str):
            continue
        parts = metric.parts or {metric.title: (lambda number: number, None)}
        found |= {title: metric.scale * of(value) for title, (of, _) in parts.items()}
    return found


def arithmetic_in_words(models: dict[str, dict[str, float]], dataset: str) -> pd.DataFrame:
    """Of models, title -> `measured`, on one data set: a row for each attribute with its unit; the control first, and
    of each correlation and slope of what was obtained on what was wanted, and how often the class stays."""
    ruler = _ruler(dataset)
    first = next(iter(models.values()))
    columns = {"principal components": (first, "PCA ")} | {title: (found, "") for title, found in models.items()}
    return pd.DataFrame({
        (title, word): {_with_unit(name, ruler): found.get(f"{before}{name} {what}") for name in ruler.names}
        for title, (found, before) in columns.items() for what, word in QUANTITIES.items()
    }).round(2)  # fmt: skip


def disentanglement_in_words(models: dict[str, dict[str, float]], dataset: str) -> pd.DataFrame:
    """Of models with s, title -> `measured`: what s and z say, a row each; beside them what real images reach, of which
    others of the same style were chosen (`disentanglement.of_real_images`)."""
    ruler = _ruler(dataset)
    rows = ALONE | {
        f"{WORDS.get(name, name)} {words}": f"{name} {what}" for words, what in OF_S.items() for name in ruler.names
    }
    real = titled(evaluator_description(dataset)["anchors"]) if DATASETS[dataset].classifier else {}
    columns = {"real images": real} | models
    table = {title: {words: found.get(name) for words, name in rows.items()} for title, found in columns.items()}
    return pd.DataFrame(table, dtype=float).round(2).dropna(how="all")


def information_figure(runs: dict[str, RunFolder]) -> Figure:
    """L_info of runs with s, by their titles, over epochs, and what it is of a Q that knows nothing. Raises UserError
    for a run that has no such loss."""
    figure = Figure(figsize=(5, 2.6), layout="constrained")
    axes = figure.subplots()
    for title, run in runs.items():
        log = run.log()
        if "L_info" not in log:
            raise UserError(f"{run.path} has no L_info: it is no run of a variant with s")
        axes.plot(log["epoch"], log["L_info"], marker=".", linewidth=0.9, label=title)
    axes.axhline(math.log(VALUES), color="grey", linestyle="--", linewidth=0.8, label=f"knowing nothing: log {VALUES}")
    axes.set_title("How well Q tells from an image which s it was made for", fontsize=9)
    axes.set_ylabel("cost of Q's answer, nats", fontsize=8)
    axes.set_xlabel("epoch", fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=8, loc="center right")
    return figure


def _ruler(dataset: str) -> Ruler:
    return RULERS[DATASETS[dataset].family]


def _with_unit(name: str, ruler: Ruler) -> str:
    return f"{WORDS.get(name, name)}, {ruler.units[ruler.names.index(name)]}"


def measures_figure(images: Tensor, ruler: Ruler) -> Figure:
    """uint8 images (N, C, H, W) beside each other, and below each what was measured on it, a line each."""
    figure = Figure(figsize=(0.8 * len(images) + 1, 1.5), layout="constrained")
    for axes, image, values in zip(figure.subplots(1, len(images)), images, ruler.measure(images), strict=True):
        _draw(axes, image)
        axes.set_xlabel("\n".join(f"{value:.1f}" for value in values.tolist()), fontsize=7)
    names = "\n".join(_with_unit(name, ruler) for name in ruler.names)
    figure.axes[0].text(-0.3, -0.08, names, fontsize=7, ha="right", va="top", transform=figure.axes[0].transAxes)
    return figure


def directions_figure(models: dict[str, Model], train: Dataset, images: Tensor) -> Figure:
    """uint8 images (N, C, H, W), N rows for each attribute: decoded from codes that were moved along its direction, in
    `STEPS`, a block for each of the models (by their titles). Below each image what was measured on it."""
    ruler, train = _ruler(train.name), train.head(MEASURED)
    of_train, rows = ruler.measure(train.images), len(ruler.names) * len(images)
    figure = Figure(figsize=(len(models) * len(STEPS) * 0.62 + 0.8, rows * 0.78 + 0.3), layout="constrained")
    grid = figure.subplots(rows, len(models) * len(STEPS), squeeze=False)
    for block, (title, model) in enumerate(models.items()):
        codes, start = model.encode(train.images), model.encode(images)
        for i, name in enumerate(ruler.names):
            way, _ = direction(codes, of_train[:, i])
            for j, step in enumerate(STEPS):
                moved = data.crop(model.decode(start + step * way), images.shape[-1])
                for k, (image, value) in enumerate(zip(moved, ruler.measure(moved)[:, i].tolist(), strict=True)):
                    axes = grid[i * len(images) + k, block * len(STEPS) + j]
                    _draw(axes, image)
                    axes.set_xlabel(f"{value:.1f}", fontsize=6, labelpad=1)
                    if i == k == 0:
                        axes.set_title(f"{title}\n{step:+g}" if j == len(STEPS) // 2 else f"{step:+g}", fontsize=7)
                    if block == j == 0:
                        axes.set_ylabel(_with_unit(name, ruler).replace(", ", "\n"), fontsize=6)
    return figure


def _draw(axes: Axes, image: Tensor) -> None:
    axes.imshow(image.permute(1, 2, 0).squeeze(-1).numpy(), cmap="gray", vmin=0, vmax=255)
    axes.set(xticks=[], yticks=[])


def swaps(model: Model, images: Dataset) -> Tensor:
    """uint8 images (10 * 11, C, H, W): a row of ten images, and below it a row for each value of s, made from this s
    and the z of the image above."""
    part = images.head(VALUES)
    z = style(model, part.images, s_of_images(model, part))
    noise = torch.cat([with_s(z, torch.full((VALUES,), s)) for s in range(VALUES)])
    made = data.crop(model.generate(noise.to(model.device)), part.images.shape[-1])
    return torch.cat([part.images, made])


def swapped(run: RunFolder, test: Dataset) -> Shown | Image.Image:
    """The sheet of `swaps` of a run, as a notebook shows it. Of a run that is published without its weights, its
    evolution, after a line that says so."""
    if note := unpublished_weights(run):
        print(
            f"{note}, into a folder that is a parameter here. Shown is how its samples became so: a column is one "
            "noise vector, a row an epoch."
        )
        return read_picture(run.still("evolution"))
    return figures.show(figures.sheet(swaps(load(run.path), test)))
