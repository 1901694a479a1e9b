"""What the report shows beside the main results: the conditional variable, the ablation, code sizes, the latent space.

Each part is made of runs that may not be there: a table then has one row that says how to make them, a figure is left
out (the text includes it only if the file exists).
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from lprior import presets
from lprior.figures import enlarged, save_pdf
from lprior.results import RunFolder
from lprior.tables import escape, row, spread, spreads, table_of

CONDITIONAL = ("lpaae-supervised", "lpaae-unsupervised")
MEANING = {  # column of the conditional table -> how the keys of its metric begin
    "obeyed": ("accuracy_given_s",),
    "precision": ("within_precision",),
    "recall": ("within_recall",),
    "Q": ("accuracy_q", "cluster_acc_q"),
    "codes": ("cluster_acc_kmeans",),
}
COLUMNS = ("FID", "score", "precision", "recall")  # of the ablation
LATENT = ("map-learned", "map-fixed", "walks", "manifold")  # figures of notebooks/latent_space.ipynb


def write_studies(runs: Iterable[RunFolder], beside: Path, studies: Path, output: Path) -> None:
    """Tables and figures into `output`. `runs`: those of the report; `beside`: their folder, which the notebook on the
    latent space fills too; `studies`: the folder of the studies' runs."""
    found = {preset: finished(studies / preset) for preset in presets.STUDIES}
    tables = {
        "conditional": conditional_table([run for run in runs if run.config().model in CONDITIONAL]),
        "ablation": ablation_table(found["ablation"]),
    }
    for name, text in tables.items():
        (output / "tables" / f"{name}.tex").write_text(text)
    if found["codes"]:
        save_pdf(codes_figure(found["codes"]), output / "figures" / "codes.pdf")
    for run in runs:
        if run.config().model in CONDITIONAL and run.config().seed == 0 and run.config().dataset != "cifar10":
            enlarged(run / "samples.png").save(output / "figures" / f"{run.config().model}-samples.png")
    for name in LATENT:
        if (beside / "latent_space" / f"{name}.png").exists():
            shutil.copy(beside / "latent_space" / f"{name}.png", output / "figures" / f"{name}.png")


def finished(folder: Path) -> list[RunFolder]:
    """The finished runs in a folder, if there is one."""
    return [RunFolder(path.parent) for path in sorted(folder.glob("*/metrics.json"))]


def conditional_table(runs: list[RunFolder]) -> str:
    """Rows: a model, the number of its seeds, and mean and standard deviation of what its s has come to mean, in per cent."""
    rows = []
    for model in CONDITIONAL:
        metrics = pd.DataFrame([run.read_json("metrics.json") for run in runs if run.config().model == model])
        if len(metrics):
            rows.append([escape(presets.TITLES[model]), str(len(metrics)), *_meaning(metrics)])
    return "".join(map(row, rows)) or _missing("quick", 2 + len(MEANING))


def _meaning(metrics: pd.DataFrame) -> list[str]:
    columns = {name: [key for key in metrics if key.startswith(beginnings)] for name, beginnings in MEANING.items()}
    return [spread(100 * metrics[keys[0]] if keys else None, "{:.1f}") for keys in columns.values()]


def ablation_table(runs: list[RunFolder]) -> str:
    """Rows: a model, the number of its seeds, and mean and standard deviation of `COLUMNS`, in the order of the preset."""
    if not runs:
        return _missing("ablation", 2 + len(COLUMNS))
    table, blocks = table_of(runs), {}
    for model in presets.RUNS["ablation"]:
        group = table[table["key"] == model]
        if len(group):
            cells = [escape(presets.TITLES[model]), str(len(group)), *spreads(group, COLUMNS)]
            blocks.setdefault(model.partition("-")[0], []).append(row(cells))
    return "\\midrule\n".join("".join(rows) for rows in blocks.values())


def codes_figure(runs: list[RunFolder]) -> Figure:
    """FID and score over the number of entries of a code, for the learned and for the fixed prior: means over seeds."""
    table = table_of(runs)
    table["prior"] = [run.config().settings.prior for run in runs]
    figure = Figure(figsize=(5.4, 2.1), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("FID", "score"), strict=True):
        for prior, group in table.groupby("prior"):
            means = pd.to_numeric(group[name]).groupby(group["code"].astype(int)).mean()
            axes.plot(means.index, means, marker="o", linewidth=0.9, color={"learned": "C1", "fixed": "C2"}[prior], label=prior)
        axes.set_xscale("log", base=2)
        axes.set_xticks(sorted(set(table["code"])), sorted(set(table["code"])))
        axes.set_xlabel("entries of a code", fontsize=7)
        axes.set_title(name, fontsize=8)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_yscale("log")
    figure.axes[0].legend(title="prior", fontsize=7, title_fontsize=7, frameon=False)
    return figure


def _missing(preset: str, columns: int) -> str:
    return rf"\multicolumn{{{columns}}}{{l}}{{Not run: \texttt{{./run\_all.sh -{{}}-preset {preset}}}}} \\" + "\n"
