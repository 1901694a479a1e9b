"""From a trained model to its metrics: what is sampled, and what it is compared with."""

from collections.abc import Callable, Iterable
from functools import cache, partial

from torch import Tensor

from lprior import data
from lprior.data import Dataset
from lprior.errors import TrainingDiverged
from lprior.evaluation import conditional, disentanglement, formulas
from lprior.evaluation.arithmetic import MEASURED, Arithmetic
from lprior.evaluation.fitted import CONTROL, NotFitted, fitted_samples
from lprior.evaluation.judges import Judge
from lprior.evaluation.metrics import against, thousands
from lprior.model import Model
from lprior.runs import STUDIES

GLANCE = 2000  # samples, at most, of what is not measured whole, and of the metrics in a log
VALIDATION = 5000  # training images, the last ones, on which Parzen windows choose their width


def measure(
    model: Model, train: Dataset, test: Dataset, whole: bool = True, tell: Callable[[str], object] = lambda part: None,
    keep: Callable[[Tensor], object] = lambda images: None,
) -> dict:  # fmt: skip
    """Every metric of a model, under the keys that `metrics.py` explains. If not `whole`, of at most GLANCE samples,
    without Parzen windows and the control, which take most of the time. `tell` is called before each part with its
    name, such as "Parzen windows (4/5)"; `keep` with the uint8 images (N, C, H, W) of the control, if there are any.

    All is measured at the native resolution of the data set, to which larger images are cropped. What has no value has
    the reason in its place. Raises TrainingDiverged if samples are no finite numbers.
    """
    count = model.config.samples if whole else min(GLANCE, model.config.samples)
    judges = [Judge(test, model.device)]
    if whole and test.split != "val":  # which choices are made by
        judges.append(Judge(test, model.device, second=True))
    study = STUDIES.get(model.config.preset)
    judge, noise, size = judges[0], model.noise(count), test.images.shape[-1]
    samples = data.crop(model.generate(noise), size)
    seen = cache(lambda judge: judge.see(samples))
    judged = cache(lambda judge: judge.of(seen(judge)) if judge.available else {})
    parts: dict[str, Callable[[], dict]] = {
        "reconstructions": lambda: {"reconstruction_mse_test": reconstruction_error(model, test)}
    }
    for title, one in zip(("FID, score, precision and recall", "second classifier"), judges, strict=False):
        if one.available:
            parts[title] = partial(judged, one)
    if whole and _grey(test):
        parts["Parzen windows"] = lambda: parzen(samples, train, test)
    if whole and judge.available:
        fitted = [CONTROL, *(study.fitted if study else ())]
        title = "mixture of ten Gaussians" if fitted == [CONTROL] else f"{len(fitted)} fitted priors"
        parts[title] = lambda: of_fitted(fitted, model, train, test, judges, together(map(judged, judges)), keep)
    if model.autoencoder.s.values and test.labels.ndim == 1:  # sentences are no classes
        parts["the conditional variable"] = lambda: conditional.measure(
            model, noise, {one: seen(one) for one in judges if one.available}, test
        )
        if whole and judge.available and model.autoencoder.s.named:
            parts["priors that know s"] = lambda: conditional.of_other_priors(model, train, test, judges)
    if study and (of_study := study.measure):
        parts[f"what the study {study.name} asks for"] = lambda: of_study(model, train, test)
    values: dict = {}
    for number, (title, part) in enumerate(parts.items(), 1):
        tell(f"{title} ({number}/{len(parts)})")
        values |= part()
    return against(test.split, values)


def further(model: Model, train: Dataset, test: Dataset, arithmetic: Arithmetic | None = None) -> dict:
    """The metrics of attributes that are measured on images (`arithmetic.py`, `disentanglement.py`), which take a
    minute more; of captions, which are no classes, those by directions alone. `arithmetic`: the experiment on these
    data, if it is at hand."""
    arithmetic = arithmetic or Arithmetic(train, test)
    of_s = disentanglement.measure(model, train, test, arithmetic.of_train) if test.labels.ndim == 1 else {}
    return against(test.split, arithmetic.measure(model) | of_s)


def reconstruction_error(model: Model, test: Dataset) -> float | str:
    """Mean squared error of the test images, of pixels as numbers in [0, 1]; or why there is none."""
    try:
        found = data.crop(model.decode(model.encode(test.images)), test.images.shape[-1])
    except TrainingDiverged as error:
        return str(error)
    return ((found.float() - test.images.float()) / 255).square().mean().item()


def of_fitted(
    priors: Iterable[str], model: Model, train: Dataset, test: Dataset, judges: list[Judge], keys: Iterable[str],
    keep: Callable[[Tensor], object],
) -> dict:  # fmt: skip
    """What the judges say of samples of priors that are fitted to the model's codes, of `fitted.FITTED`, under their
    keys with its name before; or, for each of `keys`, why there are none. `keep`: see `measure`."""
    try:
        codes = model.encode(train.images)
    except TrainingDiverged as error:
        return {f"{prior}_{key}": str(error) for prior in priors for key in keys}
    values = {}
    for prior in priors:
        try:
            images = fitted_samples(model, codes, prior)
            if prior == CONTROL:
                keep(images)
            samples = data.crop(images, test.images.shape[-1])
            found = together(judge.measure(samples) for judge in judges)
        except (NotFitted, TrainingDiverged) as error:
            found = dict.fromkeys(keys, str(error))
        values |= {f"{prior}_{key}": value for key, value in found.items()}
    return values


def together(measured: Iterable[dict]) -> dict:
    """All that several judges say."""
    return {key: value for one in measured for key, value in one.items()}


def parzen(samples: Tensor, train: Dataset, test: Dataset) -> dict:
    """Parzen-window log-likelihood of the test images in nats, as Goodfellow et al. (2014) and the AAE paper give it.

    The width is chosen on the last training images; the standard error is that of the mean over test images.
    """
    sigma = formulas.best_sigma(train.images[-VALIDATION:], samples)
    (values,), count = formulas.parzen_log_likelihood(test.images, samples, [sigma]), thousands(len(samples))
    return {
        f"parzen_{count}_test": values.mean().item(),
        f"parzenstderr_{count}_test": values.std().item() / len(values) ** 0.5,
        f"parzensigma_{count}": sigma,
    }


def anchors(train: Dataset, test: Dataset, second: bool = False) -> dict:
    """What real images get: the first training images in the place of samples, and the test images' own scores."""
    judge, count = Judge(test, second=second), len(test.images)
    own = {key: value for key, value in judge.measure(test.images).items() if not key.endswith("_test")}
    against = {key: value for key, value in judge.measure(train.images[:count]).items() if key.endswith("_test")}
    if second or not _grey(test):
        return {**against, **own}
    of_style = disentanglement.of_real_images(train.head(MEASURED), test)
    return {**against, **own} | parzen(train.images[:count], train, test) | of_style


def _grey(dataset: Dataset) -> bool:
    """Parzen windows are for these alone: in the 3,072 dimensions of CIFAR-10 ten thousand of them say nothing."""
    return dataset.images.shape[1] == 1
