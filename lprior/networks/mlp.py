"""`MLP`: fully connected networks, those of the AAE paper at their width of 1000."""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from lprior.networks.layers import ImageDiscriminator, ToMap, ToVector, normalise


@dataclass(frozen=True)
class MLP:
    """Two hidden layers of `width` ReLUs each, without BatchNorm (Makhzani et al. 2015: encoder, decoder and
    discriminator of codes; the other networks are ours, after them).

    The paper's decoder ends in a sigmoid; tanh is the same for pixels in [-1, 1].
    """

    channels: int
    size: int
    width: int = 1000
    spectral_norm: bool = False  # in the image discriminator
    feature_block: int | None = None  # of the image discriminator, see there
    input_size: ClassVar[int | None] = None  # any

    @property
    def _pixels(self) -> int:
        return self.channels * self.size**2

    def encoder(self, outputs: int) -> nn.Module:
        return nn.Sequential(ToVector(), *self._hidden(self._pixels), nn.Linear(self.width, outputs))

    def decoder(self, code: int) -> nn.Module:
        last = nn.Linear(self.width, self._pixels)
        return nn.Sequential(*self._hidden(code), last, ToMap(self.channels, self.size), nn.Tanh())

    def code_generator(self, noise: int, code: int) -> nn.Module:
        return nn.Sequential(*self._hidden(noise), nn.Linear(self.width, code))

    def code_discriminator(self, code: int) -> nn.Module:
        return nn.Sequential(*self._hidden(code), nn.Linear(self.width, 1))

    def image_discriminator(self) -> nn.Module:
        w, norm = self.width, normalise(self.spectral_norm)
        trunk = [ToVector(), norm(nn.Linear(self._pixels, w)), nn.ReLU(), norm(nn.Linear(w, w)), nn.ReLU(), ToMap(w, 1)]
        return ImageDiscriminator([trunk], nn.Sequential(ToVector(), norm(nn.Linear(w, 1))), self.feature_block)

    def classifier(self, classes: int) -> nn.Module:
        return nn.Sequential(ToVector(), nn.Linear(self.width, classes))

    def _hidden(self, inputs: int) -> list[nn.Module]:
        return [nn.Linear(inputs, self.width), nn.ReLU(), nn.Linear(self.width, self.width), nn.ReLU()]
