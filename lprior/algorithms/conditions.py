"""The conditional variable s of LP-AAE, one of ten values, as something that the algorithm is handed. With it, noise is
[z, s]: z (..., N, code) and s one-hot.

    Unconditional   no s: the noise is z
    Supervised      in training s is the label of the image that stands beside it in the mini-batch
    Unsupervised    s is uniform; what its values mean is for Q to find out

I(s; dec(z_c)), which the paper prints, is descended by Q, dec and CG; so it must be the cross-entropy
L_info = -log Q(s | dec(z_c)). Q is a second head on the trunk of D_I, whose optimizer therefore descends what Q
descends. As printed, Q sees generated images only; the options of `Supervised` and `Unsupervised` are ours
(`lpaae_tuned.py` numbers them) and off unless they are given.
"""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.functional import cross_entropy

from lprior.algorithms.information import marginal_entropy, mutual_information
from lprior.algorithms.noise import draw_grain
from lprior.algorithms.vat import virtual_adversarial_loss
from lprior.algorithms.views import random_warps, view
from lprior.errors import UserError
from lprior.streams import Stream, normal

VALUES = 10  # of s
Shape = tuple[int, ...]


class Condition(Protocol):
    """`values`: so many entries of the noise are s. `named`: its values are the classes of the labels.

    `draw` gives the noise, z of `shape` (draws, N, code) or [z, s], and what else `losses` needs; `losses` are those of
    s, of the passes of one phase (`LPAAE.forward`) with noise (N, code + values); `terms` say who descends them. `grid`
    gives the noise of a sheet, of z (count, code); `shown`: what to show, where s has no values to count through.
    """

    values: int
    named: bool

    def draw(self, shape: Shape, x: Tensor, labels: Tensor | None, stream: Stream) -> dict[str, Tensor]: ...
    def losses(self, nets: Any, at: SimpleNamespace, noise: Tensor, **drawn: Tensor) -> dict[str, Tensor]: ...
    def terms(self, losses: dict[str, Tensor], opt: Any, makers: list) -> list[tuple]: ...
    def grid(self, z: Tensor, shown: Tensor | None = None) -> Tensor: ...


@dataclass(frozen=True)
class Unconditional:
    """No s."""

    values = 0
    named = False

    def draw(self, shape: Shape, x: Tensor, labels: Tensor | None, stream: Stream) -> dict[str, Tensor]:
        return {"noise": normal(shape, stream("noise"))}

    def losses(self, nets: Any, at: SimpleNamespace, noise: Tensor, **drawn: Tensor) -> dict[str, Tensor]:
        return {}

    def terms(self, losses: dict[str, Tensor], opt: Any, makers: list) -> list[tuple]:
        return []

    def grid(self, z: Tensor, shown: Tensor | None = None) -> Tensor:
        """The noise of a sheet of samples: z itself."""
        return z


class _Conditional:
    values = VALUES

    def grid(self, z: Tensor, shown: Tensor | None = None) -> Tensor:
        """[z, s] (count, code + 10) in which rows of ten share a z while s counts from 0 to 9, of z (count, code)."""
        rows = z.repeat_interleave(VALUES, dim=0)[: len(z)]
        return with_s(rows, torch.arange(len(z), device=z.device) % VALUES)


@dataclass(frozen=True)
class Supervised(_Conditional):
    """`lam_info` weighs L_info in dec and CG. `Q_sees_labels`: Q learns L_label = -log Q(s | x) in place of L_info."""

    lam_info: float = 1.0
    Q_sees_labels: bool = False
    named = True

    def draw(self, shape: Shape, x: Tensor, labels: Tensor | None, stream: Stream) -> dict[str, Tensor]:
        labels = checked_labels(labels, "the condition 'supervised' needs labels", "choose 'unsupervised'")
        return {"noise": with_s(normal(shape, stream("noise")), labels)}

    def losses(self, nets: Any, at: SimpleNamespace, noise: Tensor, **drawn: Tensor) -> dict[str, Tensor]:
        losses = {"L_info": cross_entropy(nets.Q(at.F_noise).float(), s_of(noise))}
        if self.Q_sees_labels:  # 13
            losses["L_label"] = cross_entropy(nets.Q(at.F_x).float(), s_of(noise))
        return losses

    def terms(self, losses: dict[str, Tensor], opt: Any, makers: list) -> list[tuple]:
        learned = losses["L_label" if self.Q_sees_labels else "L_info"]
        return [(opt.Q, learned), (opt.D_I, learned), *((maker, losses["L_info"], self.lam_info) for maker in makers)]


@dataclass(frozen=True)
class Unsupervised(_Conditional):
    """`lam_info` weighs L_info in dec and CG. `Q_sees_views`: L_info is of a random view of dec(z_c), and Q descends
    L_view = -I(Q(x); Q(x')) - `lam_H` H(Q) of two views of real images, too. `lam_VAT` weighs L_VAT in Q."""

    lam_info: float = 1.0
    Q_sees_views: bool = False
    lam_H: float = 0.0
    lam_VAT: float = 0.0
    named = False

    def draw(self, shape: Shape, x: Tensor, labels: Tensor | None, stream: Stream) -> dict[str, Tensor]:
        source = stream("noise")
        z = normal(shape, source)
        drawn = {"noise": with_s(z, uniform_s(len(x), source))}
        if self.Q_sees_views:
            drawn["warps"] = random_warps(len(x), stream("warps"))
        if self.lam_VAT:
            drawn["grain"] = draw_grain(x, stream("grain"))
        return drawn

    def losses(self, nets: Any, at: SimpleNamespace, noise: Tensor, **drawn: Tensor) -> dict[str, Tensor]:
        losses, F_noise = {}, at.F_noise
        if self.Q_sees_views or self.lam_VAT:
            Q_x = nets.Q(at.F_x)
        if self.Q_sees_views:  # 14
            F_view, F_noise = (nets.D_I.trunk(view(image, drawn["warps"])) for image in (at.x, at.x_noise))
            Q_view = nets.Q(F_view)
            entropy = marginal_entropy(torch.cat([Q_x, Q_view]))
            losses["L_view"] = -mutual_information(Q_x, Q_view) - self.lam_H * entropy  # 15
        if self.lam_VAT:  # 16
            losses["L_VAT"] = virtual_adversarial_loss(lambda x: nets.Q(nets.D_I.trunk(x)), at.x, Q_x, drawn["grain"])
        return losses | {"L_info": cross_entropy(nets.Q(F_noise).float(), s_of(noise))}

    def terms(self, losses: dict[str, Tensor], opt: Any, makers: list) -> list[tuple]:
        weights = {"L_info": 1.0, "L_view": 1.0, "L_VAT": self.lam_VAT}
        learned = [(losses[name], weight) for name, weight in weights.items() if name in losses]
        terms = [(classifier, *term) for term in learned for classifier in (opt.Q, opt.D_I)]
        return [*terms, *((maker, losses["L_info"], self.lam_info) for maker in makers)]


NONE = Unconditional()


def checked_labels(labels: Tensor | None, wanted: str, otherwise: str) -> Tensor:
    """The labels (N,) as they are. Raises UserError, which says what is `wanted`, for none, and then what to do
    `otherwise`; and for sentences (N, L)."""
    if labels is None or len(labels) == 0:
        raise UserError(f"{wanted}, and the data have none: {otherwise}")
    if labels.ndim != 1:
        raise UserError(f"{wanted}, one for each image, and the data have sentences: choose another data set")
    return labels


def with_s(z: Tensor, s: Tensor) -> Tensor:
    """[z, s] (..., N, code + 10) of z (..., N, code) and int64 s (N,) or (..., N)."""
    one_hot = F.one_hot(s, VALUES).to(z.dtype)
    return torch.cat([z, one_hot.expand(*z.shape[:-1], VALUES)], dim=-1)


def s_of(noise: Tensor) -> Tensor:
    """The one-hot s (..., N, 10) in [z, s]."""
    return noise[..., -VALUES:]


def uniform_s(count: int, generator: torch.Generator) -> Tensor:
    """Values of s (count,), each of the ten as likely."""
    return torch.randint(VALUES, (count,), generator=generator, device=generator.device)
