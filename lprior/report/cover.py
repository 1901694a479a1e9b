"""The README's picture: samples of models side by side with real images, and below each its FID."""

from pathlib import Path

import pandas as pd
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from lprior.data import DATASETS
from lprior.errors import UserError
from lprior.report.frame import MIXTURE, anchors, form, table_of
from lprior.report.latex import plain, spread
from lprior.report.panels import CONTROL, SIDE, real, tiles_of
from lprior.results import finished
from lprior.runs import title_of
from lprior.tiles import sheet

MODELS = ("aae", "lpaae-fixed", "lpaae")
TIMES = 2  # larger than the images are
GAP, LINE = 16, 34  # pixels between panels, and of a line of text


def cover(folder: Path, dataset: str) -> Image.Image:
    """Of the runs in `folder`: a panel for each of `MODELS`, of its first seed, one of the control beside `CONTROL`, if
    it is kept, and one of test images. The FID is the mean over its seeds; of real images, that of training images.
    Raises UserError if a model has no run there."""
    runs = [run for run in finished(folder) if run.config().dataset == dataset]
    of_model = {model: [run for run in runs if run.config().model == model] for model in MODELS}
    if missing := [title_of(model) for model, found in of_model.items() if not found]:
        raise UserError(f"{folder} holds no finished run on {dataset} of {', '.join(missing)}")
    first = {model: min(found, key=lambda run: run.config().seed) for model, found in of_model.items()}
    panels = []
    for model, found in of_model.items():
        table = table_of(found)
        panels.append((title_of(model), _fid(table["FID"]), tiles_of(first[model], "samples")))
        if model == CONTROL and first[model].has_still("mixture"):
            panels.append(("… with mixture", _fid(table[f"{MIXTURE}FID"]), tiles_of(first[model], "mixture")))
    panels.append(("real", _fid(pd.Series([anchors(dataset)["FID"]])), real(first[MODELS[-1]])))
    whole = _side_by_side(panels)
    return whole.convert("L").quantize(16) if DATASETS[dataset].channels == 1 else whole  # a third of the bytes


def _fid(values: pd.Series) -> str:
    return f"FID {plain(spread(values, form('FID')))}"


def _side_by_side(panels: list[tuple[str, str, Tensor]]) -> Image.Image:
    """Each a title above, a line below, and tiles."""
    pictures = [sheet(tiles[: SIDE**2], padding=1, columns=SIDE) for _, _, tiles in panels]
    width, height = (TIMES * length for length in pictures[0].size)
    whole = Image.new("RGB", (len(panels) * (width + GAP) - GAP, height + 2 * LINE), "white")
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(24)
    for number, ((above, below, _), picture) in enumerate(zip(panels, pictures, strict=True)):
        left = number * (width + GAP)
        whole.paste(picture.resize((width, height), Image.Resampling.NEAREST), (left, LINE))
        for text, middle in ((above, LINE / 2), (below, height + 1.5 * LINE)):
            draw.text((left + width / 2, middle), text, fill="black", font=font, anchor="mm")
    return whole
