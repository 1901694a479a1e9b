"""What the studies of sizes of codes compare: models, and priors fitted to their codes, each a line over the number of
entries of a code."""

import pandas as pd

from lprior.evaluation.metrics import TITLES
from lprior.report.control import sign
from lprior.report.difference import ENOUGH
from lprior.report.frame import MIXTURE, table_of
from lprior.results import RunFolder

COLUMNS = ("FID", "score", "precision", "recall")
MODELS = LEARNED, WIDE, FIXED = "learned", "wide noise", "fixed"
TEN, HUNDRED = " + mixture of 10", " + mixture of 100"
FITTED = {  # to a model's codes: end of the line's label -> what is before its metrics
    "": "", TEN: MIXTURE, HUNDRED: TITLES["gmm100_"], " + flow": TITLES["flow_"], " + kernels": TITLES["kde_"],
    " + codes": TITLES["codes_"],
}  # fmt: skip
RIVALS = tuple(FIXED + prior for prior in (TEN, " + flow", " + kernels"))  # beside the mixture of a hundred
LEVEL = 0.05  # two values of few seeds are level if they differ by no more than this
Lines = dict[str, pd.DataFrame]  # label -> `COLUMNS` of each run, by the number of entries of a code


def each_seed(runs: list[RunFolder], judge: str = "") -> Lines:
    """For each model, alone and with each of `FITTED`, `COLUMNS` of each run by the number of entries of a code.
    `judge`: `SECOND` for the second one's."""
    table = table_of(runs)
    models, size = [model_of(run) for run in runs], table["code"].astype(int)
    found = {}
    for model in MODELS:
        of_model = [one == model for one in models]
        for prior, before in FITTED.items():
            columns = {name: pd.to_numeric(table.get(judge + before + name), errors="coerce") for name in COLUMNS}
            values = pd.DataFrame(columns, index=table.index)[of_model]
            found[model + prior] = values.set_index(size[of_model]).sort_index()
    return found


def model_of(run: RunFolder) -> str:
    """Which of `MODELS` the run is of."""
    settings = run.config().settings
    if settings.prior == "fixed":
        return FIXED
    return WIDE if settings.noise else LEARNED


def means(values: Lines) -> Lines:
    """Over seeds, at each size."""
    return {label: one.groupby(level=0).mean() for label, one in values.items()}


def signs_at(values: Lines, second: Lines, one: str, other: str) -> dict[str, dict[int, int]]:
    """For each of `COLUMNS`, by size: 1 if the line `one` is better, -1 if `other` is, by both judges where both
    measured them, else 0 (`_signs`)."""
    found = {}
    for name in COLUMNS:
        first, both = (_signs(of[one][name], of[other][name], name) for of in (values, second))
        found[name] = {size: value if both.get(size, value) == value else 0 for size, value in first.items()}
    return found


def _signs(one: pd.Series, other: pd.Series, name: str) -> dict[int, int]:
    """At each size that was measured of both, 1 if `one` is better, -1 if `other` is, 0 if they are not told apart: by
    intervals over seeds, or, of fewer than `ENOUGH`, by means that differ by more than `LEVEL`."""
    found = {}
    for size in one.dropna().index.unique().intersection(other.dropna().index.unique()):
        values = one[[size]].dropna(), other[[size]].dropna()
        told = min(map(len, values)) >= ENOUGH or abs(values[0].mean() - values[1].mean()) > LEVEL
        found[int(size)] = sign(name, *values) if told else 0
    return found
