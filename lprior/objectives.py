"""The terms that the three papers' losses are made of.

The sign rule, stated once: the papers print the GAN objective as a value that the discriminator maximises, and then
print `theta <- theta - grad` for every network. Here every quantity named `L_...` is a cost, something to descend.
`L_GAN` is therefore *minus* the printed expression, and with that each printed update line is what the code does.

Discriminators return logits, so that log D and log(1 - D) are log-sigmoids: no label tensors, nothing to flip.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

XI = 1.0  # of VAT: length of the step at whose end the gradient is taken; ours (bfloat16 loses much shorter ones)


def log_D(logits: Tensor) -> Tensor:
    """Mean of log D over the batch, where D = sigmoid(logits). `logits`: any shape."""
    return F.logsigmoid(logits.float()).mean()


def log_one_minus_D(logits: Tensor) -> Tensor:
    """Mean of log(1 - D) over the batch, where D = sigmoid(logits). `logits`: any shape."""
    return F.logsigmoid(-logits.float()).mean()


def gaussian_kl(mu: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mu, diag exp log_var) || N(0, I)) in nats, mean over the batch (Kingma and Welling 2013, appendix B).

    `mu`, `log_var`: (batch, code).
    """
    mu, log_var = mu.float(), log_var.float()
    return 0.5 * (mu.square() + log_var.exp() - 1 - log_var).sum(dim=1).mean()


def gaussian_nll(features: Tensor, features_rec: Tensor) -> Tensor:
    """-log N(features; features_rec, I) in nats without its constant: sum over entries, mean over the batch.

    VAE/GAN's L_llike (Larsen et al. 2016, equations 7 and 8). Both of the same shape (batch, ...).
    """
    return 0.5 * (features.float() - features_rec.float()).square().flatten(1).sum(dim=1).mean()


def feature_distance(features: Tensor, features_rec: Tensor) -> Tensor:
    """Squared difference of two feature maps of the same shape (batch, ...), mean over images and entries.

    LP-AAE's L_rec = (1/N) ||F(x) - F(x_rec)||_2 up to the square and a constant factor, which the weights absorb:
    the mean per entry keeps those weights comparable between networks of different width.
    """
    return F.mse_loss(features_rec.float(), features.float())


def feature_norm(features: Tensor, features_rec: Tensor) -> Tensor:
    """LP-AAE's L_rec as printed, (1/N) ||F(x) - F(x_rec)||_2: the norm of each image's difference, mean over N images.

    Both of the same shape (N, ...).
    """
    return (features.float() - features_rec.float()).flatten(1).norm(dim=1).mean()


def mutual_information(logits: Tensor, logits_view: Tensor) -> Tensor:
    """I(c; c') in nats of the classes that a classifier gives an image and another view of it.

    High if the two agree, and the classes are many and equally frequent (Ji, Henriques and Vedaldi 2019, IIC). Logits
    (N, classes) of both. The joint distribution is that of the N pairs, made symmetric.
    """
    one, other = logits.float().softmax(dim=1), logits_view.float().softmax(dim=1)
    joint = (one.unsqueeze(2) * other.unsqueeze(1)).mean(dim=0)  # no matrix product: autocast would round it
    joint = ((joint + joint.T) / 2).clamp(min=torch.finfo(torch.float32).eps)
    alone = joint.sum(dim=0).log()
    return (joint * (joint.log() - alone - alone.unsqueeze(1))).sum()


def marginal_entropy(logits: Tensor) -> Tensor:
    """Entropy in nats of how often a classifier gives each class: of its probabilities' mean over images.

    Logits (N, classes). Largest, log(classes), where all classes are equally frequent.
    """
    frequency = logits.float().softmax(dim=1).mean(dim=0).clamp(min=torch.finfo(torch.float32).eps)
    return -(frequency * frequency.log()).sum()


def virtual_adversarial_loss(
    classify: Callable[[Tensor], Tensor], x: Tensor, logits: Tensor, direction: Tensor, radius: float
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
