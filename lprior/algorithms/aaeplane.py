"""AAE with a prior of ten parts in the plane, and labels that say which digit belongs to which part: Makhzani et al.,
https://arxiv.org/abs/1511.05644v2, sections 2.2 and 2.3.

    paper                                  code
    prior p(z)                             `Plane`, of noise N(0, I): a Gaussian, a mixture of ten, or a swiss roll
    one-hot vector for the discriminator   tag: the ten classes, and one for images without a label

A draw of the prior has the tag of its part, or that of no label, just as the image beside it in the mini-batch has its
label or none. Without labels all have none, and the algorithm is `aae.py`.

Departures: those of `aae.py`; sizes of the priors, of which the paper shows pictures.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lprior.algorithms import aae
from lprior.algorithms.conditions import VALUES, checked_labels
from lprior.errors import UserError
from lprior.networks import Networks
from lprior.streams import Stream

SHAPES = ("gaussian", "mixture", "swiss_roll")
TAGS = VALUES + 1


@dataclass(frozen=True)
class Config(aae.Config):
    shape: str = "mixture"  # of `SHAPES`
    named: bool = True  # whether the discriminator sees the labels that `RunConfig.labelled` provides

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise UserError(f"shape {self.shape!r} is unknown: choose {' or '.join(map(repr, SHAPES))}")


class Plane(nn.Module):
    """Noise N(0, I) (N, 2) -> draws of a prior in the plane (N, 2).

    gaussian     the noise, times 5
    mixture      ten Gaussians like petals of a flower: centres at a distance of 8, deviations of 2 outwards, 0.5 across
    swiss_roll   a spiral of one and a half turns, from a radius of 2 to one of 10, with a deviation of 0.5 outwards

    The first entry of the noise says which of the ten parts, and what is left of it where therein.
    """

    def __init__(self, shape: str):
        super().__init__()
        self.shape = shape

    def forward(self, noise: Tensor) -> Tensor:
        along, across = noise.unbind(dim=1)
        if self.shape == "gaussian":
            return 5 * noise
        share = torch.special.ndtr(along)
        if self.shape == "mixture":
            part = self.part(noise)
            rest = (10 * share - part).clamp(1e-3, 1 - 1e-3)
            angle = 2 * math.pi * part / VALUES
            outwards, sideways = 8 + 2 * torch.special.ndtri(rest), 0.5 * across
            x = outwards * angle.cos() - sideways * angle.sin()
            y = outwards * angle.sin() + sideways * angle.cos()
        else:
            radius = (4 + 96 * share).sqrt()  # as much mass on as much of its length, nearly
            angle = 3 * math.pi * (radius - 2) / 8
            x, y = (radius + 0.5 * across) * angle.cos(), (radius + 0.5 * across) * angle.sin()
        return torch.stack([x, y], dim=1)

    def part(self, noise: Tensor) -> Tensor:
        """Which of the ten parts of equal mass each draw is of: whole numbers (N,), as floats. No more than a
        cut of the noise: for the Gaussian it is no place."""
        return (VALUES * torch.special.ndtr(noise[:, 0])).floor().clamp(0, VALUES - 1)


class PlaneAAE(aae.AAE):
    """AAE whose discriminator sees a tag beside the code."""

    config: Config
    prior: Plane

    def draw(self, x: Tensor, labels: Tensor | None, stream: Stream) -> dict[str, Tensor]:
        """As for AAE, and the tags (N, 11) of the images, where a label of -1 is none."""
        drawn = super().draw(x, labels, stream)
        none = torch.full((len(x),), VALUES, device=x.device)
        index = none
        if self.config.named:
            labels = checked_labels(labels, "the discriminator wants labels", "choose named=False")
            index = torch.where(labels < 0, none, labels)
        return drawn | {"tag": nn.functional.one_hot(index, TAGS).to(x.dtype)}

    def train_step(self, x: Tensor, noise: Tensor, **tags: Tensor) -> dict[str, Tensor]:
        """One mini-batch: x (N, C, H, W) in [-1, 1], noise (1, N, 2), tag (N, 11). Returns the losses, detached."""
        z, tag = self.prior(noise[0]), tags["tag"]
        part = self.prior.part(noise[0])[:, None] == torch.arange(TAGS, device=x.device)
        tag_z = torch.where(tag[:, VALUES:] > 0, tag, part.to(tag.dtype))

        def D_C(tag: Tensor) -> aae.Sees:
            return lambda z: self.D_C(torch.cat([z, tag], dim=1))

        return self.phases(x, z, self.dec, D_C(tag_z), D_C(tag))


def build(config: Config, networks: Networks, code: int) -> PlaneAAE:
    """The algorithm on new networks. Raises UserError for codes that are not in a plane."""
    if code != 2:
        raise UserError(f"these priors are in the plane: code must be 2, not {code}")
    D_C = networks.code_discriminator(code + TAGS)
    return PlaneAAE(config, code, networks.encoder(code), networks.decoder(code), D_C, Plane(config.shape))
