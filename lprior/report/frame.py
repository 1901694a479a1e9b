"""From finished runs to a data frame with a row per run, its metrics under the titles of `evaluation.metrics`."""

import math
from collections.abc import Iterable

import pandas as pd

from lprior.data import DATASETS
from lprior.evaluation.judges import evaluator_description
from lprior.evaluation.metrics import METRICS, OF_CONTROL, TITLES, by_title, fitted_prefix, is_second, metric_of
from lprior.provenance import code_note
from lprior.results import RunFolder
from lprior.stored import COST, need

PRESENT = "made by the present code"
MIXTURE = TITLES[OF_CONTROL]  # before the titles of the control's metrics
COMPONENTS = "PCA "  # before the titles of the metrics of attributes that principal components have
SECOND = "second "  # before the titles of what the second judge measured, and before that of its control
COSTS = {"seconds per epoch": "{:.1f}", "minutes": "{:.1f}", "memory": "{:.2f}"}  # how the other numbers are printed


def table_of(runs: Iterable[RunFolder]) -> pd.DataFrame:
    """A row for each run: its metrics under the report's names, and what it was made of."""
    return pd.DataFrame({run.path.name: facts(run) for run in runs}).T


def facts(run: RunFolder) -> dict:
    """What the report says of one run, as strings and numbers."""
    config, made = run.config(), run.read_json("provenance.json")
    need(run / "provenance.json", made, COST)
    return {
        "run": run.path.name, "key": config.model, "algorithm": config.algorithm,
        **named(run.read_json("metrics.json")),
        "seed": config.seed, "epochs": config.epochs, "preset": config.preset, "dataset": config.dataset,
        "batch size": config.batch_size, "samples": config.samples, "images": config.images, "width": config.width,
        "code": config.code,
        "commit": made["commit"], "made by": code_note(made) or PRESENT,
        "device": made["device"], "threads": made["threads"],
        "precision used": made["precision"], "data": made["data"], "data sha256": made["data_sha256"],
        "data title": made.get("data_title", DATASETS[config.dataset].title),
        "seconds per epoch": made["seconds_per_epoch"], "minutes": made["training_seconds"] / 60,
        "memory": made.get("peak_memory_bytes", math.nan) / 2**30,
    }  # fmt: skip


def named(metrics: dict) -> dict:
    """Metrics under their titles, scaled as they are shown, or under their keys where the table has none; None for
    those that are absent. A reason why one has no value stays what it is."""
    found = dict.fromkeys(title for metric in METRICS for title in metric.parts or [metric.title])
    for key, value in metrics.items():
        metric, prefix = metric_of(key), TITLES.get(fitted_prefix(key), "")
        prefix = f"{SECOND}{prefix}" if is_second(key) else prefix
        if metric is None:
            found[key] = value
        elif isinstance(value, str):
            found |= dict.fromkeys((prefix + title for title in metric.parts or [metric.title]), value)
        elif metric.parts:
            found |= {prefix + title: metric.scale * part(value) for title, (part, _) in metric.parts.items()}
        else:
            found[prefix + metric.title] = metric.scale * value if isinstance(value, float) else value
    return found


def anchors(dataset: str, second: bool = False) -> dict:
    """The metrics that real images get: training images against test images, and the test images' own scores."""
    return named(evaluator_description(dataset, second)["anchors"]) if DATASETS[dataset].classifier else named({})


def bare(title: str) -> str:
    """Without what says that it is of the second judge or of a fitted prior."""
    title, fitted = title.removeprefix(SECOND), sorted(TITLES.values(), key=len)
    return next((title.removeprefix(prefix) for prefix in reversed(fitted) if title.startswith(prefix)), title)


def form(title: str) -> str:
    """The format of what has this title."""
    return COSTS[title] if title in COSTS else by_title(bare(title)).format
