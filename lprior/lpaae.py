"""Learning Priors for Adversarial Autoencoders (LP-AAE): Wang, Ko, Peng, https://arxiv.org/abs/1909.04443v1.

    paper                     code
    encoder, decoder          enc, dec
    code generator            CG: noise z -> code z_c, the learned prior; with a conditional variable, [z, s] -> z_c
    code discriminator        D_C: z_c is real, z_x = enc(x) is fake
    image discriminator       D_I; F(x), a convolution block, the last if no other is chosen, measures reconstructions
    Q                         Q: F(x) -> logits of s, a second head on the trunk of D_I
    x_rec, x_noise            dec(enc(x)), dec(CG(z))
    L_GAN^C, L_rec, L_GAN^I   L_GAN_C, L_rec, L_GAN_I; the GAN terms as costs (`objectives.py`, the sign rule)
    I(s; dec(z_c)), descended L_info = -log Q(s | dec(z_c)), the cross-entropy: only so does descending it make sense
    lambda                    lam

The paper's Algorithm 1 and its text disagree, so `reading` chooses between them, and `READINGS` says how they differ:
    "printed"  Algorithm 1 with its signs made right, and nothing else
    "text"     CG and dec fool D_I in the prior improvement phase while enc and D_C rest, as the paper's text has it
    "tuned"    ours; what it adds, 2 to 11 and 13 to 16, can be switched off by the field named there

Departures from the printed algorithm, in every reading:
 1. Signs: each printed L_GAN is descended by its discriminator; here it is a cost, so that this is right.
    Adam and its rates, lambda, N (the images of a mini-batch) and the batch size are ours: the paper's box gives none.
In "text" and "tuned":
 2. `CG_learns`: CG, which the printed algorithm never updates, is updated beside dec.
 3. `squared` ("tuned": not on CIFAR-10): ||.||_2 is squared, a mean over entries (`objectives.feature_distance`).
 4. `one_pass`: reconstructions and prior samples pass the decoder as one batch. BatchNorm would otherwise normalise the
    two by different statistics, and the decoder that samples would not be the decoder that was trained.
In "tuned" only:
 5. `nonsaturating`: enc, dec and CG maximise log D of their fakes instead of minimising log(1 - D).
 6. `lam_C` weighs what enc gets from D_C (1 in the paper), and `lam_info` what CG and dec get from Q.
 7. `joint`: both phases in one update with one z: each network moves once per mini-batch, against opponents of the
    same moment.
 8. `x_rec_is_fake` is off, but for CIFAR-10: only prior samples are fakes for D_I; L_rec alone shapes reconstructions.
 9. `autoencoder_updates`: so many updates of enc and dec per mini-batch, a "solution" of the 2018 report; 1 is its off.
10. `lam_CG` weighs, in CG, that D_C takes z_c for a code of an image: prior and codes meet halfway, where in the paper
    only enc moves, and a prior that had lost some digits would never hear of them. (Zhao et al. 2018, ARAE, go
    all of that way: their prior learns from codes alone.)
11. `instance_noise` (CIFAR-10): all that D_I sees, real or fake, has Gaussian noise of this standard deviation added
    (Sonderby et al. 2017; theirs fades). One draw for x, x_rec and x_noise, so that L_rec compares like with like.
    Without, D_I knows fakes by what no eye sees, such as traces of JPEG where pictures have them, and is soon ahead.
    (Views, 14, are of the noisy image, and L_VAT, 16, starts along that noise.)
With a conditional variable s (`condition.py`):
12. Q's part of the trunk is moved by D_I's optimizer, which descends what Q descends beside L_GAN_I; the paper gives
    it to both.
13. `Q_sees_labels` (supervised, "tuned"): Q learns the labels of real images, L_label = -log Q(s | x), and not the s of
    generated ones. As printed, s meets x nowhere, and its values would mean digits of Q's own choice. If Q learned
    from both, it would come to call a bad 4 a 4 because it was made for one.
14. `Q_sees_views` (unsupervised, "tuned"): L_info is of a random view of dec(z_c) (`views.py`), so that s can hardly
    mean what a view changes, such as slant or size. And beside it Q descends L_view = -I(Q(x); Q(x')) - lam_H H(Q): I,
    the mutual information of what it says of two views of a real image (IIC); as printed, Q sees generated ones only.
15. `lam_H` weighs there H(Q), the entropy of how often Q gives each value in a mini-batch and its views: as s is
    uniform, all should be in use. I has that entropy once, which does not part two digits that share a value while
    another has none. (IMSAT, Hu et al. 2017, has it 4 times.)
16. `lam_VAT` weighs, in Q (unsupervised), L_VAT: how far its prediction for a real image can be moved by a change of
    length `RADIUS` (VAT: Miyato et al. 2019; for clustering IMSAT again, whose radius follows the data).
    Otherwise its decision boundaries may run through dense regions, such as between thin and thick strokes.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lprior.condition import CONDITIONS, s_of
from lprior.errors import UserError
from lprior.networks import Autoencoder
from lprior.objectives import (
    feature_distance,
    feature_norm,
    log_D,
    log_one_minus_D,
    marginal_entropy,
    mutual_information,
    virtual_adversarial_loss,
)
from lprior.updates import adam, update
from lprior.views import view

RADIUS = 1.5  # of L_VAT: Euclidean length of the perturbation of an image in [-1, 1]; ours
READINGS = {  # what a reading makes of the fields that are None in `Config`
    "printed": dict(
        CG_learns=False, squared=False, one_pass=False, nonsaturating=False, joint=False, x_rec_is_fake=True,
        autoencoder_updates=1, lam_C=1.0, lam_info=1.0, Q_sees_labels=False, Q_sees_views=False, lam_CG=0.0,
        lam_H=0.0, lam_VAT=0.0, instance_noise=0.0,
    ),
    "text": dict(
        CG_learns=True, squared=True, one_pass=True, nonsaturating=False, joint=False, x_rec_is_fake=True,
        autoencoder_updates=1, lam_C=1.0, lam_info=1.0, Q_sees_labels=False, Q_sees_views=False, lam_CG=0.0,
        lam_H=0.0, lam_VAT=0.0, instance_noise=0.0,
    ),
    "tuned": dict(
        CG_learns=True, squared=True, one_pass=True, nonsaturating=True, joint=True, x_rec_is_fake=False,
        autoencoder_updates=1, lam_C=0.03, lam_info=1.0, Q_sees_labels=True, Q_sees_views=True, lam_CG=0.03,
        lam_H=3.0, lam_VAT=0.3, instance_noise=0.0,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Config:
    """The fields from `CG_learns` on are the reading's own where None; only "tuned" lets itself be changed."""

    reading: str = "tuned"  # or "printed", "text"
    prior: str = "learned"  # or "fixed": CG is the identity (the authors' baseline)
    condition: str = "none"  # or "supervised", "unsupervised": the variable s
    lam: float = 50.0  # weight of L_rec in dec, beside fooling D_I; ours
    learning_rate: float = 3e-4  # of enc and dec; ours
    learning_rate_CG: float | None = None  # None: as enc and dec
    learning_rate_D: float = 2e-3  # of D_I and Q; ours
    learning_rate_D_C: float | None = None  # None: as D_I
    betas: tuple[float, float] = (0.5, 0.99)  # of Adam; ours
    CG_learns: bool | None = None
    squared: bool | None = None
    one_pass: bool | None = None
    nonsaturating: bool | None = None
    joint: bool | None = None
    x_rec_is_fake: bool | None = None
    autoencoder_updates: int | None = None
    lam_C: float | None = None
    lam_info: float | None = None
    Q_sees_labels: bool | None = None
    Q_sees_views: bool | None = None
    lam_CG: float | None = None
    lam_H: float | None = None
    lam_VAT: float | None = None
    instance_noise: float | None = None

    def __post_init__(self):
        _choose("reading", self.reading, READINGS)
        _choose("prior", self.prior, ("learned", "fixed"))
        _choose("condition", self.condition, CONDITIONS)
        if self.condition != "none" and self.prior == "fixed":
            raise UserError(f"the condition {self.condition!r} needs the learned prior: a fixed one has no s")
        for name, own in READINGS[self.reading].items():
            value = getattr(self, name)
            if value is None:
                object.__setattr__(self, name, own)
            elif value != own and self.reading != "tuned":
                raise UserError(
                    f"{name} is {own} in the reading {self.reading!r}, not {value}: 'tuned' has that option"
                )
        if self.autoencoder_updates < 1:
            raise UserError(f"autoencoder_updates must be at least 1, not {self.autoencoder_updates}")


def _choose(what: str, value: str, choices) -> None:
    if value not in choices:
        raise UserError(f"{what} {value!r} is unknown: choose {' or '.join(map(repr, choices))}")


class LPAAE(nn.Module):
    """The algorithm on given networks; `CG` is unused (None) with the fixed prior, `Q` without a condition.

    `enc` images -> codes, `dec` codes -> images, `CG` noise -> codes, `D_C` codes -> logits,
    `D_I` images -> (logits, features), the features by its `trunk`; `Q` features -> logits (N, 10) of s.
    """

    draws = 2  # noise tensors (batch, noise) that a step needs

    def __init__(
        self, config: Config, enc: nn.Module, dec: nn.Module, CG: nn.Module | None, D_C: nn.Module, D_I: nn.Module,
        Q: nn.Module | None = None,
    ):  # fmt: skip
        super().__init__()
        self.config, self.enc, self.dec, self.D_C, self.D_I = config, enc, dec, D_C, D_I
        self.CG = CG if config.prior == "learned" else None
        self.Q = Q if config.condition != "none" else None
        rate, rate_D, betas = config.learning_rate, config.learning_rate_D, config.betas
        rate_CG = rate if config.learning_rate_CG is None else config.learning_rate_CG
        rate_D_C = rate_D if config.learning_rate_D_C is None else config.learning_rate_D_C
        self.opt = SimpleNamespace(
            enc=adam(enc, rate, betas),
            dec=adam(dec, rate, betas),
            D_C=adam(D_C, rate_D_C, betas),
            D_I=adam(D_I, rate_D, betas),
        )
        if self.CG is not None and config.CG_learns:
            self.opt.CG = adam(self.CG, rate_CG, betas)
        if self.Q is not None:
            self.opt.Q = adam(self.Q, rate_D, betas)

    @property
    def wants(self) -> set[str]:
        """What a step draws beside the noise: "warps" for views of images, "grain" for noise on them."""
        wants = set()
        if self._looks_at_views:
            wants.add("warps")
        if self._learns_smoothness or self.config.instance_noise:
            wants.add("grain")
        return wants

    @property
    def _looks_at_views(self) -> bool:
        return self.config.condition == "unsupervised" and self.config.Q_sees_views

    @property
    def _learns_smoothness(self) -> bool:
        return self.config.condition == "unsupervised" and self.config.lam_VAT > 0

    def train_step(
        self, x: Tensor, noise: Tensor, warps: Tensor | None = None, grain: Tensor | None = None
    ) -> dict[str, Tensor]:
        """One mini-batch: x (N, C, H, W) in [-1, 1], noise (2, N, noise): z, or [z, s]. Returns detached losses.

        What it `wants`: `views.random_warps`, and a standard normal grain like x.
        """
        at = self.forward(x, noise[0], warps, grain)
        for _ in range(self.config.autoencoder_updates - 1):
            update(*self.autoencoder_terms(at))
            at = self.forward(x, noise[0], warps, grain)
        if self.config.joint:
            update(*self.aae_phase(at), *self.prior_improvement_phase(at))
        else:
            update(*self.aae_phase(at))
            at = self.forward(x, noise[1], warps, grain)
            update(*self.prior_improvement_phase(at))
        return {name: loss.detach() for name, loss in vars(at).items() if not name.startswith("L_fool")}

    def forward(
        self, x: Tensor, noise: Tensor, warps: Tensor | None = None, grain: Tensor | None = None
    ) -> SimpleNamespace:
        """Every loss that the two phases speak of, under the paper's names."""
        config = self.config
        z_x, z_c = self.enc(x), noise if self.CG is None else self.CG(noise)
        if config.one_pass:
            x_rec, x_noise = self.dec(torch.cat([z_x, z_c])).chunk(2)
        else:
            x_rec, x_noise = self.dec(z_x), self.dec(z_c)
        if config.instance_noise:
            x, x_rec, x_noise = (image + config.instance_noise * grain for image in (x, x_rec, x_noise))
        D_C_c, D_C_x = self.D_C(z_c), self.D_C(z_x)
        (D_I_x, F_x), (D_I_rec, F_rec), (D_I_noise, F_noise) = self.D_I(x), self.D_I(x_rec), self.D_I(x_noise)

        at = SimpleNamespace()
        at.L_GAN_C = -(log_D(D_C_c) + log_one_minus_D(D_C_x))
        at.L_rec = feature_distance(F_x, F_rec) if config.squared else feature_norm(F_x, F_rec)
        at.L_GAN_I = -(log_D(D_I_x) + log_one_minus_D(D_I_noise))
        at.L_fool_I = -log_D(D_I_noise)
        if config.x_rec_is_fake:
            at.L_GAN_I = at.L_GAN_I - log_one_minus_D(D_I_rec)
            at.L_fool_I = at.L_fool_I - log_D(D_I_rec)
        at.L_fool_C, at.L_fool_C_by_CG = -log_D(D_C_x), -log_one_minus_D(D_C_c)
        if not config.nonsaturating:
            at.L_fool_C, at.L_fool_C_by_CG, at.L_fool_I = -at.L_GAN_C, -at.L_GAN_C, -at.L_GAN_I
        if self.Q is None:
            return at

        Q_x = self.Q(F_x)
        if self._looks_at_views:
            F_view, F_noise = self.D_I.trunk(view(x, warps)), self.D_I.trunk(view(x_noise, warps))
            Q_view = self.Q(F_view)
            at.L_view = -mutual_information(Q_x, Q_view) - config.lam_H * marginal_entropy(torch.cat([Q_x, Q_view]))
        if self._learns_smoothness:
            at.L_VAT = virtual_adversarial_loss(lambda image: self.Q(self.D_I.trunk(image)), x, Q_x, grain, RADIUS)
        at.L_info = cross_entropy(self.Q(F_noise).float(), s_of(noise))
        if config.condition == "supervised" and config.Q_sees_labels:
            at.L_label = cross_entropy(Q_x.float(), s_of(noise))
        return at

    def aae_phase(self, at: SimpleNamespace) -> list[tuple]:
        """D_C and enc play over codes; enc and dec reconstruct in the features of D_I. CG and D_I rest."""
        return [(self.opt.D_C, at.L_GAN_C), *self.autoencoder_terms(at)]

    def autoencoder_terms(self, at: SimpleNamespace) -> list[tuple]:
        """The part of enc and dec in the AAE phase."""
        return [
            (self.opt.enc, at.L_fool_C, self.config.lam_C), (self.opt.enc, at.L_rec),
            (self.opt.dec, at.L_rec, self.config.lam),
        ]  # fmt: skip

    def prior_improvement_phase(self, at: SimpleNamespace) -> list[tuple]:
        """D_I against dec and CG over images, and with s Q beside them all. enc and D_C rest."""
        makers = [self.opt.dec, self.opt.CG] if hasattr(self.opt, "CG") else [self.opt.dec]
        terms = [(self.opt.D_I, at.L_GAN_I), *((maker, at.L_fool_I) for maker in makers)]
        if self.config.lam_CG and hasattr(self.opt, "CG"):
            terms += [(self.opt.CG, at.L_fool_C_by_CG, self.config.lam_CG)]
        if self.Q is not None:
            of_s = "L_label" if hasattr(at, "L_label") else "L_info"
            for name, weight in ((of_s, 1.0), ("L_view", 1.0), ("L_VAT", self.config.lam_VAT)):
                if hasattr(at, name):
                    terms += [(classifier, getattr(at, name), weight) for classifier in (self.opt.Q, self.opt.D_I)]
            terms += [(maker, at.L_info, self.config.lam_info) for maker in makers]
        return terms

    def autoencoder(self) -> Autoencoder:
        """The networks that sample and reconstruct, with a condition Q on its trunk too; shares the parameters."""
        Q = None if self.Q is None else nn.Sequential(self.D_I.trunk, self.Q)
        return Autoencoder(self.enc, self.dec, self.CG, Q)
