"""Learned and fixed prior with codes of 2 to 64 entries."""

import pandas as pd
from matplotlib.figure import Figure

from lprior import runs
from lprior.figures import logarithmic
from lprior.report.frame import table_of
from lprior.report.latex import OF_MODEL, Table, header, model_rows
from lprior.report.studies.shown import Shown
from lprior.results import RunFolder
from lprior.runs import CODES, Study

COLUMNS = ("FID", "score", "precision", "recall")


def render(finished: list[RunFolder]) -> Shown:
    """A row for each model, and the figure."""
    if not finished:
        return Shown(whole=False)
    table = Table(header(COLUMNS, OF_MODEL), "".join(model_rows(finished, STUDY.models, COLUMNS)))
    return Shown({"codes": table}, {"codes": codes_figure(finished)})


def codes_figure(runs: list[RunFolder]) -> Figure:
    """FID and score over the number of entries of a code, for the learned and for the fixed prior: means over seeds."""
    table = table_of(runs)
    table["prior"] = [run.config().settings.prior for run in runs]
    figure = Figure(figsize=(5.4, 2.1), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("FID", "score"), strict=True):
        for prior, group in table.groupby("prior"):
            means = pd.to_numeric(group[name], errors="coerce").groupby(group["code"].astype(int)).mean()
            colour = {"learned": "C1", "fixed": "C2"}[prior]
            axes.plot(means.index, means, marker="o", linewidth=0.9, color=colour, label=prior)
        axes.set_xscale("log", base=2)
        axes.set_xticks(sorted(set(table["code"])), sorted(set(table["code"])))
        axes.set_xlabel("entries of a code", fontsize=7)
        axes.set_title(name, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    logarithmic(figure.axes[0])
    for axes in figure.axes:
        axes.tick_params(which="both", labelsize=7)
    figure.axes[0].legend(title="prior", fontsize=7, title_fontsize=7, frameon=False)
    return figure


def variants(size: int) -> tuple[str, str]:
    """Of the learned and the fixed prior with codes of so many entries; 8 are the budget's own."""
    return ("", "-fixed") if size == 8 else (f"-code_{size}", f"-fixed_code_{size}")


STUDY = Study(
    "codes", "Sizes of codes", "quick", {"epochs": 6},
    tuple(f"lpaae{prior}" for size in CODES for prior in variants(size)),
    seeds=(0,), family="digits", render=render,
)  # fmt: skip
runs.STUDIES[STUDY.name] = STUDY
