"""Instance noise: what a discriminator of images sees, real or fake, has Gaussian noise added (Sonderby et al. 2017).

Theirs fades; ours stays. One draw, the grain, for all images of a step, so that reconstructions compare like with like.
Without, a discriminator knows fakes by what no eye sees, such as traces of JPEG where pictures have them.
"""

import torch
from torch import Tensor

from lprior.streams import normal


def draw_grain(x: Tensor, stream: torch.Generator) -> Tensor:
    """Standard normal noise, shaped like images x (N, C, H, W)."""
    return normal(x.shape, stream)


def grainy(images: tuple[Tensor, ...], deviation: float, grain: Tensor | None) -> tuple[Tensor, ...]:
    """Each of the images (N, C, H, W) with the same noise of this standard deviation; as they are where that is 0.

    Raises ValueError for noise without a grain.
    """
    if not deviation:
        return images
    if grain is None:
        raise ValueError("a step with instance noise needs a grain: see `draw`")
    return tuple(image + deviation * grain for image in images)
