"""Plain text and numbers as LaTeX."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lprior.evaluation.metrics import TITLES, by_title
from lprior.report.frame import MIXTURE, form, table_of
from lprior.results import RunFolder
from lprior.runs import title_of

OF_MODEL = ("model", "$n$", "epochs")  # what `model_rows` begin with: title, seeds, epochs
PRIORS = tuple(TITLES.values())  # of finished models, as the titles of their metrics begin
WITH_MIXTURE = r"\quad with mixture"
MISSING = r"--$^{*}$"  # the tables' captions say what it means
SYMBOLS = {r"D\_C": "$D_C$", r"D\_I": "$D_I$", "gamma": r"$\gamma$"}  # in titles of models


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


def plain(spread: str) -> str:
    """A `spread` without LaTeX."""
    return "–" if spread == MISSING else spread.strip("$").replace("\\pm", "±")


def row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + " \\\\\n"


def escape(text: str) -> str:
    """Plain text as LaTeX."""
    words = {"\\": "textbackslash", "^": "textasciicircum", "~": "textasciitilde"}
    replaced = {character: f"\\{word}{{}}" for character, word in words.items()}
    replaced |= {character: f"\\{character}" for character in "&%$#_{}"}
    return "".join(replaced.get(character, character) for character in text)


def named(title: str) -> str:
    """The title of a model as LaTeX, symbols of the algorithms in it as such."""
    text = escape(title)
    for plain_symbol, symbol in SYMBOLS.items():
        text = text.replace(plain_symbol, symbol)
    return text


@dataclass(frozen=True)
class Table:
    """A table in LaTeX: its head, and its rows."""

    head: str
    rows: str

    def write(self, folder: Path, name: str) -> None:
        """As `name`-head.tex and `name`.tex, which \\modeltable puts together."""
        (folder / f"{name}-head.tex").write_text(self.head)
        (folder / f"{name}.tex").write_text(self.rows)


def header(titles: Iterable[str], facts: Iterable[str] = ("model", "$n$")) -> str:
    """The head of a table of models: `facts`, in LaTeX, and metrics by their titles; below them units, and arrows up
    where more is better and down where less is. A title of several words takes a row more."""
    columns = [("", fact, "") for fact in facts]
    for title in titles:
        metric, (before, _, last) = by_title(title), title.rpartition(" ")
        arrow = {True: r"$\uparrow$", False: r"$\downarrow$", None: ""}[metric.higher_is_better]
        columns.append((escape(before), escape(last), " ".join(filter(None, [metric.unit, arrow]))))
    return "".join(row(cells) for cells in zip(*columns, strict=True) if any(cells))


def model_rows(
    runs: Iterable[RunFolder], models: Iterable[str], columns: Iterable[str], priors: Iterable[str] = ()
) -> list[str]:
    """A row for each of the models that has runs, in their order: `OF_MODEL`, and the columns' spreads. `priors`: those
    of `PRIORS` that have a row below it where they were measured, with what is measured of samples alone."""
    table, columns, priors = table_of(runs), tuple(columns), tuple(priors)
    groups = dict(list(table.groupby("key"))) if len(table) else {}
    rows = []
    for model, group in ((model, groups[model]) for model in models if model in groups):
        of_model = [str(len(group)), str(group["epochs"].iloc[0])]
        rows.append(row([named(title_of(model)), *of_model, *spreads(group, columns)]))
        for fitted in priors:
            if has_control(group, fitted):
                cells = ["" if cell == MISSING else cell for cell in spreads(group, columns, fitted)]
                rows.append(row([rf"\quad with {fitted.strip()}", *of_model, *cells]))
    return rows


def has_control(group: pd.DataFrame, fitted: str = MIXTURE, prefix: str = "") -> bool:
    """Whether the control, or another prior of `metrics.TITLES`, was measured on the codes of these runs. `prefix`:
    `frame.SECOND` for the second judge."""
    return bool(group.get(f"{prefix}{fitted}FID", pd.Series(dtype=float)).notna().any())


def missing(preset: str, columns: int) -> str:
    """The only row of a table of `OF_MODEL` and so many columns without runs: how to make them."""
    command = rf"\texttt{{./run\_all.sh -{{}}-preset {escape(preset)}}}"
    return row([rf"\multicolumn{{{len(OF_MODEL) + columns}}}{{l}}{{Not run: {command}}}"])
