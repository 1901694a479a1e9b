"""Semi-supervised AAE, clustering, which is the same without labels, and dimensionality reduction, in which style and
y are summed: Makhzani et al., https://arxiv.org/abs/1511.05644v2, sections 5 to 7.

    paper                        code
    encoder q(y, z|x)            enc, whose codes are [z, y]: style z, linear, and the probabilities y of the values
    decoder p(x|y, z)            dec
    discriminators               D_z and D_y, with draws of p(z) and p(y) as their real examples
    p(z), p(y)                   noise z, N(0, I), and one-hot y, uniform (`prior`)
    cluster heads W_C            `Sum`, the first layer of dec where `heads` is on: W_C y + z is what it decodes

A mini-batch has three phases, each with optimizers of its own, as printed: SGD with momentum. Noise on the images that
enc sees, and no dropout.

Departures from the printed algorithm:
 1. The encoder fools by maximising log D (the non-saturating form), as in `aae.py`.
 2. A decoder that ends in tanh, for pixels in [-1, 1], where a sigmoid is the same for [0, 1].
 3. BatchNorm behind each layer of enc (`batch_norm`). Without it the printed rates diverge from torch's initial weights
    and, from those of the paper (`initial`), had twice the error after an epoch (docs/trials.csv).
 4. Rates fall over the last epochs (`RunConfig.falling`), where the paper's fall twice, by ten, within 5,000 epochs.
Options that are off, and ours:
 5. `views`: y also learns from random views of images (`views.py`): labelled images are seen through one, and enc
    descends L_view = -I(y(x); y(x')) - lam_H H(y), as Q does in LP-AAE (`lpaae_tuned.py`, 14 and 15).
 6. `lam_VAT` weighs how far y can be moved by a small change of an image (`vat.py`).
"""

from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD

from lprior.algorithms.autoencoder import Autoencoder
from lprior.algorithms.conditions import checked_labels
from lprior.algorithms.information import marginal_entropy, mutual_information
from lprior.algorithms.noise import draw_grain
from lprior.algorithms.objectives import gaussian_nll, log_D, log_one_minus_D
from lprior.algorithms.updates import update
from lprior.algorithms.vat import virtual_adversarial_loss
from lprior.algorithms.views import random_warps, view
from lprior.errors import UserError
from lprior.networks import Networks
from lprior.streams import Stream, normal


@dataclass(frozen=True)
class Config:
    values: int = 10  # of y; the paper, section 5
    named: bool = True  # whether y learns from labels, which `RunConfig.labelled` provides
    learning_rate: float = 0.01  # of the reconstruction; this and all below: the paper's appendix, from memory
    learning_rate_D: float = 0.1  # of the regularisation: the discriminators, and enc against them
    learning_rate_y: float = 0.1  # of the classification
    momentum: float = 0.9  # of reconstruction and classification
    momentum_D: float = 0.1  # of the regularisation
    deviation: float = 0.6  # of the noise on images in [-1, 1] that enc sees: 0.3 of the range from black to white
    batch_norm: bool = True  # behind each layer of enc
    heads: bool = False  # whether dec sees the sum of style and cluster head only; the paper, section 7
    views: bool = False  # 5
    lam_H: float = 3.0  # weight of H(y), 5, as LP-AAE has it (`lpaae_tuned.py`)
    lam_VAT: float = 0.0  # weight of L_VAT, 6
    apart: float = 5.0  # distance between cluster heads below which they repel each other; ours
    initial: float = 0.0  # standard deviation of initial weights, 0.01 in the paper; 0: torch's own

    def __post_init__(self) -> None:
        if self.values < 2:
            raise UserError(f"values must be at least 2, not {self.values}")


class Codes(nn.Module):
    """Images -> codes [z, y] (N, style + values) by a network to as many outputs, of which the last are logits of y."""

    def __init__(self, network: nn.Module, values: int):
        super().__init__()
        self.network, self.values = network, values

    def heads(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Style z (N, style), and logits of y (N, values)."""
        both = self.network(x)
        return both[:, : -self.values], both[:, -self.values :]

    def forward(self, x: Tensor) -> Tensor:
        z, logits = self.heads(x)
        return torch.cat([z, logits.float().softmax(dim=1).to(z.dtype)], dim=1)


class Categorical(nn.Module):
    """Noise N(0, I) (N, style + values) -> [z, y]: z as it is, y one-hot at the largest of the last entries."""

    def __init__(self, values: int):
        super().__init__()
        self.values = values

    def forward(self, noise: Tensor) -> Tensor:
        z, rest = noise[:, : -self.values], noise[:, -self.values :]
        return torch.cat([z, (rest == rest.amax(dim=1, keepdim=True)).to(z.dtype)], dim=1)


class Sum(nn.Module):
    """[z, y] (N, style + values) -> W_C y + z (N, style): the cluster heads are the columns of W_C (style, values)."""

    def __init__(self, style: int, values: int):
        super().__init__()
        self.W_C = nn.Linear(values, style, bias=False)

    def forward(self, codes: Tensor) -> Tensor:
        z, y = codes.split([self.W_C.out_features, self.W_C.in_features], dim=1)
        return self.W_C(y) + z


class SemiAAE(nn.Module):
    """The algorithm on given networks: `enc` images -> [z, y], `dec` [z, y] -> images, `D_z` and `D_y` -> logits."""

    capturable = True  # as a CUDA graph

    def __init__(self, config: Config, code: int, enc: Codes, dec: nn.Module, D_z: nn.Module, D_y: nn.Module):
        super().__init__()
        self.config, self.code, self.prior = config, code, Categorical(config.values)
        self.enc, self.dec, self.D_z, self.D_y = enc, dec, D_z, D_y
        rates = {"rec": (config.learning_rate, config.momentum), "fool": (config.learning_rate_D, config.momentum_D),
                 "y": (config.learning_rate_y, config.momentum)}  # fmt: skip
        self.opt = SimpleNamespace(
            enc=sgd(enc, *rates["rec"]), dec=sgd(dec, *rates["rec"]),
            D_z=sgd(D_z, *rates["fool"]), D_y=sgd(D_y, *rates["fool"]), enc_fool=sgd(enc, *rates["fool"]),
        )  # fmt: skip
        if config.named:
            self.opt.enc_y = sgd(enc, *rates["y"])

    def draw(self, x: Tensor, labels: Tensor | None, stream: Stream) -> dict[str, Tensor]:
        """The inputs of `train_step` for images x (N, C, H, W); if `named`, the second half of them has labels."""
        count = len(x) // 2 if self.config.named else len(x)
        noise, grain = normal((1, count, self.code), stream("noise")), draw_grain(x, stream("grain"))
        drawn = {"x": x[:count], "noise": noise, "grain": grain[:count]}
        if self.config.views:
            drawn["warps"] = random_warps(len(x), stream("warps"))
        if not self.config.named:
            return drawn
        labels = checked_labels(labels, "y is named by labels", "choose named=False")
        return drawn | {"x_labelled": x[count:], "grain_labelled": grain[count:], "labels": labels[count:]}

    def train_step(self, x: Tensor, noise: Tensor, grain: Tensor, **drawn: Tensor) -> dict[str, Tensor]:
        """One mini-batch: x (N, C, H, W) in [-1, 1], noise (1, N, style + values), grain like x, and if `named` as many
        images x_labelled with their grain and labels (N,), and warps of all for views. Returns the losses, detached."""
        opt, config = self.opt, self.config
        z, y = self.split(self.prior(noise[0]))
        x_seen = x + config.deviation * grain

        # Reconstruction phase
        L_rec = gaussian_nll(x / 2, self.dec(self.enc(x_seen)) / 2)  # of pixels as numbers in a range of 1
        losses, terms = {"L_rec": L_rec}, [(opt.enc, L_rec), (opt.dec, L_rec)]
        if config.heads:
            losses["L_heads"] = closeness(self.dec.get_parameter("0.W_C.weight").T, config.apart)
            terms.append((opt.dec, losses["L_heads"]))
        update(*terms)

        # Regularisation phase: first the discriminators ...
        z_x, y_x = self.split(self.enc(x_seen))
        L_GAN_z = -(log_D(self.D_z(z)) + log_one_minus_D(self.D_z(z_x)))
        L_GAN_y = -(log_D(self.D_y(y)) + log_one_minus_D(self.D_y(y_x)))
        update((opt.D_z, L_GAN_z), (opt.D_y, L_GAN_y))

        # ... then the encoder, against both
        L_fool = -(log_D(self.D_z(z_x)) + log_D(self.D_y(y_x)))
        update((opt.enc_fool, L_fool))
        losses |= {"L_GAN_z": L_GAN_z, "L_GAN_y": L_GAN_y, "L_fool": L_fool}

        # Semi-supervised classification phase
        if config.named:
            of_y = self.classification(x, grain, **drawn)
            update(*((opt.enc_y, loss, config.lam_VAT if name == "L_VAT" else 1.0) for name, loss in of_y.items()))
            losses |= of_y

        return {name: loss.detach() for name, loss in losses.items()}

    def classification(self, x: Tensor, grain: Tensor, **drawn: Tensor) -> dict[str, Tensor]:
        """The losses of y: of the labels, and with `views` and `lam_VAT` those that need none."""
        config, labelled, count = self.config, drawn["x_labelled"], len(x)

        def logits(images: Tensor, grain: Tensor) -> Tensor:
            return self.enc.heads(images + config.deviation * grain)[1]

        if config.views:
            labelled = view(labelled, drawn["warps"][count:])
        losses = {"L_y": cross_entropy(logits(labelled, drawn["grain_labelled"]).float(), drawn["labels"])}
        if config.views or config.lam_VAT:
            y_x = logits(x, grain)
        if config.views:  # 5
            y_view = logits(view(x, drawn["warps"][:count]), grain.flip(0))
            entropy = marginal_entropy(torch.cat([y_x, y_view]))
            losses["L_view"] = -mutual_information(y_x, y_view) - config.lam_H * entropy
        if config.lam_VAT:  # 6
            losses["L_VAT"] = virtual_adversarial_loss(lambda image: logits(image, grain), x, y_x, grain)
        return losses

    def split(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """z and y of codes [z, y]."""
        return codes[:, : -self.config.values], codes[:, -self.config.values :]

    def autoencoder(self) -> Autoencoder:
        """The networks that sample and reconstruct; shares the parameters."""
        return Autoencoder(self.enc, self.dec, self.prior)


def closeness(points: Tensor, apart: float) -> Tensor:
    """How far, summed over pairs of the points (N, entries), their distance falls short of `apart`."""
    return (apart - torch.pdist(points)).relu().sum()


def sgd(network: nn.Module, learning_rate: float, momentum: float) -> SGD:
    """The optimizer of one network in one phase."""
    return SGD(network.parameters(), lr=learning_rate, momentum=momentum, fused=True)


def with_batch_norm(network: nn.Module) -> nn.Module:
    """A sequence of layers, with BatchNorm behind each linear one."""
    layers: list[nn.Module] = []
    for layer in network.children():
        layers += [layer, nn.BatchNorm1d(layer.out_features)] if isinstance(layer, nn.Linear) else [layer]
    return nn.Sequential(*layers)


def build(config: Config, networks: Networks, code: int) -> SemiAAE:
    """The algorithm on new networks, for codes of so many entries, of which the last `values` are y."""
    style = code - config.values
    if style < 1:
        raise UserError(f"code must be more than the {config.values} values of y, not {code}: the rest is style")
    network = networks.encoder(code)
    enc = Codes(with_batch_norm(network) if config.batch_norm else network, config.values)
    D_z, D_y = networks.code_discriminator(style), networks.code_discriminator(config.values)
    dec = nn.Sequential(Sum(style, config.values), networks.decoder(style)) if config.heads else networks.decoder(code)
    algorithm = SemiAAE(config, code, enc, dec, D_z, D_y)
    for layer in algorithm.modules():
        if config.initial and isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=config.initial)
            nn.init.zeros_(layer.bias)
    return algorithm
