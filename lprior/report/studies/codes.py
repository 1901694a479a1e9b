"""Learned and fixed prior, and priors fitted to the codes of both afterwards, with codes of 2 to 64 entries."""

import pandas as pd
from matplotlib.figure import Figure

from lprior import runs
from lprior.curves import logarithmic
from lprior.evaluation.metrics import FITTED, by_title
from lprior.report.control import UNTESTED, listed
from lprior.report.difference import ENOUGH
from lprior.report.frame import MIXTURE, table_of
from lprior.report.latex import OF_MODEL, Table, header, model_rows
from lprior.report.rules import SEEDS
from lprior.report.studies.shown import Shown
from lprior.results import RunFolder
from lprior.runs import CODES, Study

COLUMNS = ("FID", "score", "precision", "recall")
PANELS = ("FID", "score", "recall")
HUNDRED = FITTED["gmm100_"]
LINES = {  # label -> prior of the model, what is before its metrics, colour, style
    "learned": ("learned", "", "C1", "-"),
    "fixed": ("fixed", "", "C2", "-"),
    "fixed + mixture of 10": ("fixed", MIXTURE, "C2", "--"),
    "learned + mixture of 10": ("learned", MIXTURE, "C1", "--"),
    "fixed + mixture of 100": ("fixed", HUNDRED, "C2", ":"),
    "learned + mixture of 100": ("learned", HUNDRED, "C1", ":"),
}
BOUNDS = {  # what the decoders do with codes of images, drawn as they are
    "learned, codes of images": ("learned", FITTED["codes_"]), "fixed, codes of images": ("fixed", FITTED["codes_"]),
}  # fmt: skip
RIVALS = {  # of the learned prior: name of the sentence about it -> its line, and what the sentence calls it
    "control": ("fixed + mixture of 10", "the mixture of ten on the fixed prior's codes"),
    "hundred": ("fixed + mixture of 100", "a mixture of a hundred on the fixed prior's codes"),
    "own": ("learned + mixture of 100", "a mixture of a hundred on its own codes"),
}


def render(finished: list[RunFolder]) -> Shown:
    """Rows for each model and the priors fitted to its codes, the figure, and in words who is better where."""
    if not finished:
        return Shown(whole=False)
    lines = curves(finished)
    tables = {
        name: Table(header(COLUMNS, OF_MODEL), "".join(model_rows(finished, models, COLUMNS, control=True)))
        for name, models in (("codes", STUDY.models[::2]), ("codes-fixed", STUDY.models[1::2]))
    }
    found = table_of(finished)
    seeds = int(found.groupby("key").size().min())
    said = {f"codes/{name}": in_words(lines, seeds, *rival) for name, rival in RIVALS.items()}
    said |= {
        "codes/bound": bound(lines),
        "codes/seeds": f"{seeds} seed{'s' if seeds > 1 else ''}", "codes/epochs": listed(sorted(set(found["epochs"]))),
    }  # fmt: skip
    return Shown(tables, {"codes": codes_figure(lines, found["samples"].iloc[0])}, values=said)


def curves(runs: list[RunFolder]) -> dict[str, pd.DataFrame]:
    """For each of `LINES` and `BOUNDS`, `PANELS` over the number of entries of a code: means over seeds."""
    table = table_of(runs)
    prior, size = [run.config().settings.prior for run in runs], table["code"].astype(int)
    found = {}
    for label, (of, before, *_) in (LINES | BOUNDS).items():
        columns = {name: pd.to_numeric(table.get(before + name), errors="coerce") for name in PANELS}
        found[label] = pd.DataFrame(columns, index=table.index)[[p == of for p in prior]].groupby(size).mean()
    return found


def codes_figure(lines: dict[str, pd.DataFrame], samples: int) -> Figure:
    """A panel for each of `PANELS`, and in it a line for each of `LINES`. `samples`: how many were measured."""
    figure = Figure(figsize=(6.4, 2.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
        for label, (_, _, colour, style) in LINES.items():
            line = lines[label]
            axes.plot(line.index, line[name], style, marker="o", markersize=3, linewidth=0.9, color=colour, label=label)
        axes.set_xscale("log", base=2)
        sizes = sorted({size for line in lines.values() for size in line.index})
        axes.set_xticks(sizes, sizes)
        axes.set_xlabel("entries of a code", fontsize=8)
        axes.set_title(f"{name} of {samples:,} samples", fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    logarithmic(figure.axes[0])
    for axes in figure.axes:
        axes.tick_params(which="both", labelsize=8)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure


def bound(lines: dict[str, pd.DataFrame]) -> str:
    """At each size, the recall of the learned prior and of the codes of images by the same decoder, and the latter with
    the fixed prior; in LaTeX. Nothing where that was not measured."""
    columns = [lines[label]["recall"].rename(label) for label in ("learned", *BOUNDS)]
    table = pd.concat(columns, axis=1).dropna()
    if table.empty:
        return ""
    own, of_images, of_fixed = (listed(f"{value:.2f}" for value in table[label]) for label in table)
    return (
        f"Recall is bounded by the decoder: at {listed(table.index)} entries, codes of training images, drawn as they "
        f"are, have {of_images} by the decoder trained with a learned prior, whose own samples have {own}, and "
        f"{of_fixed} by that of the fixed prior."
    )


def in_words(lines: dict[str, pd.DataFrame], seeds: int, rival: str, called: str) -> str:
    """In which of `PANELS`, and there at which sizes, a rival, one of `lines`, is ahead of the learned prior, which is
    said first, and in which behind, by means over so many seeds as they are printed; in LaTeX."""
    learned, other = lines["learned"].align(lines[rival], join="inner")
    ahead: dict[str, dict[str, list[str]]] = {called: {}, "the learned prior": {}}  # who -> where -> metrics
    for name in PANELS:
        gap = (learned[name].round(2) - other[name].round(2)) * (1 if by_title(name).higher_is_better else -1)
        for who, sizes in zip(ahead, (gap.index[gap < 0], gap.index[gap > 0]), strict=True):
            if len(sizes):
                where = "every size" if len(sizes) == len(gap) > 1 else f"{listed(sizes)} entries"
                ahead[who].setdefault(where, []).append(name)
    said = [
        f"{who} is ahead in {listed(f'{listed(names)} at {where}' for where, names in found.items())}"
        for who, found in ahead.items() if found
    ]  # fmt: skip
    if not said:
        return f"{called[0].upper()}{called[1:]} was not measured."
    began = "By means over seeds" if seeds >= ENOUGH else f"With {SEEDS[seeds]}{UNTESTED}"
    return f"{began}, {'; '.join(said)}."


def variants(size: int) -> tuple[str, str]:
    """Of the learned and the fixed prior with codes of so many entries; 8 are the budget's own."""
    return ("", "-fixed") if size == 8 else (f"-code_{size}", f"-fixed_code_{size}")


STUDY = Study(
    "codes", "Sizes of codes", "quick", {},
    tuple(f"lpaae{prior}" for size in CODES for prior in variants(size)),
    seeds=(0,), family="digits", render=render, fitted=("gmm1", "gmm100", "flow", "kde", "codes"),
)  # fmt: skip
runs.STUDIES[STUDY.name] = STUDY
