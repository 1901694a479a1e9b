"""Learned and fixed prior with a conditional variable s, at equal epochs: a study with labels, and one without."""

from functools import partial

import pandas as pd

from lprior import runs
from lprior.evaluation.metrics import TITLES
from lprior.report.conditional import BY_CLASS, COMPARED
from lprior.report.control import priors_in_words, set_against
from lprior.report.frame import form, table_of
from lprior.report.latex import MISSING, OF_MODEL, PRIORS, Table, escape, header, model_rows, spread
from lprior.report.rules import values
from lprior.report.studies.shown import Shown
from lprior.results import RunFolder
from lprior.runs import Study

COLUMNS = ("FID", "score", "recall", "obeyed", "precision within", "recall within", "Q")
WIDE = TITLES["wide2_"]
CAPTION = (
    "Learned and fixed prior with $s$, and priors of the finished models: a mixture, which knows no $s$, and with "
    "labels their own with wider noise and Gaussians of each class; mean and, of more than one seed, standard "
    r"deviation over $n$ seeds (\texttt{{./run\_all.sh -{{}}-preset {}}})"
)
UNMEASURED = "A prior fitted to the codes of each class was not measured."


def render(finished: list[RunFolder], name: str) -> Shown:
    """A row for each model of the study of that name: seeds and epochs, mean and standard deviation of `COLUMNS`."""
    if not finished:
        return Shown(whole=False)
    models, found = runs.STUDIES[name].models, table_of(finished)
    table = Table(header(COLUMNS, OF_MODEL), "".join(model_rows(finished, models, COLUMNS, PRIORS)))
    said = {"priors": priors_in_words(found, *models[:2], COMPARED)}
    if len(models) > 2:
        said["control"] = control_in_words(found, models[0])
        said["variety"] = variety_in_words(found, models[0], models[2])
    said = {f"{name}/{key}": text for key, text in said.items()}
    return Shown({name: table}, values=said, captions={name: CAPTION.format(escape(name))})


def control_in_words(table: pd.DataFrame, learned: str) -> str:
    """A sentence in LaTeX: the learned prior against Gaussians that know s, on its own codes."""
    other = "ten of each class on the learned prior's own codes"
    return set_against(table, (learned, ""), (learned, BY_CLASS), "it", other, COMPARED) or UNMEASURED


def variety_in_words(table: pd.DataFrame, learned: str, heavier: str) -> str:
    """In LaTeX: recall within a class and obedience as it is, with D_C heavier in CG, with wider noise and with both;
    "" where not all were measured."""

    def of(model: str, prior: str) -> str:
        both = (spread(values(table, model, prior + name), form(name)) for name in ("recall within", "obeyed"))
        return "{} ({})".format(*both)

    weight = rf"$\lambda_{{\CG}} = {runs.VARIANTS['lpaae'][heavier.partition('-')[2]].changes['lam_CG']}$"
    said = (
        f"Recall within a class, and in brackets the images that obey, in per cent: {of(learned, '')} as it is, "
        f"{of(heavier, '')} with {weight}, {of(learned, WIDE)} with noise $z$ multiplied by two where samples are "
        f"drawn, and {of(heavier, WIDE)} with both."
    )
    return "" if MISSING in said else said


runs.STUDIES["conditions"] = Study(
    "conditions", "Priors with labels", "quick", {"epochs": 4},
    ("lpaae-supervised", "lpaae-supervised_fixed", "lpaae-supervised_lam_CG"),
    seeds=(0, 1, 2), family="digits", render=partial(render, name="conditions"),
)  # fmt: skip
runs.STUDIES["conditions_unsupervised"] = Study(
    "conditions_unsupervised", "Priors with a condition that no label names", "quick", {"epochs": 4},
    ("lpaae-unsupervised", "lpaae-unsupervised_fixed"),
    seeds=(0, 1, 2), family="digits", render=partial(render, name="conditions_unsupervised"),
)  # fmt: skip
