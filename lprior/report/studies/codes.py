"""Learned and fixed prior, and priors fitted to the codes of both afterwards, with codes of several sizes: a study on
digits, and one on CIFAR-10."""

from collections.abc import Iterable
from functools import partial

import pandas as pd
from matplotlib.figure import Figure

from lprior import runs
from lprior.curves import logarithmic
from lprior.report.control import listed
from lprior.report.difference import ENOUGH
from lprior.report.frame import SECOND, anchors, form, table_of
from lprior.report.latex import OF_MODEL, PRIORS, Table, header, model_rows, row, spread
from lprior.report.studies.codes_in_words import (
    PANELS,
    aim_in_words,
    answer_in_words,
    devices_in_words,
    hundreds_in_words,
    recall_in_words,
    wide_in_words,
)
from lprior.report.studies.codes_lines import (
    COLUMNS,
    FIXED,
    HUNDRED,
    LEARNED,
    LEVEL,
    RIVALS,
    TEN,
    WIDE,
    Lines,
    each_seed,
    means,
    signs_at,
)
from lprior.report.studies.shown import Shown
from lprior.report.tables import like_anchors
from lprior.results import RunFolder
from lprior.runs import Study

MARKS = {LEARNED: ("C1", "^"), WIDE: ("C3", "s"), FIXED: ("C2", "o")}  # model -> colour and mark
DRAWN = {  # of the figure, line by line: model, prior fitted to its codes -> style, whether its marks are filled
    (LEARNED, ""): ("-", True), (WIDE, ""): ("-", True), (FIXED, ""): ("-", True), (FIXED, TEN): ("--", False),
    (LEARNED, HUNDRED): (":", True), (WIDE, HUNDRED): (":", True), (FIXED, HUNDRED): (":", True),
}  # fmt: skip
PAIRS = (  # that are compared
    *((LEARNED, other) for other in (FIXED + HUNDRED, *RIVALS, FIXED, LEARNED + HUNDRED)),
    *((WIDE, other) for other in (LEARNED, FIXED + HUNDRED, FIXED + TEN, FIXED)),
    *((model + HUNDRED, FIXED + HUNDRED) for model in (LEARNED, WIDE)),
)
JUDGED = [model + prior for model in (LEARNED, WIDE, FIXED) for prior in ("", TEN, HUNDRED)]  # a second time
PRINTED = {1: "$+$", 0: r"$\cdot$", -1: "$-$"}  # what the table of pairs has for a sign
SPAN = 5  # times the lowest FID: where the highest is more, the axis is logarithmic
SECOND_CAPTION = "{title} by the second judge: means over the seeds of tables~{tables}"
TESTED = (
    "Values are means over {seeds} seeds. Models are told apart by 95\\,\\% intervals over seeds and both judges "
    "(section~\\ref{{sec:protocol}}); for so many comparisons the intervals are not widened."
)
UNTESTED = (
    f"No difference is tested, of {{seeds}} seed{{s}}: values within {LEVEL:.2f} of each other are not told apart, nor "
    "is what the two judges see differently."
)


def render(finished: list[RunFolder], name: str) -> Shown:
    """Of the study of that name: rows for each model and the priors fitted to its codes, the figure, and in words who
    is better where."""
    if not finished:
        return Shown(whole=False)
    study, values, seconds = runs.STUDIES[name], each_seed(finished), each_seed(finished, SECOND)
    tables = {
        name + end: Table(header(COLUMNS, OF_MODEL), "".join(model_rows(finished, models, COLUMNS, PRIORS)))
        for end, models in _by_kind(study.models).items()
    }
    of_models = listed(rf"\ref{{tab:{file}}}" for file in tables)
    tables[f"{name}-second"] = second_table(means(seconds))
    tables[f"{name}-pairs"] = pairs_table(values, seconds)
    found = table_of(finished)
    seeds = int(found.groupby("key").size().min())
    said = {
        "answer": answer_in_words(values, seconds, WHERE[study.family] if seeds >= ENOUGH else ""),
        "wide": wide_in_words(values, seconds),
        "hundreds": hundreds_in_words(values, seconds),
        "recall": recall_in_words(values, seconds),
        "aim": aim_in_words(values),
        "devices": devices_in_words(finished),
        "tested": (TESTED if seeds >= ENOUGH else UNTESTED).format(seeds=seeds, s="s" * (seeds > 1)),
        "seeds": f"{seeds} seed{'s' if seeds > 1 else ''}", "epochs": listed(sorted(set(found["epochs"]))),
    }  # fmt: skip
    real = anchors(found["dataset"].iloc[0]) if like_anchors(found) else {}
    figures = {name: codes_figure(values, found["samples"].iloc[0], real)}
    return Shown(
        tables, figures, values={f"{name}/{key}": text for key, text in said.items()},
        captions={f"{name}-second": SECOND_CAPTION.format(title=study.title, tables=of_models)},
    )  # fmt: skip


def _by_kind(models: Iterable[str]) -> dict[str, list[str]]:
    """Those of each of the tables, by the end of its name."""
    kinds: dict[str, list[str]] = {"": []}
    for model in models:
        kinds.setdefault("-fixed" if "fixed" in model else "-wide" if "wide" in model else "", []).append(model)
    return kinds


def codes_figure(values: Lines, samples: int, real: dict[str, float] | None = None) -> Figure:
    """A panel for each of `PANELS`, and in it a line for each of `DRAWN` that was measured, of means and bars of one
    standard deviation. `samples`: how many were measured. `real`: what real images have, a grey line."""
    figure = Figure(figsize=(6.4, 2.5), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
        for (model, prior), (style, filled) in DRAWN.items():
            label, (colour, mark) = model + prior, MARKS[model]
            if (measured := values[label][name].dropna()).empty:
                continue
            at = measured.groupby(level=0)
            line = axes.plot(
                at.mean(), style, marker=mark, markersize=3.5, markerfacecolor=colour if filled else "white",
                linewidth=0.9, color=colour, label=label,
            )[0]  # fmt: skip
            axes.vlines(line.get_xdata(), at.mean() - at.std(), at.mean() + at.std(), color=colour, linewidth=0.9)
        if real:
            axes.axhline(real[name], color="grey", linewidth=0.8, linestyle="-.", label="real images")
        axes.set_xscale("log", base=2)
        sizes = sorted({size for one in values.values() for size in one.index})
        axes.set_xticks(sizes, sizes)
        axes.set_xlabel("entries of a code", fontsize=8)
        axes.set_title(f"{name} of {samples:,} samples", fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    fids = pd.concat([of["FID"] for of in values.values()]).dropna()
    if len(fids) and fids.max() > SPAN * fids.min():
        logarithmic(figure.axes[0])
    for axes in figure.axes:
        axes.tick_params(which="both", labelsize=8)
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=4,
        fontsize=8,
        columnspacing=1,
        frameon=False,
    )
    return figure


def second_table(values: Lines) -> Table:
    """What the second judge says, means: a row for each of `JUDGED` that it measured, `PANELS` at each size."""
    sizes = sorted({size for one in values.values() for size in one.index})
    rows = [
        row([label, *(spread(values[label][name].reindex([size]), form(name)) for name in PANELS for size in sizes)])
        for label in JUDGED if not values[label].dropna(how="all").empty
    ]  # fmt: skip
    return Table(_head(PANELS, sizes), "".join(rows))


def _head(names: tuple[str, ...], sizes: list[int]) -> str:
    """Of a table that has the metrics at each size."""
    over = row(["", *(rf"\multicolumn{{{len(sizes)}}}{{c}}{{{name}}}" for name in names)])
    return over + row(["entries of a code", *[*map(str, sizes)] * len(names)])


def pairs_table(values: Lines, second: Lines) -> Table:
    """For each of `PAIRS` of models that there are, a row of signs, of each of `COLUMNS` at each size; blank where one
    of the two is missing."""
    sizes = sorted({size for one in values.values() for size in one.index})
    rows = []
    for pair in PAIRS:
        if any(values[label].empty for label in pair):
            continue
        signs = signs_at(values, second, *pair)
        cells = [PRINTED.get(signs[name].get(size), "") for name in COLUMNS for size in sizes]
        rows.append(row([" vs. ".join(pair), *cells]))
    return Table(_head(COLUMNS, sizes), "".join(rows))


WHERE = {"digits": "digits", "pictures": "CIFAR-10"}
# own: the size of code that the budget has without a variant; wide: sizes with wide noise, too
for name, title, family, own, sizes, wide, seeds in (
    ("codes", "Sizes of codes", "digits", 8, (2, 4, 8, 16, 32, 64), (4, 8, 16), (0, 1, 2)),
    ("codes_cifar10", "Sizes of codes on CIFAR-10", "pictures", 64, (8, 64, 128), (), (0,)),
):
    variants = [("", "-fixed") if size == own else (f"-code_{size}", f"-fixed_code_{size}") for size in sizes]
    models = [f"lpaae{prior}" for pair in variants for prior in pair] + [f"lpaae-wide_code_{size}" for size in wide]
    runs.STUDIES[name] = Study(
        name, title, "quick", {}, tuple(models),
        seeds=seeds, family=family, render=partial(render, name=name),
        fitted=("gmm1", "gmm100", "flow", "kde", "codes"),
    )  # fmt: skip
