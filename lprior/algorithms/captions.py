"""The conditional variable s of LP-AAE as a sentence: noise is [z, tokens] (..., N, code + L), with the tokens of the
caption of the image that stands beside it in the mini-batch.

The paper's abstract names text as a condition, and prints no more of it than CG(z, s). Its I(s; dec(z_c)), a
cross-entropy -log Q(s | dec(z_c)), is taken at its word here: Q is a captioner, and gives the probability of a sentence
word by word. (To describe a generated image anew and compare the words is what MirrorGAN does: Qiao et al. 2019.) As in
the supervised case, departure 13, Q learns sentences from real images and their captions alone: L_label.

Q_C is the same for codes: it learns sentences from codes of real images, L_label_C, which enc makes easier for it, and
CG descends -log Q_C(s | z_c), L_info_C. Without it, images had the colours that captions ask for and hardly the digits
(docs/trials.csv).
"""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lprior.algorithms.conditions import Shape
from lprior.errors import UserError
from lprior.streams import Stream, normal


@dataclass(frozen=True)
class Captions:
    """Sentences of `length` tokens below `words`. `lam_info` weighs L_info in dec and CG."""

    length: int
    words: int
    lam_info: float = 1.0
    values = 0
    named = False

    def draw(self, shape: Shape, x: Tensor, labels: Tensor | None, stream: Stream) -> dict[str, Tensor]:
        if labels is None or labels.ndim != 2:
            raise UserError("text wants captions, and the data have none: choose the data set scenes")
        if labels.shape[1] != self.length:
            raise UserError(f"the captions have {labels.shape[1]} tokens: set length={labels.shape[1]}")
        if labels.numel() and (most := int(labels.max())) >= self.words:
            raise UserError(f"the captions have {most + 1} words or more: set words={most + 1}")
        return {"noise": with_tokens(normal(shape, stream("noise")), labels)}

    def losses(self, nets: Any, at: SimpleNamespace, noise: Tensor, **drawn: Tensor) -> dict[str, Tensor]:
        tokens = noise[:, -self.length :].long()
        return {
            "L_info": self.cross_entropy(nets.Q(at.F_noise, tokens), tokens),
            "L_label": self.cross_entropy(nets.Q(at.F_x, tokens), tokens),
            "L_info_C": self.cross_entropy(nets.Q_C(at.z_c, tokens), tokens),
            "L_label_C": self.cross_entropy(nets.Q_C(at.z_x, tokens), tokens),
        }

    def terms(self, losses: dict[str, Tensor], opt: Any, makers: list) -> list[tuple]:
        learned, of_codes = losses["L_label"], losses["L_label_C"]
        return [
            (opt.Q, learned), (opt.D_I, learned), (opt.Q_C, of_codes),
            (opt.enc, of_codes, self.lam_info), (opt.CG, losses["L_info_C"], self.lam_info),
            *((maker, losses["L_info"], self.lam_info) for maker in makers),
        ]  # fmt: skip

    def cross_entropy(self, logits: Tensor, tokens: Tensor) -> Tensor:
        """-log Q(s | x) in nats, mean over sentences, of logits (N, L, words); what fills up a sentence counts not."""
        of_words = F.cross_entropy(logits.float().flatten(0, 1), tokens.flatten(), ignore_index=0, reduction="sum")
        return of_words / len(tokens)

    def grid(self, z: Tensor, shown: Tensor | None = None) -> Tensor:
        """[z, tokens] (count, code + L) of z (count, code): in rows of K of one z, tokens go through `shown` (K, L)."""
        assert shown is not None, "a sheet of sentences needs sentences"
        rows = z.repeat_interleave(len(shown), dim=0)[: len(z)]
        return with_tokens(rows, shown[torch.arange(len(z)) % len(shown)])


def with_tokens(z: Tensor, tokens: Tensor) -> Tensor:
    """[z, tokens] (..., N, code + L) of z (..., N, code) and int64 tokens (N, L)."""
    return torch.cat([z, tokens.to(z.dtype).expand(*z.shape[:-1], tokens.shape[-1])], dim=-1)
