"""The terms that the three papers' losses are made of.

The sign rule, stated once: the papers print the GAN objective as a value that the discriminator maximises, and then
print `theta <- theta - grad` for every network. Here every quantity named `L_...` is a cost, something to descend.
`L_GAN` is therefore *minus* the printed expression, and with that each printed update line is what the code does.

Discriminators return logits, so that log D and log(1 - D) are log-sigmoids: no label tensors, nothing to flip.
"""

from torch import Tensor
from torch.nn import functional as F


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
