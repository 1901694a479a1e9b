"""Metrics as functions of feature matrices and class logits; the formulas are torch-fidelity's."""

import torch
from torch import Tensor
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, isc_features_to_metric


def frechet_distance(features: Tensor, reference: Tensor) -> float:
    """Frechet distance of two Gaussians fitted to feature matrices (N, K) and (M, K) (Heusel et al. 2017)."""
    statistics = [fid_features_to_statistics(matrix.double()) for matrix in (features, reference)]
    return float(fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID])


def classifier_score(logits: Tensor) -> float:
    """exp of the mean KL(p(y|x) || p(y)), the Inception Score (Salimans et al. 2016) of another classifier.

    `logits`: (N, classes). One split. Between 1 and the number of classes.
    """
    return float(isc_features_to_metric(logits, splits=1)[KEY_METRIC_ISC_MEAN])


def class_histogram(logits: Tensor) -> Tensor:
    """Share of the images (N, classes) that the classifier puts into each class: float64 (classes,), sum 1."""
    counts = torch.bincount(logits.argmax(dim=1), minlength=logits.shape[1])
    return counts.double() / counts.sum()


def entropy(histogram: Tensor) -> float:
    """Entropy of a class histogram in nats; log(classes) when all are equally frequent."""
    return float(torch.special.entr(histogram).sum())
