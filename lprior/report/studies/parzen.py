"""AAE's Parzen-window log-likelihood in the paper's networks, and what moves it (Makhzani et al. 2015, section 3)."""

import pandas as pd

from lprior import runs
from lprior.data import Dataset
from lprior.evaluation.formulas import SIGMAS, parzen_log_likelihood
from lprior.evaluation.metrics import thousands
from lprior.model import Model
from lprior.report.control import UNCOMPARED, set_against
from lprior.report.frame import anchors, table_of
from lprior.report.latex import OF_MODEL, Table, header, model_rows, row, spreads
from lprior.report.studies.shown import Shown
from lprior.results import RunFolder
from lprior.runs import Study

AT = tuple(f"at {sigma:.2f}" for sigma in SIGMAS[1:4])
OTHERWISE = ("dropout", "a prior of standard deviation 1")  # than `STUDY.models[0]`, the paper's
COLUMNS = ("Parzen", "Parzen error", "Parzen sigma", *AT, "FID")


def measure(model: Model, train: Dataset, test: Dataset) -> dict:
    """parzenat_10k_test: the log-likelihood of the test images at each width in `formulas.SIGMAS`, in nats."""
    samples = model.generate(model.noise(model.config.samples))
    found = parzen_log_likelihood(test.images, samples, SIGMAS).mean(dim=1)
    return {f"parzenat_{thousands(len(samples))}_test": found.tolist()}


def render(finished: list[RunFolder]) -> Shown:
    """A row for each model, and one for real images: training images in the place of samples."""
    if not finished:
        return Shown(whole=False)
    real = pd.DataFrame([anchors(finished[0].config().dataset)])
    rows = model_rows(finished, STUDY.models, COLUMNS) + [row(["Real images", "", "", *spreads(real, COLUMNS)])]
    table = Table(header(COLUMNS, OF_MODEL), "".join(rows))
    return Shown({STUDY.name: table}, values={f"{STUDY.name}/moves": moves(finished)})


def moves(finished: list[RunFolder]) -> str:
    """Sentences in LaTeX: each of the other models against the paper's."""
    found, (printed, *others) = table_of(finished), STUDY.models
    said = [
        set_against(found, (other, ""), (printed, ""), f"that with {words}", "the printed model", ("Parzen",))
        for other, words in zip(others, OTHERWISE, strict=True)
    ]
    return " ".join(filter(None, said)) or UNCOMPARED


STUDY = Study(
    "parzen", "Parzen windows", "quick", {"epochs": 10},
    ("aaemlp", "aaemlp-dropout", "aaemlp-narrow"),
    seeds=(0, 1, 2), family="digits", render=render, measure=measure,
)  # fmt: skip
runs.STUDIES[STUDY.name] = STUDY
