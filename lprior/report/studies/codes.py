"""Learned and fixed prior, and priors fitted to the codes of both afterwards, with codes of 2 to 64 entries."""

import pandas as pd
from matplotlib.figure import Figure

from lprior import runs
from lprior.curves import logarithmic
from lprior.evaluation.metrics import TITLES
from lprior.report.control import listed, sign
from lprior.report.difference import ENOUGH
from lprior.report.frame import MIXTURE, SECOND, anchors, form, table_of
from lprior.report.latex import OF_MODEL, Table, header, model_rows, row, spread
from lprior.report.studies.shown import Shown
from lprior.report.tables import like_anchors
from lprior.results import RunFolder
from lprior.runs import CODES, Study

COLUMNS = ("FID", "score", "precision", "recall")
PANELS = ("FID", "score", "recall")
HUNDRED = TITLES["gmm100_"]
LINES = {  # label -> prior of the model, what is before its metrics, colour, style
    "learned": ("learned", "", "C1", "-"),
    "fixed": ("fixed", "", "C2", "-"),
    "fixed + mixture of 10": ("fixed", MIXTURE, "C2", "--"),
    "learned + mixture of 10": ("learned", MIXTURE, "C1", "--"),
    "fixed + mixture of 100": ("fixed", HUNDRED, "C2", ":"),
    "learned + mixture of 100": ("learned", HUNDRED, "C1", ":"),
}
DECODED = {  # by the learned prior's decoder: codes of images as they are, and of kernels around them
    "codes of images": ("learned", TITLES["codes_"]), "kernels": ("learned", TITLES["kde_"]),
}  # fmt: skip
CALLED = {  # the lines that sentences compare -> what they call them
    "learned": "the learned prior",
    "fixed + mixture of 10": "the mixture of ten on the fixed prior's codes",
    "fixed + mixture of 100": "a mixture of a hundred on the fixed prior's codes",
    "learned + mixture of 100": "a mixture of a hundred on the learned prior's codes",
}
PAIRS = {  # name of a sentence -> the two lines that it compares
    "control": ("fixed + mixture of 10", "learned"),
    "hundred": ("fixed + mixture of 100", "learned"),
    "own": ("learned + mixture of 100", "learned"),
    "hundreds": ("learned + mixture of 100", "fixed + mixture of 100"),
}
LEVEL = 0.05  # two values of few seeds are level if they differ by no more than this
SECOND_CAPTION = (
    r"Sizes of codes by the second judge: means over the seeds of tables~\ref{tab:codes} and~\ref{tab:codes-fixed}"
)
TESTED = (
    "Values are means over {seeds} seeds. Models are told apart by 95\\,\\% intervals over seeds and both judges "
    "(section~\\ref{{sec:protocol}}); for so many comparisons the intervals are not widened."
)
UNTESTED = (
    f"No difference is tested, of {{seeds}} seed{{s}}: values within {LEVEL:.2f} of each other are not told apart, nor "
    "is what the two judges see differently."
)


def render(finished: list[RunFolder]) -> Shown:
    """Rows for each model and the priors fitted to its codes, the figure, and in words who is better where."""
    if not finished:
        return Shown(whole=False)
    values, seconds = each_seed(finished), each_seed(finished, SECOND)
    lines = means(values)
    tables = {
        name: Table(header(COLUMNS, OF_MODEL), "".join(model_rows(finished, models, COLUMNS, control=True)))
        for name, models in (("codes", STUDY.models[::2]), ("codes-fixed", STUDY.models[1::2]))
    }
    tables["codes-second"] = second_table(means(seconds))
    found = table_of(finished)
    seeds = int(found.groupby("key").size().min())
    said = {f"codes/{name}": in_words(values, seconds, *pair) for name, pair in PAIRS.items()}
    said |= {
        "codes/recall": recall_in_words(lines),
        "codes/tested": (TESTED if seeds >= ENOUGH else UNTESTED).format(seeds=seeds, s="s" * (seeds > 1)),
        "codes/seeds": f"{seeds} seed{'s' if seeds > 1 else ''}", "codes/epochs": listed(sorted(set(found["epochs"]))),
    }  # fmt: skip
    real = anchors(found["dataset"].iloc[0]) if like_anchors(found) else {}
    figures = {"codes": codes_figure(values, found["samples"].iloc[0], real)}
    return Shown(tables, figures, values=said, captions={"codes-second": SECOND_CAPTION})


def each_seed(runs: list[RunFolder], judge: str = "") -> dict[str, pd.DataFrame]:
    """For each of `LINES` and `DECODED`, `PANELS` of each run by the number of entries of a code. `judge`: `SECOND` for
    the second one's."""
    table = table_of(runs)
    prior, size = [run.config().settings.prior for run in runs], table["code"].astype(int)
    found = {}
    for label, (of, before, *_) in (LINES | DECODED).items():
        columns = {name: pd.to_numeric(table.get(judge + before + name), errors="coerce") for name in PANELS}
        of_prior = [p == of for p in prior]
        found[label] = pd.DataFrame(columns, index=table.index)[of_prior].set_index(size[of_prior]).sort_index()
    return found


def means(values: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Over seeds, at each size."""
    return {label: one.groupby(level=0).mean() for label, one in values.items()}


def codes_figure(values: dict[str, pd.DataFrame], samples: int, real: dict[str, float] | None = None) -> Figure:
    """A panel for each of `PANELS`, and in it a line for each of `LINES`, of means and bars of one standard deviation.
    `samples`: how many were measured. `real`: what real images have, a grey line."""
    figure = Figure(figsize=(6.4, 2.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
        for label, (_, _, colour, style) in LINES.items():
            at = values[label][name].groupby(level=0)
            line = axes.plot(at.mean(), style, marker="o", markersize=3, linewidth=0.9, color=colour, label=label)[0]
            axes.vlines(line.get_xdata(), at.mean() - at.std(), at.mean() + at.std(), color=colour, linewidth=0.9)
        if real:
            axes.axhline(real[name], color="grey", linewidth=0.8, linestyle="-.", label="real images")
        axes.set_xscale("log", base=2)
        sizes = sorted({size for one in values.values() for size in one.index})
        axes.set_xticks(sizes, sizes)
        axes.set_xlabel("entries of a code", fontsize=8)
        axes.set_title(f"{name} of {samples:,} samples", fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    logarithmic(figure.axes[0])
    for axes in figure.axes:
        axes.tick_params(which="both", labelsize=8)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure


def second_table(lines: dict[str, pd.DataFrame]) -> Table:
    """What the second judge says: a row for each of `LINES`, `PANELS` at each size."""
    sizes = sorted({size for line in lines.values() for size in line.index})
    over = row(["", *(rf"\multicolumn{{{len(sizes)}}}{{c}}{{{name}}}" for name in PANELS)])
    head = over + row(["entries of a code", *[*map(str, sizes)] * len(PANELS)])
    rows = [
        [spread(lines[label][name].reindex([size]), form(name)) for name in PANELS for size in sizes]
        for label in LINES
    ]
    return Table(head, "".join(row([label, *cells]) for label, cells in zip(LINES, rows, strict=True)))


def recall_in_words(lines: dict[str, pd.DataFrame]) -> str:
    """At each size the recall of the learned prior, and of codes of images and kernels around them by its decoder, with
    FIDs; in LaTeX. Nothing where that was not measured."""
    learned, images, kernels = (lines[label] for label in ("learned", *DECODED))
    columns = [learned["recall"], images["recall"], kernels["recall"], learned["FID"], kernels["FID"]]
    table = pd.concat(columns, axis=1, keys=range(5)).dropna()
    if table.empty:
        return ""
    own, of_images, of_kernels, at, at_kernels = (listed(f"{value:.2f}" for value in table[key]) for key in table)
    wider = table[(table[2] > table[0]) & (table[4] > table[3])]
    return (
        f"At {listed(table.index)} entries the learned prior has a recall of {own} (FID {at}); by its decoder, kernels "
        f"around the codes of training images have {of_kernels} (FID {at_kernels}), and these codes alone {of_images}."
    ) + (
        f" At {listed(wider.index)} a wider prior thus has more recall at the price of FID: the decoder is no bound on "
        "recall, which alone is no merit."
        if len(wider)
        else ""
    )


def in_words(values: dict[str, pd.DataFrame], second: dict[str, pd.DataFrame], one: str, other: str) -> str:
    """At which sizes and in which of `PANELS` a line is better or worse than another, by both judges, where both
    measured them (`_signs`); in LaTeX."""
    found_at: dict[str, dict[str, list[str]]] = {"better": {}, "worse": {}}  # word -> where -> metrics
    for name in PANELS:
        first, both = (_signs(found[one][name], found[other][name], name) for found in (values, second))
        agreed = [size for size, value in first.items() if both.get(size, value) == value]
        for word, value in (("better", 1), ("worse", -1)):
            if sizes := [size for size in agreed if first[size] == value]:
                where = "every size" if len(sizes) == len(first) > 1 else f"{listed(sizes)} entries"
                found_at[word].setdefault(where, []).append(name)
    said = [
        f"the {word} {listed(f'{listed(names)} at {where}' for where, names in at.items())}"
        for word, at in found_at.items() if at
    ]  # fmt: skip
    if said:
        return f"Against {CALLED[other]}, {CALLED[one]} has {listed(said)}."
    measured = _signs(values[one]["FID"], values[other]["FID"], "FID")
    return f"Against {CALLED[other]}, {CALLED[one]} {'is not told apart' if measured else 'was not measured'}."


def _signs(one: pd.Series, other: pd.Series, name: str) -> dict[int, int]:
    """At each size that was measured of both, 1 if `one` is better, -1 if `other` is, 0 if they are not told apart: by
    intervals over seeds, or, of fewer than `ENOUGH`, by means that differ by more than `LEVEL`."""
    found = {}
    for size in one.dropna().index.unique().intersection(other.dropna().index.unique()):
        values = one[[size]].dropna(), other[[size]].dropna()
        told = min(map(len, values)) >= ENOUGH or abs(values[0].mean() - values[1].mean()) > LEVEL
        found[int(size)] = sign(name, *values) if told else 0
    return found


def variants(size: int) -> tuple[str, str]:
    """Of the learned and the fixed prior with codes of so many entries; 8 are the budget's own."""
    return ("", "-fixed") if size == 8 else (f"-code_{size}", f"-fixed_code_{size}")


STUDY = Study(
    "codes", "Sizes of codes", "quick", {},
    tuple(f"lpaae{prior}" for size in CODES for prior in variants(size)),
    seeds=(0, 1, 2), family="digits", render=render, fitted=("gmm1", "gmm100", "flow", "kde", "codes"),
)  # fmt: skip
runs.STUDIES[STUDY.name] = STUDY
