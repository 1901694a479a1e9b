"""Clustering by AAE with 16 and 30 clusters (Makhzani et al. 2015, section 6)."""

import torch
from torch import Tensor

from lprior import runs
from lprior.data import Dataset
from lprior.evaluation.conditional import accuracy
from lprior.evaluation.measurement import VALIDATION
from lprior.model import Model
from lprior.report.studies.shown import Shown, models_table
from lprior.results import RunFolder
from lprior.runs import Study

COLUMNS = ("error, confident", "error, majority", "clusters in use", "FID", "score", "reconstruction")


def measure(model: Model, train: Dataset, test: Dataset) -> dict:
    """Errors of the classes that clusters, the values of y, are given by the last training images.

    errorconfident_test   a cluster has the label of the image that is most probably of it, the paper's rule
    errormajority_test    a cluster has the label of most images in it
    clusters_test         how many clusters are the most probable of any test image
    """
    values = model.config.settings.values
    named_by, labels = model.encode(train.images[-VALIDATION:])[:, -values:], train.labels[-VALIDATION:]
    found = model.encode(test.images)[:, -values:].argmax(dim=1)
    return {
        "errorconfident_test": 1 - accuracy(by_confidence(named_by, labels)[found], test.labels),
        "errormajority_test": 1 - accuracy(by_majority(named_by, labels)[found], test.labels),
        "clusters_test": len(found.unique()),
    }


def by_confidence(y: Tensor, labels: Tensor) -> Tensor:
    """The class (values,) of each cluster: the label of the image with the highest probability of it, of images with
    probabilities y (N, values) and labels (N,)."""
    return labels[y.argmax(dim=0)]


def by_majority(y: Tensor, labels: Tensor) -> Tensor:
    """The class (values,) of each cluster: the commonest label of the images of which it is the most probable; 0 where
    there are none."""
    together = torch.bincount(10 * y.argmax(dim=1) + labels, minlength=10 * y.shape[1]).view(-1, 10)
    return together.argmax(dim=1)


def render(finished: list[RunFolder]) -> Shown:
    """A row for each number of clusters."""
    return models_table(STUDY, finished, COLUMNS)


STUDY = Study(
    "clustering", "Clusters", "quick", {"epochs": 8, "falling": 4, "samples": 2_000},
    ("aaesemi-clusters_16", "aaesemi-clusters_30"),
    seeds=(0, 1, 2), family="digits", render=render, measure=measure,
)  # fmt: skip
runs.STUDIES[STUDY.name] = STUDY
