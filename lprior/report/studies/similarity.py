"""VAE/GAN's learned similarity against one of pixels: VAE, VAE with features of a discriminator, GAN and VAE/GAN, at
equal networks, epochs and codes (Larsen et al. 2016): on digits, networks on which the GAN does not collapse."""

from dataclasses import replace
from functools import partial

from lprior import data, runs
from lprior.data import Dataset
from lprior.evaluation.formulas import high_frequency_energy, unexplained_variance
from lprior.evaluation.judges import Judge
from lprior.evaluation.metrics import thousands
from lprior.model import Model
from lprior.report import attributes
from lprior.report.latex import PRIORS
from lprior.report.studies.shown import Shown, models_table
from lprior.results import RunFolder
from lprior.runs import Study

COLUMNS = (
    "FID", "score", "recall", "sharpness", "reconstruction", "rec. features", "rec. sharpness",
)  # fmt: skip
ATTRIBUTES = "similarity-attributes"  # the table of them
CAPTION = (
    r"Attributes by arithmetic on codes of the models of table~\ref{tab:similarity}: correlation $r$ of the change "
    r"that was wanted with the change that was measured, and slope; first principal components, the control "
    r"(\texttt{python -m lprior attributes})"
)


def measure(model: Model, train: Dataset, test: Dataset) -> dict:
    """Sharpness and reconstructed features, for images that are as large as those of the data set.

        sharpness_10k                  high-frequency energy of samples, as a share of the test images'
        recsharpness_test              the same of reconstructed test images
        recfeatures_<protocol>_test    what the shipped classifier's features of reconstructed test images leave
                                       unexplained of those of the test images: of one judge for all models, which no
                                       model has learned from. Missing without a classifier
    """
    noise, size = model.noise(model.config.samples), test.images.shape[-1]
    samples = data.crop(model.generate(noise), size)
    rec = data.crop(model.decode(model.encode(test.images)), size)
    real, judge = high_frequency_energy(test.images), Judge(test, model.device)
    values = {
        f"sharpness_{thousands(len(noise))}": high_frequency_energy(samples) / real,
        "recsharpness_test": high_frequency_energy(rec) / real,
    }
    if judge.available:
        of_rec, _ = judge.evaluator.measure(rec)
        values[f"recfeatures_{judge.protocol}_test"] = unexplained_variance(judge.reference, of_rec)
    return values


def render(finished: list[RunFolder], name: str) -> Shown:
    """Of the study of that name: a row for each model, its seeds and epochs, mean and standard deviation of `COLUMNS`;
    below it the control. And a table of attributes by arithmetic on codes of digits, of those that `python -m lprior
    attributes` has measured."""
    study = runs.STUDIES[name]
    shown = models_table(study, finished, COLUMNS, priors=PRIORS)
    moved = attributes.study_table(finished, study.models)
    if moved is None:
        return shown
    return replace(shown, tables=shown.tables | {ATTRIBUTES: moved}, captions={ATTRIBUTES: CAPTION})


for name, title, family, changes, seeds in (
    ("similarity", "Learned similarity", "digits", {"networks": "shallow"}, (0, 1, 2)),
    ("similarity_cifar10", "Learned similarity on CIFAR-10", "pictures", {}, (0,)),
):
    runs.STUDIES[name] = Study(
        name, title, "quick", {"epochs": 4, "samples": 5_000} | changes, ("vae", "vaedis", "gan", "vaegan"),
        seeds=seeds, family=family, render=partial(render, name=name), measure=measure,
    )  # fmt: skip
