"""Which runs a GPU day trains, in the order that matters, as <preset>/<run>, and how many of them share a GPU well."""

import lprior.report.studies  # noqa: F401  (of which some are)
from lprior.config import resolve
from lprior.data import DATASETS
from lprior.runs import parse_run, runs_of

FIRST = ("lpaae", "lpaae-fixed", "vaegan", "aae", "lpaae-supervised")  # of a seed on digits; then the others
PICTURES = (  # what the table of `full` on CIFAR-10 lacks, or has by an older step
    "vaegan-s0", "aae-s0", "lpaae-supervised-s0", "lpaae-supervised-s1", "lpaae-supervised-s2", "lpaae-s0", "lpaae-s1",
    "lpaae-fixed-s0", "lpaae-supervised_fixed-s0",
)  # fmt: skip
ANEW = ("ablation_long", "conditions", "conditions_unsupervised")  # studies
TOGETHER = {"digits": 13, "pictures": 3}  # of a family, on an H200 under MPS: more gain little (docs/gpu.md)


def order() -> list[str]:
    """Three seeds of the long ablation, and of the studies whose runs shared an estimate of D_I's norm (docs/gpu.md);
    `full` on CIFAR-10; `full` on MNIST, seed by seed."""
    studies = [
        f"{study}/{name}" for study in ANEW for seed in (0, 1, 2) for name in runs_of(study, "mnist", [seed])
    ]  # fmt: skip
    digits = [f"full/{name}" for seed in (0, 1, 2) for name in sorted(runs_of("full", "mnist", [seed]), key=_rank)]
    return [*studies, *(f"full/cifar10-{name}" for name in PICTURES), *digits]


def _rank(name: str) -> int:
    model = resolve(**parse_run(name), preset="full").model
    return FIRST.index(model) if model in FIRST else len(FIRST)


def family(name: str) -> str:
    """Of the data of <preset>/<run>."""
    return DATASETS[dataset(name)].family


def dataset(name: str) -> str:
    """Of <preset>/<run>. Raises UserError for what is no run."""
    return parse_run(name.partition("/")[2])["dataset"]
