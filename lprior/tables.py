"""From finished runs to LaTeX rows: a data frame with a row per run, and the tables that are made of it."""

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from lprior import data, variants
from lprior.evaluate import thousands
from lprior.evaluators import EVALUATOR_OF, evaluator_description
from lprior.parts import DIGITS
from lprior.results import RunFolder

REAL = "real images"
CONTROL = "mixture "  # before the names of the control's metrics
FORMATS = {  # metric, as the report calls it -> how it is printed
    "FID": "{:.2f}", "KID": "{:z.0f}", "score": "{:.2f}", "sheet": "{:.2f}", "precision": "{:.2f}", "recall": "{:.2f}",
    "rarest": "{:.1f}", "commonest": "{:.1f}", "entropy": "{:.3f}", "reconstruction": "{:.4f}", "Parzen": "{:.0f}",
    "Parzen error": "{:.1f}", "Parzen sigma": "{:.2f}", "seconds per epoch": "{:.1f}", "minutes": "{:.1f}",
    "memory": "{:.2f}", "Inception FID": "{:.2f}",
}  # fmt: skip
RESULTS = ("FID", "KID", "score", "precision", "recall", "rarest", "commonest")
BENCHMARKS = {  # title in the speed table -> file of benchmarks/results
    "LP-AAE, compact networks": "tutorial_loop",
    "AAE and VAE/GAN, compact networks": "pythae_side_by_side",
    "LP-AAE, the paper's networks": "scheme_2018",
}
NAMES = {  # beginning of a metric's key -> what the report calls it
    "fid": "FID", "kid": "KID", "score": "score", "precision": "precision", "recall": "recall", "entropy": "entropy",
    "reconstruction": "reconstruction", "parzen": "Parzen", "parzenstderr": "Parzen error",
    "parzensigma": "Parzen sigma",
}  # fmt: skip
OF_S = {  # beginning of the key of a metric of the conditional variable s -> what the report calls it, in per cent
    "accuracy_given_s": "obeyed", "within_precision": "precision within", "within_recall": "recall within",
    "accuracy_q": "Q", "cluster_acc_q": "Q", "cluster_acc_kmeans": "codes",
}  # fmt: skip
FORMATS |= dict.fromkeys(OF_S.values(), "{:.1f}")


def table_of(runs: Iterable[RunFolder]) -> pd.DataFrame:
    """A row for each run: its metrics under the report's names, and what it was made of."""
    return pd.DataFrame({run.path.name: facts(run) for run in runs}).T


def facts(run: RunFolder) -> dict:
    """What the report says of one run, as strings and numbers."""
    config, made = run.config(), run.read_json("provenance.json")
    return {
        "run": run.path.name, "key": config.model,
        **named(run.read_json("metrics.json")),
        "seed": config.seed, "epochs": config.epochs, "preset": config.preset, "dataset": config.dataset,
        "batch size": config.batch_size, "samples": config.samples, "width": config.width, "code": config.code,
        "commit": made["commit"], "device": made["device"], "threads": made["threads"],
        "precision used": made["precision"], "data": made["data"], "data sha256": made["data_sha256"],
        "data title": made.get("data_title", data.TITLES[config.dataset]),
        "seconds per epoch": made["seconds_per_epoch"], "minutes": made["training_seconds"] / 60,
        "memory": made["peak_memory_bytes"] / 2**30,
    }  # fmt: skip


def named(metrics: dict) -> dict:
    """Metrics under the report's names, or their keys where it has none; None for those that are absent.

    KID is multiplied by 1,000, what is of s by 100.
    """
    found = dict.fromkeys([*RESULTS, *DIGITS.more, "Parzen error", "Parzen sigma"])
    for key, value in metrics.items():
        prefix, _, rest = key.partition("_") if key.startswith("gmm") else ("", "", key)
        kind = rest.partition("_")[0]
        of_s = next((name for beginning, name in OF_S.items() if rest.startswith(beginning)), None)
        name = "sheet" if rest.endswith("_sheet100") else of_s or NAMES.get(kind, rest)
        name = f"Inception {name}" if "_inception_" in rest else name
        prefix = CONTROL if prefix else ""
        if kind == "histogram":
            found |= {f"{prefix}rarest": 100 * min(value), f"{prefix}commonest": 100 * max(value)}
        else:
            scale = 1000 if name == "KID" else 100 if of_s else 1
            found[prefix + name] = scale * value if isinstance(value, float) else value
    return found


def anchors(dataset: str) -> dict:
    """The metrics that real images get: training images against test images, and the test images' own scores."""
    return named(evaluator_description(dataset)["anchors"]) if dataset in EVALUATOR_OF else named({})


def results_table(table: pd.DataFrame) -> str:
    """Rows of the main table: each model, the control on its codes, and real images."""
    rows = []
    for key, group in table.groupby("key", sort=False):
        rows.append(_model_row(variants.TITLES.get(key, key), group, RESULTS))
        if f"{CONTROL}FID" in group and group[f"{CONTROL}FID"].notna().any():
            rows.append([r"\quad with mixture", str(len(group)), *spreads(group, RESULTS, CONTROL)])
    return "".join(map(row, rows)) + "\\midrule\n" + row(_real_row(table, RESULTS))


def more_table(table: pd.DataFrame, names: Iterable[str]) -> str:
    """Rows of the second table: metrics, by their names, that are not about the distribution of the samples."""
    rows = [_model_row(variants.TITLES.get(key, key), group, names) for key, group in table.groupby("key", sort=False)]
    return "".join(map(row, rows)) + "\\midrule\n" + row(_real_row(table, names))


def cost_table(table: pd.DataFrame) -> str:
    """Rows of the cost table: a model, epochs, and medians over seeds of what a run of it cost."""
    rows = []
    for key, group in table.groupby("key", sort=False):
        middle = {name: pd.to_numeric(group[name]).median() for name in ("seconds per epoch", "minutes", "memory")}
        threads = group["threads"].iloc[0]
        made = f"{group['device'].iloc[0]}, {threads} thread{'s' if threads > 1 else ''}"
        numbers = [FORMATS[name].format(value) for name, value in middle.items()]
        title, epochs = escape(variants.TITLES.get(key, key)), str(group["epochs"].iloc[0])
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


def spreads(group: pd.DataFrame, names: Iterable[str], prefix: str = "") -> list[str]:
    """Mean and standard deviation over the rows, for each column; a dash where a value is missing or no number."""
    return [spread(group.get(prefix + name), FORMATS[name]) for name in names]


def spread(values: pd.Series | None, form: str) -> str:
    numbers = pd.to_numeric(values, errors="coerce") if values is not None else pd.Series(dtype=float)
    if numbers.empty or numbers.isna().any():
        return MISSING
    mean = form.format(numbers.mean())
    return mean if len(numbers) == 1 else f"${mean} \\pm {form.format(numbers.std())}$"


MISSING = r"--$^{*}$"  # the tables' captions say what it means


def row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + " \\\\\n"


def escape(text: str) -> str:
    """Plain text as LaTeX."""
    words = {"\\": "textbackslash", "^": "textasciicircum", "~": "textasciitilde"}
    replaced = {character: f"\\{word}{{}}" for character, word in words.items()}
    replaced |= {character: f"\\{character}" for character in "&%$#_{}"}
    return "".join(replaced.get(character, character) for character in text)


def _model_row(title: str, group: pd.DataFrame, names: Iterable[str]) -> list[str]:
    return [escape(title), str(len(group)), *spreads(group, names)]


def _real_row(table: pd.DataFrame, names: Iterable[str]) -> list[str]:
    found = anchors(table["dataset"].iloc[0]) if _like_anchors(table) else named({})
    return [REAL, "", *(spread(pd.Series([found[name]], dtype=float), FORMATS[name]) for name in names)]


def _like_anchors(table: pd.DataFrame) -> bool:
    """Whether real images were measured by the very protocol of the runs: all images of the data set, pixel for pixel
    the same, and as many samples as there are test images."""
    dataset = table["dataset"].iloc[0]
    if EVALUATOR_OF.get(dataset) != dataset:  # mnist5k borrows the classifier of MNIST
        return False
    described, counts = evaluator_description(dataset), {thousands(count) for count in table["samples"]}
    same_images = (table["data sha256"] == described["data_sha256_train"]).all()
    return bool(same_images) and all(any(key.endswith(f"_{n}_test") for key in described["anchors"]) for n in counts)
