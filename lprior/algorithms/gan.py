"""Generative adversarial network (GAN): Goodfellow et al., https://arxiv.org/abs/1406.2661v1, Algorithm 1; VAE/GAN
(`vaegan.py`) without its autoencoder.

    paper                   code
    generator G             dec: noise z_p ~ N(0, I) -> x_p
    discriminator D         Dis
    V(D, G)                 L_GAN, as a cost (`objectives.py`, the sign rule)

Departures from the printed algorithm:
 1. Adam, the networks given by the caller, and both networks moving at once against opponents of the same moment.
 2. dec maximises log Dis of its samples (the paper, section 3).
 3. A GAN has no encoder. So that it has reconstructions and codes to measure, enc learns to find z_p in dec(z_p) (the
    latent regressor of Donahue, Krahenbuhl and Darrell 2017). Nothing of that reaches dec or Dis.
"""

from dataclasses import dataclass
from types import SimpleNamespace

from torch import Tensor, nn

from lprior.algorithms.autoencoder import Autoencoder
from lprior.algorithms.objectives import feature_distance, log_D, log_one_minus_D
from lprior.algorithms.updates import adam, update
from lprior.networks import Networks
from lprior.streams import Stream, normal


@dataclass(frozen=True)
class Config:
    learning_rate: float = 3e-4  # of enc and dec; as for VAE/GAN
    learning_rate_D: float = 2e-3  # of Dis; as for VAE/GAN
    betas: tuple[float, float] = (0.5, 0.99)  # of Adam; as for VAE/GAN


class GAN(nn.Module):
    """The algorithm on given networks: `enc` images -> codes of `code` entries, `dec` codes -> images, `Dis` images ->
    (logits, features)."""

    capturable = True  # as a CUDA graph

    def __init__(self, config: Config, code: int, enc: nn.Module, dec: nn.Module, Dis: nn.Module):
        super().__init__()
        self.config, self.code, self.enc, self.dec, self.Dis = config, code, enc, dec, Dis
        self.opt = SimpleNamespace(
            enc=adam(enc, config.learning_rate, config.betas),
            dec=adam(dec, config.learning_rate, config.betas),
            Dis=adam(Dis, config.learning_rate_D, config.betas),
        )

    def draw(self, x: Tensor, labels: Tensor | None, stream: Stream) -> dict[str, Tensor]:
        """The inputs of `train_step` for images x (N, C, H, W); labels are not used."""
        return {"x": x, "noise": normal((1, len(x), self.code), stream("noise"))}

    def train_step(self, x: Tensor, noise: Tensor) -> dict[str, Tensor]:
        """One mini-batch: x (N, C, H, W) in [-1, 1], noise (1, N, code). Returns the losses, detached."""
        (z_p,) = noise
        x_p = self.dec(z_p)
        (Dis_x, _), (Dis_p, _) = self.Dis(x), self.Dis(x_p)
        L_GAN, L_fool = -(log_D(Dis_x) + log_one_minus_D(Dis_p)), -log_D(Dis_p)
        L_code = feature_distance(z_p, self.enc(x_p.detach()))
        update((self.opt.Dis, L_GAN), (self.opt.dec, L_fool), (self.opt.enc, L_code))
        return {"L_GAN": L_GAN.detach(), "L_fool": L_fool.detach(), "L_code": L_code.detach()}

    def autoencoder(self) -> Autoencoder:
        """The networks that sample and, by departure 3, reconstruct; shares the parameters."""
        return Autoencoder(self.enc, self.dec)


def build(config: Config, networks: Networks, code: int) -> GAN:
    """The algorithm on new networks, for codes of so many entries."""
    return GAN(config, code, networks.encoder(code), networks.decoder(code), networks.image_discriminator())
