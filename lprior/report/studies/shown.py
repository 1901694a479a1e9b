"""What a study shows in the report."""

from collections.abc import Callable
from dataclasses import dataclass, field

from matplotlib.figure import Figure

from lprior.results import RunFolder


@dataclass(frozen=True)
class Shown:
    """LaTeX rows of tables, and figures, by the names of their files. `whole`: whether there were runs to show."""

    tables: dict[str, str] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    whole: bool = True


Render = Callable[[list[RunFolder]], Shown]
