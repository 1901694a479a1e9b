"""Plain text and numbers as LaTeX."""

from collections.abc import Iterable

import pandas as pd

from lprior.evaluation.metrics import by_title
from lprior.report.frame import form, table_of
from lprior.results import RunFolder
from lprior.runs import title_of

MISSING = r"--$^{*}$"  # the tables' captions say what it means


def spreads(group: pd.DataFrame, names: Iterable[str], prefix: str = "") -> list[str]:
    """Mean and standard deviation over the rows, for each column; a dash where a value is missing or no number."""
    return [spread(group.get(prefix + name), form(name)) for name in names]


def spread(values: pd.Series | None, form: str) -> str:
    """Mean and standard deviation of numbers, in a format."""
    numbers = pd.to_numeric(values, errors="coerce") if values is not None else pd.Series(dtype=float)
    if numbers.empty or numbers.isna().any():
        return MISSING
    mean = form.format(numbers.mean())
    return mean if len(numbers) == 1 else f"${mean} \\pm {form.format(numbers.std())}$"


def row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + " \\\\\n"


def escape(text: str) -> str:
    """Plain text as LaTeX."""
    words = {"\\": "textbackslash", "^": "textasciicircum", "~": "textasciitilde"}
    replaced = {character: f"\\{word}{{}}" for character, word in words.items()}
    replaced |= {character: f"\\{character}" for character in "&%$#_{}"}
    return "".join(replaced.get(character, character) for character in text)


def header(titles: Iterable[str]) -> str:
    """The head of columns of metrics: title, unit, and whether more or less of it is better."""
    cells = []
    for title in titles:
        try:
            metric = by_title(title.removeprefix("Inception "))
        except KeyError:
            cells.append(escape(title))
            continue
        arrow = r"$\uparrow$" if metric.higher_is_better else r"$\downarrow$"
        unit = f", {metric.unit}" if metric.unit else ""
        cells.append(f"{escape(title)}{unit} {arrow}")
    return " & ".join(cells)


def model_rows(runs: Iterable[RunFolder], models: Iterable[str], columns: Iterable[str]) -> list[str]:
    """A row for each of the models that has runs, in their order: title, seeds, epochs, and the columns' spreads."""
    table = table_of(runs)
    groups = dict(list(table.groupby("key"))) if len(table) else {}
    return [
        row([escape(title_of(model)), str(len(group)), str(group["epochs"].iloc[0]), *spreads(group, columns)])
        for model, group in ((model, groups[model]) for model in models if model in groups)
    ]


def missing(preset: str, columns: int) -> str:
    """The only row of a table without runs: how to make them."""
    return rf"\multicolumn{{{columns}}}{{l}}{{Not run: \texttt{{./run\_all.sh -{{}}-preset {preset}}}}} \\" + "\n"
