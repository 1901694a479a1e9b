"""The report's tables of models, of costs and of speed, in LaTeX."""

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from lprior.data import DATASETS
from lprior.evaluation.judges import evaluator_description
from lprior.evaluation.metrics import thousands
from lprior.report.frame import MIXTURE, SECOND, anchors, form
from lprior.report.latex import MISSING, WITH_MIXTURE, Table, escape, has_control, header, named, row, spread, spreads
from lprior.report.sheets import published, real_like
from lprior.runs import title_of
from lprior.training import trials

REAL = "real images"
RESULTS = ("FID", "score", "precision", "recall")
BENCHMARKS = {  # title in the speed table -> file of benchmarks/results
    "LP-AAE, compact networks": "tutorial_loop",
    "AAE and VAE/GAN, compact networks": "pythae_side_by_side",
    "LP-AAE, the paper's networks": "scheme_2018",
}


def results_table(table: pd.DataFrame, prefix: str = "") -> Table:
    """The main table: each model, the control on its codes, and real images. `prefix`: `frame.SECOND` for what the
    second judge says."""
    rows = []
    for key, group in table.groupby("key", sort=False):
        rows.append([named(title_of(key)), str(len(group)), *spreads(group, RESULTS, prefix)])
        if has_control(group, prefix=prefix):
            rows.append([WITH_MIXTURE, str(len(group)), *spreads(group, RESULTS, prefix + MIXTURE)])
    return _with_real_images(rows, table, RESULTS, prefix)


def is_judged_twice(table: pd.DataFrame) -> bool:
    """Whether the second judge has measured every run of a model, so that it has a mean."""
    if (name := f"{SECOND}FID") not in table:
        return False
    return bool(table[name].notna().groupby(table["key"]).all().any())


def more_table(table: pd.DataFrame, names: Iterable[str]) -> Table:
    """The second table: other metrics, by their titles, of which those are left out that no run has."""
    names = [name for name in names if pd.to_numeric(table.get(name), errors="coerce").notna().any()]
    rows = [
        [named(title_of(key)), str(len(group)), *spreads(group, names)]
        for key, group in table.groupby("key", sort=False)
    ]
    return _with_real_images(rows, table, names)


def sheets_table() -> Table:
    """On the sheets that others published: which, images, and by each judge the score, and that of real images in
    samples of as many."""
    rows = []
    for sheet in published().values():
        cells = [DATASETS[sheet["dataset"]].title, escape(sheet["title"]), str(sheet["images"])]
        for judge in (sheet["first"], sheet["second"]):
            real = judge["real"]
            cells += [f"{judge['score']:.2f}", f"${real['mean']:.2f} \\pm {real['sd']:.2f}$"]
        rows.append(row(cells))
    over = row(["", "", "", *(rf"\multicolumn{{2}}{{c}}{{{judge} judge}}" for judge in ("first", "second"))])
    return Table(over + row(["data", "sheet", "images", *("score", "real images") * 2]), "".join(rows))


def trials_table() -> Table:
    """A row for each trial of docs/trials.csv, in order; what else came of it, or how it failed, follows its reason."""
    rows = [
        [f"{one['dataset']}-{one['model']}-s{one['seed']}", one["preset"], one["epochs"], one["changes"],
         f"{one['why']} ({outcome})" if (outcome := one["outcome"].removeprefix(trials.DONE).removeprefix("; "))
         else one["why"],
         *(one[name] for name in trials.MEASURED), one["taken"]]
        for one in trials.read(trials.FILE)
    ]  # fmt: skip
    head = row(["run", "preset", "epochs", "changes", "why", *trials.MEASURED, "taken"])
    return Table(head, "".join(row(map(escape, cells)) for cells in rows) or row([r"\multicolumn{9}{l}{None yet}"]))


def cost_table(table: pd.DataFrame) -> str:
    """Rows of the cost table: a model on a machine, epochs, and medians over seeds of what a run of it cost."""
    rows = []
    for (key, _), group in table.groupby(["key", "device"], sort=False):
        middle = {name: pd.to_numeric(group[name]).median() for name in ("seconds per epoch", "minutes", "memory")}
        threads = group["threads"].iloc[0]
        made = f"{group['device'].iloc[0]}, {threads} thread{'s' if threads > 1 else ''}"
        numbers = [form(name).format(value) for name, value in middle.items()]
        title, epochs = named(title_of(key)), str(group["epochs"].iloc[0])
        rows.append([title, str(len(group)), epochs, *numbers, escape(made)])
    return "".join(map(row, rows))


def speed_table(measured: Path) -> str:
    """Rows of the speed table, from the JSON files that `benchmarks/` leaves: the first contender of each, and ours."""
    blocks = []
    for title, name in BENCHMARKS.items():
        if (measured / f"{name}.json").exists():
            found = json.loads((measured / f"{name}.json").read_text())["rows"]
            lines = [
                row([rf"\quad {escape(one['name'])}", _range(one["seconds_per_epoch"]), _range(one["times_faster"])])
                for one in found
            ]
            blocks.append(row([title, "", ""]) + "".join(lines))
    return "\\addlinespace\n".join(blocks) or row([MISSING] * 3)


def _range(summary: dict) -> str:
    """Median and, if it was measured more than once, smallest and largest of a summary, with three digits."""
    middle, low, high = (_three_digits(summary[key]) for key in ("median", "min", "max"))
    return middle if low == high else f"{middle} ({low} to {high})"


def _three_digits(value: float) -> str:
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 100 else f"{value:#.3g}"


def _with_real_images(rows: list[list[str]], table: pd.DataFrame, names: Iterable[str], prefix: str = "") -> Table:
    return Table(header(names), "".join(map(row, rows)) + "\\midrule\n" + row(_real_row(table, names, prefix)))


def _real_row(table: pd.DataFrame, names: Iterable[str], prefix: str) -> list[str]:
    if not like_anchors(table):
        return [REAL, "", *([MISSING] * len(tuple(names)))]
    dataset = table["dataset"].iloc[0]
    found = anchors(dataset, second=prefix == SECOND)
    cells = {name: spread(pd.Series([found.get(prefix + name)], dtype=float), form(name)) for name in names}
    if "sheet" in cells:
        cells["sheet"] = real_like(published()[f"{dataset}/learned"])  # of a hundred images, too
    return [REAL, "", *cells.values()]


def like_anchors(table: pd.DataFrame) -> bool:
    """Whether real images were measured by the very protocol of the runs: all images of the data set, pixel for pixel
    the same, and as many samples as there are test images."""
    dataset = table["dataset"].iloc[0]
    if DATASETS[dataset].classifier != dataset:  # mnist5k borrows the classifier of MNIST
        return False
    described, counts = evaluator_description(dataset), {thousands(count) for count in table["samples"]}
    same_images = (table["data sha256"] == described["data_sha256_train"]).all()
    return bool(same_images) and all(any(key.endswith(f"_{n}_test") for key in described["anchors"]) for n in counts)
