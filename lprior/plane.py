"""The prior of a model as one picture to move over: what it makes of noise on a plane through two of its entries."""

import torch
from PIL import Image

from lprior.algorithms.conditions import with_s
from lprior.model import Model
from lprior.tiles import sheet

FILE = "plane.webp"
SIDE, SIDE_WITH_S = 20, 10  # points a side


def side(blocks: int) -> int:
    """Points a side of a plane of so many blocks."""
    return SIDE_WITH_S if blocks > 1 else SIDE


def plane(model: Model) -> Image.Image:
    """A square of images, the other entries of the noise 0; from left to right such a block for each value of s.

    N(0, I) is the same in all directions, so that this plane is as good as any. Its points follow the quantiles, times
    the square root of half the entries, so that they are as long on average as noise is.
    """
    entries, values = model.config.noise, model.autoencoder.s.values
    blocks, points = max(1, values), side(values)
    at = torch.special.ndtri((torch.arange(points) + 0.5) / points) * (entries / 2) ** 0.5
    z = torch.zeros(points, blocks, points, entries)  # down, block, across
    z[..., 0], z[..., 1] = at, at.flip(0)[:, None, None]
    s = torch.arange(values)[:, None].expand(points, values, points)
    noise = with_s(z, s) if values else z
    return sheet(model.generate(noise.flatten(0, 2)), padding=0, columns=blocks * points)


def blocks_of(picture: Image.Image) -> int:
    """How many blocks a picture of a plane has."""
    return picture.width // picture.height
