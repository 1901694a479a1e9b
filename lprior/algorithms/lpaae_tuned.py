"""LP-AAE as we run it: the paper's algorithm (`lpaae.py`) with what we found to work better, each with its own switch.

The paper's pseudo-code and its text disagree, so `reading` chooses; `READINGS` says what each makes of the switches:
    "printed"  Algorithm 1 with its signs made right: `lpaae.LPAAE`, and nothing of this file
    "text"     CG and dec fool D_I in the prior improvement phase while enc and D_C rest, as the paper's text has it
    "tuned"    ours; each switch can be turned by itself

What is added, after departure 1 of `lpaae.py`; the study `ablation` undoes each by itself (the report, "Readings of
Algorithm 1"). In "text" and "tuned":
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
11. `instance_noise` (CIFAR-10): the standard deviation of noise on all that D_I sees (`noise.py`). (Views, 14, are of
    the noisy image, and L_VAT, 16, starts along that noise.)
With a conditional variable s (`conditions.py`):
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
    length `vat.RADIUS` (VAT: Miyato et al. 2019; for clustering IMSAT again, whose radius follows the data).
    Otherwise its decision boundaries may run through dense regions, such as between thin and thick strokes.
"""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from lprior.algorithms import lpaae
from lprior.algorithms.conditions import NONE, VALUES, Condition, Supervised, Unsupervised
from lprior.algorithms.noise import draw_grain, grainy
from lprior.algorithms.objectives import feature_distance, log_D, log_one_minus_D
from lprior.algorithms.updates import update
from lprior.errors import UserError
from lprior.networks import Networks
from lprior.streams import Stream

PRINTED: dict[str, Any] = dict(  # the switches as the paper has them
    CG_learns=False, squared=False, one_pass=False, nonsaturating=False, joint=False, x_rec_is_fake=True,
    autoencoder_updates=1, lam_C=1.0, lam_info=1.0, Q_sees_labels=False, Q_sees_views=False, lam_CG=0.0,
    lam_H=0.0, lam_VAT=0.0, instance_noise=0.0,
)  # fmt: skip
TEXT = PRINTED | dict(CG_learns=True, squared=True, one_pass=True)
CONDITIONS = ("none", "supervised", "unsupervised")


@dataclass(frozen=True)
class Config(lpaae.Config):
    """The switches, from `CG_learns` on, have the values of "tuned"; another reading has its own and no others."""

    reading: str = "tuned"  # or "printed", "text"
    condition: str = "none"  # or "supervised", "unsupervised": the variable s
    lam: float = 50.0  # weight of L_rec in dec, beside fooling D_I
    CG_learns: bool = True
    squared: bool = True
    one_pass: bool = True
    nonsaturating: bool = True
    joint: bool = True
    x_rec_is_fake: bool = False
    autoencoder_updates: int = 1
    lam_C: float = 0.03
    lam_info: float = 1.0
    Q_sees_labels: bool = True
    Q_sees_views: bool = True
    lam_CG: float = 0.03
    lam_H: float = 3.0
    lam_VAT: float = 0.3
    instance_noise: float = 0.0

    def __post_init__(self) -> None:
        _choose("reading", self.reading, READINGS)
        _choose("prior", self.prior, ("learned", "fixed"))
        _choose("condition", self.condition, CONDITIONS)
        if self.autoencoder_updates < 1:
            raise UserError(f"autoencoder_updates must be at least 1, not {self.autoencoder_updates}")
        for name, own in READINGS[self.reading].items():
            value = getattr(self, name)
            if value != own and self.reading != "tuned":
                raise UserError(
                    f"{name} is {own} in the reading {self.reading!r}, not {value}: 'tuned' has that option"
                )

    @property
    def s(self) -> Condition:
        """The conditional variable."""
        if self.condition == "supervised":
            return Supervised(self.lam_info, self.Q_sees_labels)
        if self.condition == "unsupervised":
            return Unsupervised(self.lam_info, self.Q_sees_views, self.lam_H, self.lam_VAT)
        return NONE


READINGS = {  # what a reading has for each switch; "tuned" only proposes
    "printed": PRINTED, "text": TEXT, "tuned": {name: getattr(Config, name) for name in PRINTED},
}  # fmt: skip


def _choose(what: str, value: str, choices: Any) -> None:
    if value not in choices:
        raise UserError(f"{what} {value!r} is unknown: choose {' or '.join(map(repr, choices))}")


def of_reading(reading: str, **changes: Any) -> Config:
    """The configuration of a reading, with `changes` to what it leaves open."""
    return Config(**{"reading": reading, **READINGS[reading], **changes})


class TunedLPAAE(lpaae.LPAAE):
    """The algorithm with the switches of `config`; with those of `PRINTED`, step for step `lpaae.LPAAE`."""

    config: Config

    def draw(self, x: Tensor, labels: Tensor | None, stream: Stream) -> dict[str, Tensor]:
        inputs = super().draw(x, labels, stream)
        return inputs | {"grain": draw_grain(x, stream("grain"))} if self.config.instance_noise else inputs

    def train_step(self, x: Tensor, noise: Tensor, **drawn: Tensor) -> dict[str, Tensor]:
        at = self.forward(x, noise[0], **drawn)
        for _ in range(self.config.autoencoder_updates - 1):  # 9
            update(*self.autoencoder_terms(self.losses(at)))
            at = self.forward(x, noise[0], **drawn)
        of_aae_phase = of_prior_phase = self.losses(at)
        if self.config.joint:  # 7
            of_s = self.s.losses(self, at, noise[0], **drawn)
            update(*self.aae_phase(of_aae_phase), *self.prior_improvement_phase(of_prior_phase, of_s))
        else:
            update(*self.aae_phase(of_aae_phase))
            at = self.forward(x, noise[1], **drawn)
            of_prior_phase, of_s = self.losses(at), self.s.losses(self, at, noise[1], **drawn)
            update(*self.prior_improvement_phase(of_prior_phase, of_s))
        losses = {"L_GAN_C": of_aae_phase.GAN_C, "L_rec": of_aae_phase.rec, "L_GAN_I": of_prior_phase.GAN_I, **of_s}
        return {name: loss.detach() for name, loss in losses.items()}

    def aae_phase(self, L: SimpleNamespace) -> list[tuple]:
        """D_C and enc play over codes; enc and dec reconstruct in the features of D_I. CG and D_I rest."""
        return [(self.opt.D_C, L.GAN_C), *self.autoencoder_terms(L)]

    def autoencoder_terms(self, L: SimpleNamespace) -> list[tuple]:
        """The part of enc and dec in the AAE phase."""
        opt, config = self.opt, self.config
        return [(opt.enc, L.fool_C, config.lam_C), (opt.enc, L.rec), (opt.dec, L.rec, config.lam)]  # 6

    def prior_improvement_phase(self, L: SimpleNamespace, of_s: dict[str, Tensor]) -> list[tuple]:
        """D_I against dec and CG over images, and with s Q beside them all. enc and D_C rest."""
        terms: list[tuple] = [(self.opt.D_I, L.GAN_I), *((maker, L.fool_I) for maker in self.makers)]
        if self.config.lam_CG:  # 10
            terms += [(CG, L.fool_C_by_CG, self.config.lam_CG) for CG in self.prior_learners]
        return terms + self.s.terms(of_s, self.opt, self.makers)

    def losses(self, at: SimpleNamespace) -> SimpleNamespace:
        """The paper's losses, and what their opponents descend."""
        L = SimpleNamespace(GAN_C=self.L_GAN_C(at), rec=self.L_rec(at), GAN_I=self.L_GAN_I(at))
        if self.config.nonsaturating:  # 5
            L.fool_C, L.fool_C_by_CG, L.fool_I = -log_D(at.D_C_x), -log_one_minus_D(at.D_C_c), -log_D(at.D_I_noise)
            if self.config.x_rec_is_fake:  # 8
                L.fool_I = L.fool_I - log_D(at.D_I_rec)
        else:
            L.fool_C, L.fool_C_by_CG, L.fool_I = -L.GAN_C, -L.GAN_C, -L.GAN_I
        return L

    def images(
        self, x: Tensor, z_x: Tensor, z_c: Tensor, grain: Tensor | None = None, **drawn: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        if self.config.one_pass:  # 4
            x_rec, x_noise = self.dec(torch.cat([z_x, z_c])).chunk(2)
        else:
            x, x_rec, x_noise = super().images(x, z_x, z_c)
        x, x_rec, x_noise = grainy((x, x_rec, x_noise), self.config.instance_noise, grain)  # 11
        return x, x_rec, x_noise

    def L_rec(self, at: SimpleNamespace) -> Tensor:
        return feature_distance(at.F_x, at.F_rec) if self.config.squared else super().L_rec(at)  # 3

    def L_GAN_I(self, at: SimpleNamespace) -> Tensor:
        if self.config.x_rec_is_fake:  # 8
            return super().L_GAN_I(at)
        return -(log_D(at.D_I_x) + log_one_minus_D(at.D_I_noise))


def build(config: Config, networks: Networks, code: int) -> lpaae.LPAAE:
    """The reading of `config` on new networks, for codes of so many entries; with the fixed prior and s, codes are
    [z, s], too, and have `s.values` entries more."""
    s, z = config.s, config.entries_of_z(code)
    noise = z + s.values
    entries = code if config.prior == "learned" else noise
    enc, dec = networks.encoder(entries), networks.decoder(entries)
    CG, D_C = networks.code_generator(noise, entries), networks.code_discriminator(entries)
    D_I, Q = networks.image_discriminator(), networks.classifier(VALUES) if s.values else None
    as_printed = all(getattr(config, name) == value for name, value in PRINTED.items() if name != "CG_learns")
    algorithm = lpaae.LPAAE if as_printed else TunedLPAAE
    return algorithm(config, z, enc, dec, CG if config.prior == "learned" else None, D_C, D_I, Q, s)
