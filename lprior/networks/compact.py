"""`Compact`: small networks for digits, made for a CPU; `Plain`: the same with BatchNorm in D_I; `Shallow`: the same
with a smaller decoder."""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from lprior.networks.layers import ImageDiscriminator, ToMap, ToVector, from_image, normalise, to_image


@dataclass(frozen=True)
class Compact:
    """Ours: two stride-2 convolutions each way, for images of 28x28 (any size divisible by 4).

    The decoder begins with a hidden layer of 256: without it, codes between two digits decode to blends of them. The
    image discriminator is twice as wide as the autoencoder and spectrally normalised (Miyato et al. 2018), without
    BatchNorm. (Found by trials of which no record is kept.)
    """

    channels: int
    size: int
    width: int = 16
    spectral_norm: bool = True  # in the image discriminator
    feature_block: int | None = None  # of the image discriminator, see there
    input_size: ClassVar[int | None] = None  # any that is divisible by 4

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
        return nn.Sequential(
            nn.Linear(code, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU(),
            *self._images_of(256),
        )  # fmt: skip

    def _images_of(self, entries: int) -> list[nn.Module]:
        w, grid = self.width, self._grid
        return [
            nn.Linear(entries, 2 * w * grid**2, bias=False), ToMap(2 * w, grid),
            nn.BatchNorm2d(2 * w), nn.ReLU(),
            nn.ConvTranspose2d(2 * w, w, 4, 2, 1, bias=False), nn.BatchNorm2d(w), nn.ReLU(),
            *to_image(w, self.channels),
        ]  # fmt: skip

    def code_generator(self, noise: int, code: int) -> nn.Module:
        return nn.Sequential(
            nn.Linear(noise, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU(),
            nn.Linear(256, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU(),
            nn.Linear(256, code, bias=False), nn.BatchNorm1d(code),
        )  # fmt: skip

    def image_discriminator(self) -> nn.Module:
        w, norm = 2 * self.width, normalise(self.spectral_norm)
        blocks = [from_image(self.channels, w, norm), self._block(w)]
        head = nn.Sequential(ToVector(), norm(nn.Linear(2 * w * self._grid**2, 1)))
        return ImageDiscriminator(blocks, head, self.feature_block)

    def _block(self, w: int) -> list[nn.Module]:
        return [normalise(self.spectral_norm)(nn.Conv2d(w, 2 * w, 4, 2, 1)), nn.LeakyReLU(0.2)]

    def classifier(self, classes: int) -> nn.Module:
        block = self.feature_block or 2
        entries = self.width * 2**block * (self.size // 2**block) ** 2
        return nn.Sequential(ToVector(), nn.Linear(entries, 128), nn.LeakyReLU(0.2), nn.Linear(128, classes))

    def code_discriminator(self, code: int) -> nn.Module:
        return nn.Sequential(
            nn.Linear(code, 256), nn.LeakyReLU(0.2), nn.Linear(256, 256), nn.LeakyReLU(0.2), nn.Linear(256, 1)
        )


class Plain(Compact):
    """D_I has BatchNorm in each block but the first, as Wang, Ko and Peng's table and DCGAN have."""

    def _block(self, w: int) -> list[nn.Module]:
        norm = normalise(self.spectral_norm)
        return [norm(nn.Conv2d(w, 2 * w, 4, 2, 1, bias=False)), nn.BatchNorm2d(2 * w), nn.LeakyReLU(0.2)]


class Shallow(Compact):
    """The decoder has no hidden layer between code and first map. With `Compact`'s, a GAN made nearly one image of all
    noise by each of seven settings, one seed each; without it, by VAE/GAN's rates, it does not (docs/trials.csv). Why
    is not known: on `Paper`'s networks, without such a layer, a GAN collapsed, too."""

    def decoder(self, code: int) -> nn.Module:
        return nn.Sequential(*self._images_of(code))
