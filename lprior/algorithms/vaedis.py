"""VAE with a learned similarity (VAE_Dis_l): the other baseline of the VAE/GAN paper (Larsen et al.,
https://arxiv.org/abs/1512.09300v2), a VAE whose reconstructions are judged in features of a GAN's discriminator, and
whose decoder plays no game.

    paper              code
    Enc, Dec           enc, dec; enc returns mean and log-variance of q(z|x)
    Dis, Dis_l(x)      Dis, and features of a convolution block of it, the last if no other is chosen
    the GAN            gen, a decoder of its own, against Dis: L_GAN, L_fool (`gan.py`)
    L_prior, L_llike   as for VAE/GAN (`vaegan.py`)

Departures from the paper:
 1. Adam, and the networks given by the caller.
 2. The GAN is trained beside the VAE, there before it; the similarity thus moves while the VAE learns, as that
    of VAE/GAN does.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from lprior.algorithms.autoencoder import Autoencoder, Mean
from lprior.algorithms.objectives import gaussian_kl, gaussian_nll, log_D, log_one_minus_D
from lprior.algorithms.updates import adam, update
from lprior.networks import Networks
from lprior.streams import Stream, normal


@dataclass(frozen=True)
class Config:
    learning_rate: float = 3e-4  # of enc, dec and gen; as for VAE/GAN
    learning_rate_D: float = 2e-3  # of Dis; as for VAE/GAN
    betas: tuple[float, float] = (0.5, 0.99)  # of Adam; as for VAE/GAN


class VAEDis(nn.Module):
    """The algorithm on given networks, for codes of `code` entries.

    `enc` images -> (N, 2 code), mean and log-variance; `dec` and `gen` codes -> images; `Dis` images -> (logits,
    features).
    """

    capturable = True  # as a CUDA graph

    def __init__(self, config: Config, code: int, enc: nn.Module, dec: nn.Module, gen: nn.Module, Dis: nn.Module):
        super().__init__()
        self.config, self.code, self.enc, self.dec, self.gen, self.Dis = config, code, enc, dec, gen, Dis
        self.opt = SimpleNamespace(
            enc=adam(enc, config.learning_rate, config.betas),
            dec=adam(dec, config.learning_rate, config.betas),
            gen=adam(gen, config.learning_rate, config.betas),
            Dis=adam(Dis, config.learning_rate_D, config.betas),
        )

    def draw(self, x: Tensor, labels: Tensor | None, stream: Stream) -> dict[str, Tensor]:
        """The inputs of `train_step` for images x (N, C, H, W): noise for q(z|x) and for gen. No labels."""
        return {"x": x, "noise": normal((2, len(x), self.code), stream("noise"))}

    def train_step(self, x: Tensor, noise: Tensor) -> dict[str, Tensor]:
        """One mini-batch: x (N, C, H, W) in [-1, 1], noise (2, N, code). Returns the losses, detached."""
        opt, (epsilon, z_p) = self.opt, noise
        mu, log_var = self.enc(x).chunk(2, dim=1)
        x_rec, x_p = self.dec(mu + epsilon * torch.exp(0.5 * log_var)), self.gen(z_p)
        (Dis_x, F_x), (_, F_rec), (Dis_p, _) = self.Dis(x), self.Dis(x_rec), self.Dis(x_p)

        L_prior, L_llike = gaussian_kl(mu, log_var), gaussian_nll(F_x, F_rec)
        L_GAN, L_fool = -(log_D(Dis_x) + log_one_minus_D(Dis_p)), -log_D(Dis_p)
        update((opt.enc, L_prior), (opt.enc, L_llike), (opt.dec, L_llike), (opt.gen, L_fool), (opt.Dis, L_GAN))
        return {"L_prior": L_prior.detach(), "L_llike": L_llike.detach(), "L_GAN": L_GAN.detach()}

    def autoencoder(self) -> Autoencoder:
        """The networks that sample and reconstruct (by the mean of q(z|x)), those of the VAE; shares the parameters."""
        return Autoencoder(nn.Sequential(self.enc, Mean()), self.dec)


def build(config: Config, networks: Networks, code: int) -> VAEDis:
    """The algorithm on new networks, for codes of so many entries."""
    enc, dec, gen = networks.encoder(2 * code), networks.decoder(code), networks.decoder(code)
    return VAEDis(config, code, enc, dec, gen, networks.image_discriminator())
