"""Maps of codes in the plane: what a run keeps of them in its metrics, and the figure of several runs."""

from matplotlib.figure import Figure
from torch import Tensor

from lprior.results import RunFolder
from lprior.runs import title_of

POINTS = 1000  # of a map
MOST = 3  # maps in a row
KEY = f"map_{POINTS // 1000}k_test"


def mapped(codes: Tensor, labels: Tensor) -> dict[str, list[float]]:
    """What metrics.json has of codes (N, 2) of test images with labels (N,): x, y and label of each of the first."""
    rows = zip(codes[:POINTS].tolist(), labels[:POINTS].tolist(), strict=True)
    return {KEY: [number for (x, y), label in rows for number in (round(x, 2), round(y, 2), label)]}


def maps_figure(runs: list[RunFolder]) -> Figure | None:
    """A panel for each run of seed 0 that has a map, `MOST` in a row; None if none has."""
    first = [run for run in runs if run.config().seed == 0]
    found = {title_of(run.config().model): run.read_json("metrics.json").get(KEY) for run in first}
    found = {title: numbers for title, numbers in found.items() if numbers}
    if not found:
        return None
    rows = -(-len(found) // MOST)
    figure = Figure(figsize=(6.4, 2.2 * rows), layout="constrained")
    panels = figure.subplots(rows, MOST, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, (title, numbers) in zip(panels, found.items(), strict=False):
        axes.set_axis_on()
        axes.set(xticks=[], yticks=[], aspect="equal")
        axes.set_title(title.removeprefix("AAE, "), fontsize=8)
        x, y, labels = numbers[::3], numbers[1::3], numbers[2::3]
        drawn = axes.scatter(x, y, c=labels, cmap="tab10", vmin=-0.5, vmax=9.5, s=3, linewidths=0)
    figure.colorbar(drawn, ax=panels, ticks=range(10), fraction=0.03, pad=0.01).ax.tick_params(labelsize=7)
    return figure
