"""The algorithms, each one file, and the table that everything else finds them in.

An algorithm is a frozen dataclass `Config`, and a function `build(config, networks, code)`, which gives an `nn.Module`
with

    draw(x, labels, stream) -> inputs    what a step takes: images x, noise and whatever else it wants to be random
    train_step(**inputs) -> losses       one mini-batch, whose losses are detached scalars under the paper's names
    autoencoder()                        the networks that sample and reconstruct (`autoencoder.py`)
    opt                                  a namespace with the optimizer of each network under the network's name
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from lprior.algorithms import aae, lpaae_tuned, vaegan


@dataclass(frozen=True)
class Algorithm:
    """`notebook`: the file in `notebooks/` that tells it, "" for none."""

    title: str
    Config: type
    build: Callable[[Any, Any, int], nn.Module]
    notebook: str = ""


ALGORITHMS = {
    "aae": Algorithm("AAE", aae.Config, aae.build, "aae.ipynb"),
    "lpaae": Algorithm("LP-AAE", lpaae_tuned.Config, lpaae_tuned.build, "original_paper.ipynb"),
    "vaegan": Algorithm("VAE/GAN", vaegan.Config, vaegan.build, "vae_gan.ipynb"),
}
