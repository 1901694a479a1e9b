"""What a run's log has, drawn over its epochs: matplotlib figures."""

from collections.abc import Callable

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, LogLocator, MaxNLocator, NullFormatter

from lprior.evaluation.metrics import in_words


def loss_figure(log: pd.DataFrame) -> Figure:
    """Every loss of a run's log over epochs, a panel each."""
    names = [name for name in log.columns if name.startswith("L_")]
    figure = Figure(figsize=(2.2 * len(names), 1.7))
    for axes, name in zip(_panels(figure, len(names), top=0.25), names, strict=True):
        axes.plot(log["epoch"], log[name], marker=".", color="black", linewidth=0.8, label=name)
        axes.set_title(name, fontsize=8, family="monospace", y=1)
        axes.set_xlabel("epoch", fontsize=7)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def metrics_figure(log: pd.DataFrame) -> Figure:
    """Score and FID of few samples, as the log has them, over epochs; the upper axis counts minutes of training."""
    names = [name for name in log.columns if name.startswith(("score_", "fid_"))]
    figure = Figure(figsize=(2.6 * max(1, len(names)), 1.9))
    for axes, name in zip(_panels(figure, max(1, len(names)), top=0.54), names, strict=False):
        axes.plot(log["epoch"], log[name], marker=".", color="black", linewidth=0.8, label=name)
        axes.set_title(in_words(name), fontsize=7, y=1, pad=27)
        axes.set_xlabel("epoch", fontsize=7)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        minutes = axes.secondary_xaxis("top", functions=_minutes(log))
        minutes.set_xlabel("minutes", fontsize=7)
        if name.startswith("fid_"):
            logarithmic(axes)
        for axis in (axes, minutes):
            axis.tick_params(which="both", labelsize=6)
    return figure


def redraw(figure: Figure, log: pd.DataFrame) -> None:
    """Make a `loss_figure` or a `metrics_figure` that of another run with the same columns, in a third of the time that
    a new one takes."""
    for axes in figure.axes:
        for line in axes.lines:
            line.set_data(log["epoch"], log[line.get_label()])
        axes.relim()
        axes.autoscale_view()
        for minutes in axes.child_axes:
            minutes.set_functions(_minutes(log))


def _minutes(log: pd.DataFrame) -> tuple[Callable, Callable]:
    """From epochs to minutes of training, and back."""
    per_epoch = log["seconds"].mean() / 60
    return lambda x: x * per_epoch, lambda x: x / per_epoch


def _panels(figure: Figure, count: int, top: float) -> list[Axes]:
    """From left to right, with margins in inches: matplotlib's own layout would draw everything twice."""
    width, height = figure.get_size_inches()
    left, right, bottom = 0.45, 0.05, 0.38
    size = (width / count - left - right) / width, (height - bottom - top) / height
    return [figure.add_axes((i / count + left / width, bottom / height, *size)) for i in range(count)]


def course_figure(log: pd.DataFrame) -> Figure:
    """FID and score of few samples over epochs, and below every cost of a run's log in one panel."""
    figure = Figure(figsize=(3.1, 2.2), layout="constrained")
    panels = figure.subplot_mosaic([["fid_", "score_"], ["L_", "L_"]])
    for beginning, axes in panels.items():
        for name in (name for name in log.columns if name.startswith(beginning)):
            axes.plot(log["epoch"], log[name], marker=".", markersize=3, linewidth=0.8, label=cost_symbol(name))
            axes.set_title("costs" if beginning == "L_" else in_words(name), fontsize=7)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.spines[["top", "right"]].set_visible(False)
    if panels["L_"].lines:
        panels["L_"].set_xlabel("epoch", fontsize=7)
        panels["L_"].legend(fontsize=6.5, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), borderpad=0)
    for axes in (panels["fid_"], panels["L_"]):
        if axes.lines and min(min(line.get_ydata()) for line in axes.lines) > 0:
            axes.set_yscale("log")
            low, high = axes.get_ylim()
            axes.yaxis.set_major_locator(LogLocator(numticks=4) if high > 15 * low else MaxNLocator(4))
            axes.yaxis.set_major_formatter(lambda x, _: f"{x:g}")
            axes.yaxis.set_minor_formatter(NullFormatter())
    for axes in panels.values():
        axes.tick_params(which="both", labelsize=6.5)
    return figure


def cost_symbol(name: str) -> str:
    """A cost's name in the code as the papers write it: L_GAN_C is L with "GAN" below and "C" above."""
    _, below, *above = name.split("_")
    return rf"$L_{{\mathrm{{{below}}}}}" + (rf"^{{\mathrm{{{' '.join(above)}}}}}$" if above else "$")


def progress_figure(logs: dict[str, list[pd.DataFrame]]) -> Figure:
    """Score and FID of few samples over minutes of training: a colour per model, a line per seed."""
    figure = Figure(figsize=(6.4, 2.6), layout="constrained")
    for axes, beginning in zip(figure.subplots(1, 2), ("score_", "fid_"), strict=True):
        for index, (model, runs) in enumerate(logs.items()):
            for number, log in enumerate(runs):
                name = next((name for name in log.columns if name.startswith(beginning)), None)
                if name is not None:
                    label = model if number == 0 else None
                    axes.plot(log["seconds"].cumsum() / 60, log[name], color=f"C{index}", linewidth=0.9, label=label)
                    axes.set_title(in_words(name), fontsize=8)
        axes.set_xlabel("minutes of training", fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        if beginning == "fid_":
            logarithmic(axes)
        axes.tick_params(which="both", labelsize=8)
    if figure.axes[0].lines:
        handles = figure.axes[0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", ncols=4, fontsize=7, frameon=False)
    return figure


def logarithmic(axes: Axes) -> None:
    """A logarithmic vertical axis with plain numbers, 20 and not 2x10^1, between the powers of ten too where there is
    only one or none."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(_Plain())
    axes.yaxis.set_minor_formatter(_Plain())


class _Plain(LogFormatter):
    """Labels what LogFormatter would, in another way."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if super().__call__(x, pos) else ""
