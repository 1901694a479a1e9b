"""VAE/GAN: Larsen, Sonderby, Larochelle, Winther, *Autoencoding beyond pixels using a learned similarity metric*,
https://arxiv.org/abs/1512.09300v2, Algorithm 1.

    paper              code
    Enc, Dec, Dis      enc, dec, Dis; enc returns mean and log-variance of q(z|x)
    Dis_l(x)           features of a convolution block of Dis, the last if no other is chosen
    x~, x_p            x_rec = dec(z) with z ~ q(z|x);  x_p = dec(z_p) with z_p ~ N(0, I)
    L_prior            L_prior = KL(q(z|x) || N(0, I))
    L_llike^Dis_l      L_llike: negative log-likelihood of Dis_l(x) under a Gaussian around Dis_l(x_rec)
    L_GAN              L_GAN, as a cost (`objectives.py`, the sign rule)
    gamma              gamma

Departures from the printed algorithm:
 1. Signs: Dis descends the printed L_GAN; here it is a cost, so that this is right.
 2. `nonsaturating`: dec maximises log Dis of its fakes instead of minimising log(1 - Dis).
 3. x_rec and x_p pass the decoder as one batch, so that BatchNorm treats both alike.
 4. `x_rec_is_fake` is off, but for CIFAR-10: only x_p is a fake, as in the authors' scripts; the printed L_GAN has
    x_rec, too.
 5. Adam, where the paper has RMSProp.
Options that are off, for comparisons:
 6. `instance_noise`: all that Dis sees, real or fake, has Gaussian noise of this standard deviation added, as for
    LP-AAE on CIFAR-10. Here it gained little, and reconstructions of pictures with little contrast became grainy.
 7. `feature_deviation`: of the Gaussian, 1 in the paper. Features of a residual Dis with spectral normalisation in each
    layer are so small that with 1 L_prior wins, and the codes say nothing of the image.
 8. `balanced`: a step in which Dis or dec is too far ahead moves only the other, by the rule of the authors' code.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lprior.algorithms.autoencoder import Autoencoder, Mean
from lprior.algorithms.noise import draw_grain, grainy
from lprior.algorithms.objectives import gaussian_kl, gaussian_nll, log_D, log_one_minus_D
from lprior.algorithms.updates import adam, update
from lprior.networks import Networks
from lprior.streams import Stream, normal

EQUILIBRIUM, MARGIN = 0.68, 0.35  # of the balance rule, in nats; the authors' code


@dataclass(frozen=True)
class Config:
    gamma: float = 0.03  # weight of L_llike in dec, beside fooling Dis; ours
    feature_deviation: float = 1.0  # standard deviation of p(Dis_l(x) | z), which the paper (equation 7) has as 1
    learning_rate: float = 3e-4  # of enc and dec; ours
    learning_rate_D: float = 2e-3  # of Dis; ours
    betas: tuple[float, float] = (0.5, 0.99)  # of Adam; ours
    nonsaturating: bool = True
    x_rec_is_fake: bool = False
    instance_noise: float = 0.0
    balanced: bool = False


Costs = dict[Optimizer, list[tuple[Tensor, float]]]


class VAEGAN(nn.Module):
    """The algorithm on given networks, for codes of `code` entries.

    `enc` images -> (N, 2 code), mean and log-variance; `dec` codes -> images; `Dis` images -> (logits, features).
    """

    def __init__(self, config: Config, code: int, enc: nn.Module, dec: nn.Module, Dis: nn.Module):
        super().__init__()
        self.config, self.code, self.enc, self.dec, self.Dis = config, code, enc, dec, Dis
        self.opt = SimpleNamespace(
            enc=adam(enc, config.learning_rate, config.betas),
            dec=adam(dec, config.learning_rate, config.betas),
            Dis=adam(Dis, config.learning_rate_D, config.betas),
        )

    @property
    def capturable(self) -> bool:
        """Whether a step can be a CUDA graph: the balance rule looks at values."""
        return not self.config.balanced

    def draw(self, x: Tensor, labels: Tensor | None, stream: Stream) -> dict[str, Tensor]:
        """The inputs of `train_step` for images x (N, C, H, W): noise for q(z|x) and for the prior. No labels."""
        inputs = {"x": x, "noise": normal((2, len(x), self.code), stream("noise"))}
        return inputs | {"grain": draw_grain(x, stream("grain"))} if self.config.instance_noise else inputs

    def train_step(self, x: Tensor, noise: Tensor, grain: Tensor | None = None) -> dict[str, Tensor]:
        """One mini-batch: x (N, C, H, W) in [-1, 1], noise (2, N, code). Returns the losses, detached.

        `grain`: standard normal, shaped like x; needed for instance noise.
        """
        epsilon, z_p = noise
        mu, log_var = self.enc(x).chunk(2, dim=1)
        z = mu + epsilon * torch.exp(0.5 * log_var)
        x_rec, x_p = self.dec(torch.cat([z, z_p])).chunk(2)
        x, x_rec, x_p = grainy((x, x_rec, x_p), self.config.instance_noise, grain)
        (Dis_x, F_x), (Dis_rec, F_rec), (Dis_p, _) = self.Dis(x), self.Dis(x_rec), self.Dis(x_p)

        L_prior = gaussian_kl(mu, log_var)
        L_llike = gaussian_nll(F_x, F_rec) / self.config.feature_deviation**2
        L_GAN = -(log_D(Dis_x) + log_one_minus_D(Dis_p))
        L_fool = -log_D(Dis_p)
        if self.config.x_rec_is_fake:
            L_GAN, L_fool = L_GAN - log_one_minus_D(Dis_rec), L_fool - log_D(Dis_rec)
        if not self.config.nonsaturating:
            L_fool = -L_GAN

        costs = self.costs(L_prior, L_llike, L_GAN, L_fool)
        if self.config.balanced:
            for ahead in self._ahead(-log_D(Dis_x), -log_one_minus_D(Dis_p)):
                del costs[ahead]
        update(*((optimizer, *cost) for optimizer, terms in costs.items() for cost in terms))
        return {"L_prior": L_prior.detach(), "L_llike": L_llike.detach(), "L_GAN": L_GAN.detach()}

    def costs(self, L_prior: Tensor, L_llike: Tensor, L_GAN: Tensor, L_fool: Tensor) -> Costs:
        """What each network descends: losses with their weights."""
        return {
            self.opt.enc: [(L_prior, 1.0), (L_llike, 1.0)],
            self.opt.dec: [(L_llike, self.config.gamma), (L_fool, 1.0)],
            self.opt.Dis: [(L_GAN, 1.0)],
        }

    def _ahead(self, real: Tensor, fake: Tensor) -> list[Optimizer]:
        """Which of Dis and dec rests in this step, by Dis's mean costs of real images and of samples. Not both."""
        low, high = min(real, fake) < EQUILIBRIUM - MARGIN, max(real, fake) > EQUILIBRIUM + MARGIN
        if low == high:
            return []
        return [self.opt.Dis] if low else [self.opt.dec]

    def autoencoder(self) -> Autoencoder:
        """The networks that sample and reconstruct (by the mean of q(z|x)); shares the parameters."""
        return Autoencoder(nn.Sequential(self.enc, Mean()), self.dec)


def build(config: Config, networks: Networks, code: int) -> VAEGAN:
    """The algorithm on new networks, for codes of so many entries."""
    enc, dec = networks.encoder(2 * code), networks.decoder(code)
    return VAEGAN(config, code, enc, dec, networks.image_discriminator())
