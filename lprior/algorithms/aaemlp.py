"""AAE (`aae.py`) as in the paper's experiment on likelihoods (Makhzani et al., https://arxiv.org/abs/1511.05644v2,
section 3): codes of 8 entries, a prior N(0, 5^2 I), and networks of two hidden layers of 1000 units (`networks.MLP`).

Departures, beside those of `aae.py`:
 4. torch's own initial weights.
Options that are off, for comparisons:
 5. `dropout`: the probability by which each hidden unit of enc and dec rests in a step. The paper has none; public
    reruns of its likelihood differ by it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lprior.algorithms import aae
from lprior.errors import UserError
from lprior.networks import Networks
from lprior.streams import Stream


@dataclass(frozen=True)
class Config(aae.Config):
    deviation: float = 5.0  # standard deviation of the prior; the paper, section 3
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.dropout >= 1:
            raise UserError(f"dropout must be less than 1, not {self.dropout}: no unit would be left")


class MLPAAE(aae.AAE):
    """AAE whose steps draw what rests by dropout."""

    config: Config

    def draw(self, x: Tensor, labels: Tensor | None, stream: Stream) -> dict[str, Tensor]:
        """As for AAE; with dropout also the seed (1,) of the step's masks."""
        source, inputs = stream("dropout"), super().draw(x, labels, stream)
        seed = torch.randint(2**31, (1,), generator=source, device=source.device)
        return inputs | {"seed": seed} if self.config.dropout else inputs

    def train_step(self, x: Tensor, noise: Tensor, seed: Tensor | None = None) -> dict[str, Tensor]:
        """As for AAE. torch draws masks of dropout from its global generators, which are what they were afterwards."""
        if seed is None:
            return super().train_step(x, noise)
        with torch.random.fork_rng():
            torch.manual_seed(int(seed))
            return super().train_step(x, noise)


class Scale(nn.Module):
    """Noise N(0, I) (N, code) -> N(0, deviation^2 I)."""

    def __init__(self, deviation: float):
        super().__init__()
        self.deviation = deviation

    def forward(self, noise: Tensor) -> Tensor:
        return self.deviation * noise


def build(config: Config, networks: Networks, code: int) -> MLPAAE:
    """The algorithm on new networks, for codes of so many entries."""
    enc, dec = (with_dropout(net, config.dropout) for net in (networks.encoder(code), networks.decoder(code)))
    algorithm = MLPAAE(config, code, enc, dec, networks.code_discriminator(code), Scale(config.deviation))
    algorithm.capturable = not config.dropout  # a CUDA graph would keep its masks
    return algorithm


def with_dropout(network: nn.Module, probability: float) -> nn.Module:
    """A sequence of layers, with dropout behind each ReLU."""
    if not probability:
        return network
    layers: list[nn.Module] = []
    for layer in network.children():
        layers += [layer, nn.Dropout(probability)] if isinstance(layer, nn.ReLU) else [layer]
    return nn.Sequential(*layers)
