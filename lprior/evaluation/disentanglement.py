"""Whether s and z say different things: is s found in z, does the style stay when s changes, and can the z of one image
be drawn with the s of another? Style is measured on the image itself (`attributes.py`).

z of an image is what the encoder gives beside s. Where the prior is learned, the encoder gives the code z_c = CG(z, s)
instead, so that CG is inverted there: z is found by gradient descent, with s given.
"""

import torch
from torch import Tensor, nn

from lprior import data
from lprior.algorithms.conditions import VALUES, with_s
from lprior.data import DATASETS, Dataset
from lprior.evaluation.attributes import RULERS
from lprior.evaluation.conditional import q_classes
from lprior.evaluation.judges import Judge
from lprior.evaluation.metrics import number_or_reason, thousands
from lprior.model import Model
from lprior.streams import generator

PROBED = 5000  # training images, the first ones, that a probe learns from
SWAPPED = 1000  # test images, the first ones, of which z and s are swapped; and that a probe is tested on
GRID = 2000  # images in rows of ten that share a z
STEPS, RATE = 300, 0.1  # of Adam, which inverts CG


def measure(model: Model, train: Dataset, test: Dataset, of_train: Tensor) -> dict:
    """Of a model with s; lists are in the order of `attributes.RULERS`, of pictures with "colour" before their keys:

        probe_linear_test                  share of 1,000 test images whose s is found in z by logistic regression, and
        probe_neighbours_test              by ten nearest neighbours, both from the z of 5,000 training images;
        probe_chance_test                  the same for the s that is the most frequent: nothing is found
        kept_r_2k                          correlation of an attribute between images that share z and not s, over z,
                                           mean over the pairs of values of s; kept_chance_2k: with z shuffled
        swapped_r_1k_test                  correlation of an attribute, less the mean of its class, of images made from
                                           z of one test image and s of another class's, with the image of z;
        swapped_own_1k_test                the same of images made from z and s of one image: no swap has more
        swapped_class_<protocol>_1k_test   share of them that the classifier takes for the class of the image of s.
                                           Missing without a classifier

    `of_train`: what the ruler gives of the training images, or of the first ones (N, attributes).

    s of an image is its label, or without labels what Q says of it. Of a model without s the first three are measured,
    with its code in the place of z and the label in that of s.
    """
    learn, part = train.head(PROBED), test.head(SWAPPED)
    s_learn, s_part = (s_of_images(model, some) for some in (learn, part))
    z = style(model, part.images, s_part)
    values = probes(style(model, learn.images, s_learn), s_learn, z, s_part)
    if model.autoencoder.s.values:
        values |= kept(model, test.images.shape[-1])
        values |= swapped(model, train.labels[: len(of_train)], of_train, part, z, s_part)
    return values


def s_of_images(model: Model, images: Dataset) -> Tensor:
    """int64 (N,): the labels; what Q says where s has no names."""
    s = model.autoencoder.s
    return q_classes(model, images.images) if s.values and not s.named else images.labels


def style(model: Model, images: Tensor, s: Tensor) -> Tensor:
    """z (N, noise) of uint8 images (N, C, H, W) with s (N,): what a model without s encodes is z throughout."""
    codes = model.encode(images)
    if not model.autoencoder.s.values or isinstance(model.autoencoder.CG, nn.Identity):
        return codes[:, : model.config.code]  # [z, s] where the encoder gives s, too
    return inverted(model.autoencoder.CG, codes.to(model.device), s.to(model.device), model.config.noise).cpu()


def inverted(CG: nn.Module, codes: Tensor, s: Tensor, entries: int) -> Tensor:
    """z (N, entries) for which CG(z, s) is nearest to codes (N, code), by gradient descent from z = 0."""
    z = torch.zeros(len(codes), entries, device=codes.device, requires_grad=True)
    optimizer = torch.optim.Adam([z], RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    with torch.enable_grad():
        for _ in range(STEPS):
            optimizer.zero_grad()
            (CG(with_s(z, s)) - codes).square().sum().backward()
            optimizer.step()
            schedule.step()
    return z.detach()


def probes(z_learn: Tensor, s_learn: Tensor, z: Tensor, s: Tensor) -> dict:
    """`measure`'s first three, of z (N, code) and s (N,) to learn from and others to be tested on."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    values = {"probe_chance_test": (s == s_learn.bincount().argmax()).double().mean().item()}
    for name, probe in (
        ("linear", LogisticRegression(max_iter=1000)), ("neighbours", KNeighborsClassifier(10)),
    ):  # fmt: skip
        fitted = make_pipeline(StandardScaler(), probe).fit(z_learn.double().numpy(), s_learn.numpy())
        values[f"probe_{name}_test"] = float(fitted.score(z.double().numpy(), s.numpy()))
    return values


def kept(model: Model, size: int) -> dict:
    """`measure`'s kept_..., of images cropped to `size`."""
    noise, ruler = model.noise(GRID), RULERS[DATASETS[model.config.dataset].family]
    grid = ruler.measure(data.crop(model.generate(noise), size)).unflatten(0, (-1, VALUES))
    order = generator(0, "shuffled z", 0)
    shuffled = torch.stack([grid[torch.randperm(len(grid), generator=order), s] for s in range(VALUES)], dim=1)
    return {
        f"{ruler.key}kept_r_{thousands(GRID)}": number_or_reason(agreement(grid)),
        f"{ruler.key}kept_chance_{thousands(GRID)}": number_or_reason(agreement(shuffled)),
    }


def agreement(grid: Tensor) -> list[float]:
    """Of each attribute in a grid (rows, values of s, attributes), the correlation of two columns over the rows, mean
    over the pairs of columns."""
    pairs = ~torch.eye(grid.shape[1], dtype=torch.bool)
    return [torch.corrcoef(grid[..., i].T)[pairs].mean().item() for i in range(grid.shape[-1])]


def swapped(model: Model, labels: Tensor, of_train: Tensor, part: Dataset, z: Tensor, s: Tensor) -> dict:
    """`measure`'s swapped_..., of test images with z (N, code) and s (N,). `of_train` (M, attributes), of images with
    `labels` (M,), tell the mean attributes of a class."""
    ruler, size, count = RULERS[DATASETS[part.name].family], part.images.shape[-1], thousands(len(part.images))
    typical = torch.stack([of_train[labels == c].nanmean(dim=0) for c in range(VALUES)])
    partner = torch.randperm(len(z), generator=generator(0, "swapped s", 0))
    other = part.labels != part.labels[partner]
    own, drawn = (data.crop(model.generate(with_s(z, values)), size) for values in (s, s[partner]))
    real, own, found = (ruler.measure(images) for images in (part.images, own, drawn))
    real, own = real - typical[part.labels], own - typical[part.labels]
    found = found - typical[part.labels[partner]]
    values = {
        f"{ruler.key}swapped_r_{count}_test": number_or_reason(columnwise(real[other], found[other])),
        f"{ruler.key}swapped_own_{count}_test": number_or_reason(columnwise(real, own)),
    }
    judge = Judge(part.head(1), model.device)
    if judge.available:
        seen = judge.evaluator.measure(drawn[other])[1].argmax(dim=1)
        right = (seen == part.labels[partner][other]).double().mean().item()
        values[f"swapped_class_{judge.protocol}_{count}_test"] = right
    return values


def columnwise(one: Tensor, other: Tensor) -> list[float]:
    """Correlation of each column of two (N, attributes)."""
    return [torch.corrcoef(torch.stack(pair))[0, 1].item() for pair in zip(one.T, other.T, strict=True)]


def of_real_images(train: Dataset, test: Dataset) -> dict:
    """The same of real digits, under the same keys: what is reached when images are chosen for their style.

    Of a row of the grid, a test image says the style, and the training image of each class that is nearest to it stands
    there, by attributes less the mean of their class, in standard deviations. A probe has the attributes in z's place.
    """
    ruler = RULERS[DATASETS[test.name].family]
    learn, part = train.head(PROBED), test.head(GRID // VALUES)
    of_train, of_learn, of_part = (ruler.measure(some.images) for some in (train, learn, part))
    typical = torch.stack([of_train[train.labels == c].mean(dim=0) for c in range(VALUES)])
    style_train, style_part = of_train - typical[train.labels], of_part - typical[part.labels]
    scale = style_train.std(dim=0)
    columns = []
    for c in range(VALUES):
        of_class = train.labels == c
        nearest = torch.cdist(style_part / scale, style_train[of_class] / scale).argmin(dim=1)
        columns.append(of_train[of_class][nearest])
    found = ruler.measure(test.head(SWAPPED).images)
    return {
        **probes(of_learn, learn.labels, found, test.head(SWAPPED).labels),
        f"{ruler.key}kept_r_{thousands(GRID)}": agreement(torch.stack(columns, dim=1)),
    }
