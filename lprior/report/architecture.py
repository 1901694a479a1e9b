"""The table of networks, from the modules themselves: what `config.build` makes of a run's config.json."""

from collections.abc import Iterator

from torch import nn

from lprior.config import RunConfig, build
from lprior.networks.layers import is_spectrally_normalised
from lprior.networks.sngan import PreActivation
from lprior.report.latex import Table, escape, row

NETWORKS = {  # in the order of the table: attribute of an algorithm -> its name in LaTeX
    "enc": r"$\enc$", "dec": r"$\dec$", "CG": r"$\CG$", "D_C": "$D_C$", "D_I": "$D_I$", "Dis": r"$\Dis$",
}  # fmt: skip
NAMES = {
    nn.BatchNorm1d: "BN", nn.BatchNorm2d: "BN", nn.ReLU: "ReLU", nn.LeakyReLU: "LReLU", nn.Tanh: "tanh",
    nn.AvgPool2d: "average pool", nn.Dropout: "dropout",
}  # fmt: skip


def networks_table(configs: dict[str, RunConfig]) -> Table:
    """A row for each network, a column for each of the configurations, by its title: the layers, and how many
    parameters they have."""
    built = {title: build(config) for title, config in configs.items()}
    rows = []
    for name, symbol in NETWORKS.items():
        networks = [getattr(algorithm, name, None) for algorithm in built.values()]
        if any(network is not None for network in networks):
            rows.append(row([symbol, *("--" if network is None else described(network) for network in networks)]))
    return Table(row(["", *map(escape, configs)]), "".join(rows))


def described(network: nn.Module) -> str:
    """Its layers in LaTeX, each with what follows it, and the number of its parameters."""
    said: list[str] = []
    for text, begins in _layers(network):
        if begins or not said:
            said.append(text)
        else:
            said[-1] += f" {text}"
    count = sum(parameter.numel() for parameter in network.parameters())
    return rf"{'; '.join(said)} ({count / 1000:,.0f}\,k)"


def _layers(module: nn.Module, rearranged: int = 1) -> Iterator[tuple[str, bool]]:
    """Each layer in words, and whether it is one with weights, which others follow."""
    for child in module.children():
        if isinstance(child, nn.PixelUnshuffle):  # the convolution behind it is one of the image, of so many strides
            rearranged = child.downscale_factor
        elif isinstance(child, nn.PixelShuffle):
            yield rf"shuffle $\uparrow${child.upscale_factor}", False
        elif isinstance(child, nn.Linear):
            yield f"FC {child.out_features}{_norm(child)}", True
        elif isinstance(child, nn.Conv2d | nn.ConvTranspose2d):
            yield _convolution(child, rearranged), True
            rearranged = 1
        elif type(child) in NAMES:
            yield NAMES[type(child)], False
        elif isinstance(child, PreActivation):
            yield _block(child), True
        else:
            yield from _layers(child)


def _convolution(layer: nn.Conv2d | nn.ConvTranspose2d, rearranged: int) -> str:
    size, stride = rearranged * layer.kernel_size[0], rearranged * layer.stride[0]
    up = isinstance(layer, nn.ConvTranspose2d)
    arrow = r"\uparrow" if up else r"\downarrow"
    resized = f" ${arrow}${stride}" if stride > 1 else ""
    return rf"{size}$\times${size} {'upconv' if up else 'conv'} {layer.out_channels}{resized}{_norm(layer)}"


def _block(block: nn.Module) -> str:
    """A residual one: the channels that it gives, and whether it halves or doubles the map."""
    inside = list(block.modules())
    convolutions = [layer for layer in inside if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
    up = any(isinstance(layer, nn.Upsample | nn.ConvTranspose2d) for layer in inside)
    down = any(isinstance(layer, nn.AvgPool2d) or getattr(layer, "stride", 1) in (2, (2, 2)) for layer in inside)
    resized = r" $\uparrow$2" if up else r" $\downarrow$2" if down else ""
    return f"res {convolutions[0].out_channels}{resized}{_norm(convolutions[0])}"


def _norm(layer: nn.Module) -> str:
    return " SN" if is_spectrally_normalised(layer) else ""
