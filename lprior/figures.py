"""Pictures of a run: tensors of tiles as PNG and GIF, and matplotlib figures."""

import io
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, LogLocator, MaxNLocator, NullFormatter
from PIL import Image, ImageDraw, ImageFont, ImageOps
from torch import Tensor
from torchvision.transforms.functional import pil_to_tensor
from torchvision.utils import make_grid

from lprior.errors import UserError
from lprior.evaluation.metrics import in_words
from lprior.outputs import replace_file
from lprior.stored import read_picture
from lprior.tiles import COLUMNS, sheet

MOST_ROWS, MOST_FRAMES = 14, 51  # of the figure of an evolution, and of its animation
ENDINGS = {".png": "png", ".webp": "webp", ".jpg": "jpeg", ".jpeg": "jpeg", ".gif": "gif", ".bmp": "bmp"}


def save(picture: Image.Image, path: Path) -> None:
    """As a file that ends in one of ENDINGS, and appears whole or not at all. Raises UserError for a picture that is
    larger than such a file can be."""
    kind, content = ENDINGS[path.suffix.lower()], io.BytesIO()
    try:
        picture.save(content, format=kind)
    except (OSError, ValueError, struct.error, OverflowError) as error:
        size = f"{picture.width} x {picture.height} pixels"
        raise UserError(f"{path} cannot be written: {size} are too many for a {path.suffix} file") from error
    replace_file(path, content.getvalue())


def tiles(path: Path, size: int, padding: int = 0) -> Tensor:
    """The inverse of `sheet`: uint8 images (N, 3, size, size) of a picture in reading order."""
    picture = pil_to_tensor(read_picture(path).convert("RGB"))[:, padding:, padding:]
    rows = picture.unfold(1, size, size + padding).unfold(2, size, size + padding)
    return rows.permute(1, 2, 0, 3, 4).flatten(0, 1)


def paired_sheet(images: Tensor, partners: Tensor) -> Image.Image:
    """Rows of ten images alternate with rows of what belongs to each. Both uint8 (N, C, H, W), N a multiple of 10."""
    pairs = torch.stack([images.unflatten(0, (-1, COLUMNS)), partners.unflatten(0, (-1, COLUMNS))], dim=1)
    return sheet(pairs.flatten(0, 2))


def spaced(items: Sequence, most: int) -> list:
    """At most so many of the items, about evenly spaced, the first and the last among them."""
    count = min(most, len(items))
    return [items[round((len(items) - 1) * i / max(1, count - 1))] for i in range(count)]


def side_by_side(pictures: list[Image.Image]) -> Image.Image:
    """From left to right, on white, 16 pixels apart."""
    width = sum(picture.width + 16 for picture in pictures) - 16
    whole = Image.new("RGB", (width, max(picture.height for picture in pictures)), "white")
    left = 0
    for picture in pictures:
        whole.paste(picture, (left, 0))
        left += picture.width + 16
    return whole


def evolution_figure(frames: dict[int, Path], size: int, columns: int = 20, most_rows: int = MOST_ROWS) -> Figure:
    """Samples from the same noise, a column each, over epochs, a row each; at most `most_rows` of the epochs."""
    chosen = spaced(sorted(frames), most_rows)
    strips = [make_grid(tiles(frames[epoch], size)[:columns], nrow=columns, padding=1) for epoch in chosen]
    figure = Figure(figsize=(columns * 0.28 + 0.3, len(chosen) * 0.3), layout="constrained")
    for axes, epoch, strip in zip(figure.subplots(len(chosen), squeeze=False)[:, 0], chosen, strips, strict=True):
        axes.imshow(strip.permute(1, 2, 0).numpy(), interpolation="nearest")
        axes.set(xticks=[], yticks=[], frame_on=False)
        axes.set_ylabel(str(epoch), rotation=0, ha="right", va="center", fontsize=7)
    figure.get_layout_engine().set(h_pad=0.01, w_pad=0.01, hspace=0, wspace=0)
    return figure


def save_evolution(frames: dict[int, Path], path: Path) -> None:
    """An animation of the sheets of samples over epochs, at most `MOST_FRAMES` of them, at twice their size and each
    labelled; the last one stays two seconds. In a GIF grey is exact, and colours are the nearest of 256; a WebP has all
    of them."""
    pictures, font = [], ImageFont.load_default(20)
    for epoch in spaced(sorted(frames), MOST_FRAMES):
        tiles = ImageOps.scale(read_picture(frames[epoch]).convert("RGB"), 2, Image.Resampling.NEAREST)
        picture = ImageOps.expand(tiles, (0, 28, 0, 0))
        ImageDraw.Draw(picture).text((6, 2), f"epoch {epoch}", fill="white", font=font)
        pictures.append(picture)
    if path.suffix == ".gif":
        pictures = [
            each.convert("L") if is_grey(each) else each.quantize(256, dither=Image.Dither.NONE) for each in pictures
        ]
    durations = [400] * (len(pictures) - 1) + [2000]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=durations, loop=0, quality=90)


def is_grey(picture: Image.Image) -> bool:
    """Whether a picture in RGB has no other colours."""
    red, green, blue = picture.split()
    return red.tobytes() == green.tobytes() == blue.tobytes()


def save_for_print(source: Path | Image.Image, stem: Path, times: int = 3, quality: int = 50) -> None:
    """A picture as the report takes it. In grey a PNG, `times` larger without smoothing, so that pixels stay pixels
    wherever it is shown; in colour, where that would take megabytes, a JPEG of its own size."""
    picture = (read_picture(source) if isinstance(source, Path) else source).convert("RGB")
    if is_grey(picture):
        picture = picture.convert("L").resize((times * picture.width, times * picture.height), Image.Resampling.NEAREST)
        picture.save(f"{stem}.png")
    else:
        picture.save(f"{stem}.jpg", quality=quality)


def save_pdf(figure: Figure, path: Path) -> None:
    """Without a date, so that the same runs give the same bytes."""
    buffer = io.BytesIO()  # of a full disk, matplotlib's own writer would say something else
    figure.savefig(buffer, format="pdf", metadata={"CreationDate": None})
    path.write_bytes(buffer.getvalue())


def save_svg(figure: Figure, path: Path) -> None:
    """Without a date or random names, so that the same run gives the same bytes."""
    with rc_context({"svg.hashsalt": "lprior"}):
        figure.savefig(path, format="svg", metadata={"Date": None}, transparent=True)


def show(picture: Figure | Image.Image | Path, name: str = "", folder: str | Path | None = None):
    """A picture, or that of a file, as a notebook shows it: tiles at twice their size. With `folder`, it is saved there
    too, as `name`.png."""
    from IPython.display import Image as Shown

    picture = read_picture(picture) if isinstance(picture, Path) else picture
    if isinstance(picture, Figure):
        content = png(picture)
    else:
        buffer = io.BytesIO()
        picture.save(buffer, format="png")
        content = buffer.getvalue()
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"{name}.png").write_bytes(content)
    return Shown(data=content, width=None if isinstance(picture, Figure) else 2 * picture.width)


def png(figure: Figure) -> bytes:
    """A figure as the bytes of a PNG, which a notebook shows without a plotting backend."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()


def loss_figure(log: pd.DataFrame) -> Figure:
    """Every loss of a run's log over epochs, a panel each."""
    names = [name for name in log.columns if name.startswith("L_")]
    figure = Figure(figsize=(2.2 * len(names), 1.7))
    for axes, name in zip(_panels(figure, len(names), top=0.25), names, strict=True):
        axes.plot(log["epoch"], log[name], marker=".", color="black", linewidth=0.8, label=name)
        axes.set_title(name, fontsize=8, family="monospace", y=1)
        axes.set_xlabel("epoch", fontsize=7)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def metrics_figure(log: pd.DataFrame) -> Figure:
    """Score and FID of few samples, as the log has them, over epochs; the upper axis counts minutes of training."""
    names = [name for name in log.columns if name.startswith(("score_", "fid_"))]
    figure = Figure(figsize=(2.6 * max(1, len(names)), 1.9))
    for axes, name in zip(_panels(figure, max(1, len(names)), top=0.54), names, strict=False):
        axes.plot(log["epoch"], log[name], marker=".", color="black", linewidth=0.8, label=name)
        axes.set_title(in_words(name), fontsize=7, y=1, pad=27)
        axes.set_xlabel("epoch", fontsize=7)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        minutes = axes.secondary_xaxis("top", functions=_minutes(log))
        minutes.set_xlabel("minutes", fontsize=7)
        if name.startswith("fid_"):
            logarithmic(axes)
        for axis in (axes, minutes):
            axis.tick_params(which="both", labelsize=6)
    return figure


def redraw(figure: Figure, log: pd.DataFrame) -> None:
    """Make a `loss_figure` or a `metrics_figure` that of another run with the same columns, in a third of the time that
    a new one takes."""
    for axes in figure.axes:
        for line in axes.lines:
            line.set_data(log["epoch"], log[line.get_label()])
        axes.relim()
        axes.autoscale_view()
        for minutes in axes.child_axes:
            minutes.set_functions(_minutes(log))


def _minutes(log: pd.DataFrame) -> tuple[Callable, Callable]:
    """From epochs to minutes of training, and back."""
    per_epoch = log["seconds"].mean() / 60
    return lambda x: x * per_epoch, lambda x: x / per_epoch


def _panels(figure: Figure, count: int, top: float) -> list[Axes]:
    """From left to right, with margins in inches: matplotlib's own layout would draw everything twice."""
    width, height = figure.get_size_inches()
    left, right, bottom = 0.45, 0.05, 0.38
    size = (width / count - left - right) / width, (height - bottom - top) / height
    return [figure.add_axes((i / count + left / width, bottom / height, *size)) for i in range(count)]


def course_figure(log: pd.DataFrame) -> Figure:
    """FID and score of few samples over epochs, and below every cost of a run's log in one panel."""
    figure = Figure(figsize=(3.1, 2.2), layout="constrained")
    panels = figure.subplot_mosaic([["fid_", "score_"], ["L_", "L_"]])
    for beginning, axes in panels.items():
        for name in (name for name in log.columns if name.startswith(beginning)):
            axes.plot(log["epoch"], log[name], marker=".", markersize=3, linewidth=0.8, label=cost_symbol(name))
            axes.set_title("costs" if beginning == "L_" else in_words(name), fontsize=7)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.spines[["top", "right"]].set_visible(False)
    if panels["L_"].lines:
        panels["L_"].set_xlabel("epoch", fontsize=7)
        panels["L_"].legend(fontsize=6.5, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), borderpad=0)
    for axes in (panels["fid_"], panels["L_"]):
        if axes.lines and min(min(line.get_ydata()) for line in axes.lines) > 0:
            axes.set_yscale("log")
            low, high = axes.get_ylim()
            axes.yaxis.set_major_locator(LogLocator(numticks=4) if high > 15 * low else MaxNLocator(4))
            axes.yaxis.set_major_formatter(lambda x, _: f"{x:g}")
            axes.yaxis.set_minor_formatter(NullFormatter())
    for axes in panels.values():
        axes.tick_params(which="both", labelsize=6.5)
    return figure


def cost_symbol(name: str) -> str:
    """A cost's name in the code as the papers write it: L_GAN_C is L with "GAN" below and "C" above."""
    _, below, *above = name.split("_")
    return rf"$L_{{\mathrm{{{below}}}}}" + (rf"^{{\mathrm{{{' '.join(above)}}}}}$" if above else "$")


def progress_figure(logs: dict[str, list[pd.DataFrame]]) -> Figure:
    """Score and FID of few samples over minutes of training: a colour per model, a line per seed."""
    figure = Figure(figsize=(6.4, 2.6), layout="constrained")
    for axes, beginning in zip(figure.subplots(1, 2), ("score_", "fid_"), strict=True):
        for index, (model, runs) in enumerate(logs.items()):
            for number, log in enumerate(runs):
                name = next((name for name in log.columns if name.startswith(beginning)), None)
                if name is not None:
                    label = model if number == 0 else None
                    axes.plot(log["seconds"].cumsum() / 60, log[name], color=f"C{index}", linewidth=0.9, label=label)
                    axes.set_title(in_words(name), fontsize=8)
        axes.set_xlabel("minutes of training", fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        if beginning == "fid_":
            logarithmic(axes)
        axes.tick_params(which="both", labelsize=8)
    if figure.axes[0].lines:
        handles = figure.axes[0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", ncols=4, fontsize=7, frameon=False)
    return figure


def logarithmic(axes: Axes) -> None:
    """A logarithmic vertical axis with plain numbers, 20 and not 2x10^1, between the powers of ten too where there is
    only one or none."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(_Plain())
    axes.yaxis.set_minor_formatter(_Plain())


class _Plain(LogFormatter):
    """Labels what LogFormatter would, in another way."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if super().__call__(x, pos) else ""
