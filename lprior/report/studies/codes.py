"""Learned and fixed prior, and priors fitted to the codes of both afterwards, with codes of several sizes: a study on
digits, and one on CIFAR-10."""

from functools import partial

import pandas as pd
from matplotlib.figure import Figure

from lprior import runs
from lprior.curves import logarithmic
from lprior.evaluation.metrics import TITLES, by_title
from lprior.report.control import listed, sign
from lprior.report.difference import ENOUGH
from lprior.report.frame import MIXTURE, SECOND, anchors, form, table_of
from lprior.report.latex import OF_MODEL, PRIORS, Table, header, model_rows, row, spread
from lprior.report.studies.shown import Shown
from lprior.report.tables import like_anchors
from lprior.results import RunFolder
from lprior.runs import Study

COLUMNS = ("FID", "score", "precision", "recall")
PANELS = ("FID", "score", "recall")  # of the figure
HUNDRED = TITLES["gmm100_"]
LINES = {  # label -> prior of the model, what is before its metrics, style of the line, whether its marks are filled
    "learned": ("learned", "", "-", True),
    "fixed": ("fixed", "", "-", True),
    "learned + mixture of 10": ("learned", MIXTURE, "--", False),
    "fixed + mixture of 10": ("fixed", MIXTURE, "--", False),
    "learned + mixture of 100": ("learned", HUNDRED, ":", True),
    "fixed + mixture of 100": ("fixed", HUNDRED, ":", True),
}
MARKS = {"learned": ("C1", "^"), "fixed": ("C2", "o")}  # prior of the model -> colour and mark
FURTHER = {  # lines that are in no figure
    "fixed + flow": ("fixed", TITLES["flow_"]), "fixed + kernels": ("fixed", TITLES["kde_"]),
    "learned + kernels": ("learned", TITLES["kde_"]), "learned + codes": ("learned", TITLES["codes_"]),
}  # fmt: skip
RIVALS = ("fixed + mixture of 10", "fixed + flow", "fixed + kernels")  # beside the mixture of a hundred
HUNDREDS = ("learned + mixture of 100", "fixed + mixture of 100")
PAIRS = (  # that are compared
    ("learned", "fixed + mixture of 100"),
    *(("learned", rival) for rival in RIVALS),
    ("learned", "fixed"),
    ("learned", "learned + mixture of 100"),
    HUNDREDS,
)
PRINTED = {1: "$+$", 0: r"$\cdot$", -1: "$-$"}  # what the table of pairs has for a sign
AIM = {"FID": 0.4, "score": 9.4, "recall": 0.7}  # of ours, for the learned prior at its best size
LEARNED = "the learned prior, with noise of as many entries as the code,"
SPAN = 5  # times the lowest FID: where the highest is more, the axis is logarithmic
LEVEL = 0.05  # two values of few seeds are level if they differ by no more than this
SECOND_CAPTION = (
    "{title} by the second judge: means over the seeds of tables~\\ref{{tab:{name}}} and~\\ref{{tab:{name}-fixed}}"
)
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
        file: Table(header(COLUMNS, OF_MODEL), "".join(model_rows(finished, models, COLUMNS, PRIORS)))
        for file, models in ((name, study.models[::2]), (f"{name}-fixed", study.models[1::2]))
    }
    tables[f"{name}-second"] = second_table(means(seconds))
    tables[f"{name}-pairs"] = pairs_table(values, seconds)
    found = table_of(finished)
    seeds = int(found.groupby("key").size().min())
    said = {
        "answer": answer_in_words(values, seconds, WHERE[study.family] if seeds >= ENOUGH else ""),
        "hundreds": hundreds_in_words(values, seconds),
        "recall": recall_in_words(values, seconds),
        "aim": aim_in_words(values),
        "tested": (TESTED if seeds >= ENOUGH else UNTESTED).format(seeds=seeds, s="s" * (seeds > 1)),
        "seeds": f"{seeds} seed{'s' if seeds > 1 else ''}", "epochs": listed(sorted(set(found["epochs"]))),
    }  # fmt: skip
    real = anchors(found["dataset"].iloc[0]) if like_anchors(found) else {}
    figures = {name: codes_figure(values, found["samples"].iloc[0], real)}
    return Shown(
        tables, figures, values={f"{name}/{key}": text for key, text in said.items()},
        captions={f"{name}-second": SECOND_CAPTION.format(title=study.title, name=name)},
    )  # fmt: skip


def each_seed(runs: list[RunFolder], judge: str = "") -> dict[str, pd.DataFrame]:
    """For each of `LINES` and `FURTHER`, `COLUMNS` of each run by the number of entries of a code. `judge`: `SECOND`
    for the second one's."""
    table = table_of(runs)
    prior, size = [run.config().settings.prior for run in runs], table["code"].astype(int)
    found = {}
    for label, (of, before, *_) in (LINES | FURTHER).items():
        columns = {name: pd.to_numeric(table.get(judge + before + name), errors="coerce") for name in COLUMNS}
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
        for label, (prior, _, style, filled) in LINES.items():
            at, (colour, mark) = values[label][name].groupby(level=0), MARKS[prior]
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
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


def second_table(lines: dict[str, pd.DataFrame]) -> Table:
    """What the second judge says: a row for each of `LINES`, `PANELS` at each size."""
    sizes = sorted({size for line in lines.values() for size in line.index})
    rows = [
        [spread(lines[label][name].reindex([size]), form(name)) for name in PANELS for size in sizes] for label in LINES
    ]
    return Table(_head(PANELS, sizes), "".join(row([label, *cells]) for label, cells in zip(LINES, rows, strict=True)))


def _head(names: tuple[str, ...], sizes: list[int]) -> str:
    """Of a table that has the metrics at each size."""
    over = row(["", *(rf"\multicolumn{{{len(sizes)}}}{{c}}{{{name}}}" for name in names)])
    return over + row(["entries of a code", *[*map(str, sizes)] * len(names)])


Lines = dict[str, pd.DataFrame]  # label -> `COLUMNS` of each run, by the number of entries of a code


def recall_in_words(values: Lines, second: Lines) -> str:
    """Where codes of images have the recall of the learned prior by its decoder, where more, and where Gaussians and
    kernels around them have more, with what they lose; in LaTeX. Nothing where none was measured."""
    codes = signs_at(values, second, "learned", "learned + codes")
    same, lost = ([size for size, of in codes["recall"].items() if of == sign] for sign in (0, -1))
    said = []
    if same:
        said.append(
            f"By the learned prior's own decoder the codes of training images, as they are, have a recall that is not "
            f"told apart from its own at {_run(same, list(codes['recall']))} entries: there the code generator is not "
            "seen to lose any."
        )
    if lost:
        said.append(
            f"At {listed(lost)} entries the codes of training images have more by the learned prior's decoder than "
            "that prior: there it loses recall."
        )
    wider = []
    for what, line in (("ten Gaussians", "learned + mixture of 10"), ("kernels", "learned + kernels")):
        signs = signs_at(values, second, "learned", line)
        if sizes := [size for size, of in signs["recall"].items() if of == -1]:
            price = _where({name: {size: at[size] for size in sizes if size in at} for name, at in signs.items()}, 1)
            behind = f" (behind there in {price})" if price else ""
            wider.append(f"{what} at {_run(sizes, list(signs['recall']))} entries{behind}")
    if wider:
        said.append(
            f"Around these codes more recall by the same decoder have {listed(wider)}: it can draw more variety than "
            "the prior asks for."
        )
    return " ".join(said)


def aim_in_words(values: Lines) -> str:
    """What we had aimed at, and the best means of the learned prior over all sizes; in LaTeX."""
    found = means(values)["learned"].dropna()
    if found.empty:
        return ""
    best = {name: found[name].max() if by_title(name).higher_is_better else found[name].min() for name in PANELS}
    aims, reached = (listed(f"{name} {form(name).format(of[name])}" for name in PANELS) for of in (AIM, best))
    return f"We had aimed at {aims} together; the learned prior's best means, each at a size of its own, are {reached}."


def hundreds_in_words(values: Lines, second: Lines) -> str:
    """Where a hundred Gaussians on the learned prior's codes are better and where worse than on the fixed prior's; in
    LaTeX. Nothing where they were not both measured."""
    signs = signs_at(values, second, *HUNDREDS)
    found = {word: _where(signs, value) for word, value in (("better", 1), ("worse", -1))}
    said = [f"the {word} {places}" for word, places in found.items() if places]
    if not signs["FID"]:
        return ""
    if not said:
        return "A hundred Gaussians on the learned and on the fixed prior's codes are not told apart."
    return (
        "A hundred Gaussians on the learned prior's codes, decoded by its own model, have, against a hundred on the "
        f"fixed prior's, {listed(said)}."
    )


def answer_in_words(values: Lines, second: Lines, where: str) -> str:
    """Where the learned prior is ahead of a hundred Gaussians on the fixed prior's codes and where behind, and where it
    is ahead of all of `RIVALS`, and behind; in LaTeX. Nothing where that was not measured. `where`: on what images, for
    a verdict; "" where nothing was tested by intervals."""
    signs = signs_at(values, second, "learned", "fixed + mixture of 100")
    sizes = sorted({size for at in signs.values() for size in at})
    if not sizes:
        return ""
    ahead, behind = _where(signs, 1), _where(signs, -1)
    hundred = "a hundred Gaussians (a number chosen on test images) fitted to the codes of the model with a fixed prior"
    if where and behind and not ahead:
        answer = (
            f"On {where} {LEARNED} is nowhere seen ahead, by both judges, of {hundred}: of {listed(COLUMNS)}, "
            f"at codes of {_run(sizes, sizes)} entries, it is behind in {behind}, and not told apart in the rest."
        )
    else:
        said = [f"{word} in {places}" for word, places in (("ahead", ahead), ("behind", behind)) if places]
        answer = (
            f"At codes of {_run(sizes, sizes)} entries {LEARNED} is, against {hundred}, "
            f"{listed([*said, 'not told apart in the rest']) if said else 'not told apart'}."
        )
    of_each = [signs_at(values, second, "learned", rival) for rival in RIVALS]
    found = [
        f"{word} in {places}"
        for word, value in (("ahead", 1), ("behind", -1))
        if (places := _where_all(of_each, value))
    ]
    return answer + (f" Of ten, of a flow and of kernels on these codes it is {listed(found)}." if found else "")


def _where_all(found: list[dict[str, dict[int, int]]], value: int) -> str:
    """`_where` each of `signs_at` has this sign."""
    common = {
        name: {size: value if all(one[name].get(size) == value for one in found) else 0 for size in at}
        for name, at in found[0].items()
    }
    return _where(common, value)


def signs_at(values: Lines, second: Lines, one: str, other: str) -> dict[str, dict[int, int]]:
    """For each of `COLUMNS`, by size: 1 if the line `one` is better, -1 if `other` is, by both judges where both
    measured them, else 0 (`_signs`)."""
    found = {}
    for name in COLUMNS:
        first, both = (_signs(of[one][name], of[other][name], name) for of in (values, second))
        found[name] = {size: value if both.get(size, value) == value else 0 for size, value in first.items()}
    return found


def _where(signs: dict[str, dict[int, int]], value: int) -> str:
    """ "FID at 2 and 8, and score at 8 to 64 entries": where there is this sign; "" for nowhere."""
    found: dict[str, list[str]] = {}
    for name, at in signs.items():
        if sizes := [size for size in at if at[size] == value]:
            found.setdefault("every size" if len(sizes) == len(at) > 1 else _run(sizes, list(at)), []).append(name)
    if not found:
        return ""
    places = listed(f"{listed(names)} at {where}" for where, names in found.items())
    return places if places.endswith("every size") else f"{places} entries"


def _run(sizes: list[int], of: list[int]) -> str:
    """ "8 to 64" of three sizes or more that follow each other in `of`, else all of them."""
    first = of.index(sizes[0])
    follow = len(sizes) > 2 and of[first : first + len(sizes)] == sizes
    return f"{sizes[0]} to {sizes[-1]}" if follow else listed(sizes)


def pairs_table(values: Lines, second: Lines) -> Table:
    """For each of `PAIRS` a row of signs, of each of `COLUMNS` at each size; blank where one of the two is missing."""
    sizes = sorted({size for one in values.values() for size in one.index})
    rows = []
    for pair in PAIRS:
        signs = signs_at(values, second, *pair)
        cells = [PRINTED.get(signs[name].get(size), "") for name in COLUMNS for size in sizes]
        rows.append(row([" against ".join(pair), *cells]))
    return Table(_head(COLUMNS, sizes), "".join(rows))


def _signs(one: pd.Series, other: pd.Series, name: str) -> dict[int, int]:
    """At each size that was measured of both, 1 if `one` is better, -1 if `other` is, 0 if they are not told apart: by
    intervals over seeds, or, of fewer than `ENOUGH`, by means that differ by more than `LEVEL`."""
    found = {}
    for size in one.dropna().index.unique().intersection(other.dropna().index.unique()):
        values = one[[size]].dropna(), other[[size]].dropna()
        told = min(map(len, values)) >= ENOUGH or abs(values[0].mean() - values[1].mean()) > LEVEL
        found[int(size)] = sign(name, *values) if told else 0
    return found


WHERE = {"digits": "digits", "pictures": "CIFAR-10"}
for name, title, family, own, sizes, seeds in (  # own: the size of code that the budget has without a variant
    ("codes", "Sizes of codes", "digits", 8, (2, 4, 8, 16, 32, 64), (0, 1, 2)),
    ("codes_cifar10", "Sizes of codes on CIFAR-10", "pictures", 64, (8, 64, 128), (0,)),
):
    variants = [("", "-fixed") if size == own else (f"-code_{size}", f"-fixed_code_{size}") for size in sizes]
    runs.STUDIES[name] = Study(
        name, title, "quick", {}, tuple(f"lpaae{prior}" for pair in variants for prior in pair),
        seeds=seeds, family=family, render=partial(render, name=name),
        fitted=("gmm1", "gmm100", "flow", "kde", "codes"),
    )  # fmt: skip
