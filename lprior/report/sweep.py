"""The sweep: the same changes of settings for each model of the digits, one trial each, by docs/trials.csv.

Its trials are those whose reason begins with `SWEEP`; the rest of the reason names the change.
"""

from dataclasses import dataclass
from pathlib import Path

from lprior.evaluation.metrics import by_title
from lprior.report.control import FIXED, LEARNED, listed
from lprior.report.latex import MISSING, Table, escape, named, row
from lprior.runs import title_of
from lprior.training import trials

SWEEP = "sweep: "
BASE = "as it is"  # the settings of a model without a change


@dataclass(frozen=True)
class Sweep:
    """The trials by model and change, in the order in which they ended."""

    models: list[str]
    changes: list[str]
    found: dict[tuple[str, str], dict[str, str]]  # (model, change) -> row of docs/trials.csv

    @classmethod
    def read(cls, file: Path | None = None) -> "Sweep":
        """Of a file of trials, docs/trials.csv for None, the changes that every model has; empty if there are none."""
        rows = [one for one in trials.read(file or trials.FILE) if one["why"].startswith(SWEEP)]
        found = {(one["model"], one["why"].removeprefix(SWEEP)): one for one in rows}
        models, changes = (list(dict.fromkeys(key[place] for key in found)) for place in (0, 1))
        return cls(models, [one for one in changes if all((model, one) in found for model in models)], found)

    def value(self, model: str, change: str, name: str) -> float | None:
        """One of `trials.MEASURED`; None where there is no number."""
        try:
            return float(self.found[model, change][name])
        except (KeyError, ValueError):
            return None

    def table(self) -> Table:
        """In LaTeX: a row for each change, and for each model the columns of `trials.MEASURED`; the lowest FID of each
        model in bold."""
        best = {model: self.best(model) for model in self.models}
        rows = []
        for change in self.changes:
            cells = [escape(change)]
            for model in self.models:
                for name in trials.MEASURED:
                    text = self.found.get((model, change), {}).get(name) or MISSING
                    cells.append(rf"\textbf{{{text}}}" if name == "FID" and change == best[model] else text)
            rows.append(row(cells))
        over = [rf"\multicolumn{{{len(trials.MEASURED)}}}{{c}}{{{named(title_of(model))}}}" for model in self.models]
        return Table(row(["", *over]) + row(["", *trials.MEASURED * len(self.models)]), "".join(rows))

    def best(self, model: str) -> str | None:
        """The change with the lowest FID of a model; None where none was measured."""
        measured = [change for change in self.changes if self.value(model, change, "FID") is not None]
        return min(measured, key=lambda change: self.value(model, change, "FID") or 0.0, default=None)

    def in_words(self) -> str:
        """Which setting has the lowest FID of each model, and by how much; and in how many of them the learned prior is
        ahead of the fixed one, setting by setting."""
        if not self.changes:
            return "The sweep was not run."
        said = [f"of {named(title_of(model))} {self._of_best(model)}" for model in self.models]
        counted = []
        for name in trials.MEASURED:
            pairs = [(self.value(LEARNED, change, name), self.value(FIXED, change, name)) for change in self.changes]
            both = [(ours, theirs) for ours, theirs in pairs if ours is not None and theirs is not None]
            sign = 1 if by_title(name).higher_is_better else -1
            counted.append(f"in {name} in {sum(sign * (a - b) > 0 for a, b in both)} of {len(both)} settings")
        return (
            f"Lowest FIDs: {'; '.join(said)}. At the same change, the learned prior is ahead of the fixed one "
            f"{listed(counted)}; one seed each, and no difference is tested."
        )

    def _of_best(self, model: str) -> str:
        best = self.best(model)
        if best is None:
            return "none"
        number = f"{self.value(model, best, 'FID'):.2f}"
        before = self.value(model, BASE, "FID")
        beside = "" if best == BASE or before is None else f", for {before:.2f} {BASE}"
        return f"``{escape(best)}'' ({number}{beside})"
