"""Dimensionality reduction by AAE: cluster heads added to the style (Makhzani et al. 2015, section 7)."""

from lprior import runs
from lprior.data import Dataset
from lprior.model import Model
from lprior.report.studies import clustering, semisupervised
from lprior.report.studies.maps import mapped, maps_figure
from lprior.report.studies.shown import Shown, models_table
from lprior.results import RunFolder
from lprior.runs import Study

COLUMNS = ("error", "error, confident", "error, majority", "FID", "reconstruction")


def measure(model: Model, train: Dataset, test: Dataset) -> dict:
    """The errors of `semisupervised` or, without labels, of `clustering`; and a map of sums in the plane."""
    of_y = semisupervised if model.config.settings.named else clustering
    found = of_y.measure(model, train, test)
    if model.config.settings.heads:
        sums = model.in_batches(model.autoencoder.dec[0], model.encode(test.images))
        found |= mapped(sums, test.labels) if sums.shape[1] == 2 else {}
    return found


def render(finished: list[RunFolder]) -> Shown:
    """A row for each model, and maps of those in the plane."""
    return models_table(STUDY, finished, COLUMNS, {f"{STUDY.name}_maps": maps_figure(finished)})


STUDY = Study(
    "dimensions", "Two dimensions", "quick", {"epochs": 4, "falling": 2, "samples": 2_000},
    ("aaesemi-heads_unlabelled", "aaesemi-heads", "aaesemi-heads_1000", "aaesemi-heads_10"),
    seeds=(0, 1, 2), family="digits", render=render, measure=measure,
)  # fmt: skip
runs.STUDIES[STUDY.name] = STUDY
