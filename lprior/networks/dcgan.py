"""`DCGAN`: networks for colour images of 32x32 after DCGAN (Radford, Metz and Chintala 2016), small ones for a CPU.

The code networks are those of `compact.Compact`.
"""

from dataclasses import dataclass
from itertools import chain
from typing import ClassVar

from torch import nn

from lprior.networks.compact import Compact
from lprior.networks.layers import ImageDiscriminator, ToMap, ToVector, from_image, normalise, to_image


@dataclass(frozen=True)
class DCGAN:
    """Three stride-2 convolutions each way, each with BatchNorm but those from and to the image of D_I and the decoder.

    The encoder, which DCGAN has not, is the decoder backwards. Real and generated images pass the discriminator in
    batches of their own, so that each is normalised by its own statistics.

    `compact.Compact` taken to 32x32 failed here: its decoder's hidden layer made the samples collapse, and its
    discriminator without BatchNorm learned slowly. (Trials of which no record is kept.)
    """

    channels: int
    size: int = 32  # any size divisible by 8
    width: int = 32
    spectral_norm: bool = False  # in the image discriminator; beside BatchNorm it bounds the last layer alone
    feature_block: int | None = None  # of the image discriminator, see there
    input_size: ClassVar[int | None] = 32

    @property
    def _grid(self) -> int:
        return self.size // 8

    def encoder(self, outputs: int) -> nn.Module:
        w = self.width
        blocks = [
            [nn.Conv2d(c_in, c, 4, 2, 1, bias=False), nn.BatchNorm2d(c), nn.ReLU()]
            for c_in, c in ((self.channels, w), (w, 2 * w), (2 * w, 4 * w))
        ]
        return nn.Sequential(*chain(*blocks), ToVector(), nn.Linear(4 * w * self._grid**2, outputs))

    def decoder(self, code: int) -> nn.Module:
        w, grid = self.width, self._grid
        return nn.Sequential(
            nn.Linear(code, 4 * w * grid**2, bias=False), ToMap(4 * w, grid), nn.BatchNorm2d(4 * w), nn.ReLU(),
            nn.ConvTranspose2d(4 * w, 2 * w, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * w), nn.ReLU(),
            nn.ConvTranspose2d(2 * w, w, 4, 2, 1, bias=False), nn.BatchNorm2d(w), nn.ReLU(),
            *to_image(w, self.channels),
        )  # fmt: skip

    def image_discriminator(self) -> nn.Module:
        w, norm = self.width, normalise(self.spectral_norm)
        blocks = [from_image(self.channels, w, norm)]
        for c in (w, 2 * w):
            blocks += [[norm(nn.Conv2d(c, 2 * c, 4, 2, 1, bias=False)), nn.BatchNorm2d(2 * c), nn.LeakyReLU(0.2)]]
        head = nn.Sequential(ToVector(), norm(nn.Linear(4 * w * self._grid**2, 1)))
        return ImageDiscriminator(blocks, head, self.feature_block)

    def classifier(self, classes: int) -> nn.Module:
        block = self.feature_block or 3
        entries = self.width * 2 ** (block - 1) * (self.size // 2**block) ** 2
        return nn.Sequential(ToVector(), nn.Linear(entries, 128), nn.LeakyReLU(0.2), nn.Linear(128, classes))

    def code_generator(self, noise: int, code: int) -> nn.Module:
        return Compact(self.channels, self.size).code_generator(noise, code)

    def code_discriminator(self, code: int) -> nn.Module:
        return Compact(self.channels, self.size).code_discriminator(code)
