"""What a conditional variable s has come to mean: metrics of images made for s, and of clusters of test images.

Clusters have no names. Where a metric needs them named, its key has `hungarian`: the one-to-one assignment of ten
clusters to ten classes that makes the accuracy highest (Xie et al. 2016), the usual protocol of clustering accuracy.
It is found on the very images that are measured, and never more favourable than a majority vote, which may name two
alike.
"""

from functools import cache

import torch
from torch import Tensor

from lprior import data
from lprior.algorithms.conditions import VALUES, s_of
from lprior.data import Dataset, to_float
from lprior.errors import TrainingDiverged
from lprior.evaluation import formulas
from lprior.evaluation.fitted import FITTED, NotFitted
from lprior.evaluation.judges import Judge
from lprior.evaluation.metrics import PRIORS_OF_S, Seen, number_or_reason, thousands
from lprior.model import Model

WIDER = {"wide15": 1.5, "wide2": 2.0}  # of `PRIORS_OF_S`: by how much z is multiplied
BY_CLASS = {"byclass": "gmm1", "byclass10": "gmm10"}  # and which of `FITTED` is fitted to the codes of each class


def measure(model: Model, noise: Tensor, seen: dict[Judge, Seen], test: Dataset) -> dict:
    """Every metric of s; `seen`: what each judge sees in the images made from `noise` [z, s] (N, code + 10).

        accuracy_given_s_<protocol>_10k             share of the images made for s that the classifier sees as s;
        accuracy_given_s_hungarian_<protocol>_10k   unsupervised: as the class that is assigned to s
        within_precision_..., within_recall_...     precision and recall within a class, mean over classes: of the
                                                    images made for it against the test images of it
        accuracy_q_test                             share of the test images whose label Q finds;
        cluster_acc_q_hungarian_test                unsupervised: with Q's ten values as clusters
        cluster_acc_kmeans_hungarian_test           ten clusters by k-means on the codes of the test images

    The first four are each judge's, and missing without one. What has no value has the reason in its place.
    """
    named = model.autoencoder.s.named
    found = q_classes(model, test.images)
    key = "accuracy_q_test" if named else "cluster_acc_q_hungarian_test"
    values = {
        key: accuracy(found, test.labels) if named else clustering_accuracy(found, test.labels),
        "cluster_acc_kmeans_hungarian_test": accuracy_of_kmeans(model, test),
    }
    for judge, what in seen.items():
        values |= of_images(what, values_of(noise), named, judge.protocol, test)
    return values


def of_images(seen: Seen, s: Tensor, named: bool, judge: str, test: Dataset) -> dict:
    """The metrics of `measure` that need a classifier, of what it saw in images made for s, int64 (N,). `judge`: its
    name in keys."""
    classes, protocol = seen.logits.argmax(dim=1), f"{judge}_{thousands(len(s))}"
    wanted = s if named else assignment(s, classes)[s]
    precision, recall = within_class(seen.features, wanted, seen.reference, test.labels)
    return {
        f"accuracy_given_s_{'' if named else 'hungarian_'}{protocol}": accuracy(wanted, classes),
        f"within_precision_{protocol}_test": number_or_reason(precision),
        f"within_recall_{protocol}_test": number_or_reason(recall),
    }


def of_other_priors(model: Model, train: Dataset, test: Dataset, judges: list[Judge]) -> dict:
    """What the judges, which must be available, say of other priors of a model whose s is the label, `of_images` too,
    under keys with the prior's name before (`metrics.PRIORS_OF_S`): its own with wider noise, and one or ten Gaussians
    fitted to the codes of each class of training images, which with labels are the simplest priors that know s. Where
    a prior has no images, the reason is in the place of "obeyed"."""
    noise, size, found = model.noise(model.config.samples), test.images.shape[-1], {}
    s, codes, seed = values_of(noise), cache(lambda: model.encode(train.images)), model.config.seed
    for name in PRIORS_OF_S:
        try:
            if name in WIDER:
                images = model.generate(torch.cat([WIDER[name] * noise[:, :-VALUES], noise[:, -VALUES:]], dim=1))
            else:
                images = model.decode(drawn_by_class(codes(), train.labels, s, seed, BY_CLASS[name]))
        except (NotFitted, TrainingDiverged) as error:
            found[f"{name}_accuracy_given_s_{judges[0].protocol}_{thousands(len(s))}"] = str(error)
            continue
        images = data.crop(images, size)
        for judge in judges:
            seen = judge.see(images)
            measured = of_images(seen, s, True, judge.protocol, test) | judge.of(seen)
            found |= {f"{name}_{key}": value for key, value in measured.items()}
    return found


def drawn_by_class(codes: Tensor, labels: Tensor, s: Tensor, seed: int, prior: str) -> Tensor:
    """Codes (N, K) for the classes s (N,), each of the prior, one of `FITTED`, that is fitted to those of `codes` (M,
    K) whose labels (M,) are this class. Raises NotFitted if they have collapsed."""
    drawn = torch.empty(len(s), codes.shape[1])
    for value in s.unique():
        own, count = codes[labels == value], int((s == value).sum())
        drawn[s == value] = FITTED[prior].draw(own, count, seed, torch.device("cpu"))
    return drawn


def values_of(noise: Tensor) -> Tensor:
    """The values of s, int64 (N,) on the CPU, in [z, s] (N, code + 10)."""
    return s_of(noise).argmax(dim=1).cpu()


def accuracy_of_kmeans(model: Model, test: Dataset) -> float | str:
    """Of clusters of the codes of the test images; or why there is none."""
    try:
        return clustering_accuracy(kmeans(model.encode(test.images), model.config.seed), test.labels)
    except TrainingDiverged as error:
        return str(error)


def q_classes(model: Model, images: Tensor) -> Tensor:
    """The value of s that Q finds most likely for each of the uint8 images (N, C, H, W): int64 (N,), on the CPU."""
    padded = data.pad(images, model.config.image_size)
    return model.in_batches(lambda x: model.autoencoder.Q(to_float(x)).argmax(dim=1), padded)


def kmeans(codes: Tensor, seed: int) -> Tensor:
    """The best of ten k-means clusterings of codes (N, code) into ten: int64 (N,)."""
    from sklearn.cluster import KMeans

    found = KMeans(VALUES, n_init=10, random_state=seed).fit_predict(codes.double().numpy())
    return torch.from_numpy(found).long()


def accuracy(classes: Tensor, labels: Tensor) -> float:
    """Share of the entries (N,) that agree."""
    return (classes == labels).double().mean().item()


def clustering_accuracy(clusters: Tensor, labels: Tensor) -> float:
    """Share of the entries of `clusters` (N,) that agree with `labels` (N,) by the best one-to-one assignment."""
    return accuracy(assignment(clusters, labels)[clusters], labels)


def assignment(clusters: Tensor, labels: Tensor) -> Tensor:
    """The class (10,) of each cluster, one to one, by which most entries of the two (N,) agree."""
    from scipy.optimize import linear_sum_assignment

    together = torch.bincount(VALUES * clusters + labels, minlength=VALUES**2).view(VALUES, VALUES)
    return torch.from_numpy(linear_sum_assignment(together.numpy(), maximize=True)[1])


def within_class(features: Tensor, classes: Tensor, reference: Tensor, labels: Tensor) -> tuple[float, float]:
    """Precision and recall (`formulas.precision_recall`) class by class, and their means over the classes.

    `features` (N, K) of samples of `classes` (N,), `reference` (M, K) of real images of `labels` (M,). A model that
    makes one good image for each class has a precision of 1 and a recall near 0.
    """
    present = [c for c in range(VALUES) if min((classes == c).sum(), (labels == c).sum()) > formulas.NEIGHBOURS]
    pairs = [formulas.precision_recall(features[classes == c], reference[labels == c]) for c in present]
    return tuple(torch.tensor(pairs, dtype=torch.float64).reshape(-1, 2).mean(dim=0).tolist())
