"""What a GPU made of CIFAR-10, beside the runs of a CPU: the preset `full`, where it is published with them."""

from pathlib import Path

import pandas as pd

from lprior import figures
from lprior.report.control import answer_in_words, priors_in_words
from lprior.report.frame import form, table_of
from lprior.report.latex import escape
from lprior.report.tables import results_table
from lprior.results import finished
from lprior.runs import title_of

PRESET = "full"
NAME = "gpu"  # of the table, before the names of the sheets, and before keys of values.tex


def write(results: Path, output: Path) -> dict[str, str]:
    """The table and a sheet for each model, of the runs on CIFAR-10 in `results`/full; what the text says of them, by
    its key in values.tex. Nothing where there are none."""
    runs = [run for run in finished(results / PRESET) if run.config().dataset == "cifar10"]
    if not runs:
        return {}
    table = table_of(runs)
    results_table(table).write(output / "tables", NAME)
    sheets = {run.config().model: run for run in reversed(runs)}  # of the first seed
    for model, run in sheets.items():
        figures.save_for_print(run.still("samples"), output / "figures" / f"{NAME}-{model}")
    minutes = pd.to_numeric(table["minutes"]).median()
    return {
        f"{NAME}/answer": answer_in_words(table), f"{NAME}/priors": priors_in_words(table),
        f"{NAME}/device": escape(table["device"].iloc[0]),
        f"{NAME}/minutes": form("minutes").format(minutes),
        f"{NAME}/epochs": str(table["epochs"].iloc[0]),
        f"{NAME}/sheets": r"\qquad".join(
            rf"\includegraphics[width=0.25\linewidth]{{figures/{NAME}-{model}}}" for model in sorted(sheets)
        ),
        f"{NAME}/titles": escape("; ".join(title_of(model) for model in sorted(sheets))),
        f"{NAME}/width": str(table["width"].iloc[0]),
    }  # fmt: skip
