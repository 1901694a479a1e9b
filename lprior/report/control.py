"""The learned prior beside its control, in words that depend on the numbers: what the control wins is said first.

The control is a Gaussian mixture of ten, fitted to the codes of the fixed-prior model when training is over. Numbers
are those of the first judge; where the second one has measured the runs and does not agree, two models are not told
apart.
"""

from collections.abc import Iterable

import pandas as pd

from lprior.evaluation.metrics import by_title
from lprior.report.claims import SEEDS, values
from lprior.report.difference import ENOUGH, difference
from lprior.report.frame import MIXTURE, SECOND, form
from lprior.report.latex import spread

LEARNED, FIXED = "lpaae", "lpaae-fixed"
COLUMNS = ("FID", "score", "recall")
UNMEASURED = "The control was not measured."


def control_in_words(table: pd.DataFrame) -> str:
    """Two sentences in LaTeX on the runs of a part: learned prior against control, and a mixture on its own codes."""
    pairs, by_second = _pairs(table, ""), _pairs(table, SECOND)
    seeds = min(len(column) for pair in pairs.values() for column in pair)
    if seeds == 0:
        return UNMEASURED
    signs = {name: _sign(name, *pair, tested=seeds >= ENOUGH) for name, pair in pairs.items()}
    for name, pair in by_second.items():
        if all(map(len, pair)) and _sign(name, *pair, tested=seeds >= ENOUGH) != signs[name]:
            signs[name] = 0  # the judges do not agree
    texts = {name: f"{name} ({' against '.join(spread(v, form(name)) for v in pair)})" for name, pair in pairs.items()}
    phrases = {-1: "behind in", 0: "not told apart in", 1: "ahead in"}
    said = [
        f"{phrase} {listed(texts[name] for name in COLUMNS if signs[name] == sign)}"
        for sign, phrase in phrases.items() if sign in signs.values()
    ]  # fmt: skip
    began = "Against" if seeds >= ENOUGH else f"With {SEEDS[seeds]}, which tests nothing, against"
    sentence = f"{began} a mixture of ten on the fixed-prior model's codes, the learned prior is {listed(said)}."
    own = {name: values(table, LEARNED, MIXTURE + name) for name in COLUMNS}
    if not all(map(len, own.values())):
        return sentence
    numbers = listed(f"{name} {spread(column, form(name))}" for name, column in own.items())
    return f"{sentence} Such a mixture on the learned model's own codes has {numbers}."


def _pairs(table: pd.DataFrame, prefix: str) -> dict[str, tuple[pd.Series, pd.Series]]:
    """Of learned prior and control, by one judge."""
    return {
        name: (values(table, LEARNED, prefix + name), values(table, FIXED, prefix + MIXTURE + name)) for name in COLUMNS
    }


def _sign(name: str, one: pd.Series, other: pd.Series, tested: bool) -> int:
    """1 if `one` is better, -1 if `other` is, 0 if they are not told apart; of few seeds, by the means alone."""
    higher = by_title(name).higher_is_better
    if tested:
        return difference(one, other).sign(higher)
    gap = (one.mean() - other.mean()) * (1 if higher else -1)
    return int(gap > 0) - int(gap < 0)


def listed(parts: Iterable[object]) -> str:
    """ "a, b and c"."""
    *most, last = map(str, parts)
    return f"{', '.join(most)} and {last}" if most else last
