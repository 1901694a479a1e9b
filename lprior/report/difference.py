"""When two models differ: by the 95 % confidence interval of the difference of their means over seeds.

The interval is Welch's (1947), for two samples of normal numbers whose variances may differ. An interval without 0 says
that one model is better: by chance alone in 2.5 % of the cases in which there is no difference.
"""

from dataclasses import dataclass

import pandas as pd

ENOUGH = 3  # seeds of each: of fewer, nothing is concluded
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """`value` is what was measured, the size of an effect in the metric's own unit; `low` and `high` are the ends of
    its confidence interval."""

    value: float
    low: float
    high: float

    def sign(self, higher_is_better: bool) -> int:
        """1 if all of the interval is on the better side of 0, -1 if all of it is on the worse side, else 0."""
        above, below = self.low > 0, self.high < 0
        return (above - below) * (1 if higher_is_better else -1)

    def text(self, form: str) -> str:
        """In LaTeX: the value, and the ends in brackets."""
        value, low, high = (form.format(number) for number in (self.value, self.low, self.high))
        return f"${value}$ [${low}$, ${high}$]"


def difference(one: pd.Series, other: pd.Series) -> Interval:
    """Of the mean of `one` less that of `other`, both of at least two seeds."""
    from scipy.stats import ttest_ind

    one, other = one.astype(float), other.astype(float)
    if other.nunique() == 1:  # one number for all seeds, such as that of principal components: Welch's interval, too
        return from_level(one, other.iloc[0])
    ends = ttest_ind(one, other, equal_var=False).confidence_interval(LEVEL)
    return Interval(one.mean() - other.mean(), *map(float, ends))


def from_level(values: pd.Series, level: float) -> Interval:
    """Of the mean of at least two `values` less a level that is known exactly."""
    return _of_mean(values, level, 1 / len(values))


def from_draw(values: pd.Series, draw: float) -> Interval:
    """Of the mean of at least two `values` less one `draw` of another source, taken to vary as much as they do."""
    return _of_mean(values, draw, 1 / len(values) + 1)


def _of_mean(values: pd.Series, level: float, variance: float) -> Interval:
    """`variance` of the difference, as a multiple of the variance of a value."""
    from scipy.stats import t

    gap, half = values.mean() - level, t.ppf((1 + LEVEL) / 2, len(values) - 1) * values.std() * variance**0.5
    return Interval(float(gap), float(gap - half), float(gap + half))
