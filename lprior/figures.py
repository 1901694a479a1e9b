"""Pictures of a run: tensors of tiles as PNG and GIF, and matplotlib figures."""

import io
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont, ImageOps
from torch import Tensor
from torchvision.transforms.functional import pil_to_tensor
from torchvision.utils import make_grid

from lprior.errors import UserError
from lprior.outputs import replace_file
from lprior.stored import read_picture
from lprior.tiles import COLUMNS, sheet
from lprior.tiles import png as picture_png

FOLLOWED = 20  # samples, in the figure of an evolution
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


def evolution_figure(frames: dict[int, Path], size: int) -> Figure:
    """Samples from the same noise, a column each, over epochs, a row each; at most `MOST_ROWS` of the epochs."""
    chosen = spaced(sorted(frames), MOST_ROWS)
    strips = [make_grid(tiles(frames[epoch], size)[:FOLLOWED], nrow=FOLLOWED, padding=1) for epoch in chosen]
    figure = Figure(figsize=(FOLLOWED * 0.28 + 0.3, len(chosen) * 0.3), layout="constrained")
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
    save_frames(pictures, path, quality=90)


def save_frames(pictures: list[Image.Image], path: Path, **options: Any) -> None:
    """An animation that goes round, of a frame each 0.4 seconds, the last of which stays two. `options`: of Pillow, for
    the format."""
    durations = [400] * (len(pictures) - 1) + [2000]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=durations, loop=0, **options)


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
        picture.save(f"{stem}.png", optimize=True)
    else:
        picture.save(f"{stem}.jpg", quality=quality, optimize=True)


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
    content = png(picture) if isinstance(picture, Figure) else picture_png(picture)
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"{name}.png").write_bytes(content)
    return Shown(data=content, width=None if isinstance(picture, Figure) else 2 * picture.width)


def png(figure: Figure) -> bytes:
    """A figure as the bytes of a PNG, which a notebook shows without a plotting backend."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()
