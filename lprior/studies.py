"""What the report shows beside the main results: the conditional variable, the ablation, code sizes, the latent space.

Each part is made of runs that may not be there: a table then has one row that says how to make them, and figures are
left out.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from lprior import presets, variants
from lprior.figures import logarithmic, save_for_print, save_pdf
from lprior.parts import CIFAR10, DIGITS
from lprior.results import RunFolder
from lprior.tables import OF_S, escape, row, spreads, table_of

CONDITIONAL = {
    DIGITS: ("lpaae-supervised", "lpaae-unsupervised"),
    CIFAR10: ("lpaae-supervised", "lpaae-supervised_long", "lpaae-unsupervised_long"),
}
MEANING = ("FID", "score", *dict.fromkeys(OF_S.values()))  # columns of the conditional table
COLUMNS = ("FID", "score", "precision", "recall")  # of the ablation, and of code sizes
LATENT = ("map-learned", "map-fixed", "walks", "manifold")  # figures of notebooks/latent_space.ipynb


def write_studies(runs: list[RunFolder], beside: Path, studies: Path, output: Path) -> list[str]:
    """Tables and figures into `output`; returns which figures and tables are whole: "ablation", "conditional", "codes"
    and "latent", all on digits.

    `runs`: those of the report. `beside`: their folder, which the notebook on the latent space fills, too. `studies`:
    the folder of the studies' runs.
    """
    found = {preset: finished(studies / preset) for preset in presets.STUDIES}
    (output / "tables" / "ablation.tex").write_text(ablation_table(found["ablation"]))

    figures, there = output / "figures", ["ablation"] if found["ablation"] else []
    for part, models in CONDITIONAL.items():
        chosen = [run for run in runs if run.config().dataset in part.datasets and run.config().model in models]
        (output / "tables" / f"{part.file}conditional.tex").write_text(conditional_table(chosen, models))
    if _write_sheets(runs, figures):
        there.append("conditional")
    if found["codes"]:
        save_pdf(codes_figure(found["codes"]), figures / "codes.pdf")
        (output / "tables" / "codes.tex").write_text("".join(_rows(found["codes"], presets.RUNS["codes"], COLUMNS)))
        there.append("codes")
    if all((beside / "latent_space" / f"{name}.png").exists() for name in LATENT):
        for name in LATENT:
            shutil.copy(beside / "latent_space" / f"{name}.png", figures / f"{name}.png")
        there.append("latent")
    return there


def _write_sheets(runs: list[RunFolder], folder: Path) -> bool:
    """The sheets of the conditional runs on digits, of first seeds, if there is a run of each kind; whether there is.

    (On CIFAR-10 such a run has a page of its own.)
    """
    chosen = [run for run in runs if run.config().dataset in DIGITS.datasets]
    first = {run.config().model: run for run in sorted(chosen, key=lambda run: run.config().seed, reverse=True)}
    if not first.keys() >= set(CONDITIONAL[DIGITS]):
        return False
    for model in CONDITIONAL[DIGITS]:
        save_for_print(first[model] / "samples.png", folder / f"{model}-samples")
    return True


def finished(folder: Path) -> list[RunFolder]:
    """The finished runs in a folder, if there is one."""
    return [RunFolder(path.parent) for path in sorted(folder.glob("*/metrics.json"))]


def conditional_table(runs: list[RunFolder], models: Iterable[str]) -> str:
    """Rows: a model, the number of its seeds, its epochs, and mean and standard deviation of `MEANING`."""
    return "".join(_rows(runs, models, MEANING)) or _missing("quick", 3 + len(MEANING))


def ablation_table(runs: list[RunFolder]) -> str:
    """Rows: a model, its seeds and epochs, mean and standard deviation of `COLUMNS`; a block for each algorithm."""
    models = presets.RUNS["ablation"]
    blocks = [
        "".join(_rows(runs, [model for model in models if model.partition("-")[0] == algorithm], COLUMNS))
        for algorithm in presets.SETTINGS
    ]
    return "\\midrule\n".join(filter(None, blocks)) or _missing("ablation", 3 + len(COLUMNS))


def _rows(runs: list[RunFolder], models: Iterable[str], columns: Iterable[str]) -> list[str]:
    """A row for each of the models that has runs, in their order."""
    if not runs:
        return []
    groups = dict(list(table_of(runs).groupby("key")))
    return [
        row([escape(variants.TITLES[model]), str(len(group)), str(group["epochs"].iloc[0]), *spreads(group, columns)])
        for model, group in ((model, groups[model]) for model in models if model in groups)
    ]


def codes_figure(runs: list[RunFolder]) -> Figure:
    """FID and score over the number of entries of a code, for the learned and for the fixed prior: means over seeds."""
    table = table_of(runs)
    table["prior"] = [run.config().settings.prior for run in runs]
    figure = Figure(figsize=(5.4, 2.1), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("FID", "score"), strict=True):
        for prior, group in table.groupby("prior"):
            means = pd.to_numeric(group[name]).groupby(group["code"].astype(int)).mean()
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


def _missing(preset: str, columns: int) -> str:
    return rf"\multicolumn{{{columns}}}{{l}}{{Not run: \texttt{{./run\_all.sh -{{}}-preset {preset}}}}} \\" + "\n"
