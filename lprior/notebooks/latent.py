"""Looking at codes: maps of them, walks between them, the manifold of a two-dimensional code, and sliders."""

from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from lprior import figures
from lprior.config import resolve
from lprior.data import DATASETS, Dataset, crop
from lprior.errors import UserError
from lprior.evaluation.judges import load_evaluator
from lprior.model import Model, load
from lprior.notebooks import comparison
from lprior.results import still
from lprior.stored import read_picture
from lprior.tiles import png

FAR, STRIP = 3, 9  # ends of the sliders, in standard deviations; images in the strip of neighbours


def generated(model: Model, count: int, test: Dataset) -> tuple[Tensor, Tensor]:
    """Codes (count, code) drawn from the model's prior, and the classes (count,) that the shipped classifier sees in
    the images decoded from them; all 0 where no classifier is shipped for the data set."""
    with torch.no_grad():
        codes = model.autoencoder.CG(model.noise(count)).cpu()
    if not DATASETS[test.name].classifier:
        return codes, torch.zeros(count, dtype=torch.int64)
    images = crop(model.decode(codes), test.images.shape[-1])
    return codes, load_evaluator(test.name).measure(images)[1].argmax(dim=1)


def flatten(parts: list[Tensor], method: str = "pca", seed: int = 0) -> list[np.ndarray]:
    """Codes (N_i, code) of several origins in the plane, (N_i, 2) each, by one projection of them all.

    `method`: "pca", linear and quick, or "tsne", which keeps neighbours together and takes a minute for 4,000 codes.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    if method not in ("pca", "tsne"):
        raise UserError(f"method {method!r} is unknown: choose 'pca' or 'tsne'")
    codes = torch.cat(parts).double().numpy()
    projection = PCA(2) if method == "pca" else TSNE(2, init="pca", random_state=seed)
    placed = codes if codes.shape[1] == 2 else projection.fit_transform(codes)
    return np.split(placed, np.cumsum([len(part) for part in parts])[:-1])


def map_figure(panels: dict[str, tuple[np.ndarray, Tensor]]) -> Figure:
    """Points (N, 2) with classes (N,) under each title, side by side on the same axes."""
    figure = Figure(figsize=(4 * len(panels), 4), layout="constrained")
    row = figure.subplots(1, len(panels), squeeze=False, sharex=True, sharey=True)[0]
    for axes, (title, (points, classes)) in zip(row, panels.items(), strict=True):
        drawn = axes.scatter(*points.T, c=classes.numpy(), cmap="tab10", vmin=-0.5, vmax=9.5, s=4, linewidths=0)
        axes.set_title(title, fontsize=9)
        axes.set(xticks=[], yticks=[])
    figure.colorbar(drawn, ax=row, ticks=range(10), fraction=0.05, pad=0.01)
    return figure


def prior_map(model: Model, test: Dataset, count: int = 2000, method: str = "pca") -> Figure:
    """Codes of the first `count` test images, by label, beside as many of the prior, by the class they decode to."""
    part = test.head(count)
    codes, classes = generated(model, len(part.images), part)
    encoded, drawn = flatten([model.encode(part.images), codes], method, model.config.seed)
    return map_figure({"codes of test images": (encoded, part.labels), "codes of the prior": (drawn, classes)})


def walks(model: Model, images: Tensor, partners: Tensor) -> Tensor:
    """uint8 images (10 N, C, H, W): rows of ten, straight in code space from each of N uint8 images to its partner."""
    start, end = model.encode(images), model.encode(partners)
    steps = torch.linspace(0, 1, figures.COLUMNS).view(1, -1, 1)
    return model.decode((start[:, None] + steps * (end - start)[:, None]).flatten(0, 1))


def manifold(model: Model) -> Tensor:
    """uint8 images (100, C, H, W) of noise on a grid that follows the quantiles of N(0, I) in two dimensions.

    Raises UserError for a model whose noise is not two-dimensional.
    """
    if model.noise(1).shape[1] != 2:
        raise UserError(f"a manifold needs noise of 2 entries, and this model has {model.noise(1).shape[1]}")
    places = torch.special.ndtri((torch.arange(figures.COLUMNS) + 0.5) / figures.COLUMNS)
    z = torch.stack(torch.meshgrid(places, places.flip(0), indexing="xy"), dim=-1).flatten(0, 1)
    return model.generate(z)


def plane(folder: str | Path | None, dataset: str, preset: str, **chosen) -> Image.Image:
    """The manifold of a run of the variant "code_2", which `comparison.obtain` finds or makes; for None the published
    picture where there is one of such a run, unless `epochs` are chosen."""
    published = comparison.published_of(resolve("lpaae", dataset, preset, "code_2"))
    if folder is None and chosen.get("epochs") is None and published:
        return read_picture(still(comparison.PUBLISHED / "latent_space", "manifold"))
    run = comparison.obtain(folder, dataset, preset, "code_2", **chosen)
    return figures.sheet(manifold(load(run.path)), padding=0)


def sliders(model: Model, most: int = 8, size: int = 448):
    """A widget: a slider for each of the first `most` entries of the noise, in standard deviations, a button that draws
    all of the noise anew, and the image that they make, smooth, of `size` pixels a side; below it its neighbours along
    the entry that was moved last, in `STRIP` steps from one end of the slider to the other. With a conditional
    variable, one more slider for s."""
    import ipywidgets as widgets

    entries = [
        widgets.FloatSlider(0.0, min=-FAR, max=FAR, step=0.1, description=f"z{i}") for i in range(model.config.noise)
    ]
    values = model.autoencoder.s.values
    s = [widgets.IntSlider(0, min=0, max=values - 1, description="s")] if values else []
    picture, strip = widgets.Image(format="png", width=size, height=size), widgets.Image(format="png", width=size)
    button, along, moved = widgets.Button(description="random"), widgets.Label(), entries[0]

    def noise(count: int) -> Tensor:
        """As the sliders are, `count` times."""
        rows = model.noise(count, s=s[0].value if s else None)
        rows[:, : len(entries)] = torch.tensor([entry.value for entry in entries])
        return rows

    def show(change: object = None) -> None:
        beside = noise(STRIP)
        beside[:, entries.index(moved)] = torch.linspace(-FAR, FAR, STRIP)
        one, others = model.generate(torch.cat([noise(1), beside])).split([1, STRIP])
        tile, row = figures.sheet(one, padding=0), figures.sheet(others, padding=0, columns=STRIP)
        tile = tile.resize((size, size), Image.Resampling.BICUBIC)
        row = row.resize((size, size // STRIP), Image.Resampling.BICUBIC)
        picture.value, strip.value, along.value = png(tile), png(row), f"{moved.description} from {-FAR} to {FAR}"

    def move(change) -> None:
        nonlocal moved
        moved = change["owner"]
        show()

    def draw(change: object = None) -> None:
        for entry, value in zip(entries, torch.randn(len(entries)).tolist(), strict=True):
            entry.unobserve(move, "value")  # else each would show what is on the way
            entry.value = value
            entry.observe(move, "value")
        show()

    for entry in entries:
        entry.observe(move, "value")
    for slider in s:
        slider.observe(show, "value")
    button.on_click(draw)
    show()
    return widgets.HBox([widgets.VBox([button, *s, *entries[:most]]), widgets.VBox([picture, strip, along])])
