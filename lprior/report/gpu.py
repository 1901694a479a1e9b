"""What a GPU made of CIFAR-10, beside the runs of a CPU: the preset `full`, where it is published with them."""

from pathlib import Path

import pandas as pd

from lprior import figures
from lprior.report.frame import form, table_of
from lprior.report.latex import OF_MODEL, Table, escape, header, model_rows
from lprior.results import finished

PRESET = "full"
COLUMNS = ("FID", "KID", "score", "sheet", "precision", "recall")
NAME = "gpu"  # of the table, before the names of the sheets, and before keys of values.tex


def write(results: Path, output: Path) -> dict[str, str]:
    """The table and a sheet for each model, of the runs on CIFAR-10 in `results`/full; what the text says of them, by
    its key in values.tex. Nothing where there are none."""
    runs = [run for run in finished(results / PRESET) if run.config().dataset == "cifar10"]
    if not runs:
        return {}
    table = table_of(runs)
    Table(header(COLUMNS, OF_MODEL), "".join(model_rows(runs, table["key"].unique(), COLUMNS))).write(
        output / "tables", NAME
    )
    for run in runs:
        if run.config().seed == min(table["seed"]):
            figures.save_for_print(run.still("samples"), output / "figures" / f"{NAME}-{run.config().model}")
    minutes = pd.to_numeric(table["minutes"]).median()
    return {
        f"{NAME}/device": escape(table["device"].iloc[0]),
        f"{NAME}/minutes": form("minutes").format(minutes),
        f"{NAME}/epochs": str(table["epochs"].iloc[0]),
        f"{NAME}/width": str(table["width"].iloc[0]),
    }
