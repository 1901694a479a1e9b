"""The studies, a file each. Importing this package makes them known (`runs.STUDIES`)."""

from lprior.report.studies import (
    ablation,
    algorithm1,
    clustering,
    codes,
    conditions,
    dimensions,
    parzen,
    planes,
    semisupervised,
    similarity,
    supervised,
    text,
)

__all__ = [
    "ablation", "algorithm1", "clustering", "codes", "conditions", "dimensions", "parzen", "planes", "semisupervised",
    "similarity", "supervised", "text",
]  # fmt: skip
