"""Several runs side by side: find them or make them, their table, their curves."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lprior.config import resolve
from lprior.data import DATASETS
from lprior.errors import UserError
from lprior.figures import logarithmic
from lprior.results import PUBLISHED, RunFolder, finished, scratch_folder
from lprior.runs import title_of, variants_of
from lprior.training.run import run


def obtain(
    folder: str | Path | None, dataset: str, preset: str, variant: str = "", device: str = "auto", **changes
) -> RunFolder:
    """The finished LP-AAE run in `folder`, as it is; for None a run of the variant, made in results/interactive unless
    it is there already. `changes`: as of `config.resolve`. Raises UserError if `folder` holds no finished run."""
    if folder is not None:
        result = RunFolder(folder)
        result.read_json("metrics.json")
        return result
    config = resolve("lpaae", dataset, preset, variant, **changes)
    result = RunFolder(scratch_folder(config))
    return result if (result / "metrics.json").exists() else run(config, result.path, device=device)


Runs = dict[str, list[RunFolder]]  # variant, "" for none -> its runs


def runs_in(folder: str | Path | None, algorithm: str = "lpaae") -> dict[str, Runs]:
    """The finished runs of an algorithm in a folder, by data set, since others do not compare, and by variant in the
    order of `runs.VARIANTS`.

    None is results/published. Raises UserError if there is no such run.
    """
    folder = PUBLISHED if folder is None else Path(folder)
    found: dict[str, Runs] = {name: {variant: [] for variant in ["", *variants_of(algorithm)]} for name in DATASETS}
    for result in finished(folder):
        config = result.config()
        if config.algorithm == algorithm:
            found[config.dataset].setdefault(config.variant, []).append(result)
    found = {name: {variant: members for variant, members in runs.items() if members} for name, runs in found.items()}
    if not any(found.values()):
        raise UserError(f"{folder} holds no finished run of {algorithm}")
    return {name: runs for name, runs in found.items() if runs}


def table(runs: Runs, kinds: tuple[str, ...] = ("fid", "score", "precision", "recall")) -> pd.DataFrame:
    """Of runs on one data set, a row for each variant: the number of seeds, epochs, and mean and standard deviation
    over seeds of each metric whose key begins with one of `kinds`. Variants measured by different protocols have
    different columns."""
    rows = {}
    for members in runs.values():
        values = pd.DataFrame([one.read_json("metrics.json") for one in members])
        values = values[[key for key in values if key.partition("_")[0] in kinds]].apply(pd.to_numeric, errors="coerce")
        row = {"n": len(members), "epochs": "/".join(sorted({str(one.config().epochs) for one in members}))}
        for key in values:
            spread = f" ± {values[key].std():.3g}" if values[key].count() > 1 else ""
            row[key] = f"{values[key].mean():.4g}{spread}"
        rows[title(members[0])] = row
    return pd.DataFrame(rows).T.fillna("–").rename_axis(columns=dataset_of(runs))


def metrics_of(result: RunFolder, *kinds: str) -> pd.Series:
    """The metrics of a run that have a value and whose keys begin with one of `kinds`."""
    metrics = result.read_json("metrics.json")
    numbers = {key: value for key, value in metrics.items() if not isinstance(value, str)}
    return pd.Series({key: value for key, value in numbers.items() if key.startswith(kinds)}, dtype=float)


def curves_figure(runs: Runs, kind: str = "fid") -> Figure:
    """Of runs on one data set, the metric of each log whose name begins with `kind`, over epochs, a colour for each
    variant."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for index, members in enumerate(runs.values()):
        line = "-" if index < 10 else ":"  # there are ten colours
        for number, one in enumerate(members):
            log = one.log()
            column = next((name for name in log if name.startswith(f"{kind}_")), None)
            if column is not None:
                label = title(one) if number == 0 else None
                axes.plot(log["epoch"], log[column], color=f"C{index}", ls=line, lw=1, label=label)
                axes.set_ylabel(column)
    axes.set_title(dataset_of(runs))
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if kind == "fid":
        logarithmic(axes)
    if axes.lines:
        figure.legend(fontsize=7, loc="outside right upper")
    return figure


def title(result: RunFolder) -> str:
    """What a table calls a run."""
    return title_of(result.config().model)


def dataset_of(runs: Runs) -> str:
    """The title of the data that runs on one data set have in common."""
    return DATASETS[next(iter(runs.values()))[0].config().dataset].title
