"""What the report shows of the conditional variable: a table for each part, and the sheets of samples on digits."""

from pathlib import Path

from lprior.figures import save_for_print
from lprior.report.latex import OF_MODEL, Table, header, missing, model_rows
from lprior.report.parts import DIGITS, Part
from lprior.results import RunFolder

COLUMNS = ("FID", "score", "obeyed", "precision within", "recall within", "Q", "codes")


def conditional_table(runs: list[RunFolder], part: Part) -> Table:
    """A row for each model with s: the number of its seeds, its epochs, mean and standard deviation of `COLUMNS`."""
    models = part.conditional
    chosen = [run for run in runs if run.config().dataset in part.datasets and run.config().model in models]
    rows = "".join(model_rows(chosen, models, COLUMNS, control=True)) or missing("quick", len(COLUMNS))
    return Table(header(COLUMNS, OF_MODEL), rows)


def write_sheets(runs: list[RunFolder], folder: Path) -> bool:
    """The sheets of the conditional runs on digits, of first seeds, if there is a run of each kind; whether there is.

    (On CIFAR-10 such a run has a page of its own.)
    """
    chosen = [run for run in runs if run.config().dataset in DIGITS.datasets]
    first = {run.config().model: run for run in sorted(chosen, key=lambda run: run.config().seed, reverse=True)}
    if not first.keys() >= set(DIGITS.conditional):
        return False
    for model in DIGITS.conditional:
        save_for_print(first[model].still("samples"), folder / f"{model}-samples")
    return True
