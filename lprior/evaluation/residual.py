"""The second judge of a data set: another architecture, trained in another way, and never used for a choice."""

import torch
from torch import Tensor, nn


class Residual(nn.Module):
    """A residual block before whose convolutions features are normalised (He et al. 2016, "Identity mappings")."""

    def __init__(self, c_in: int, c_out: int, stride: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(c_in), nn.SiLU(), nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(c_out), nn.SiLU(), nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False),
        )  # fmt: skip
        same = stride == 1 and c_in == c_out
        self.shortcut = nn.Identity() if same else nn.Conv2d(c_in, c_out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, c_in, H, W) -> (N, c_out, H / stride, W / stride)."""
        return self.shortcut(x) + self.body(x)


def residual_features(channels: int, stem: int, widths: tuple[int, ...], blocks: int) -> nn.Sequential:
    """Images (N, channels, H, W) -> features (N, widths[-1]): a stage of `blocks` for each width, of which each halves
    the sides, and means over places at the end."""
    layers: list[nn.Module] = [nn.Conv2d(channels, stem, 3, 1, 1, bias=False)]
    for before, width in zip((stem, *widths), widths, strict=False):
        layers += [Residual(before if first else width, width, 2 if first else 1) for first in _firsts(blocks)]
    return nn.Sequential(*layers, nn.BatchNorm2d(widths[-1]), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _firsts(blocks: int) -> list[bool]:
    return [True] + [False] * (blocks - 1)


def shift_each(images: Tensor, random: torch.Generator, most: int = 2) -> Tensor:
    """Each image by its own offset of up to `most` pixels; what comes in is black."""
    count, _, height, width = images.shape
    windows = nn.functional.pad(images, (most,) * 4).unfold(2, height, 1).unfold(3, width, 1)
    down, right = torch.randint(2 * most + 1, (2, count), generator=random)
    return windows[torch.arange(count), :, down, right]


def mirror_and_erase(images: Tensor, random: torch.Generator, side: int = 8) -> Tensor:
    """Half of the images left to right, and of each a square of `side` pixels made grey (DeVries, Taylor 2017)."""
    count, _, height, width = images.shape
    mirrored = torch.where(torch.rand((count, 1, 1, 1), generator=random) < 0.5, images, images.flip(3))
    top, left = (torch.randint(edge - side + 1, (count, 1), generator=random) for edge in (height, width))
    rows, columns = torch.arange(height), torch.arange(width)
    inside = ((rows >= top) & (rows < top + side))[:, None, :, None] & (
        (columns >= left) & (columns < left + side)
    )[:, None, None, :]
    return torch.where(inside, torch.tensor(128, dtype=images.dtype), mirrored)
