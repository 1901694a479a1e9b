"""The algorithms, each one file, and the table that everything else finds them in.

An algorithm is a frozen dataclass `Config`, and a function `build(config, networks, code)`, which gives a `Trainable`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Protocol

from torch import Tensor, nn

from lprior.algorithms import aae, aaelabel, aaemlp, aaeplane, aaesemi, gan, lpaae_tuned, lptext, vae, vaedis, vaegan
from lprior.algorithms.autoencoder import Autoencoder
from lprior.streams import Stream


class Trainable(Protocol):
    """An `nn.Module` with these. `opt` has the optimizer of each network under the network's name.

    `capturable`: whether a step is the same operations every time and looks at no value, as a CUDA graph needs it.
    """

    opt: SimpleNamespace

    @property
    def capturable(self) -> bool: ...

    def draw(self, x: Tensor, labels: Tensor | None, stream: Stream) -> dict[str, Tensor]:
        """What a step takes: images x (N, C, H, W) in [-1, 1], noise, and whatever else it wants to be random."""
        ...

    def train_step(self, **inputs: Tensor) -> dict[str, Tensor]:
        """One mini-batch. Returns detached scalars, losses under the paper's names."""
        ...

    def autoencoder(self) -> Autoencoder:
        """The networks that sample and reconstruct; shares the parameters."""
        ...

    def to(self, *args: Any, **options: Any) -> Any: ...
    def parameters(self) -> Iterator[nn.Parameter]: ...
    def buffers(self) -> Iterator[Tensor]: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: dict[str, Any]) -> Any: ...


@dataclass(frozen=True)
class Algorithm:
    """`notebook`: the file in `notebooks/` that tells it, "" for none. `main`: whether it has runs in every
    preset and rows in the main tables; others are for studies. `some_labels`: whether it learns from the labels of some
    images, which follow each mini-batch (`RunConfig.labelled`)."""

    title: str
    Config: type
    build: Callable[[Any, Any, int], Any]
    notebook: str = ""
    main: bool = True
    some_labels: bool = False


ALGORITHMS = {
    "aae": Algorithm("AAE", aae.Config, aae.build, "aae.ipynb"),
    "lpaae": Algorithm("LP-AAE", lpaae_tuned.Config, lpaae_tuned.build, "original_paper.ipynb"),
    "vaegan": Algorithm("VAE/GAN", vaegan.Config, vaegan.build, "vae_gan.ipynb"),
    "vae": Algorithm("VAE", vae.Config, vae.build, main=False),
    "vaedis": Algorithm("VAE in features", vaedis.Config, vaedis.build, main=False),
    "gan": Algorithm("GAN", gan.Config, gan.build, main=False),
    "aaemlp": Algorithm("AAE, printed networks", aaemlp.Config, aaemlp.build, main=False),
    "aaelabel": Algorithm("AAE, supervised", aaelabel.Config, aaelabel.build, main=False),
    "aaeplane": Algorithm("AAE, mixture, 10 000 labels", aaeplane.Config, aaeplane.build, main=False, some_labels=True),
    "lptext": Algorithm("LP-AAE, text", lptext.Config, lptext.build, main=False),
    "aaesemi": Algorithm("AAE, 100 labels", aaesemi.Config, aaesemi.build, main=False, some_labels=True),
}
