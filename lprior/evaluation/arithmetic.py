"""Attributes by arithmetic on codes (Larsen et al. 2016, section 4.2): the direction of an attribute is the mean code
of images with it less the mean code of images without it. Test images are moved along it, decoded, and measured again.
The paper asks a regressor what was obtained; here a ruler does (`attributes.py`).

"With" is the upper third of 10,000 training images by that attribute, "without" the lower third; the gap between their
means is what one direction should do, and half of it half of that. The control is the same arithmetic on as many
principal components of the pixels as a code has entries: the simplest of autoencoders.
"""

import torch
from torch import Tensor

from lprior import data
from lprior.data import DATASETS, Dataset
from lprior.evaluation.attributes import RULERS
from lprior.evaluation.judges import Judge
from lprior.evaluation.metrics import number_or_reason, thousands
from lprior.model import Model

AMOUNTS = (-1.0, -0.5, 0.5, 1.0)  # of a direction
MEASURED = 10_000  # training images, the first ones, which say where a direction leads
MOVED = 500  # test images, the first ones


class PrincipalComponents:
    """An autoencoder of images (N, C, H, W): `code` principal components of their pixels, or as many as there are."""

    def __init__(self, images: Tensor, code: int):
        from sklearn.decomposition import PCA

        flat = images.flatten(1).double().numpy()
        self.shape = images.shape[1:]
        self.components = PCA(min(code, *flat.shape), svd_solver="covariance_eigh").fit(flat)

    def encode(self, images: Tensor) -> Tensor:
        """Codes (N, code) of uint8 images (N, C, H, W)."""
        return torch.from_numpy(self.components.transform(images.flatten(1).double().numpy()))

    def decode(self, codes: Tensor) -> Tensor:
        """uint8 images (N, C, H, W) of codes (N, code)."""
        pixels = torch.from_numpy(self.components.inverse_transform(codes.numpy()))
        return pixels.round().clamp(0, 255).to(torch.uint8).unflatten(1, self.shape)


class Arithmetic:
    """The experiment on one data set: what is measured there once for all models, and the control."""

    def __init__(self, train: Dataset, test: Dataset):
        self.train, self.test, self.judge = train.head(MEASURED), test.head(MOVED), Judge(test.head(MOVED))
        self.ruler = RULERS[DATASETS[test.name].family]
        self.of_train = self.ruler.measure(self.train.images)
        self.controls: dict[int, dict] = {}  # by entries of a code

    def measure(self, model: Model) -> dict:
        """Of each attribute in `attributes.RULERS`, in a list in its order; of pictures with "colour" before the keys:

        moved_r_500_test                 correlation of wanted and obtained changes, over 500 test images and
                                         `AMOUNTS`, in the attribute's unit, from their reconstructions on
        moved_slope_500_test             slope of what is obtained on what is wanted: 1 if all of it is
        moved_class_<protocol>_500_test  share of the moved images that the classifier puts where it puts their
                                         reconstructions. Missing without a classifier
        pcamoved_...                     the same of the control
        """
        code = model.config.code
        if code not in self.controls:
            self.controls[code] = self.keys("pca", PrincipalComponents(self.train.images, code))
        return self.keys("", model) | self.controls[code]

    def keys(self, before: str, coder: Model | PrincipalComponents) -> dict:
        name = f"{before}{self.ruler.key}moved"
        r, slope, same = (number_or_reason(column) for column in map(list, zip(*self.of_each(coder), strict=True)))
        count = thousands(len(self.test.images))
        found = {f"{name}_r_{count}_test": r, f"{name}_slope_{count}_test": slope}
        return found | ({f"{name}_class_{self.judge.protocol}_{count}_test": same} if self.judge.available else {})

    def of_each(self, coder: Model | PrincipalComponents) -> list[tuple[float, float, float]]:
        """Of each attribute correlation, slope, and the share of images that keep their class (0 without a judge)."""
        codes, start = coder.encode(self.train.images), coder.encode(self.test.images)
        before, class_before = self.seen(coder, start)
        found = []
        for i in range(len(self.ruler.names)):
            way, gap = direction(codes, self.of_train[:, i])
            after = [self.seen(coder, start + amount * way) for amount in AMOUNTS]
            obtained = torch.stack([values[:, i] - before[:, i] for values, _ in after])
            wanted = gap * torch.tensor(AMOUNTS, dtype=torch.float64).view(-1, 1).expand_as(obtained)
            same = torch.stack([classes == class_before for _, classes in after]).double().mean().item()
            found.append((*line(wanted.flatten(), obtained.flatten()), same))
        return found

    def seen(self, coder: Model | PrincipalComponents, codes: Tensor) -> tuple[Tensor, Tensor]:
        """What ruler (N, attributes) and classifier (N,) see in the images of codes (N, code)."""
        images = data.crop(coder.decode(codes), self.test.images.shape[-1])
        classes = self.judge.evaluator.measure(images)[1].argmax(dim=1) if self.judge.available else images[:, 0, 0, 0]
        return self.ruler.measure(images), classes


def direction(codes: Tensor, values: Tensor) -> tuple[Tensor, float]:
    """Of an attribute with `values` (N,): mean code (code,) of the upper third of codes (N, code) less that of the
    lower third, and the same of the values. Images without a value take no part."""
    codes, values = codes[values.isfinite()], values[values.isfinite()]
    third = max(1, len(values) // 3)
    order = values.argsort(stable=True)
    lower, upper = order[:third], order[-third:]
    return codes[upper].mean(dim=0) - codes[lower].mean(dim=0), (values[upper].mean() - values[lower].mean()).item()


def line(wanted: Tensor, obtained: Tensor) -> tuple[float, float]:
    """Correlation of the two (N,), and the slope of `obtained` on `wanted` by least squares."""
    x, y = wanted - wanted.mean(), obtained - obtained.mean()
    xy = (x * y).sum()
    return (xy / (x.square().sum() * y.square().sum()).sqrt()).item(), (xy / x.square().sum()).item()
