"""Variational autoencoder (VAE): Kingma and Welling, https://arxiv.org/abs/1312.6114v11. In the VAE/GAN paper (Larsen
et al., https://arxiv.org/abs/1512.09300v2) it is what a learned similarity is compared with.

    paper              code
    encoder, decoder   enc, dec; enc returns mean and log-variance of q(z|x)
    KL term            L_prior = KL(q(z|x) || N(0, I))
    -log p(x|z)        L_llike: negative log-likelihood of x under a Gaussian around x_rec = dec(z)

Departures from the printed algorithm: Adam, and the networks given by the caller; the Gaussian's variance, which there
is an output of the decoder, is 1 / `lam`.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from lprior.algorithms.autoencoder import Autoencoder, Mean
from lprior.algorithms.objectives import gaussian_kl, gaussian_nll
from lprior.algorithms.updates import adam, update
from lprior.networks import Networks
from lprior.streams import Stream, normal


@dataclass(frozen=True)
class Config:
    lam: float = 10.0  # of L_llike, of pixels in [-1, 1]: 1 / AAE's squared error, the likeliest variance; ours
    learning_rate: float = 1e-3  # of enc and dec; ours
    betas: tuple[float, float] = (0.9, 0.999)  # of Adam; its own defaults


class VAE(nn.Module):
    """The algorithm on given networks: `enc` images -> (N, 2 code), mean and log-variance; `dec` codes -> images."""

    capturable = True  # as a CUDA graph

    def __init__(self, config: Config, code: int, enc: nn.Module, dec: nn.Module):
        super().__init__()
        self.config, self.code, self.enc, self.dec = config, code, enc, dec
        self.opt = SimpleNamespace(
            enc=adam(enc, config.learning_rate, config.betas), dec=adam(dec, config.learning_rate, config.betas)
        )

    def draw(self, x: Tensor, labels: Tensor | None, stream: Stream) -> dict[str, Tensor]:
        """The inputs of `train_step` for images x (N, C, H, W): noise for q(z|x). No labels."""
        return {"x": x, "noise": normal((1, len(x), self.code), stream("noise"))}

    def train_step(self, x: Tensor, noise: Tensor) -> dict[str, Tensor]:
        """One mini-batch: x (N, C, H, W) in [-1, 1], noise (1, N, code). Returns the losses, detached."""
        opt, lam = self.opt, self.config.lam
        mu, log_var = self.enc(x).chunk(2, dim=1)
        x_rec = self.dec(mu + noise[0] * torch.exp(0.5 * log_var))
        L_prior, L_llike = gaussian_kl(mu, log_var), gaussian_nll(x, x_rec)
        update((opt.enc, L_prior), (opt.enc, L_llike, lam), (opt.dec, L_llike, lam))
        return {"L_prior": L_prior.detach(), "L_llike": L_llike.detach()}

    def autoencoder(self) -> Autoencoder:
        """The networks that sample and reconstruct (by the mean of q(z|x)); shares the parameters."""
        return Autoencoder(nn.Sequential(self.enc, Mean()), self.dec)


def build(config: Config, networks: Networks, code: int) -> VAE:
    """The algorithm on new networks, for codes of so many entries."""
    return VAE(config, code, networks.encoder(2 * code), networks.decoder(code))
