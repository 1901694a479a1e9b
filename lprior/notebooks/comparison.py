"""Several runs side by side: find them or make them, their table, their curves."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lprior.config import RunConfig, resolve
from lprior.curves import logarithmic
from lprior.data import DATASETS
from lprior.errors import UserError
from lprior.evaluation.metrics import SHEET, in_words, is_second, metric_of
from lprior.notebooks import interactive
from lprior.notebooks.configuration import Asked, at_hand
from lprior.results import PUBLISHED, RunFolder, finished
from lprior.runs import STUDIES, title_of, variants_of


def obtain(
    folder: str | Path | None, dataset: str, preset: str, variant: str = "", device: str = "auto",
    epochs: int | None = None, needs: str = "metrics.json", algorithm: str = "lpaae",
) -> RunFolder:  # fmt: skip
    """A finished run of an algorithm: the one in `folder`, as it is; for None the published one that has the file it
    `needs`; where there is none, or for a number of `epochs`, one that is made in results/interactive unless it is
    there.

    Raises UserError if `folder` holds no finished run.
    """
    if folder is not None:
        result = RunFolder(folder)
        result.metrics()
        return result
    config = resolve(algorithm, dataset, preset, variant, epochs=epochs)
    result = published_of(config)
    if epochs is None and result is not None and (result / needs).exists():
        return result
    here = resolve(algorithm, at_hand(dataset), preset, variant, epochs=epochs)
    return interactive.obtain(Asked(here, {}, device))


def published_of(config: RunConfig) -> RunFolder | None:
    """The run in results/published that this one repeats, or the beginning of it: the two may differ in their number of
    epochs."""
    of_study = config.preset in STUDIES and STUDIES[config.preset].shipped
    result = RunFolder((PUBLISHED / config.preset if of_study else PUBLISHED) / config.name)
    if not (result / "config.json").exists():
        return None
    return result if replace(result.config(), epochs=config.epochs) == config else None


ALGORITHM = "lpaae"  # whose variants are compared
Runs = dict[str, list[RunFolder]]  # variant, "" for none -> its runs


def runs_in(folder: str | Path | None) -> dict[tuple[str, str], Runs]:
    """The finished runs of LP-AAE in a folder, by data set and preset, since others do not compare, and by
    variant in the order of `runs.VARIANTS`.

    None is the published ablation. Raises UserError if there is no such run.
    """
    folder = PUBLISHED / "ablation" if folder is None else Path(folder)
    found: dict[tuple[str, str], Runs] = {}
    for result in finished(folder):
        config = result.config()
        if config.algorithm == ALGORITHM:
            variants = {name: [] for name in ["", *variants_of(ALGORITHM)]}
            runs = found.setdefault((config.dataset, config.preset), variants)
            runs.setdefault(config.variant, []).append(result)
    if not found:
        raise UserError(f"{folder} holds no finished run of {ALGORITHM}")
    order = list(DATASETS)
    return {
        key: {variant: members for variant, members in found[key].items() if members}
        for key in sorted(found, key=lambda key: (order.index(key[0]), key[1]))
    }


def table(runs: Runs, kinds: tuple[str, ...] = ("fid", "score", "precision", "recall")) -> pd.DataFrame:
    """Of runs on one data set by one preset, a row for each variant: the number of seeds, epochs, and mean and standard
    deviation over seeds of each metric whose key begins with one of `kinds`, which heads its column in words. Variants
    measured by different protocols have different columns."""
    rows = {}
    for members in runs.values():
        values = pd.DataFrame([one.read_json("metrics.json") for one in members])
        values = values[[key for key in values if key.partition("_")[0] in kinds]].apply(pd.to_numeric, errors="coerce")
        row = {"n": len(members), "epochs": "/".join(sorted({str(one.config().epochs) for one in members}))}
        for key in values:
            spread = f" ± {values[key].std():.3g}" if values[key].count() > 1 else ""
            row[key] = f"{values[key].mean():.4g}{spread}"
        rows[title(members[0])] = row
    found = pd.DataFrame(rows).T.fillna("–").rename_axis(columns=heading(runs))
    return found.rename(columns=_heads([key for key in found if metric_of(key)]))


def _heads(keys: list[str]) -> dict[str, str]:
    """Key of a metric -> what heads its column, such as "FID of 10,000 samples"; with the key itself where protocols
    differ in more than words say."""
    words = {}
    for key in keys:
        word = "score of the sheet" if key.endswith(SHEET) else in_words(key)
        words[key] = f"{word}, second classifier" if is_second(key) else word
    times = Counter(words.values())
    return {key: word if times[word] == 1 else f"{word} ({key})" for key, word in words.items()}


def curves_figure(runs: Runs, kind: str = "fid") -> Figure:
    """Of runs on one data set by one preset, the metric of each log whose name begins with `kind`, over epochs, a
    colour for each variant."""
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
                axes.set_ylabel(in_words(column))
    axes.set_title(heading(runs))
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


def heading(runs: Runs) -> str:
    """What runs on one data set by one preset have in common, such as "MNIST, ablation"."""
    config = next(iter(runs.values()))[0].config()
    return f"{DATASETS[config.dataset].title}, {config.preset}"
