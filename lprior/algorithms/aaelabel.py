"""Supervised AAE: Makhzani et al., https://arxiv.org/abs/1511.05644v2, section 4. The label of an image enters the
decoder beside its code, which is left to be the style.

    paper                   code
    encoder q(z|x)          enc (deterministic)
    decoder p(x|y, z)       dec, of [z, s] with a one-hot s for the label y
    discriminator           D_C, of styles z alone, with draws of N(0, I) as its real examples

Departures: those of `aae.py`. The encoder knows no label; to reconstruct an image without one (`BySynthesis`), the
decoder tries all, which the paper has no need for.
An option that is off, and ours:
 4. `D_C_sees_labels`: D_C gets [z, s], so that styles of each digit, and not only of all digits together, have to be
    N(0, I). As printed, nothing keeps the digit out of z.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lprior.algorithms import aae
from lprior.algorithms.autoencoder import Autoencoder
from lprior.algorithms.conditions import VALUES, Supervised, with_s
from lprior.networks import Networks
from lprior.streams import Stream


@dataclass(frozen=True)
class Config(aae.Config):
    D_C_sees_labels: bool = False


class SupervisedAAE(aae.AAE):
    """AAE whose decoder takes [z, s] (N, code + 10)."""

    config: Config

    def draw(self, x: Tensor, labels: Tensor | None, stream: Stream) -> dict[str, Tensor]:
        """The inputs of `train_step` for images x (N, C, H, W) and their labels (N,). Raises UserError without."""
        return {"x": x} | Supervised().draw((1, len(x), self.code), x, labels, stream)

    def train_step(self, x: Tensor, noise: Tensor) -> dict[str, Tensor]:
        """One mini-batch: x (N, C, H, W) in [-1, 1], noise [z, s] (1, N, code + 10), where s are the labels of x.
        Returns the losses, detached."""
        z, s = noise[0].split([self.code, VALUES], dim=1)

        def D_C(z: Tensor) -> Tensor:
            return self.D_C(torch.cat([z, s], dim=1) if self.config.D_C_sees_labels else z)  # 4

        return self.phases(x, z, lambda z: self.dec(torch.cat([z, s], dim=1)), D_C, D_C)

    def autoencoder(self) -> Autoencoder:
        return BySynthesis(self.enc, self.dec)


class BySynthesis(Autoencoder):
    """A conditional autoencoder whose codes of images are [z, s], s one-hot of the label with which `dec` reconstructs
    an image best."""

    def __init__(self, enc: torch.nn.Module, dec: torch.nn.Module):
        super().__init__(enc, dec, s=Supervised())
        self.Q = self.log_likelihoods

    def encode(self, x: Tensor) -> Tensor:
        return with_s(self.enc(x), self.log_likelihoods(x).argmax(dim=1))

    def log_likelihoods(self, x: Tensor) -> Tensor:
        """log p(x | z, s) (N, 10) of each label at the style of x, but for a constant: of a Gaussian around the
        reconstruction, of unit variance in each pixel of images in [-1, 1]."""
        z = self.enc(x)
        found = []
        for value in range(VALUES):
            s = torch.full((len(x),), value, device=x.device)
            found.append(-0.5 * (x - self.dec(with_s(z, s))).square().flatten(1).sum(dim=1))
        return torch.stack(found, dim=1)


def build(config: Config, networks: Networks, code: int) -> SupervisedAAE:
    """The algorithm on new networks, for styles of so many entries."""
    enc, dec = networks.encoder(code), networks.decoder(code + VALUES)
    D_C = networks.code_discriminator(code + VALUES if config.D_C_sees_labels else code)
    return SupervisedAAE(config, code, enc, dec, D_C)
