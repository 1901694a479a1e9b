"""Learning Priors for Adversarial Autoencoders (LP-AAE): Wang, Ko, Peng, https://arxiv.org/abs/1909.04443v1.

    paper                     code
    encoder, decoder          enc, dec
    code generator            CG: noise z -> code z_c, the learned prior
    code discriminator        D_C: z_c is real, z_x = enc(x) is fake
    image discriminator       D_I; F(x), its last convolution block, measures reconstructions
    x_rec, x_noise            dec(enc(x)), dec(CG(z))
    L_GAN^C, L_rec, L_GAN^I   L_GAN_C, L_rec, L_GAN_I; the GAN terms as costs (`objectives.py`, the sign rule)
    lambda                    lam

The paper's Algorithm 1 and its text disagree, so `reading` chooses between them:
    "text"   CG and dec fool D_I in the prior improvement phase while enc and D_C rest; two updates per mini-batch,
             a fresh z in each; saturating (minimax) losses, as printed
    "tuned"  ours: both phases taken at the same point in one update, non-saturating losses, weighted terms

Departures from the printed algorithm, in both readings:
 1. Signs: each printed L_GAN is descended by its discriminator; here it is a cost, so that this is right.
 2. CG, which the printed algorithm never updates, is updated beside dec, as the paper's text and figure have it.
 3. ||.||_2 is squared, and its mean taken over entries (`objectives.feature_distance`).
 4. Reconstructions and prior samples pass the decoder as one batch. BatchNorm would otherwise normalise the two by
    different statistics, and the decoder that samples would not be the decoder that was trained.
 5. Adam and its rates, lambda and batch size are ours: the paper's box gives none.
In "tuned" also:
 6. enc, dec and CG maximise log D of their fakes instead of minimising log(1 - D) (non-saturating).
 7. `lam_C` weighs what enc gets from D_C.
 8. Both phases in one update: each network moves once per mini-batch, against opponents of the same moment.
 9. Reconstructions are no fakes for D_I: only prior samples are, so that L_rec alone shapes reconstructions.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from lprior.errors import UserError
from lprior.networks import Autoencoder
from lprior.objectives import feature_distance, log_D, log_one_minus_D
from lprior.updates import adam, update


@dataclass(frozen=True)
class Config:
    reading: str = "tuned"  # "text" or "tuned", see above
    prior: str = "learned"  # or "fixed": CG is the identity (the authors' baseline)
    lam: float = 50.0  # weight of L_rec in dec, beside fooling D_I; ours
    lam_C: float = 0.03  # weight of fooling D_C in enc, beside L_rec; ours, 1 in the paper; "tuned" only
    learning_rate: float = 3e-4  # of enc, dec and CG; ours
    learning_rate_D: float = 2e-3  # of D_C and D_I; ours
    betas: tuple[float, float] = (0.5, 0.99)  # of Adam; ours

    def __post_init__(self):
        if self.reading not in ("text", "tuned"):
            raise UserError(f"reading {self.reading!r} is unknown: choose 'text' or 'tuned'")
        if self.prior not in ("learned", "fixed"):
            raise UserError(f"prior {self.prior!r} is unknown: choose 'learned' or 'fixed'")


class LPAAE(nn.Module):
    """The algorithm on given networks; `CG` is unused (None) with the fixed prior.

    `enc` images -> codes, `dec` codes -> images, `CG` noise -> codes, `D_C` codes -> logits,
    `D_I` images -> (logits, features).
    """

    draws = 2  # noise tensors (batch, noise) that a step needs

    def __init__(
        self, config: Config, enc: nn.Module, dec: nn.Module, CG: nn.Module | None, D_C: nn.Module, D_I: nn.Module
    ):
        super().__init__()
        self.config, self.enc, self.dec, self.D_C, self.D_I = config, enc, dec, D_C, D_I
        self.CG = CG if config.prior == "learned" else None
        self.opt = SimpleNamespace(
            enc=adam(enc, config.learning_rate, config.betas),
            dec=adam(dec, config.learning_rate, config.betas),
            D_C=adam(D_C, config.learning_rate_D, config.betas),
            D_I=adam(D_I, config.learning_rate_D, config.betas),
        )
        if self.CG is not None:
            self.opt.CG = adam(self.CG, config.learning_rate, config.betas)

    def train_step(self, x: Tensor, noise: Tensor) -> dict[str, Tensor]:
        """One mini-batch: x (N, C, H, W) in [-1, 1], noise (2, N, noise). Returns the losses, detached."""
        if self.config.reading == "text":
            at = self.forward(x, noise[0])
            update(*self.aae_phase(at))
            at = self.forward(x, noise[1])
            update(*self.prior_improvement_phase(at))
        else:
            at = self.forward(x, noise[0])
            update(*self.aae_phase(at), *self.prior_improvement_phase(at))
        return {name: getattr(at, name).detach() for name in ("L_GAN_C", "L_rec", "L_GAN_I")}

    def forward(self, x: Tensor, z: Tensor) -> SimpleNamespace:
        """Everything that the two phases speak of, under the paper's names."""
        z_x = self.enc(x)
        z_c = z if self.CG is None else self.CG(z)
        x_rec, x_noise = self.dec(torch.cat([z_x, z_c])).chunk(2)

        D_C_c, D_C_x = self.D_C(z_c), self.D_C(z_x)
        (D_I_x, F_x), (D_I_rec, F_rec), (D_I_noise, _) = self.D_I(x), self.D_I(x_rec), self.D_I(x_noise)

        L_rec = feature_distance(F_x, F_rec)
        L_GAN_C = -(log_D(D_C_c) + log_one_minus_D(D_C_x))
        L_GAN_I = -(log_D(D_I_x) + log_one_minus_D(D_I_noise))
        if self.config.reading == "text":
            L_GAN_I = L_GAN_I - log_one_minus_D(D_I_rec)
            L_fool_C, L_fool_I = -L_GAN_C, -L_GAN_I
        else:
            L_fool_C, L_fool_I = -log_D(D_C_x), -log_D(D_I_noise)
        return SimpleNamespace(L_rec=L_rec, L_GAN_C=L_GAN_C, L_GAN_I=L_GAN_I, L_fool_C=L_fool_C, L_fool_I=L_fool_I)

    def aae_phase(self, at: SimpleNamespace) -> list[tuple]:
        """D_C and enc play over codes; enc and dec reconstruct in the features of D_I. CG and D_I rest."""
        lam_C = 1 if self.config.reading == "text" else self.config.lam_C
        return [
            (self.opt.D_C, at.L_GAN_C),
            (self.opt.enc, at.L_fool_C, lam_C), (self.opt.enc, at.L_rec),
            (self.opt.dec, at.L_rec, self.config.lam),
        ]  # fmt: skip

    def prior_improvement_phase(self, at: SimpleNamespace) -> list[tuple]:
        """D_I against dec and CG over images. enc and D_C rest."""
        updates = [(self.opt.D_I, at.L_GAN_I), (self.opt.dec, at.L_fool_I)]
        return updates if self.CG is None else [*updates, (self.opt.CG, at.L_fool_I)]

    def autoencoder(self) -> Autoencoder:
        """The networks that sample and reconstruct; shares the parameters."""
        return Autoencoder(self.enc, self.dec, self.CG)
