"""The conditional variable s of LP-AAE, one of ten values. With it, noise is [z, s]: z (..., N, code) and s one-hot.

    "none"          no s: the noise is z
    "supervised"    in training s is the label of the image that stands beside it in the mini-batch
    "unsupervised"  s is uniform; what its values mean is for Q to find out
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from lprior.errors import UserError

CONDITIONS = ("none", "supervised", "unsupervised")
VALUES = 10  # of s


def with_s(z: Tensor, s: Tensor) -> Tensor:
    """[z, s] (..., N, code + 10) of z (..., N, code) and int64 s (N,) or (..., N)."""
    one_hot = F.one_hot(s, VALUES).to(z.dtype)
    return torch.cat([z, one_hot.expand(*z.shape[:-1], VALUES)], dim=-1)


def s_of(noise: Tensor) -> Tensor:
    """The one-hot s (..., N, 10) in [z, s]."""
    return noise[..., -VALUES:]


def uniform_s(count: int, generator: torch.Generator) -> Tensor:
    """Values of s (count,), each of the ten as likely."""
    return torch.randint(VALUES, (count,), generator=generator, device=generator.device)


def grid(z: Tensor) -> Tensor:
    """[z, s] (count, code + 10) in which rows of ten share a z while s counts from 0 to 9, of z (count, code)."""
    rows = z.repeat_interleave(VALUES, dim=0)[: len(z)]
    return with_s(rows, torch.arange(len(z), device=z.device) % VALUES)


def check_labels(labels: Tensor | None) -> None:
    """Raises UserError if there are no labels, or if one is not a value that s can have."""
    if labels is None or len(labels) == 0:
        raise UserError("the condition 'supervised' needs labels, and the data have none: choose 'unsupervised'")
    if labels.is_floating_point():
        raise UserError(f"labels must be whole numbers from 0 to {VALUES - 1}, not {labels.dtype}")
    wrong = labels[(labels < 0) | (labels >= VALUES)]
    if len(wrong):
        raise UserError(f"label {wrong[0].item()} is out of range: s has the values 0 to {VALUES - 1}")
