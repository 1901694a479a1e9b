"""What a study shows in the report."""

from dataclasses import dataclass, field

from matplotlib.figure import Figure

from lprior.report.latex import Table


@dataclass(frozen=True)
class Shown:
    """Tables and figures, by the names of their files. `whole`: whether there were runs to show. `values`: what its
    text may ask for, by key, in LaTeX."""

    tables: dict[str, Table] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    whole: bool = True
    values: dict[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> list[str]:
        """What the report's text refers to them by."""
        return [*(f"fig:{name}" for name in self.figures), *(f"tab:{name}" for name in self.tables)]

