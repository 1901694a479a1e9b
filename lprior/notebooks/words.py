"""What a notebook says of the run that it was asked for: it fits the run's data, and is silent where it would not."""

import inspect
from collections.abc import Callable
from textwrap import dedent

import pandas as pd
from IPython.display import HTML, Markdown
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from lprior import figures
from lprior.config import RunConfig
from lprior.data import DATASETS
from lprior.evaluation.metrics import OF_CONTROL, Metric, fitted_prefix, is_second, metric_of, of_samples
from lprior.notebooks.comparison import published_of
from lprior.notebooks.configuration import Asked
from lprior.results import RunFolder
from lprior.stored import read_picture

MIXTURE = "a mixture fitted afterwards"
PLAIN = {r"\%": "%", r"$\times 1000$": "times 1000"}  # units, which the report has in LaTeX
WORDS = {  # titles in the report's tables -> here
    "sheet": "score of the sheet", "rarest": "rarest class", "commonest": "commonest class",
    "obeyed": "images of s as s", "reconstruction": "squared error of reconstructions",
    "Parzen": "Parzen log-likelihood",
    "Q": "test images that Q knows", "codes": "test images by clusters of codes",
}  # fmt: skip
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
        "samples": "In the published run a column is one digit, and along a row the slant mostly stays while the digit "
        "changes, the weight of the stroke much less. Columns sort by digit before strokes become clean, since $Q$ "
        "learns the labels of real images within the first epoch.",
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


def source(*things: type | Callable) -> HTML:
    """The code of classes and functions in one block, folded until it is clicked on, in colours that need neither
    scripts nor style sheets."""
    text = "\n\n".join(dedent(inspect.getsource(thing)).strip() for thing in things)
    block = "color: black; background: #f8f8f8; padding: 0.5em; overflow-x: auto;"  # in a dark theme, too
    formatter = HtmlFormatter(noclasses=True, prestyles=block)
    code = highlight(text, PythonLexer(), formatter)
    return HTML(f"<details><summary>source</summary>{code}</details>")


def summary(asked: Asked) -> Markdown:
    """The run's name and its preset, and what the variant and the parameters say beside that."""
    config = asked.config
    rows = {name: row for name, row in asked.layers.items() if row[1] == "given" or row[1].startswith("variant ")}
    if not rows:
        return Markdown(f"**{config.name}**, all as the preset `{config.preset}` has it.")
    lines = [f"| {name} | {value} | {layer} |" for name, (value, layer) in rows.items()]
    table = "\n".join(["| | value | from |", "|---|---|---|", *lines])
    return Markdown(f"**{config.name}**, as the preset `{config.preset}` has it, but for\n\n{table}")


def table(asked: Asked) -> pd.DataFrame:
    """Every value, and the layer that it came from."""
    return pd.DataFrame.from_dict(asked.layers, orient="index", columns=["value", "from"])


def question(config: RunConfig) -> Markdown:
    """The heading above the samples."""
    things, text = DATASETS[config.dataset].things, "A hundred samples from the prior, by the averaged decoder"
    beside = published_of(config)
    text += f"; right those of the published run, after {_epochs(beside.config())}" if beside else ""
    return Markdown(f"## Are they {things}?\n\n{text}.")


def samples(result: RunFolder):
    """The sheet of a run, and beside it that of the published run which it repeats, if there is one."""
    beside = published_of(result.config())
    folders = [result, *([beside] if beside else [])]
    return figures.show(figures.side_by_side([read_picture(folder.still("samples")) for folder in folders]))


def published(config: RunConfig, picture: str) -> Markdown | None:
    """The sentence on a picture of the published run that this one repeats, or the beginning of it. None if there is no
    such run, or no sentence of it."""
    sentence = SENTENCES.get(config.name, {}).get(picture)
    return Markdown(sentence) if sentence and published_of(config) else None


def metrics(result: RunFolder) -> pd.DataFrame:
    """Every metric in words with its unit, a row each: of the run, of the mixture that is its control, and of the
    published run that it repeats, each with its number of samples. A column is there if something was measured."""
    beside, values = published_of(result.config()), _of_quality(result)
    control = {key: value for key, value in values.items() if key.startswith(OF_CONTROL)}
    columns = {"this run": {key: value for key, value in values.items() if not fitted_prefix(key)}, MIXTURE: control}
    if beside:
        theirs = {key: value for key, value in _of_quality(beside).items() if not fitted_prefix(key)}
        columns[f"published, {_epochs(beside.config())}"] = theirs
    heads = {head: ", ".join([head, *sorted({*map(of_samples, found)} - {""})]) for head, found in columns.items()}
    return pd.DataFrame({heads[head]: _shown(found) for head, found in columns.items() if found}).fillna("–")


def _of_quality(result: RunFolder) -> dict:
    """The metrics of a run but for those of attributes, of which `notebooks/attributes.py` tells."""
    return {key: value for key, value in result.metrics().items() if not ((of := metric_of(key)) and of.further)}


def of_kinds(result: RunFolder, *kinds: str) -> pd.Series:
    """The metrics of a run whose keys begin with one of `kinds`, in words with their units."""
    chosen = {key: value for key, value in result.metrics().items() if key.startswith(kinds)}
    return pd.Series(_shown(chosen), dtype=str)


def _shown(values: dict) -> dict[str, str]:
    """Title with judge, unit and direction -> value; but for attributes, of which `notebooks/attributes.py` tells."""
    found: dict[str, str] = {}
    for key, value in values.items():
        metric = metric_of(key)
        for title, number, better in _parts(metric, value) if metric and not metric.further else []:
            judge = "by the second judge" if is_second(key) else ""
            words = [WORDS.get(title, title), judge, PLAIN.get(metric.unit, metric.unit)]
            words += [] if better is None else ["(more is better)" if better else "(less is better)"]
            text = number if isinstance(number, str) else metric.format.format(metric.scale * number)
            found[" ".join(filter(None, words))] = text
    return found


def _parts(metric: Metric, value: float | list | str) -> list[tuple[str, float | str, bool | None]]:
    """Title, number and direction of what is shown of a metric."""
    if metric.parts and isinstance(value, list):
        return [(title, of(value), better) for title, (of, better) in metric.parts.items()]
    return [(metric.title, value, metric.higher_is_better)] if not isinstance(value, list) else []


def _epochs(config: RunConfig) -> str:
    return f"{config.epochs} epoch{'s' if config.epochs > 1 else ''}"
