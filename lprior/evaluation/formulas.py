"""Metrics as functions of feature matrices, class logits and pixels; the formulas on features are torch-fidelity's,
which is slow to import and therefore imported where it is used."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

NEIGHBOURS = 3  # of a row, the farthest of which says what is near it
ROWS = 500  # whose distances to all others are in memory at once
NEGLIGIBLE = -60.0  # exponent, beside one of 0; below, exp of float32 takes three times as long
SIGMAS = [10 ** (-1 + i / 10) for i in range(8)]  # 0.1 to 0.5: the grid in which Parzen windows find their width


def frechet_distance(features: Tensor, reference: Tensor) -> float:
    """Frechet distance of two Gaussians fitted to feature matrices (N, K) and (M, K) (Heusel et al. 2017)."""
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

    statistics = [fid_features_to_statistics(matrix.double()) for matrix in (features, reference)]
    return float(fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID])


def kernel_distance(features: Tensor, reference: Tensor) -> float:
    """Kernel distance (KID, Binkowski et al. 2018) of feature matrices (N, K), (M, K): mean over 100 subsets.

    Subsets of 1,000 rows, or of as many as there are. Unbiased, so that it may be slightly negative.
    """
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

    size = min(1000, len(features), len(reference))
    found = kid_features_to_metric(features, reference, kid_subset_size=size, verbose=False)
    return float(found[KEY_METRIC_KID_MEAN])


def precision_recall(features: Tensor, reference: Tensor, radii_reference: Tensor | None = None) -> tuple[float, float]:
    """Share of samples (N, K) near real ones, and of real ones (M, K) near samples (Kynkaanniemi et al. 2019).

    "Near" is within the distance of the third nearest neighbour, `radii`, which of the real ones may be at hand. The
    values are torch-fidelity's, in a fifth of the time.
    """
    own = radii(features)
    theirs = radii(reference) if radii_reference is None else radii_reference
    near_a_real_one, near_a_sample = torch.zeros(len(features), dtype=torch.bool), []
    for part, radius in zip(reference.split(ROWS), theirs.split(ROWS), strict=True):
        distance = torch.cdist(part, features)
        near_a_sample.append((distance <= own).any(dim=1))
        near_a_real_one |= (distance <= radius.unsqueeze(1)).any(dim=0)
    return near_a_real_one.double().mean().item(), torch.cat(near_a_sample).double().mean().item()


def radii(features: Tensor) -> Tensor:
    """Distance (N,) of each of the rows (N, K) to the third nearest of the others. Raises ValueError for less than
    four rows."""
    if len(features) <= NEIGHBOURS:
        raise ValueError(f"{len(features)} rows have no {NEIGHBOURS} neighbours each")
    nearest = [torch.cdist(part, features).topk(NEIGHBOURS + 1, largest=False).values for part in features.split(ROWS)]
    return torch.cat(nearest)[:, -1]  # a row is its own nearest one


def classifier_score(logits: Tensor) -> float:
    """exp of the mean KL(p(y|x) || p(y)), the Inception Score (Salimans et al. 2016) of another classifier.

    `logits`: (N, classes). One split. Between 1 and the number of classes.
    """
    from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, isc_features_to_metric

    return float(isc_features_to_metric(logits, splits=1)[KEY_METRIC_ISC_MEAN])


def class_histogram(logits: Tensor) -> Tensor:
    """Share of the images (N, classes) that the classifier puts into each class: float64 (classes,), sum 1."""
    counts = torch.bincount(logits.argmax(dim=1), minlength=logits.shape[1])
    return counts.double() / counts.sum()


def entropy(histogram: Tensor) -> float:
    """Entropy of a class histogram in nats; log(classes) when all are equally frequent."""
    return float(torch.special.entr(histogram).sum())


def parzen_log_likelihood(images: Tensor, samples: Tensor, sigmas: Sequence[float], batch_size: int = 100) -> Tensor:
    """log of the mean of Gaussians of each of the standard deviations `sigmas` around the samples, at each image:
    (sigmas, N), in nats.

    `images` (N, ...) and `samples` (M, ...) are uint8; pixels are taken as numbers in [0, 1] (Goodfellow et al. 2014).
    """
    centres = samples.flatten(1).float() / 255
    widths = torch.tensor(sigmas, dtype=torch.float64).unsqueeze(1)
    constant = math.log(len(centres)) + centres.shape[1] * (widths * math.sqrt(2 * math.pi)).log()
    parts = []
    for part in images.split(batch_size):
        squares = torch.cdist(part.flatten(1).float() / 255, centres).double().square_()  # once for all widths
        least = squares.amin(dim=1, keepdim=True)
        beyond = (squares - least).float()
        exponents = (beyond * (-0.5 / sigma**2) for sigma in sigmas)
        sums = torch.stack([each.clamp_(min=NEGLIGIBLE).exp_().sum(dim=1) for each in exponents])
        parts.append(sums.double().log() - 0.5 * least.T / widths.square() - constant)
    return torch.cat(parts, dim=1)


def best_sigma(validation: Tensor, samples: Tensor) -> float:
    """Of `SIGMAS`, the one by which Parzen windows around the samples explain the validation images best."""
    return SIGMAS[parzen_log_likelihood(validation, samples, SIGMAS).mean(dim=1).argmax()]


def high_frequency_energy(images: Tensor) -> float:
    """Mean energy per pixel of uint8 images (N, C, H, W) at frequencies above a quarter of a cycle a pixel, half of the
    highest along a row.

    Of pixels as numbers in [0, 1]. Blur lowers it; noise raises it.
    """
    height, width = images.shape[-2:]
    down, right = torch.fft.fftfreq(height).unsqueeze(1), torch.fft.fftfreq(width)
    high = (down.square() + right.square()).sqrt() > 0.25
    parts = [torch.fft.fft2(part.float() / 255, norm="forward")[..., high] for part in images.split(1000)]
    return torch.cat(parts).abs().square().sum(dim=-1).mean().item()


def unexplained_variance(features: Tensor, features_rec: Tensor) -> float:
    """Squared difference of two feature matrices (N, K), as a share of the first's variance: 0 where they agree, 1
    where the second is the first's mean throughout."""
    features, features_rec = features.double(), features_rec.double()
    variance = (features - features.mean(dim=0)).square().sum()
    return ((features - features_rec).square().sum() / variance).item()


def nearest(images: Tensor, others: Tensor, batch_size: int = 5000) -> Tensor:
    """Index (N,) of the image among `others` (M, ...) that is nearest to each of `images` (N, ...) in pixels."""
    flat = images.flatten(1).float()
    distances = [torch.cdist(flat, part.flatten(1).float()) for part in others.split(batch_size)]
    return torch.cat(distances, dim=1).argmin(dim=1)
