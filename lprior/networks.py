"""Networks: `Compact`, small ones made for a CPU, and `Paper`, the table of Wang, Ko and Peng (LP-AAE).

They, `dcgan.DCGAN` and `resnet.Strong` offer the same six constructors, so that an algorithm gets any set it is given:

    encoder(outputs)                   images (N, C, H, W) in [-1, 1] -> (N, outputs)
    decoder(code)                      codes (N, code) -> images (N, C, H, W) in [-1, 1]
    code_generator(noise, code)        noise (N, noise) -> codes (N, code)
    image_discriminator()              images -> (logits (N, 1), features F of its last convolution block)
    code_discriminator(code)           codes -> logits (N, 1)
    classifier(classes)                features F -> logits (N, classes): Q, a second head of the image discriminator

BatchNorm: while training, batch statistics; when sampling or reconstructing, the running statistics, of which the
training loop keeps an exponential moving average like that of the weights (`train.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from lprior.errors import UserError


class Autoencoder(nn.Module):
    """What remains of an algorithm when training is over: x -> code -> x_rec, and noise -> code -> image."""

    def __init__(self, enc: nn.Module, dec: nn.Module, CG: nn.Module | None = None, Q: nn.Module | None = None):
        """`CG` turns noise into codes; without one, noise is the code (a fixed prior). `Q`: images -> logits of s."""
        super().__init__()
        self.enc, self.dec, self.CG, self.Q = enc, dec, CG if CG is not None else nn.Identity(), Q

    def forward(self, z: Tensor) -> Tensor:
        """Images (N, C, H, W) from noise z (N, noise)."""
        return self.dec(self.CG(z))

    def encode(self, x: Tensor) -> Tensor:
        """Codes (N, code) of images; of an encoder that returns mean and log-variance, the mean."""
        return self.enc(x)


class ImageDiscriminator(nn.Module):
    """Trunk of convolutions, whose output are the features F, and a head that returns logits."""

    def __init__(self, blocks: list[list[nn.Module]], head: nn.Module, feature_block: int | None = None):
        """`feature_block`: the block of convolutions, counted from 1, whose output are the features; None: the last."""
        super().__init__()
        count = len(blocks) if feature_block is None else feature_block
        if not 1 <= count <= len(blocks):
            raise UserError(f"feature_block must be from 1 to {len(blocks)}, as many as D_I has, not {feature_block}")
        self.trunk = nn.Sequential(*chain.from_iterable(blocks[:count]))
        self.head = nn.Sequential(*chain.from_iterable(blocks[count:]), *head)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.trunk(x)
        return self.head(features), features


def normalise(wanted: bool) -> Callable[[nn.Module], nn.Module]:
    """What wraps a layer: spectral normalisation, or nothing."""
    return spectral_norm if wanted else lambda layer: layer


class ToVector(nn.Module):
    """(N, C, H, W) -> (N, H W C). Like ToMap a mere view where channels lie last in memory, as training has them:
    the orders of nn.Flatten and nn.Unflatten cost a copy, and a gradient in the wrong layout for the layer before."""

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).flatten(1)


class ToMap(nn.Module):
    """(N, size size channels) -> (N, channels, size, size)."""

    def __init__(self, channels: int, size: int):
        super().__init__()
        self.shape = (size, size, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(1, self.shape).permute(0, 3, 1, 2)


def to_image(c: int, channels: int) -> list[nn.Module]:
    """Maps of c channels -> images of twice their size.

    A transposed convolution from 16 or 32 channels to so few is slow on a CPU: this is a convolution to 4 times the
    image's channels, rearranged.
    """
    return [nn.Conv2d(c, 4 * channels, 3, 1, 1), nn.PixelShuffle(2), nn.Tanh()]


def from_image(channels: int, c: int, norm: Callable) -> list[nn.Module]:
    """Images -> maps of c channels, half as large: a convolution 4x4 with stride 2.

    For the reason of `to_image` it is computed as the same convolution, 2x2 with stride 1, of the image rearranged.
    """
    return [nn.ZeroPad2d(1), nn.PixelUnshuffle(2), norm(nn.Conv2d(4 * channels, c, 2)), nn.LeakyReLU(0.2)]


@dataclass(frozen=True)
class Compact:
    """Ours: two stride-2 convolutions each way, for images of 28x28 (any size divisible by 4).

    The decoder begins with a hidden layer of 256: without it, codes between two digits decode to blends of them. The
    image discriminator is twice as wide as the autoencoder and spectrally normalised (Miyato et al. 2018), without
    BatchNorm. (The report, section "Problems and solutions", has the trials.)
    """

    channels: int
    size: int
    width: int = 16
    spectral_norm: bool = True  # in the image discriminator
    feature_block: int | None = None  # of the image discriminator, see there

    @property
    def _grid(self) -> int:
        return self.size // 4

    def encoder(self, outputs: int) -> nn.Module:
        w = self.width
        return nn.Sequential(
            nn.Conv2d(self.channels, w, 4, 2, 1, bias=False), nn.BatchNorm2d(w), nn.ReLU(),
            nn.Conv2d(w, 2 * w, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * w), nn.ReLU(),
            ToVector(), nn.Linear(2 * w * self._grid**2, outputs),
        )  # fmt: skip

    def decoder(self, code: int) -> nn.Module:
        w, grid = self.width, self._grid
        return nn.Sequential(
            nn.Linear(code, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU(),
            nn.Linear(256, 2 * w * grid**2, bias=False), ToMap(2 * w, grid),
            nn.BatchNorm2d(2 * w), nn.ReLU(),
            nn.ConvTranspose2d(2 * w, w, 4, 2, 1, bias=False), nn.BatchNorm2d(w), nn.ReLU(),
            *to_image(w, self.channels),
        )  # fmt: skip

    def code_generator(self, noise: int, code: int) -> nn.Module:
        return nn.Sequential(
            nn.Linear(noise, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU(),
            nn.Linear(256, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU(),
            nn.Linear(256, code, bias=False), nn.BatchNorm1d(code),
        )  # fmt: skip

    def image_discriminator(self) -> nn.Module:
        w, norm = 2 * self.width, normalise(self.spectral_norm)
        blocks = [from_image(self.channels, w, norm), [norm(nn.Conv2d(w, 2 * w, 4, 2, 1)), nn.LeakyReLU(0.2)]]
        head = nn.Sequential(ToVector(), norm(nn.Linear(2 * w * self._grid**2, 1)))
        return ImageDiscriminator(blocks, head, self.feature_block)

    def classifier(self, classes: int) -> nn.Module:
        block = self.feature_block or 2
        entries = self.width * 2**block * (self.size // 2**block) ** 2
        return nn.Sequential(ToVector(), nn.Linear(entries, 128), nn.LeakyReLU(0.2), nn.Linear(128, classes))

    def code_discriminator(self, code: int) -> nn.Module:
        return nn.Sequential(
            nn.Linear(code, 256), nn.LeakyReLU(0.2), nn.Linear(256, 256), nn.LeakyReLU(0.2), nn.Linear(256, 1)
        )


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
