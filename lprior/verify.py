"""Whether published numbers are those of the published weights: every metric of a run, computed again.

The weights draw the same samples on another machine up to rounding, so values may differ a little: by one per cent,
or by what `TOLERANCE` allows for a kind of metric. The control's mixtures are fitted anew, which rounding can lead to
another optimum, and sampled anew: its values may differ by ten per cent for distances, else by `TOLERANCE_OF_CONTROL`,
which is three to four standard deviations of other mixtures and draws (recall varies most, on CIFAR-10 by 0.02).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lprior import data, evaluate
from lprior.errors import UserError
from lprior.model import load
from lprior.results import RunFolder

RELATIVE = 0.01
TOLERANCE = {  # kind of metric -> absolute difference that is none
    "fid": 0.02, "kid": 0.002, "precision": 0.005, "recall": 0.005, "score": 0.02, "entropy": 0.002, "histogram": 0.002,
    "within": 0.02, "accuracy": 0.002, "cluster": 0.02, "reconstruction": 1e-5, "parzen": 0.5, "parzenstderr": 0.05,
    "parzensigma": 0.0,
}  # fmt: skip
RELATIVE_OF_CONTROL = {"fid": 0.1, "kid": 0.1}
TOLERANCE_OF_CONTROL = {
    "fid": 0.1, "kid": 0.01, "precision": 0.03, "recall": 0.08, "score": 0.2, "sheet": 1.0, "entropy": 0.02,
    "histogram": 0.04,
}  # fmt: skip


@dataclass(frozen=True)
class Check:
    """One metric: what was published, and what the weights give now (None: no such value)."""

    key: str
    published: object
    found: object

    @property
    def matches(self) -> bool:
        pairs = list(zip(_numbers(self.published), _numbers(self.found), strict=False))
        if not pairs or len(_numbers(self.published)) != len(_numbers(self.found)):
            return False
        control = f"gmm{evaluate.COMPONENTS}_"
        kind = self.key.removeprefix(control).partition("_")[0]
        if self.key.startswith(control):
            relative = RELATIVE_OF_CONTROL.get(kind, 0.0)
            absolute = TOLERANCE_OF_CONTROL["sheet" if self.key.endswith("_sheet100") else kind]
        else:
            relative, absolute = RELATIVE, TOLERANCE.get(kind, 0.0)
        return all(math.isclose(one, two, rel_tol=relative, abs_tol=absolute) for one, two in pairs)

    def __str__(self) -> str:
        verdict = "match   " if self.matches else "MISMATCH"
        return f"{verdict}  {self.key}  published {_shown(self.published)}  found {_shown(self.found)}"


def verify(folder: str | Path) -> Iterator[Check]:
    """A check for each metric of a published run, but for those on Inception features, whose weights few have.

    Raises UserError if its data are not at hand or are other data.
    """
    result, model = RunFolder(folder), load(folder)
    config, published = model.config, result.read_json("metrics.json")
    train = data.load(config.dataset).head(config.images)
    test = data.load(config.dataset, split="test")
    if train.sha256 != result.read_json("provenance.json")["data_sha256"]:
        raise UserError(f"{folder} was trained on other images than the {config.dataset} at hand: cannot verify it")
    found = model.measure(train, test)
    for key in {key: None for key in published if "_inception_" not in key} | found:
        yield Check(key, published.get(key), found.get(key))


def _numbers(value: object) -> list[float]:
    """The finite numbers of a metric; what is not a finite number is left out, and so matches nothing."""
    values = value if isinstance(value, list) else [value]
    return [float(v) for v in values if isinstance(v, int | float) and math.isfinite(v)]


def _shown(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
