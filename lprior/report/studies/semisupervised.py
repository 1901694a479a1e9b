"""Semi-supervised AAE with 100, 1000 and all labels (Makhzani et al. 2015, section 5); and, which is ours, with views
and VAT, beside a classifier that has these and no autoencoder."""

from dataclasses import replace

from lprior import data, runs
from lprior.data import Dataset
from lprior.evaluation.conditional import accuracy
from lprior.evaluation.judges import Judge
from lprior.evaluation.metrics import thousands
from lprior.model import Model
from lprior.report.control import set_against, signs_of
from lprior.report.frame import table_of
from lprior.report.studies.shown import Shown, models_table
from lprior.results import RunFolder
from lprior.runs import Study

COLUMNS = ("error", "obeyed", "FID", "score", "recall", "reconstruction")


def measure(model: Model, train: Dataset, test: Dataset) -> dict:
    """What y has come to mean.

    error_test                        share of the test images whose most probable y is not their label
    accuracy_given_s_<protocol>_10k   share of the images decoded from a style and a y of the prior that the shipped
                                      classifier sees as y; missing without a classifier
    """
    values, judge = model.config.settings.values, Judge(test, model.device)
    found = {"error_test": 1 - accuracy(model.encode(test.images)[:, -values:].argmax(dim=1), test.labels)}
    if judge.available:
        noise = model.noise(model.config.samples)
        images, y = data.crop(model.generate(noise), test.images.shape[-1]), noise[:, -values:].argmax(dim=1).cpu()
        seen = judge.evaluator.measure(images)[1].argmax(dim=1)
        found[f"accuracy_given_s_{judge.protocol}_{thousands(len(noise))}"] = accuracy(y, seen)
    return found


def render(finished: list[RunFolder]) -> Shown:
    """A row for each model, and in words what the autoencoder adds to a classifier with views and VAT."""
    shown = models_table(STUDY, finished, COLUMNS)
    if not shown.whole:
        return shown
    compared = table_of(finished), ("aaesemi-views", ""), ("aaesemi-views_alone", "")
    control = set_against(*compared, "AAE with views", "the same views without an autoencoder", ("error",))
    if control and signs_of(*compared, ("error",))["error"] < 1:
        control += " What views and VAT together do to the error thus needs no autoencoder."
    return replace(shown, values={f"{STUDY.name}/control": control})


STUDY = Study(
    "semisupervised", "Few labels", "quick", {"epochs": 8, "falling": 4, "samples": 2_000},
    ("aaesemi", "aaesemi-labels_1000", "aaesemi-labels_all", "aaesemi-views", "aaesemi-views_alone"),
    seeds=(0, 1, 2), family="digits", render=render, measure=measure,
)  # fmt: skip
runs.STUDIES[STUDY.name] = STUDY
