"""What a study shows in the report."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from matplotlib.figure import Figure

from lprior.report.latex import OF_MODEL, Table, header, model_rows
from lprior.results import RunFolder
from lprior.runs import Study


@dataclass(frozen=True)
class Shown:
    """Tables and figures, by the names of their files. `whole`: whether there were runs to show. `values`: what its
    text may ask for, by key, in LaTeX. `captions`: of tables that are not means and deviations of models."""

    tables: dict[str, Table] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    whole: bool = True
    values: dict[str, str] = field(default_factory=dict)
    captions: dict[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> list[str]:
        """What the report's text refers to them by."""
        return [*(f"fig:{name}" for name in self.figures), *(f"tab:{name}" for name in self.tables)]


def models_table(
    study: Study, finished: list[RunFolder], columns: Iterable[str], figures: dict[str, Figure | None] | None = None,
    priors: Iterable[str] = (),
) -> Shown:  # fmt: skip
    """A table of the study's name with a row for each of its models: seeds and epochs, mean and standard deviation of
    the columns. `figures`: beside it, those that there are. `priors`: as of `model_rows`."""
    if not finished:
        return Shown(whole=False)
    columns = tuple(columns)
    table = Table(header(columns, OF_MODEL), "".join(model_rows(finished, study.models, columns, priors)))
    return Shown({study.name: table}, {name: figure for name, figure in (figures or {}).items() if figure})
