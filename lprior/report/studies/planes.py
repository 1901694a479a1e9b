"""Priors in the plane, with and without labels (Makhzani et al. 2015, sections 2.2 and 2.3)."""

import torch
from torch import Tensor

from lprior import runs
from lprior.data import Dataset
from lprior.evaluation.conditional import accuracy
from lprior.evaluation.formulas import precision_recall
from lprior.evaluation.metrics import thousands
from lprior.model import Model
from lprior.report.studies.maps import mapped, maps_figure
from lprior.report.studies.shown import Shown, models_table
from lprior.results import RunFolder
from lprior.runs import Study
from lprior.streams import generator

COLUMNS = ("covered", "covered by itself", "inside", "placed", "FID", "score")


def measure(model: Model, train: Dataset, test: Dataset) -> dict:
    """How the codes of test images lie in the prior, of which as many are drawn.

    coverage_10k_test   share of the draws near a code, share of the codes near a draw, and share of the draws near
                        another such draw; "near" as in `formulas.precision_recall`
    placed_10k_test     share of the codes whose nearest draw is of the part that belongs to the label
    map_1k_test         see `maps.py`
    """
    codes, prior, count = model.encode(test.images), model.autoencoder.CG, len(test.images)
    noise = [torch.randn(count, 2, generator=generator(model.config.seed, "plane", i)) for i in (0, 1)]
    draws, others = (prior(part.to(model.device)).cpu() for part in noise)
    inside, covered = precision_recall(codes.double(), draws.double())
    itself = precision_recall(others.double(), draws.double())[1]
    part = prior.part(noise[0]).long()[nearest_rows(codes, draws)]
    protocol = f"{thousands(count)}_test"
    return {
        f"coverage_{protocol}": [covered, inside, itself],
        f"placed_{protocol}": accuracy(part, test.labels),
        **mapped(codes, test.labels),
    }


def nearest_rows(points: Tensor, among: Tensor) -> Tensor:
    """Which row of `among` (M, K) is nearest to each of the points (N, K): int64 (N,)."""
    return torch.cat([torch.cdist(part, among).argmin(dim=1) for part in points.split(1000)])


def render(finished: list[RunFolder]) -> Shown:
    """A row and a map for each prior."""
    return models_table(STUDY, finished, COLUMNS, {f"{STUDY.name}_maps": maps_figure(finished)})


STUDY = Study(
    "planes", "Priors in the plane", "quick", {"epochs": 4, "falling": 1, "samples": 2_000},
    ("aaeplane-gaussian", "aaeplane-unlabelled", "aaeplane", "aaeplane-roll_unlabelled", "aaeplane-roll"),
    seeds=(0, 1, 2), family="digits", render=render, measure=measure,
)  # fmt: skip
runs.STUDIES[STUDY.name] = STUDY
