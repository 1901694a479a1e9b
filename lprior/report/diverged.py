"""What the report shows in the place of runs whose training diverged."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from lprior import figures, runs
from lprior.report.latex import escape
from lprior.report.parts import Part

DIVERGED = r"\emph{diverged}"
PICTURES = ("side", "samples", "reconstructions", "neighbours", "evolution", "course")


def in_words(names: tuple[str, ...]) -> str:
    """A sentence in LaTeX, after others; nothing if there are none."""
    if not names:
        return ""
    listed = ", ".join(rf"\texttt{{{escape(name)}}}" for name in names)
    return f" Training diverged, a loss was no longer a finite number, in {listed}, which this report leaves out."


def lost_models(part: Part, table: pd.DataFrame | None, names: tuple[str, ...]) -> list[str]:
    """The models of the main tables that have no run left in the part. `table`: of those that are there."""
    there = set() if table is None else set(table["key"])
    found = (runs.parse_run(name) for name in names)
    of_part = {model_of(parts) for parts in found if parts["dataset"] in part.datasets}
    return [model for model in runs.models() if model in of_part - there]


def model_of(parts: dict) -> str:
    """<algorithm>[-<variant>], of the parts of a run's name."""
    return "-".join(filter(None, (parts["algorithm"], parts["variant"])))


def write_pictures(stem: str, folder: Path) -> None:
    """In the place of a model's figures."""
    figure = Figure(figsize=(4, 1))
    figure.text(0.5, 0.5, "no picture: training diverged", ha="center", va="center")
    for name in PICTURES:
        figures.save_pdf(figure, folder / f"{stem}-{name}.pdf")
