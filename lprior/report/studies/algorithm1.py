"""Readings of Algorithm 1 with the paper's own terms and none of ours, in plain networks and in ours; and s likewise.

Algorithm 1 as printed never updates CG; the paper's figure and text do. Its equation for the prior improvement phase
was not seen by us: L_GAN^I with three terms (reconstructions are fakes, as printed) and with two (they are not) are
both here. In each of them ||.||_2 is as printed, not squared, and lambda is 1, so that L_rec weighs as much beside the
adversarial losses in one reading as in another.
"""

from typing import Any

import pandas as pd

from lprior import runs
from lprior.algorithms.lpaae_tuned import PRINTED
from lprior.report.control import UNMEASURED, listed, priors_in_words
from lprior.report.findings import changes, lowest
from lprior.report.frame import form, table_of
from lprior.report.latex import OF_MODEL, PRIORS, Table, header, model_rows, spread
from lprior.report.rules import values
from lprior.report.studies.shown import Shown
from lprior.results import RunFolder
from lprior.runs import Of, Study, Variant

COLUMNS = ("FID", "score", "precision", "recall")
CONDITIONAL = ("FID", "score", "recall", "obeyed", "recall within", "Q")
AS_PRINTED: dict[str, Any] = {"reading": "tuned", **PRINTED, "lam": 1.0}
READINGS: dict[str, tuple[str, dict[str, Any]]] = {  # name -> title, changes to what is printed
    "printed": ("LP-AAE as printed", {}),  # a variant already, as all others here are by this study
    "moved": ("D_I moves CG", {"CG_learns": True}),
    "two_terms": ("D_I moves CG by two terms", {"CG_learns": True, "x_rec_is_fake": False}),
    "baseline": ("Fixed prior as printed", {"prior": "fixed"}),
}
PLAIN = {  # what the paper's table of networks and its box have in the place of what stabilises ours
    "networks": "plain", "spectral_norm": False, "learning_rate_D": Of("learning_rate"), "ema_decay": 0.0,
}  # fmt: skip
for _name, (_title, _changes) in READINGS.items():
    runs.VARIANTS["lpaae"].setdefault(_name, Variant(_title, AS_PRINTED | _changes))
    runs.VARIANTS["lpaae"][f"{_name}_plain"] = Variant(f"{_title}, plain", AS_PRINTED | _changes | PLAIN)
runs.VARIANTS["lpaae"] |= {
    "supervised_printed": Variant(
        "LP-AAE, supervised, no labels for Q", {"condition": "supervised", "Q_sees_labels": False}
    ),
    "unsupervised_printed": Variant(
        "LP-AAE, unsupervised, InfoGAN's term alone",
        {"condition": "unsupervised", "Q_sees_views": False, "lam_H": 0.0, "lam_VAT": 0.0},
    ),
    **{
        f"{kind}_plain": Variant(
            f"LP-AAE, {kind}, D_I moves CG, plain", AS_PRINTED | READINGS["moved"][1] | PLAIN | {"condition": kind}
        )
        for kind in ("supervised", "unsupervised")
    },
}


def render(finished: list[RunFolder]) -> Shown:
    """A table of the readings and one of s, and in words which reading has a lower FID than ours."""
    if not finished:
        return Shown(whole=False)
    table = table_of(finished)
    tables = {
        "algorithm1": Table(header(COLUMNS, OF_MODEL), "".join(model_rows(finished, OF_READINGS, COLUMNS, PRIORS))),
        "algorithm1-s": Table(header(CONDITIONAL, OF_MODEL), "".join(model_rows(finished, OF_S, CONDITIONAL, PRIORS))),
    }
    said = {
        "algorithm1/readings": changes(table, "lpaae", OF_READINGS[2:]),
        "algorithm1/lowest": lowest(table, OF_READINGS),
        "algorithm1/plain": priors_in_words(table, "lpaae-moved_plain", "lpaae-baseline_plain", COLUMNS),
        "algorithm1/plain two": priors_in_words(table, "lpaae-two_terms_plain", "lpaae-baseline_plain", COLUMNS),
        "algorithm1/stable": priors_in_words(table, "lpaae-moved", "lpaae-baseline", COLUMNS),
        "algorithm1/stable two": priors_in_words(table, "lpaae-two_terms", "lpaae-baseline", COLUMNS),
        "algorithm1/moves": moves_in_words(table),
        "algorithm1/moves plain": moves_in_words(table, "_plain"),
        "algorithm1/s": s_in_words(table),
        "algorithm1/epochs": listed(sorted(set(table["epochs"]))),
    }
    return Shown(tables, values=said)


def moves_in_words(table: pd.DataFrame, kind: str = "") -> str:
    """What it does to FID and recall that D_I moves CG: with three terms, where nothing else differs, and with two; in
    LaTeX. `kind`: "_plain" in plain networks."""
    moved = (f"lpaae-moved{kind}", f"lpaae-two_terms{kind}")
    return changes(table, f"lpaae-printed{kind}", moved, ("FID", "recall"))


def s_in_words(table: pd.DataFrame) -> str:
    """What share of images obeys s with labels, and what share Q finds without, each as `OF_S` has it; in LaTeX."""
    said = []
    for kind, name, began, what in (
        ("supervised", "obeyed", "With labels", "of the images made for a digit are that digit"),
        ("unsupervised", "Q", "Without labels", "of the test images have the value of their digit"),
    ):
        found = [values(table, f"lpaae-{kind}{how}", name) for how in ("", "_printed", "_plain")]
        if all(map(len, found)):
            ours, printed, plain = (rf"{spread(column, form(name))}\,\%" for column in found)
            said.append(
                f"{began}, and the paper's term alone, {printed} {what} (plain networks: {plain}); with what we add, "
                f"{ours}."
            )
    return " ".join(said) or UNMEASURED


OF_READINGS = ("lpaae", "lpaae-lam_CG_0", *(f"lpaae-{name}{kind}" for kind in ("", "_plain") for name in READINGS))
OF_S = tuple(f"lpaae-{name}{kind}" for name in ("supervised", "unsupervised") for kind in ("", "_printed", "_plain"))
STUDY = Study(
    "algorithm1", "Readings of Algorithm 1 with its own terms", "quick", {"epochs": 4}, (*OF_READINGS, *OF_S),
    seeds=(0, 1, 2), family="digits", render=render,
)  # fmt: skip
runs.STUDIES[STUDY.name] = STUDY
