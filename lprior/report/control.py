"""Two models side by side in words that depend on the numbers, what the first one loses said first: above all the
learned prior beside its control.

The control is a Gaussian mixture of ten, fitted to the codes of the fixed-prior model when training is over. Numbers
are those of the first judge; where the second one has measured the runs and does not agree, two models are not told
apart.
"""

from collections.abc import Iterable

import pandas as pd

from lprior.evaluation.metrics import by_title
from lprior.report.difference import ENOUGH, difference
from lprior.report.frame import MIXTURE, SECOND, form
from lprior.report.latex import spread
from lprior.report.rules import values

LEARNED, FIXED, FROZEN = "lpaae", "lpaae-fixed", "lpaae-frozen"
COLUMNS = ("FID", "score", "recall")
UNMEASURED = "The control was not measured."
UNCOMPARED = "The two were not both measured."
PHRASES = {-1: "behind in", 0: "not told apart in", 1: "ahead in"}
OF_FEW_RUNS = {1: "In single runs", 2: "In two runs each"}  # which test nothing


def answer_in_words(table: pd.DataFrame) -> str:
    """A sentence in LaTeX on the runs of a part: learned prior against control."""
    control = "a mixture of ten on the fixed-prior model's codes"
    return set_against(table, (LEARNED, ""), (FIXED, MIXTURE), "the learned prior", control) or UNMEASURED


def control_in_words(table: pd.DataFrame) -> str:
    """The same, and a sentence on a mixture on the learned prior's own codes."""
    sentence = answer_in_words(table)
    own = {name: values(table, LEARNED, MIXTURE + name) for name in COLUMNS}
    if sentence == UNMEASURED or not all(map(len, own.values())):
        return sentence
    numbers = listed(f"{name} {spread(column, form(name))}" for name, column in own.items())
    return f"{sentence} Such a mixture on the learned model's own codes has {numbers}."


def priors_in_words(
    table: pd.DataFrame, learned: str = LEARNED, fixed: str = FIXED, columns: Iterable[str] = COLUMNS
) -> str:
    """A sentence in LaTeX: the learned prior against the fixed one, both without a mixture."""
    said = set_against(table, (learned, ""), (fixed, ""), "the learned prior", "the fixed one", tuple(columns))
    return said or UNCOMPARED


def frozen_in_words(table: pd.DataFrame) -> str:
    """A sentence in LaTeX: the learned prior against a code generator of the same size that never learns."""
    seeds = len(values(table, FROZEN, "FID"))
    count = f"{seeds} seed{'s' if seeds > 1 else ''}"
    other = f"a code generator that never learns ({count}), a fixed prior of another shape"
    return set_against(table, (LEARNED, ""), (FROZEN, ""), "the learned prior", other) or UNCOMPARED


def set_against(
    table: pd.DataFrame, ours: tuple[str, str], theirs: tuple[str, str], subject: str, other: str,
    columns: tuple[str, ...] = COLUMNS,
) -> str:  # fmt: skip
    """ "Against `other`, `subject` is behind in ..., not told apart in ... and ahead in ...", with the numbers.

    "" if one of the two was not measured. `ours`, `theirs`: a model, and what is before the titles of its metrics."""
    pairs = _pairs(table, "", ours, theirs, columns)
    seeds = min(len(column) for pair in pairs.values() for column in pair)
    if seeds == 0:
        return ""
    signs = signs_of(table, ours, theirs, columns)
    texts = {name: f"{name} ({' against '.join(spread(v, form(name)) for v in pair)})" for name, pair in pairs.items()}
    phrases = PHRASES if seeds >= ENOUGH else PHRASES | {0: "level, or not so by both judges, in"}
    said = [
        f"{phrase} {listed(texts[name] for name in columns if signs[name] == which)}"
        for which, phrase in phrases.items() if which in signs.values()
    ]  # fmt: skip
    began = "Against" if seeds >= ENOUGH else f"{OF_FEW_RUNS[seeds]}, against"
    return f"{began} {other}, {subject} is {listed(said)}."


def _pairs(
    table: pd.DataFrame, prefix: str, ours: tuple[str, str], theirs: tuple[str, str], columns: tuple[str, ...]
) -> dict[str, tuple[pd.Series, pd.Series]]:
    """The two models' metrics by one judge."""
    both = ((model, prefix + before) for model, before in (ours, theirs))
    (one, of_one), (two, of_two) = both
    return {name: (values(table, one, of_one + name), values(table, two, of_two + name)) for name in columns}


def signs_of(
    table: pd.DataFrame, ours: tuple[str, str], theirs: tuple[str, str], columns: Iterable[str]
) -> dict[str, int]:
    """In each metric that both have, the `sign` of the first judge's numbers, or 0 where that of the
    second one's, if there are any, is another."""
    first, second = (_pairs(table, prefix, ours, theirs, tuple(columns)) for prefix in ("", SECOND))
    found = {name: sign(name, *pair) for name, pair in first.items() if all(map(len, pair))}
    return {
        name: 0 if all(map(len, second[name])) and sign(name, *second[name]) != value else value
        for name, value in found.items()
    }


def sign(name: str, one: pd.Series, other: pd.Series) -> int:
    """1 if `one` is better, -1 if `other` is, 0 if they are not told apart; of few seeds, by the means alone."""
    higher = bool(by_title(name).higher_is_better)
    if min(len(one), len(other)) >= ENOUGH:
        return difference(one, other).sign(higher)
    gap = (one.mean() - other.mean()) * (1 if higher else -1)
    return int(gap > 0) - int(gap < 0)


def listed(parts: Iterable[object]) -> str:
    """ "a, b and c"."""
    *most, last = map(str, parts)
    return f"{', '.join(most)} and {last}" if most else last
