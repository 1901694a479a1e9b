"""Sentences in a notebook: pictures of them, and what the detectors find there."""


import pandas as pd
from PIL import Image
from torch import Tensor

from lprior import data, figures
from lprior.data import language_of
from lprior.data.scenes import ATTRIBUTES, COLOUR_NAMES, LAYOUTS, SIZE_WORDS, read
from lprior.data.sentences import tokens, words
from lprior.errors import UserError
from lprior.evaluation.metrics import CAPTIONS, OBEYED
from lprior.evaluation.scenes import Detectors
from lprior.model import Model
from lprior.results import RunFolder
from lprior.tiles import png

COUNT = 9  # pictures of a sentence
ZOOM = 4  # pixels a side of each pixel


def grid(pictures: Tensor, columns: int = 3) -> Image.Image:
    """uint8 pictures (N, 3, H, W) in rows, enlarged."""
    sheet = figures.sheet(pictures, columns=columns)
    return sheet.resize((ZOOM * sheet.width, ZOOM * sheet.height), Image.Resampling.NEAREST)


def captioned(dataset: data.Dataset, count: int = 6) -> pd.Series:
    """The first captions of a data set, in words."""
    vocabulary = language_of(dataset.name).vocabulary
    return pd.Series([" ".join(words(row, vocabulary)) for row in dataset.labels[:count]], name="caption")


def desk(model: Model, sentence: str):
    """A widget: a line to type a sentence into, a button for other pictures, and `COUNT` pictures of it; or, in their
    place, what is wrong with the sentence."""
    import ipywidgets as widgets

    line = widgets.Text(sentence, continuous_update=False, layout=widgets.Layout(width="420px"))
    button, picture, said = widgets.Button(description="others"), widgets.Image(format="png"), widgets.Label()
    seeds = iter(range(2**32))

    def show(change: object = None) -> None:
        try:
            made = model.sample(COUNT, seed=next(seeds), s=line.value)
        except UserError as error:
            said.value = str(error)
            return
        said.value, picture.value = "", png(grid(made))

    line.observe(show, "value")
    button.on_click(show)
    show()
    return widgets.VBox([widgets.HBox([line, button]), said, picture])


def detected(model: Model, detectors: Detectors, sentence: str) -> pd.DataFrame:
    """What the detectors find in the pictures that `desk` shows first: a row for each thing of each. Raises UserError
    for a sentence that says not of one or two digits which, how large, of what colour and where."""
    vocabulary = model.language.vocabulary
    try:
        things = read(words(tokens(sentence, vocabulary), vocabulary))
    except ValueError as error:
        raise UserError(str(error)) from error
    found, _ = detectors.found(model.sample(COUNT, seed=0, s=sentence), [things] * COUNT)
    rows = [
        (str(digit), COLOUR_NAMES[colour], SIZE_WORDS[size][0], LAYOUTS[layout])
        for digit, colour, size, layout in found.tolist()
    ]
    picture = [1 + index // len(things) for index in range(len(rows))]
    return pd.DataFrame(rows, columns=list(ATTRIBUTES), index=pd.Index(picture, name="picture"))


def obeyed(runs: dict[str, RunFolder]) -> pd.DataFrame:
    """Of each run the shares, in per cent, of attributes that are as captions ask for."""
    rows = {}
    for title, run in runs.items():
        for key, shares in run.metrics().items():
            if key.startswith("caption_") and isinstance(shares, list):
                rows[title, CAPTIONS[key.split("_")[1]]] = [f"{100 * share:.1f}" for share in shares]
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(OBEYED))
