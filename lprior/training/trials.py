"""Trials, from which settings are chosen: each is a run that holds images out of its training, is measured on these and
never on the test images, and leaves a row in docs/trials.csv, whether it came to something or not.

A row's last column, `taken`, is left empty for whoever decides: yes or no.
"""

import csv
import io
from pathlib import Path
from typing import Any

from lprior.clone import CLONE
from lprior.config import RunConfig, resolve
from lprior.errors import UserError
from lprior.evaluation.metrics import fitted_prefix, metric_of
from lprior.outputs import check_file
from lprior.provenance import git_commit, now
from lprior.results import RunFolder, scratch_folder
from lprior.stored import first_line
from lprior.training.run import run

FILE = CLONE / "docs" / "trials.csv"
HELD_OUT = 5000  # images
MEASURED = ("FID", "score", "recall")
OF_SOME = ("error", "obeyed", "recall within")  # in per cent, of models that have them; they stand behind the outcome
COLUMNS = (
    "ended", "commit", "dataset", "model", "seed", "preset", "epochs", "changes", "why", "held out", *MEASURED,
    "outcome", "taken",
)  # fmt: skip
DONE = "done"


def trial(named: dict[str, Any], why: str, results: Path, file: Path = FILE, **options: Any) -> dict[str, str]:
    """Train and measure a run, as `run` does with `options`, in a folder of its own in `results`; the row that is added
    to `file` when it ends.

    `named`: the arguments of `config.resolve`. Held out are `HELD_OUT` images, or as many as `validation` says. An
    error that ends the run is recorded and raised again; what ends before it begins, or is interrupted, is not
    recorded. Raises UserError for a trial without a reason or without held-out images, and for one that is finished.
    """
    config = resolve(**{"validation": HELD_OUT, **named})
    if not why.strip():
        raise UserError("a trial has a reason: say it with --why")
    if not config.validation:
        raise UserError("a trial is measured on images held out of its training: leave out validation=0")
    read(check_file(file))
    folder = results / "trials" / scratch_folder(config).name
    if (folder / "metrics.json").exists():
        raise UserError(f"{folder} is a finished trial: change something, or delete it")
    try:
        result = run(config, folder, **options)
    except Exception as error:
        if (folder / "config.json").exists():  # it had begun
            _append(file, _row(config, named, why, {}, f"{type(error).__name__}: {first_line(error)}"))
        raise
    measured = validated(result)
    outcome = "; ".join([DONE, *(f"{title} {measured[title]}" for title in OF_SOME if title in measured)])
    row = _row(config, named, why, measured, outcome)
    _append(file, row)
    return row


def validated(result: RunFolder) -> dict[str, str]:
    """`MEASURED` and `OF_SOME` of a run that held images out, as far as it has them; a reason for one without value."""
    found = {}
    for key, value in result.read_json("metrics.json").items():
        metric = metric_of(key)
        if metric is not None and metric.title in (*MEASURED, *OF_SOME) and not fitted_prefix(key):
            number = isinstance(value, float)
            found[metric.title] = metric.format.format(metric.scale * value) if number else str(value)
    return found


def read(file: Path = FILE) -> list[dict[str, str]]:
    """The rows, none if there is no file yet. Raises UserError for a file with other columns."""
    if not file.exists():
        return []
    with file.open(newline="") as lines:
        reader = csv.DictReader(lines)
        rows = list(reader)
    if tuple(reader.fieldnames or ()) != COLUMNS or any(None in row or None in row.values() for row in rows):
        raise UserError(f"{file} is no table of trials: its columns should be {', '.join(COLUMNS)}")
    return rows


def _row(config: RunConfig, named: dict[str, Any], why: str, measured: dict[str, str], outcome: str) -> dict[str, str]:
    of_name = ("dataset", "algorithm", "variant", "seed", "preset")
    changes = [f"{name}={value}" for name, value in named.items() if name not in of_name]
    values = {
        "ended": now(), "commit": git_commit(), "dataset": config.dataset, "model": config.model, "seed": config.seed,
        "preset": config.preset, "epochs": config.epochs, "held out": config.validation, "outcome": outcome,
        "changes": " ".join(changes), "why": " ".join(why.split()),
    }  # fmt: skip
    return {name: str((values | measured).get(name, "")) for name in COLUMNS}


def _append(file: Path, row: dict[str, str]) -> None:
    """In one write, so that two trials that end together leave two rows."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    if not file.exists():
        writer.writeheader()
    writer.writerow(row)
    with file.open("a", newline="") as lines:
        lines.write(text.getvalue())
