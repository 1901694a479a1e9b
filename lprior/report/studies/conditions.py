"""Learned and fixed prior with a conditional variable s, at equal epochs: a study with labels, and one without."""

from functools import partial

from lprior import runs
from lprior.evaluation.conditional import of_other_priors
from lprior.report.control import priors_in_words
from lprior.report.frame import table_of
from lprior.report.latex import OF_MODEL, Table, header, model_rows
from lprior.report.studies.shown import Shown
from lprior.results import RunFolder
from lprior.runs import Study

COLUMNS = ("FID", "score", "recall", "obeyed", "precision within", "recall within", "Q")


def render(finished: list[RunFolder], name: str) -> Shown:
    """A row for each model of the study of that name: seeds and epochs, mean and standard deviation of `COLUMNS`."""
    if not finished:
        return Shown(whole=False)
    models = runs.STUDIES[name].models
    table = Table(header(COLUMNS, OF_MODEL), "".join(model_rows(finished, models, COLUMNS, control=True)))
    said = priors_in_words(table_of(finished), *models[:2], ("FID", "score", "obeyed", "recall within"))
    return Shown({name: table}, values={f"{name}/priors": said})


runs.STUDIES["conditions"] = Study(
    "conditions", "Priors with labels", "quick", {"epochs": 4},
    ("lpaae-supervised", "lpaae-supervised_fixed", "lpaae-supervised_lam_CG"),
    seeds=(0, 1, 2), family="digits", render=partial(render, name="conditions"), measure=of_other_priors,
)  # fmt: skip
runs.STUDIES["conditions_unsupervised"] = Study(
    "conditions_unsupervised", "Priors with a condition that no label names", "quick", {"epochs": 4},
    ("lpaae-unsupervised", "lpaae-unsupervised_fixed"),
    seeds=(0, 1, 2), family="digits", render=partial(render, name="conditions_unsupervised"),
)  # fmt: skip
