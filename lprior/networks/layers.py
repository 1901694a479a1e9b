"""Layers that several sets of networks are made of."""

from collections.abc import Callable
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import _SpectralNorm
from torch.nn.utils.parametrize import is_parametrized, register_parametrization

from lprior.errors import UserError


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
    """What wraps a convolution or a dense layer: spectral normalisation of its weight, or nothing."""
    return spectral_norm if wanted else lambda layer: layer


def spectral_norm(layer: nn.Module) -> nn.Module:
    """torch's spectral normalisation (Miyato et al. 2018), in float32, with one power iteration a pass.

    The passes of a step thus see weights of slightly smaller norm each, those of generated images the smallest. One
    estimate for all (torch's `parametrize.cached`) saves little time, and D_I of LP-AAE then presses harder
    (docs/gpu.md, "What sharing an estimate did").
    """
    register_parametrization(layer, "weight", _Float32SpectralNorm(layer.weight))
    return layer


def is_spectrally_normalised(layer: nn.Module) -> bool:
    """Whether spectral normalisation is among what its weight passes."""
    found = layer.parametrizations["weight"] if is_parametrized(layer, "weight") else ()
    return any(isinstance(one, _SpectralNorm) for one in found)


class _Float32SpectralNorm(_SpectralNorm):
    """Autocast on CUDA, unlike a CPU's, would round the power iteration to bfloat16."""

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):
            return super().forward(weight)


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
