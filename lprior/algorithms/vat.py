"""Virtual adversarial training: a classifier that says the same of images nearby (VAT, Miyato et al. 2019)."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

XI = 1.0  # length of the step at whose end the gradient is taken; ours (bfloat16 loses much shorter ones)
RADIUS = 1.5  # Euclidean length of the perturbation of an image in [-1, 1]; ours


def virtual_adversarial_loss(
    classify: Callable[[Tensor], Tensor], x: Tensor, logits: Tensor, direction: Tensor, radius: float = RADIUS
) -> Tensor:
    """How far a classifier's prediction can be moved by a perturbation of length `radius`: KL divergence in nats.

    VAT (Miyato et al. 2019, section 3): the mean of KL(p(x) || p(x + r)), where r is along the gradient of the same at
    a short step from x in a random `direction` (one power iteration); 0 where there is no gradient. `classify` images
    -> logits (N, classes), `logits` those of x; x and direction (N, ...). r and p(x) count as constants.
    """
    log_p = logits.detach().float().log_softmax(dim=1)

    def divergence(perturbation: Tensor) -> Tensor:
        log_q = classify(x + perturbation).float().log_softmax(dim=1)
        return F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)

    first = (XI * _unit(direction)).requires_grad_()
    (uphill,) = torch.autograd.grad(divergence(first), first)
    return divergence(radius * _unit(uphill))


def _unit(vectors: Tensor) -> Tensor:
    """Each of the N tensors in (N, ...) at length 1, however small; zeros stay zeros."""
    rows = F.normalize(vectors.flatten(1), p=torch.inf, eps=torch.finfo(vectors.dtype).tiny)  # squares can underflow
    return F.normalize(rows).view_as(vectors)
