"""Random views of images: turned, scaled, sheared and shifted, by so little that an image keeps its class."""

import torch
from torch import Tensor
from torch.nn import functional as F

WARPS = 5  # numbers that say how an image is warped
TURN, SCALE, SHEAR = 0.45, 0.2, 0.4  # at most: radians, share of the size, share of the height
SHIFT = 0.075  # at most, along each side: share of it


def random_warps(count: int, generator: torch.Generator) -> Tensor:
    """(count, 5), uniform in [-1, 1]: how far of the most each image is turned, scaled, sheared and shifted twice."""
    return 2 * torch.rand((count, WARPS), generator=generator, device=generator.device) - 1


def view(x: Tensor, warps: Tensor) -> Tensor:
    """Images x (N, C, H, W), each through the affine map that `warps` (N, 5) name; differentiable in x.

    What comes into sight from outside of an image goes on as its border.
    """
    turn, scale, shear = TURN * warps[:, 0], 1 + SCALE * warps[:, 1], SHEAR * warps[:, 2]
    shift = 2 * SHIFT * warps[:, 3:]  # a side has the length 2
    rows = [
        torch.stack([scale * turn.cos(), shear - scale * turn.sin(), shift[:, 0]], dim=1),
        torch.stack([scale * turn.sin(), scale * turn.cos(), shift[:, 1]], dim=1),
    ]
    with torch.autocast(x.device.type, enabled=False):  # which would round the places of the pixels
        places = F.affine_grid(torch.stack(rows, dim=1), list(x.shape), align_corners=False)
        return F.grid_sample(x.float(), places, padding_mode="border", align_corners=False).to(x.dtype)
