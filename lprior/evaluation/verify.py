"""Whether published numbers are those of the published weights: every metric of a run, computed again.

The weights draw the same samples on another machine up to rounding, so values may differ a little: by what the table of
metrics allows (`metrics.py`). The control's mixtures are fitted anew, which rounding can lead to another optimum, and
sampled anew: its values may differ by more.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lprior import data
from lprior.evaluation.measurement import further, measure
from lprior.evaluation.metrics import fitted_prefix, is_second, metric_of
from lprior.evaluation.record import refuse_other_data
from lprior.model import load
from lprior.results import RunFolder


@dataclass(frozen=True)
class Check:
    """One metric: what was published, and what the weights give now (None: no such value). A reason why there is no
    value matches itself."""

    key: str
    published: object
    found: object

    @property
    def matches(self) -> bool:
        if isinstance(self.published, str) or isinstance(self.found, str):
            return self.published == self.found
        pairs = list(zip(_numbers(self.published), _numbers(self.found), strict=False))
        if not pairs or len(_numbers(self.published)) != len(_numbers(self.found)):
            return False
        metric, control = metric_of(self.key), fitted_prefix(self.key)
        if metric is None:
            relative, absolute = 0.01, 0.0
        elif control:
            relative, absolute = metric.control_relative, metric.control_tolerance
        else:
            relative, absolute = metric.relative, metric.tolerance
        return all(math.isclose(one, two, rel_tol=relative, abs_tol=absolute) for one, two in pairs)

    def __str__(self) -> str:
        verdict = "match   " if self.matches else "MISMATCH"
        return f"{verdict}  {self.key}  published {_shown(self.published)}  found {_shown(self.found)}"


def verify(folder: str | Path) -> Iterator[Check]:
    """A check for each metric of a published run, but for those on Inception features, whose weights few have; and but
    for those of the second judge that were not measured then, and of attributes, if the run has none of them.

    Raises UserError if its data are not at hand or are other data.
    """
    result, model = RunFolder(folder), load(folder)
    config, published = model.config, result.read_json("metrics.json")
    train, test = data.split(config.dataset, images=config.images, validation=config.validation)
    refuse_other_data(result, train)
    found = measure(model, train, test)
    if any(metric.further for metric in map(metric_of, published) if metric):
        found |= further(model, train, test)
    asked = {key: value for key, value in found.items() if key in published or not is_second(key)}
    for key in {key: None for key in published if "_inception_" not in key} | asked:
        yield Check(key, published.get(key), found.get(key))


def _numbers(value: object) -> list[float]:
    """The finite numbers of a metric; what is not a finite number is left out, and so matches nothing."""
    values = value if isinstance(value, list) else [value]
    return [float(v) for v in values if isinstance(v, int | float) and math.isfinite(v)]


def _shown(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
