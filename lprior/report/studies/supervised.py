"""Supervised AAE: what the style of a digit leaves of the digit (Makhzani et al. 2015, section 4)."""

from pathlib import Path

from matplotlib.figure import Figure

from lprior import runs
from lprior.data import Dataset, pad, to_float
from lprior.model import Model
from lprior.report.latex import OF_MODEL, Table, header, model_rows
from lprior.report.studies.shown import Shown
from lprior.results import RunFolder
from lprior.runs import Study, title_of
from lprior.stored import read_picture

COLUMNS = ("obeyed", "probe", "Q", "FID", "precision within", "recall within")


def measure(model: Model, train: Dataset, test: Dataset) -> dict:
    """probe_test: share of the test images whose label a logistic regression finds in their styles; it has learned
    from the training images' styles, each entry at variance 1. By chance it is the share of the commonest class, 0.11.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    enc = model.autoencoder.enc  # of codes, the decoder would have to try all labels
    styles, of_test = (
        model.in_batches(lambda images: enc(to_float(images)), pad(part.images, model.config.image_size)).double()
        for part in (train, test)
    )
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(styles, train.labels.numpy())
    return {"probe_test": float(probe.score(of_test, test.labels.numpy()))}


def render(finished: list[RunFolder]) -> Shown:
    """The supervised model, and one without labels for comparison; a figure of the former's samples."""
    if not finished:
        return Shown(whole=False)
    table = Table(header(COLUMNS, OF_MODEL), "".join(model_rows(finished, STUDY.models, COLUMNS)))
    first = [run for run in finished if run.config().model in STUDY.pictured and run.config().seed == 0]
    sheets = {title_of(run.config().model): run.still("samples") for run in first}
    return Shown({STUDY.name: table}, {f"{STUDY.name}_samples": sheets_figure(sheets)} if sheets else {})


def sheets_figure(sheets: dict[str, Path]) -> Figure:
    """Sheets of samples side by side, by their titles."""
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    for axes, (title, path) in zip(figure.subplots(1, 2), sheets.items(), strict=False):
        axes.imshow(read_picture(path).convert("L"), cmap="gray", interpolation="nearest")
        axes.set_title(title, fontsize=8)
    for axes in figure.axes:
        axes.set_axis_off()
    return figure


STUDY = Study(
    "supervised", "Style and digit", "quick", {"epochs": 4, "samples": 5_000},
    ("aaelabel", "aaelabel-informed", "aaelabel-informed_long", "aaemlp-style"),
    seeds=(0, 1, 2), family="digits", render=render, measure=measure, pictured=("aaelabel", "aaelabel-informed_long"),
)  # fmt: skip
runs.STUDIES[STUDY.name] = STUDY
