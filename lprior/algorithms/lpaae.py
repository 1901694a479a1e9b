"""Learning Priors for Adversarial Autoencoders (LP-AAE): Wang, Ko, Peng, https://arxiv.org/abs/1909.04443v1.

    paper                     code
    encoder, decoder          enc, dec
    code generator            CG: noise z -> code z_c, the learned prior; with a conditional variable, [z, s] -> z_c
    code discriminator        D_C: z_c is real, z_x = enc(x) is fake
    image discriminator       D_I; F(x), a convolution block, the last if no other is chosen, measures reconstructions
    Q                         Q: F(x) -> logits of s, a second head on the trunk of D_I
    x_rec, x_noise            dec(enc(x)), dec(CG(z))
    L_GAN^C, L_rec, L_GAN^I   L_GAN_C, L_rec, L_GAN_I; the GAN terms as costs (`objectives.py`, the sign rule)
    I(s; dec(z_c))            L_info, and who descends it: `conditions.py`
    lambda                    lam

This file is Algorithm 1 as printed, which never updates CG; with `CG_learns` as the paper's figure and text have it,
which do. What we found to work better is in `lpaae_tuned.py`.

Departures from the printed algorithm:
 1. Signs: each printed L_GAN is descended by its discriminator; here it is a cost, so that this is right.
    Adam and its rates, lambda, N (the images of a mini-batch) and the batch size are ours: the paper's box gives none.
12. With s, Q's part of the trunk is moved by D_I's optimizer, which descends what Q descends beside L_GAN_I; the paper
    gives it to both. (2 to 11 and 13 to 16 are in `lpaae_tuned.py`.)
"""

from dataclasses import dataclass
from types import SimpleNamespace

from torch import Tensor, nn
from torch.optim import Optimizer

from lprior.algorithms.autoencoder import Autoencoder
from lprior.algorithms.conditions import NONE, Condition
from lprior.algorithms.objectives import feature_norm, log_D, log_one_minus_D
from lprior.algorithms.updates import adam, update
from lprior.errors import UserError
from lprior.streams import Stream


@dataclass(frozen=True)
class Config:
    prior: str = "learned"  # or "fixed": CG is the identity (the authors' baseline), with s on [z, s]
    CG_learns: bool = False  # as printed; True: as the figure and the text have it
    lam: float = 1.0  # weight of L_rec in dec; ours
    learning_rate: float = 3e-4  # of enc and dec; ours
    learning_rate_CG: float | None = None  # None: as enc and dec
    learning_rate_D: float = 2e-3  # of D_I and Q; ours
    learning_rate_D_C: float | None = None  # None: as D_I
    betas: tuple[float, float] = (0.5, 0.99)  # of Adam; ours
    noise: int | None = None  # entries of z, which CG makes a code of; None: as many as a code has

    def entries_of_z(self, code: int) -> int:
        """Of z, for codes of so many. Raises UserError for a fixed prior with others: its z is the code."""
        if self.noise and self.prior == "fixed":
            raise UserError(f"a fixed prior's noise is its code, of {code} entries: leave out noise={self.noise}")
        return self.noise or code


class LPAAE(nn.Module):
    """The algorithm on given networks, with `noise` entries of z; `s` is the conditional variable.

    `enc` images -> codes, `dec` codes -> images, `CG` noise -> codes (None with the fixed prior), `D_C` codes ->
    logits, `D_I` images -> (logits, features), the features by its `trunk`; `Q` features -> logits (N, 10) of s (None
    without).
    """

    capturable = True  # as a CUDA graph

    def __init__(
        self, config: Config, noise: int, enc: nn.Module, dec: nn.Module, CG: nn.Module | None, D_C: nn.Module,
        D_I: nn.Module, Q: nn.Module | None = None, s: Condition = NONE,
    ):  # fmt: skip
        super().__init__()
        self.config, self.noise, self.s = config, noise, s
        self.enc, self.dec, self.D_C, self.D_I, self.CG, self.Q = enc, dec, D_C, D_I, CG, Q
        rate, rate_D, betas = config.learning_rate, config.learning_rate_D, config.betas
        rate_CG = rate if config.learning_rate_CG is None else config.learning_rate_CG
        rate_D_C = rate_D if config.learning_rate_D_C is None else config.learning_rate_D_C
        self.opt = SimpleNamespace(
            enc=adam(enc, rate, betas),
            dec=adam(dec, rate, betas),
            D_C=adam(D_C, rate_D_C, betas),
            D_I=adam(D_I, rate_D, betas),
        )
        self.CG_learns = CG is not None and config.CG_learns
        if CG is not None and config.CG_learns:
            self.opt.CG = adam(CG, rate_CG, betas)
        if Q is not None:
            self.opt.Q = adam(Q, rate_D, betas)

    @property
    def prior_learners(self) -> list[Optimizer]:
        """That of CG, if it learns."""
        return [self.opt.CG] if self.CG_learns else []

    @property
    def makers(self) -> list[Optimizer]:
        """Those of the networks that make images, which learn from D_I."""
        return [self.opt.dec, *self.prior_learners]

    def draw(self, x: Tensor, labels: Tensor | None, stream: Stream) -> dict[str, Tensor]:
        """The inputs of `train_step` for images x (N, C, H, W) and their labels (N,): a noise for each phase."""
        return {"x": x, **self.s.draw((2, len(x), self.noise), x, labels, stream)}

    def train_step(self, x: Tensor, noise: Tensor, **drawn: Tensor) -> dict[str, Tensor]:
        """One mini-batch: x (N, C, H, W) in [-1, 1], noise (2, N, z), or with s (2, N, z + 10). Returns the
        losses, detached. `drawn`: what else s wants."""
        opt, lam = self.opt, self.config.lam

        # AAE phase
        at = self.forward(x, noise[0], **drawn)
        L_GAN_C, L_rec = self.L_GAN_C(at), self.L_rec(at)
        update(
            (opt.D_C, L_GAN_C),  # D_C <- D_C - grad L_GAN^C
            (opt.enc, L_GAN_C, -1.0), (opt.enc, L_rec),  # enc <- enc - grad(-L_GAN^C + L_rec)
            (opt.dec, L_rec, lam),  # dec <- dec - grad(lambda L_rec)
        )  # fmt: skip

        # Prior improvement phase
        at = self.forward(x, noise[1], **drawn)
        L_GAN_I, of_s = self.L_GAN_I(at), self.s.losses(self, at, noise[1], **drawn)
        update(
            (opt.D_I, L_GAN_I),  # D_I <- D_I - grad L_GAN^I
            *((maker, L_GAN_I, -1.0) for maker in self.makers),  # dec <- dec - grad(-L_GAN^I); CG, if it learns, too
            *self.s.terms(of_s, opt, self.makers),  # with s: dec, Q <- dec, Q - grad I(s; dec(z_c))
        )
        losses = {"L_GAN_C": L_GAN_C, "L_rec": L_rec, "L_GAN_I": L_GAN_I, **of_s}
        return {name: loss.detach() for name, loss in losses.items()}

    def forward(self, x: Tensor, noise: Tensor, **drawn: Tensor) -> SimpleNamespace:
        """The passes of a phase: codes, images, and what the discriminators say of them."""
        at = SimpleNamespace()
        at.z_x, at.z_c = self.enc(x), noise if self.CG is None else self.CG(noise)
        at.x, at.x_rec, at.x_noise = self.images(x, at.z_x, at.z_c, **drawn)
        at.D_C_c, at.D_C_x = self.judged_codes(at, noise)
        at.D_I_x, at.F_x = self.D_I(at.x)
        at.D_I_rec, at.F_rec = self.D_I(at.x_rec)
        at.D_I_noise, at.F_noise = self.D_I(at.x_noise)
        return at

    def judged_codes(self, at: SimpleNamespace, noise: Tensor) -> tuple[Tensor, Tensor]:
        """What D_C says of codes z_c, made of `noise`, and of z_x."""
        return self.D_C(at.z_c), self.D_C(at.z_x)

    def images(self, x: Tensor, z_x: Tensor, z_c: Tensor, **drawn: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What D_I sees: x, x_rec and x_noise."""
        return x, self.dec(z_x), self.dec(z_c)

    def L_GAN_C(self, at: SimpleNamespace) -> Tensor:
        return -(log_D(at.D_C_c) + log_one_minus_D(at.D_C_x))

    def L_rec(self, at: SimpleNamespace) -> Tensor:
        return feature_norm(at.F_x, at.F_rec)

    def L_GAN_I(self, at: SimpleNamespace) -> Tensor:
        return -(log_D(at.D_I_x) + log_one_minus_D(at.D_I_noise)) - log_one_minus_D(at.D_I_rec)

    def autoencoder(self) -> Autoencoder:
        """The networks that sample and reconstruct, with s Q on its trunk too; shares the parameters."""
        Q = None if self.Q is None else nn.Sequential(self.D_I.get_submodule("trunk"), self.Q)
        return Autoencoder(self.enc, self.dec, self.CG, Q, self.s)
