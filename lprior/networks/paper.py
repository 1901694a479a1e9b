"""`Paper`: the network table of Wang, Ko and Peng (LP-AAE)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from lprior.networks.layers import ImageDiscriminator, ToVector, normalise


class Residual(nn.Module):
    """3x3 convolution, ReLU, 3x3 convolution, skip, ReLU; `resize` is "down", "up" (by 2) or "same".

    The table does not say how the skip path changes size: a strided 1x1 projection, transposed when going up.
    """

    def __init__(self, c_in: int, c_out: int, resize: str):
        super().__init__()
        first = {
            "same": lambda: nn.Conv2d(c_in, c_out, 3, 1, 1),
            "down": lambda: nn.Conv2d(c_in, c_out, 3, 2, 1),
            "up": lambda: nn.ConvTranspose2d(c_in, c_out, 4, 2, 1),
        }[resize]()
        self.branch = nn.Sequential(first, nn.ReLU(), nn.Conv2d(c_out, c_out, 3, 1, 1))
        self.skip = {
            "same": lambda: nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1),
            "down": lambda: nn.Conv2d(c_in, c_out, 1, 2),
            "up": lambda: nn.ConvTranspose2d(c_in, c_out, 2, 2),
        }[resize]()

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.branch(x) + self.skip(x))


@dataclass(frozen=True)
class Paper:
    """The network table of LP-AAE, for images of 32x32, at its width of 64.

    Departures: the table's encoder halves its input four times and then pools over 4x4, which does not close for
    32x32; here its first convolution has stride 1, which mirrors the decoder. Q, which in the table shares all but the
    last layer with D_I, has its own FC 1000 here: what is shared ends with the features F.
    """

    channels: int
    size: int = 32
    width: int = 64
    spectral_norm: bool = False  # in the image discriminator, beside the table's BatchNorm
    feature_block: int | None = None  # of the image discriminator, see there
    input_size: ClassVar[int | None] = 32

    def encoder(self, outputs: int) -> nn.Module:
        w = self.width
        return nn.Sequential(
            nn.Conv2d(self.channels, w, 3, 1, 1), nn.ReLU(),
            Residual(w, w, "same"), Residual(w, 2 * w, "down"), Residual(2 * w, 4 * w, "down"),
            Residual(4 * w, 8 * w, "down"), nn.AvgPool2d(4), nn.Flatten(),
            nn.Linear(8 * w, 2 * outputs, bias=False), nn.BatchNorm1d(2 * outputs), nn.ReLU(),
            nn.Linear(2 * outputs, outputs),
        )  # fmt: skip

    def decoder(self, code: int) -> nn.Module:
        w = self.width
        return nn.Sequential(
            nn.Unflatten(1, (code, 1, 1)),
            nn.ConvTranspose2d(code, 8 * w, 4, bias=False), nn.BatchNorm2d(8 * w), nn.ReLU(),
            Residual(8 * w, 4 * w, "up"), Residual(4 * w, 2 * w, "up"), Residual(2 * w, w, "up"),
            nn.Conv2d(w, self.channels, 3, 1, 1), nn.Tanh(),
        )  # fmt: skip

    def code_generator(self, noise: int, code: int) -> nn.Module:
        return nn.Sequential(
            nn.Linear(noise, 2 * noise, bias=False), nn.BatchNorm1d(2 * noise), nn.ReLU(),
            nn.Linear(2 * noise, code, bias=False), nn.BatchNorm1d(code),
        )  # fmt: skip

    def image_discriminator(self) -> nn.Module:
        w, norm = self.width, normalise(self.spectral_norm)
        blocks = [[norm(nn.Conv2d(self.channels, w, 4, 2, 1)), nn.LeakyReLU(0.2)]]
        for c in (w, 2 * w):
            blocks += [[norm(nn.Conv2d(c, 2 * c, 4, 2, 1, bias=False)), nn.BatchNorm2d(2 * c), nn.LeakyReLU(0.2)]]
        return ImageDiscriminator(blocks, self._head(1, norm, 3), self.feature_block)

    def classifier(self, classes: int) -> nn.Module:
        return self._head(classes, normalise(False), self.feature_block or 3)

    def _head(self, outputs: int, norm: Callable, block: int) -> nn.Module:
        """Of the map that this block of the image discriminator gives."""
        entries = self.width * 2 ** (block - 1) * (self.size // 2**block) ** 2
        return nn.Sequential(
            ToVector(), norm(nn.Linear(entries, 1000)), nn.LeakyReLU(0.2), norm(nn.Linear(1000, outputs))
        )

    def code_discriminator(self, code: int) -> nn.Module:
        return nn.Sequential(
            nn.Linear(code, 1000), nn.LeakyReLU(0.2), nn.Linear(1000, 500), nn.LeakyReLU(0.2),
            nn.Linear(500, 200), nn.LeakyReLU(0.2), nn.Linear(200, 1),
        )  # fmt: skip
