"""What a notebook says of the run that it was asked for: it fits the run's data, and is silent where it would not."""

from dataclasses import replace

import pandas as pd
from IPython.display import Markdown

from lprior.config import RunConfig
from lprior.data import DATASETS
from lprior.notebooks.configuration import Layers
from lprior.results import PUBLISHED, RunFolder

SENTENCES = {  # run in results/published -> picture -> what can be seen there
    "mnist-aae-s0": {
        "samples": "In the published run most tiles are recognisable, soft at the edges, and a good part blends two "
        "digits. Between the clusters of codes the prior has mass and the data has none, and nothing in this algorithm "
        "ever looks at an image that is decoded from there.",
        "evolution": "In the published run shapes settle in the first epochs and change little afterwards: "
        "reconstruction is learned quickly, and matching the codes to the prior slowly. A tile that lies between two "
        "digits stays there.",
    },
    "mnist-lpaae-s0": {
        "samples": "In the published run nearly all tiles are digits with strokes as sharp as the data's. The failures "
        "are broken strokes and a few blends of two digits.",
        "evolution": "In the published run there are strokes after two epochs, after six most columns have found their "
        "digit, and later epochs repair single strokes. A column may change its digit: code generator and decoder move "
        "together.",
    },
    "mnist-lpaae-supervised-s0": {
        "samples": "In the published run a column is one digit, and a row one handwriting: slant and weight of the "
        "stroke stay while the digit changes. Columns sort by digit before strokes become clean, since $Q$ learns the "
        "labels of real images within the first epoch.",
    },
    "mnist-lpaae-unsupervised-s0": {
        "samples": "In the published run each column has found its own digit. In the first epochs $Q$ and the decoder "
        "agree on what is easiest to tell apart, which because of the views is a shape; the information of real images "
        "then sorts out most of what was merged.",
    },
    "mnist-vaegan-s0": {
        "samples": "In the published run nearly all tiles are digits with sharp strokes; the failures are mostly open "
        "or doubled strokes. No class is missing.",
        "evolution": "In the published run the first epochs give blobs of the commonest shapes, and a digit that has "
        "appeared in a column mostly stays. This is what the 2018 report shows over 44 epochs.",
    },
    "cifar10-aae-s0": {
        "samples": "In the published run the tiles have the colours of photographs and something darker or brighter in "
        "the middle, but no outlines: what the squared error cannot place it blurs, and nothing in this algorithm ever "
        "asks whether a picture looks like one.",
    },
    "cifar10-lpaae-s0": {
        "samples": "In the published run skies, lawns, fur and outlines are those of photographs, and some tiles pass "
        "for a boat, a bird or a horse; most show a thing before a background that has no name.",
    },
    "cifar10-lpaae-supervised-s0": {
        "samples": "In the published run a row is one composition, with its colours and its light, in which the thing "
        "changes: animals stand where vehicles do, and the background often stays.",
    },
    "cifar10-vaegan-s0": {
        "samples": "In the published run things stand out from their background, with strong contrasts and outlines of "
        "animals and vehicles; few of them can be named.",
    },
}


def summary(config: RunConfig, layers: Layers) -> Markdown:
    """The run's name and its preset, and what the variant and the parameters say beside that."""
    rows = {name: row for name, row in layers.items() if row[1] == "given" or row[1].startswith("variant ")}
    if not rows:
        return Markdown(f"**{config.name}**, all as the preset `{config.preset}` has it.")
    lines = [f"| {name} | {value} | {layer} |" for name, (value, layer) in rows.items()]
    table = "\n".join(["| | value | from |", "|---|---|---|", *lines])
    return Markdown(f"**{config.name}**, as the preset `{config.preset}` has it, but for\n\n{table}")


def table(layers: Layers) -> pd.DataFrame:
    """Every value, and the layer that it came from."""
    return pd.DataFrame.from_dict(layers, orient="index", columns=["value", "from"])


def question(config: RunConfig) -> Markdown:
    """The heading above the samples."""
    things = DATASETS[config.dataset].things
    return Markdown(f"## Are they {things}?\n\nA hundred samples from the prior, by the averaged decoder.")


def published(config: RunConfig, picture: str) -> Markdown | None:
    """The sentence on a picture of the run in results/published that this one repeats, or the beginning of it: the two
    may differ in their number of epochs. None if there is no such run, or no sentence of it."""
    folder, sentence = RunFolder(PUBLISHED / config.name), SENTENCES.get(config.name, {}).get(picture)
    if sentence is None or not (folder / "config.json").exists():
        return None
    return Markdown(sentence) if replace(folder.config(), epochs=config.epochs) == config else None
