"""Adversarial Autoencoder (AAE): Makhzani, Shlens, Jaitly, Goodfellow, Frey, https://arxiv.org/abs/1511.05644v2.

    paper                   code
    encoder q(z|x)          enc (deterministic: the paper's first choice of posterior)
    decoder p(x|z)          dec
    discriminator of codes  D_C, with draws of the prior as its real examples
    prior p(z)              noise z, N(0, I), or what `prior` makes of it

Departures from the printed algorithm:
 1. Adam, and the networks given by the caller, where the paper has two hidden layers of 1000 units and SGD.
 2. The encoder fools D_C by maximising log D_C(enc(x)) (Goodfellow et al. 2014, the non-saturating form).
 3. `lam` weighs the reconstruction against the adversarial term, because one Adam state of the encoder serves both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

from torch import Tensor, nn

from lprior.algorithms.autoencoder import Autoencoder
from lprior.algorithms.objectives import feature_distance, log_D, log_one_minus_D
from lprior.algorithms.updates import adam, update
from lprior.networks import Networks
from lprior.streams import Stream, normal

Sees = Callable[[Tensor], Tensor]  # what a network makes of codes (N, code)


@dataclass(frozen=True)
class Config:
    lam: float = 10.0  # weight of the reconstruction; ours
    learning_rate: float = 5e-4  # of enc and dec; ours
    learning_rate_D: float = 2e-3  # of D_C; ours
    betas: tuple[float, float] = (0.5, 0.99)  # of Adam; ours


class AAE(nn.Module):
    """The algorithm on given networks: `enc` images -> codes of `code` entries, `dec` codes -> images, `D_C` codes ->
    logits. `prior`, without parameters: noise N(0, I) -> draws of the prior (None: as it is)."""

    capturable = True  # as a CUDA graph

    def __init__(
        self, config: Config, code: int, enc: nn.Module, dec: nn.Module, D_C: nn.Module, prior: nn.Module | None = None
    ):
        super().__init__()
        self.config, self.code, self.enc, self.dec, self.D_C, self.prior = config, code, enc, dec, D_C, prior
        self.opt = SimpleNamespace(
            enc=adam(enc, config.learning_rate, config.betas),
            dec=adam(dec, config.learning_rate, config.betas),
            D_C=adam(D_C, config.learning_rate_D, config.betas),
        )

    def draw(self, x: Tensor, labels: Tensor | None, stream: Stream) -> dict[str, Tensor]:
        """The inputs of `train_step` for images x (N, C, H, W); labels are not used."""
        return {"x": x, "noise": normal((1, len(x), self.code), stream("noise"))}

    def train_step(self, x: Tensor, noise: Tensor) -> dict[str, Tensor]:
        """One mini-batch: x (N, C, H, W) in [-1, 1], noise (1, N, code). Returns the losses, detached."""
        z = noise[0] if self.prior is None else self.prior(noise[0])
        return self.phases(x, z, self.dec, self.D_C, self.D_C)

    def phases(self, x: Tensor, z: Tensor, dec: Sees, D_C_z: Sees, D_C_x: Sees) -> dict[str, Tensor]:
        """The updates of one mini-batch, with draws z (N, code) of the prior. `dec`: codes of x -> images; `D_C_z`,
        `D_C_x`: what D_C says of z, and of codes of x. A sibling shows these networks more than the code."""
        # Reconstruction phase
        L_rec = feature_distance(x, dec(self.enc(x)))
        update((self.opt.enc, L_rec, self.config.lam), (self.opt.dec, L_rec, self.config.lam))

        # Regularisation phase: first the discriminator ...
        z_x = self.enc(x)
        L_GAN_C = -(log_D(D_C_z(z)) + log_one_minus_D(D_C_x(z_x)))
        update((self.opt.D_C, L_GAN_C))

        # ... then its opponent, the encoder, against the discriminator that has just moved
        L_fool_C = -log_D(D_C_x(z_x))
        update((self.opt.enc, L_fool_C))

        return {"L_rec": L_rec.detach(), "L_GAN_C": L_GAN_C.detach(), "L_fool_C": L_fool_C.detach()}

    def autoencoder(self) -> Autoencoder:
        """The networks that sample and reconstruct; shares the parameters."""
        return Autoencoder(self.enc, self.dec, self.prior)


def build(config: Config, networks: Networks, code: int) -> AAE:
    """The algorithm on new networks, for codes of so many entries."""
    return AAE(config, code, networks.encoder(code), networks.decoder(code), networks.code_discriminator(code))
