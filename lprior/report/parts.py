"""The parts of the report, each about runs on one family of data sets, and the rows of each."""

from dataclasses import dataclass

import pandas as pd

from lprior import runs
from lprior.data import DATASETS
from lprior.errors import UserError


@dataclass(frozen=True)
class Part:
    """`key` stands before the part's keys in values.tex, `file` before the names of its figures and tables."""

    name: str
    family: str  # of `data.DATASETS`
    more: tuple[str, ...]  # the metrics of its second table
    by_name: tuple[str, ...]  # models beside `runs.models()`, if they were run, by name: no preset waits for them
    conditional: tuple[str, ...]  # models with a conditional variable, in the order of their table
    key: str = ""
    file: str = ""

    @property
    def datasets(self) -> list[str]:
        return [name for name, spec in DATASETS.items() if spec.family == self.family]

    def of(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of a table of runs that belong to this part. Raises UserError if they are of several data sets."""
        rows = table[table["dataset"].isin(self.datasets)]
        if rows["dataset"].nunique() > 1:
            names = " and ".join(sorted(rows["dataset"].unique()))
            raise UserError(f"runs on {names} cannot share a table: name the runs to report")
        return rows

    def compared(self, table: pd.DataFrame) -> pd.DataFrame:
        """Of those, the runs of `runs.models()` and of `by_name`, in that order, by seed; no other is their rival."""
        rows, models = self.of(table), [*runs.models(), *self.by_name]
        chosen = rows[rows["key"].isin(models)]
        order = sorted(chosen.index, key=lambda run: (models.index(chosen.at[run, "key"]), chosen.at[run, "seed"]))
        return chosen.loc[order]


DIGITS = Part(
    "digits", "digits", ("KID", "rarest", "commonest", "entropy", "sheet", "reconstruction", "Parzen", "Inception FID"),
    ("lpaae-long", "lpaae-frozen"),
    ("lpaae-supervised", "lpaae-unsupervised"),
)  # fmt: skip
CONDITIONAL = (
    "lpaae-supervised", "lpaae-supervised_fixed", "lpaae-supervised_long",
    "lpaae-unsupervised", "lpaae-unsupervised_fixed", "lpaae-unsupervised_long",
)  # fmt: skip
# No Parzen windows: for pictures in 3,072 dimensions they say nothing, and no paper has a number to compare with.
CIFAR10 = Part(
    "cifar10", "pictures", ("KID", "rarest", "commonest", "entropy", "sheet", "reconstruction", "Inception FID"),
    ("lpaae-long", *CONDITIONAL), CONDITIONAL,
    "cifar10/", "cifar10-",
)  # fmt: skip
PARTS = (DIGITS, CIFAR10)


def first_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """Of a `compared` table, the row of each model's first seed, under the model's name: what figures show."""
    return table.drop_duplicates("key").set_index("key")
