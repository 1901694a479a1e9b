"""`Strong`: residual networks for images of 32x32, as SN-GAN has them (Miyato et al. 2018, table 4), for a GPU.

The code networks are those of `compact.Compact`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrize import register_parametrization

from lprior.networks.compact import Compact
from lprior.networks.layers import ImageDiscriminator, ToMap, ToVector, normalise


class Resized(nn.Module):
    """The weight of a 3x3 convolution -> that of the 4x4 one with stride 2 that does the same as it and the average of
    2x2 pixels after it; `mean` off: as it and, transposed, the repetition of pixels before it. Both are exact, and take
    16 products where the two operations take 36, and no maps of the larger size between them."""

    def __init__(self, mean: bool):
        super().__init__()
        self.scale = 0.25 if mean else 1.0

    def forward(self, weight: Tensor) -> Tensor:
        wide = F.pad(weight, (0, 1)) + F.pad(weight, (1, 0))
        return self.scale * (F.pad(wide, (0, 0, 0, 1)) + F.pad(wide, (0, 0, 1, 0)))


def convolution(c_in: int, c_out: int, resize: str, bias: bool, norm: Callable) -> nn.Module:
    """3x3, after pixels are repeated ("up") or before they are averaged ("down"); or neither ("same")."""
    if resize == "same":
        return norm(nn.Conv2d(c_in, c_out, 3, 1, 1, bias=bias))
    kind = nn.ConvTranspose2d if resize == "up" else nn.Conv2d
    layer = norm(kind(c_in, c_out, 3, 2, 1, bias=bias))
    register_parametrization(layer, "weight", Resized(mean=resize == "down"), unsafe=True)  # it becomes 4x4
    return layer


class PreActivation(nn.Module):
    """ReLU, 3x3 convolution, ReLU, 3x3 convolution, added to the skip path; `resize` is "up", "down" (by 2) or "same".

    `batch_norm`: one before each ReLU, which makes biases useless. `first`: without the first ReLU, for an input that
    is an image. `norm` wraps each convolution. The skip path's is where maps are small: it is 1x1, and commutes with
    what resizes.
    """

    def __init__(
        self, c_in: int, c_out: int, resize: str, batch_norm: bool,
        norm: Callable = normalise(False), first: bool = False,
    ):  # fmt: skip
        super().__init__()
        before = [nn.BatchNorm2d(c_in)] if batch_norm else []
        between = [nn.BatchNorm2d(c_out)] if batch_norm else []
        up = [nn.Upsample(scale_factor=2)] if resize == "up" else []
        down = [nn.AvgPool2d(2)] if resize == "down" else []
        start = [] if first else [*before, nn.ReLU()]
        sizes = ("up", "same") if resize == "up" else ("same", resize)  # up comes first, down last
        self.branch = nn.Sequential(
            *start, convolution(c_in, c_out, sizes[0], not batch_norm, norm),
            *between, nn.ReLU(), convolution(c_out, c_out, sizes[1], not batch_norm, norm),
        )  # fmt: skip
        plain = c_in == c_out and resize == "same"
        self.skip = nn.Identity() if plain else nn.Sequential(*down, norm(nn.Conv2d(c_in, c_out, 1, bias=False)), *up)

    def forward(self, x: Tensor) -> Tensor:
        return self.branch(x) + self.skip(x)


class SumOfPixels(nn.Module):
    """(N, C, H, W) -> (N, C), after a ReLU."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x).sum(dim=(2, 3))


@dataclass(frozen=True)
class Strong:
    """At a width of 64 with SN-GAN's 256 channels in the decoder and 128 in the image discriminator.

    The encoder, which SN-GAN has not, is the decoder backwards with half its channels.
    """

    channels: int
    size: int = 32
    width: int = 64
    spectral_norm: bool = True  # in the image discriminator
    feature_block: int | None = None  # of the image discriminator, see there
    input_size: ClassVar[int | None] = 32

    def encoder(self, outputs: int) -> nn.Module:
        c = 2 * self.width
        return nn.Sequential(
            PreActivation(self.channels, c, "down", batch_norm=True, first=True),
            PreActivation(c, c, "down", batch_norm=True), PreActivation(c, c, "down", batch_norm=True),
            nn.BatchNorm2d(c), nn.ReLU(), ToVector(), nn.Linear(c * (self.size // 8) ** 2, outputs),
        )  # fmt: skip

    def decoder(self, code: int) -> nn.Module:
        c, size = 4 * self.width, self.size // 8
        return nn.Sequential(
            nn.Linear(code, c * size**2), ToMap(c, size),
            *(PreActivation(c, c, "up", batch_norm=True) for _ in range(3)),
            nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, self.channels, 3, 1, 1), nn.Tanh(),
        )  # fmt: skip

    def image_discriminator(self) -> nn.Module:
        c, norm = 2 * self.width, normalise(self.spectral_norm)
        blocks = [[PreActivation(self.channels, c, "down", False, norm, first=True)]]
        blocks += [[PreActivation(c, c, resize, False, norm)] for resize in ("down", "same", "same")]
        return ImageDiscriminator(blocks, nn.Sequential(SumOfPixels(), norm(nn.Linear(c, 1))), self.feature_block)

    def classifier(self, classes: int) -> nn.Module:
        c = 2 * self.width
        return nn.Sequential(SumOfPixels(), nn.Linear(c, 2 * c), nn.LeakyReLU(0.2), nn.Linear(2 * c, classes))

    def code_generator(self, noise: int, code: int) -> nn.Module:
        return Compact(self.channels, self.size).code_generator(noise, code)

    def code_discriminator(self, code: int) -> nn.Module:
        return Compact(self.channels, self.size).code_discriminator(code)
