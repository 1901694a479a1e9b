"""Every metric in one table: what it is called, how it is printed and compared, and the function that computes it.

A key of metrics.json names the protocol:

    fid_mnist_clf1_10k_test
    |   |          |   |      metric
        |          |   |      features: version 1 of the classifier shipped for MNIST
                   |   |      number of samples
                       |      reference: all test images

and begins with gmm10 where the control was measured: the model's decoder on codes of a mixture fitted afterwards; so
with other priors, of `FITTED` and `PRIORS_OF_S`. The second judge of MNIST is mnist_resnet (`recipes.py`). A run that
holds images out of its training (`validation`) is measured on these, and has "val" in the place of "test".
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import itemgetter

from torch import Tensor

from lprior.data.scenes import ATTRIBUTES
from lprior.evaluation import formulas
from lprior.evaluation.attributes import RULERS, Ruler
from lprior.evaluation.fitted import CONTROL, FITTED
from lprior.evaluation.formulas import SIGMAS
from lprior.evaluation.recipes import SECOND

OF_CONTROL = f"{CONTROL}_"  # before the keys of the control
PRIORS_OF_S = {  # of a model with labels, beside its own prior (`conditional.of_other_priors`)
    "wide15": "noise times 1.5", "wide2": "noise times 2", "byclass": "Gaussian of each class",
    "byclass10": "ten Gaussians of each class",
}  # fmt: skip
TITLES = {  # before keys -> before titles
    f"{name}_": f"{title} "
    for name, title in ({name: prior.title for name, prior in FITTED.items()} | PRIORS_OF_S).items()
}


@dataclass
class Reference:
    """What a classifier sees in the test images: `features` (M, K), and their `radii` (M,) (`formulas.radii`)."""

    features: Tensor

    @cached_property
    def radii(self) -> Tensor:
        return formulas.radii(self.features)


@dataclass
class Seen:
    """What a classifier sees in uint8 samples, `features` (N, K) and `logits` (N, classes), and in `real` images."""

    features: Tensor
    logits: Tensor
    real: Reference

    @property
    def reference(self) -> Tensor:
        return self.real.features

    @cached_property
    def precision_recall(self) -> tuple[float, float]:
        return formulas.precision_recall(self.features, self.reference, self.real.radii)

    @cached_property
    def histogram(self) -> Tensor:
        return formulas.class_histogram(self.logits)


@dataclass(frozen=True)
class Metric:
    """`key` begins its keys in metrics.json; of samples, `of` ends them. `title`: in tables; `unit`: there, in LaTeX.

    `higher_is_better`: None for neither. `scale`: what the value is multiplied by to be shown, by `format`.
    `parts`: what is shown of a list, instead of it: title -> the number, and whether more of that is better.
    `tolerance` and `relative`: by how much, absolutely or relatively, a value may differ where the weights are measured
    again; `control_tolerance` and `control_relative` the same of the control, whose mixture is fitted and sampled anew.
    `of_samples`: computes it, for metrics of samples alone, of which it takes at `least` so many. `further`: whether
    only `measurement.further` measures it.
    """

    key: str
    title: str
    format: str
    higher_is_better: bool | None
    tolerance: float
    control_tolerance: float = 0.0
    relative: float = 0.01
    control_relative: float = 0.0
    unit: str = ""
    scale: float = 1.0
    of: str = ""
    of_samples: Callable[[Seen], float | list[float]] | None = None
    parts: dict[str, tuple[Callable[[list[float]], float], bool | None]] = field(default_factory=dict)
    least: int = 1
    further: bool = False

    def measured(self, seen: Seen) -> float | list[float] | str:
        """Of samples; or, in words that are the same whenever they are measured, why it has no value."""
        if len(seen.features) < self.least:
            return f"it takes {self.least} samples, of {len(seen.features)}"
        try:
            return number_or_reason(self.of_samples(seen))
        except (ValueError, ArithmeticError, AssertionError):
            return "it cannot be computed of such samples"

    def names(self, key: str) -> bool:
        """Whether a key, without what is before it for the control, is this metric's."""
        return key.startswith(f"{self.key}_") and (self.of != SHEET or key.endswith(SHEET))


def number_or_reason(value: float | list[float]) -> float | list[float] | str:
    """A metric, if it is a finite number or such numbers."""
    finite = all(map(math.isfinite, value if isinstance(value, list) else [value]))
    return value if finite else "it is no finite number"


def _of_each(title: str, ruler: Ruler, better: bool | None) -> dict[str, tuple[Callable, bool | None]]:
    """`Metric.parts` of a list in the order of a ruler's attributes, each with its name in the title."""
    return {title.format(name).strip(): (itemgetter(i), better) for i, name in enumerate(ruler.names)}


CAPTIONS = {  # of captions that are obeyed or not (`report/studies/text.py`): in keys -> in words
    "seen": "seen", "newplace": "new place", "newcolour": "new colour", "shuffled": "shuffled captions",
    "reconstructed": "reconstructions", "leastsquares": "least squares, drawn", "mean": "least squares, mean",
    "real": "real scenes",
}  # fmt: skip
OBEYED = (*ATTRIBUTES, "all four")
SHEET = "sheet100"  # the first hundred samples, which are on the run's sheet
AGAINST_TEST, ALONE = "{count}_test", "{count}"
METRICS = [
    # Of samples. The control's tolerances are three to four standard deviations of other mixtures and other draws;
    # recall varies most, on CIFAR-10 by 0.02.
    Metric("fid", "FID", "{:.2f}", False, 0.02, 0.1, control_relative=0.1, of=AGAINST_TEST, least=2,
           of_samples=lambda seen: formulas.frechet_distance(seen.features, seen.reference)),
    Metric("kid", "KID", "{:z.0f}", False, 0.002, 0.01, control_relative=0.1, unit=r"$\times 1000$", scale=1000,
           of=AGAINST_TEST, least=2, of_samples=lambda seen: formulas.kernel_distance(seen.features, seen.reference)),
    Metric("score", "sheet", "{:.2f}", True, 0.02, 1.0, of=SHEET,
           of_samples=lambda seen: formulas.classifier_score(seen.logits[:100])),
    Metric("score", "score", "{:.2f}", True, 0.02, 0.2, of=ALONE,
           of_samples=lambda seen: formulas.classifier_score(seen.logits)),
    Metric("precision", "precision", "{:.2f}", True, 0.005, 0.03, of=AGAINST_TEST, least=4,
           of_samples=lambda seen: seen.precision_recall[0]),
    Metric("recall", "recall", "{:.2f}", True, 0.005, 0.08, of=AGAINST_TEST, least=4,
           of_samples=lambda seen: seen.precision_recall[1]),
    Metric("entropy", "entropy", "{:.3f}", True, 0.002, 0.02, unit="nats", of=ALONE,
           of_samples=lambda seen: formulas.entropy(seen.histogram)),
    Metric("histogram", "classes", "{:.1f}", None, 0.002, 0.04, unit=r"\%", scale=100, of=ALONE,
           of_samples=lambda seen: seen.histogram.tolist(),
           parts={"rarest": (min, True), "commonest": (max, False)}),
    # Of the autoencoder and of pixels (`measurement.py`)
    Metric("reconstruction", "reconstruction", "{:.4f}", False, 1e-5),
    Metric("parzen", "Parzen", "{:.0f}", True, 0.5, unit="nats"),
    Metric("parzenstderr", "Parzen error", "{:.1f}", None, 0.05, unit="nats"),
    Metric("parzensigma", "Parzen sigma", "{:.2f}", None, 0.0),
    # Of studies alone (`report/studies/`)
    Metric("parzenat", "Parzen at each sigma", "{:.0f}", True, 0.5,
           parts={f"at {sigma:.2f}": (itemgetter(i), True) for i, sigma in enumerate(SIGMAS)}),
    Metric("sharpness", "sharpness", "{:.2f}", None, 0.01),
    Metric("recsharpness", "rec. sharpness", "{:.2f}", None, 0.01),
    Metric("recfeatures", "rec. features", "{:.3f}", False, 0.001),
    Metric("error", "error", "{:.2f}", False, 0.001, unit=r"\%", scale=100),
    Metric("errorconfident", "error, confident", "{:.2f}", False, 0.001, unit=r"\%", scale=100),
    Metric("errormajority", "error, majority", "{:.2f}", False, 0.001, unit=r"\%", scale=100),
    Metric("coverage", "coverage", "{:.1f}", True, 0.01, unit=r"\%", scale=100,
           parts={"covered": (itemgetter(0), True), "inside": (itemgetter(1), True),
                  "covered by itself": (itemgetter(2), None)}),
    Metric("placed", "placed", "{:.1f}", True, 0.005, unit=r"\%", scale=100),
    Metric("map", "map", "{}", None, 0.1),
    Metric("probe", "probe", "{:.1f}", None, 0.005, unit=r"\%", scale=100),
    Metric("clusters", "clusters in use", "{:.0f}", None, 0.5),
    *(
        Metric(f"caption_{key}", f"obeyed, {title}", "{:.1f}", better, 0.01, unit=r"\%", scale=100,
               parts={f"{title}: {name}": (itemgetter(i), better) for i, name in enumerate(OBEYED)})
        for key, title in CAPTIONS.items()
        for better in (None if key in ("shuffled", "real", "reconstructed") else True,)
    ),
    Metric("captionfid", "FID of things", "{:.2f}", False, 0.05),
    Metric("variety", "variety", "{:.2f}", None, 0.05,
           parts={"distance": (itemgetter(0), True), "distance of real things": (itemgetter(1), None)}),
    # Of attributes that are measured on the image itself, by `python -m lprior attributes`: of codes moved along a
    # direction (`arithmetic.py`), also for the control; and where there is s (`disentanglement.py`)
    *(
        Metric(f"{control}{ruler.key}moved_{what}", f"{control}{ruler.key}moved {what}", form, None, 0.02, unit=unit,
               scale=scale, further=True, parts=_of_each(f"{control.upper()} {{}} {what}", ruler, better))
        for ruler in dict.fromkeys(RULERS.values()) for control in ("", "pca")
        for what, form, better, unit, scale in (
            ("r", "{:.2f}", True, "", 1.0), ("slope", "{:.2f}", None, "", 1.0), ("class", "{:.1f}", True, r"\%", 100.0),
        )
    ),
    *(
        Metric(f"{ruler.key}{key}", f"{ruler.key}{key}", "{:z.2f}", None, 0.03, further=True,
               parts=_of_each(f"{{}} {word}", ruler, better))
        for ruler in dict.fromkeys(RULERS.values())
        for key, word, better in (
            ("kept_r", "kept", True), ("kept_chance", "shuffled", None), ("swapped_r", "swapped", True),
            ("swapped_own", "own", None),
        )
    ),
    Metric("swapped_class", "swapped obeyed", "{:.1f}", True, 0.01, unit=r"\%", scale=100, further=True),
    Metric("probe_linear", "linear probe", "{:.1f}", False, 0.02, unit=r"\%", scale=100, further=True),
    Metric("probe_neighbours", "nearest neighbours", "{:.1f}", False, 0.02, unit=r"\%", scale=100, further=True),
    Metric("probe_chance", "chance", "{:.1f}", None, 0.002, unit=r"\%", scale=100, further=True),
    # Of samples, on features of Inception (`inception.py`); not verified, since few have its weights
    Metric("fid_inception", "Inception FID", "{:.2f}", False, 0.02),
    Metric("kid_inception", "Inception KID", "{:z.0f}", False, 0.002, unit=r"$\times 1000$", scale=1000),
    Metric("score_inception", "Inception Score", "{:.2f}", True, 0.02),
    # Of a conditional variable (`conditional.py`)
    Metric("accuracy_given_s", "obeyed", "{:.1f}", True, 0.002, unit=r"\%", scale=100),
    Metric("within_precision", "precision within", "{:.1f}", True, 0.02, unit=r"\%", scale=100),
    Metric("within_recall", "recall within", "{:.1f}", True, 0.02, unit=r"\%", scale=100),
    Metric("accuracy_q", "Q", "{:.1f}", True, 0.002, unit=r"\%", scale=100),
    Metric("cluster_acc_q", "Q", "{:.1f}", True, 0.02, unit=r"\%", scale=100),
    Metric("cluster_acc_kmeans", "codes", "{:.1f}", True, 0.02, unit=r"\%", scale=100),
]  # fmt: skip


def against(split: str, values: dict) -> dict:
    """Metrics whose keys say "_test", with the split that they were really measured on."""
    return {f"{key.removesuffix('_test')}_{split}" if key.endswith("_test") else key: v for key, v in values.items()}


def metric_of(key: str) -> Metric | None:
    """The metric that a key of metrics.json is of, that of a fitted prior too; None if the table has none.

    Of several whose names begin the key, that of the longest name; of equals the first.
    """
    bare = key.removeprefix(fitted_prefix(key))
    return max((metric for metric in METRICS if metric.names(bare)), key=lambda metric: len(metric.key), default=None)


def fitted_prefix(key: str) -> str:
    """What a key of metrics.json begins with if it is of a fitted prior: one of `TITLES`; or ""."""
    return next((prefix for prefix in TITLES if key.startswith(prefix)), "")


def is_second(key: str) -> bool:
    """Whether a key of metrics.json is of a second judge."""
    return any(f"_{name}_clf" in key for name in SECOND.values())


def in_words(key: str) -> str:
    """What the axis of a figure says: "FID of 2,000 samples" for fid_mnist_clf1_2k_test."""
    metric, count = metric_of(key), of_samples(key)
    return f"{metric.title} {count}" if metric and count else key


def of_samples(key: str) -> str:
    """"of 2,000 samples" for fid_mnist_clf1_2k_test; "" where the key has no number."""
    count = re.search(r"_(\d+)(k?)(_test|_val)?$", key)
    return f"of {int(count[1]) * (1000 if count[2] else 1):,} samples" if count else ""


def by_title(title: str) -> Metric:
    """The metric of that title; for the title of a part, the part as a metric. Raises KeyError if there is none."""
    for metric in METRICS:
        if title in metric.parts:
            return replace(metric, title=title, higher_is_better=metric.parts[title][1], parts={})
        if title == metric.title and not metric.parts:
            return metric
    raise KeyError(title)


def thousands(count: int) -> str:
    """A number of samples as keys have it: 10000 is 10k."""
    return f"{count // 1000}k" if count % 1000 == 0 else str(count)
