"""Sets of networks. Each offers the same constructors, so that an algorithm gets any set it is given:

    encoder(outputs)                   images (N, C, H, W) in [-1, 1] -> (N, outputs)
    decoder(code)                      codes (N, code) -> images (N, C, H, W) in [-1, 1]
    code_generator(noise, code)        noise (N, noise) -> codes (N, code)
    image_discriminator()              images -> (logits (N, 1), features F of a block of convolutions: the last,
                                       or the one that `feature_block` names)
    code_discriminator(code)           codes -> logits (N, 1)
    classifier(classes)                features F -> logits (N, classes): Q, a second head of the image discriminator

BatchNorm: while training, batch statistics; when sampling or reconstructing, the running statistics, of which the
training loop keeps an exponential moving average like that of the weights (`training/loop.py`).
"""

from typing import ClassVar, Protocol

from torch import nn

from lprior.networks.compact import Compact, Plain, Shallow
from lprior.networks.dcgan import DCGAN
from lprior.networks.mlp import MLP
from lprior.networks.paper import Paper
from lprior.networks.sngan import Strong


class Networks(Protocol):
    """What each set is a dataclass of, and what it makes."""

    input_size: ClassVar[int | None]  # pixels a side to which smaller images are zero-padded; None: their own

    @property
    def channels(self) -> int: ...
    @property
    def size(self) -> int: ...
    def __init__(
        self, channels: int, size: int, width: int, spectral_norm: bool, feature_block: int | None
    ) -> None: ...
    def encoder(self, outputs: int) -> nn.Module: ...
    def decoder(self, code: int) -> nn.Module: ...
    def code_generator(self, noise: int, code: int) -> nn.Module: ...
    def image_discriminator(self) -> nn.Module: ...
    def code_discriminator(self, code: int) -> nn.Module: ...
    def classifier(self, classes: int) -> nn.Module: ...


NETWORKS: dict[str, type[Networks]] = {
    "compact": Compact, "dcgan": DCGAN, "mlp": MLP, "paper": Paper, "plain": Plain, "shallow": Shallow,
    "strong": Strong
}  # fmt: skip
