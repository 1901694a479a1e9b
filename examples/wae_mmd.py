"""Wasserstein autoencoder with a maximum mean discrepancy (WAE-MMD): Tolstikhin, Bousquet, Gelly, Schoelkopf,
https://arxiv.org/abs/1711.01558v4, Algorithm 2. A fourth algorithm, added from outside: nothing of the library is
touched.

    python examples/wae_mmd.py run mnist5k-wae-s0 --preset smoke
    python examples/wae_mmd.py report results/smoke build/report-wae

The commands of `python -m lprior` are there and know the algorithm, but `workflow`, which starts others. See
CONTRIBUTING.md.

    paper                          code
    encoder Q(Z|X), decoder G      enc (deterministic), dec
    prior P_Z                      noise z, N(0, I)
    c(x, G(z))                     L_rec, squared error, a sum over pixels
    D_Z = MMD_k(P_Z, Q_Z)          L_MMD (`discrepancy`)
    lambda                         lam

Departures from the printed algorithm: Adam for enc and dec by itself, and the networks given by the caller.
"""

import sys
from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from lprior.__main__ import main
from lprior.algorithms import ALGORITHMS, Algorithm
from lprior.algorithms.autoencoder import Autoencoder
from lprior.algorithms.updates import adam, update
from lprior.networks import Networks
from lprior.streams import Stream, normal

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # of the kernel's width, whose kernels are added; the authors' code


@dataclass(frozen=True)
class Config:
    lam: float = 10.0  # weight of L_MMD, on MNIST; the paper, section 4
    learning_rate: float = 1e-3  # of enc and dec; the paper, section 4
    betas: tuple[float, float] = (0.5, 0.999)  # of Adam; the paper, section 4


class WAE(nn.Module):
    """The algorithm on given networks: `enc` images -> codes of `code` entries, `dec` codes -> images."""

    capturable = True  # as a CUDA graph

    def __init__(self, config: Config, code: int, enc: nn.Module, dec: nn.Module):
        super().__init__()
        self.config, self.code, self.enc, self.dec = config, code, enc, dec
        self.opt = SimpleNamespace(
            enc=adam(enc, config.learning_rate, config.betas), dec=adam(dec, config.learning_rate, config.betas)
        )

    def draw(self, x: Tensor, labels: Tensor | None, stream: Stream) -> dict[str, Tensor]:
        """The inputs of `train_step` for images x (N, C, H, W); labels are not used."""
        return {"x": x, "noise": normal((len(x), self.code), stream("noise"))}

    def train_step(self, x: Tensor, noise: Tensor) -> dict[str, Tensor]:
        """One mini-batch: x (N, C, H, W) in [-1, 1], noise (N, code). Returns the losses, detached."""
        z_x = self.enc(x)
        L_rec = (x - self.dec(z_x)).float().square().flatten(1).sum(dim=1).mean()
        L_MMD = discrepancy(z_x.float(), noise)
        update((self.opt.enc, L_rec), (self.opt.dec, L_rec), (self.opt.enc, L_MMD, self.config.lam))
        return {"L_rec": L_rec.detach(), "L_MMD": L_MMD.detach()}

    def autoencoder(self) -> Autoencoder:
        """The networks that sample and reconstruct; shares the parameters."""
        return Autoencoder(self.enc, self.dec)


def discrepancy(codes: Tensor, z: Tensor) -> Tensor:
    """Unbiased estimate of the squared maximum mean discrepancy of codes (N, code) and draws z (N, code) of the prior.

    Of the inverse multiquadratic kernel k(a, b) = C / (C + ||a - b||^2), C = 2 code s, summed over s in `SCALES`.
    """
    count, code = codes.shape
    total = codes.new_zeros(())
    for scale in SCALES:
        C = 2 * code * scale
        within = sum((C / (C + torch.cdist(a, a).square())).sum() - count for a in (codes, z))
        across = C / (C + torch.cdist(codes, z).square())
        total = total + within / (count * (count - 1)) - 2 * across.mean()
    return total


def build(config: Config, networks: Networks, code: int) -> WAE:
    """The algorithm on new networks, for codes of so many entries."""
    return WAE(config, code, networks.encoder(code), networks.decoder(code))


ALGORITHMS["wae"] = Algorithm("WAE-MMD", Config, build)

if __name__ == "__main__":
    sys.exit(main())
