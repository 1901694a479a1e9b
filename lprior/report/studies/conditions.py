"""Learned and fixed prior with a conditional variable s, at equal epochs."""

from lprior import runs
from lprior.report.conditional import COLUMNS
from lprior.report.latex import OF_MODEL, Table, header, model_rows
from lprior.report.studies.shown import Shown
from lprior.results import RunFolder
from lprior.runs import Study


def render(finished: list[RunFolder]) -> Shown:
    """A row for each model: its seeds and epochs, mean and standard deviation of `COLUMNS`."""
    if not finished:
        return Shown(whole=False)
    return Shown({STUDY.name: Table(header(COLUMNS, OF_MODEL), "".join(model_rows(finished, STUDY.models, COLUMNS)))})


STUDY = Study(
    "conditions", "Priors with a conditional variable", "quick", {"epochs": 4},
    ("lpaae-supervised", "lpaae-supervised_fixed", "lpaae-unsupervised", "lpaae-unsupervised_fixed"),
    seeds=(0,), family="digits", render=render,
)  # fmt: skip
runs.STUDIES[STUDY.name] = STUDY
