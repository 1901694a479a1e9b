"""What a run takes at least, known from its configuration alone, so that one that cannot fit is refused beforehand."""

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from lprior.config import RunConfig, build
from lprior.data import DATASETS
from lprior.device import check_memory, memory_bytes
from lprior.evaluation.fitted import COMPONENTS

STATE = 16  # bytes for each weight: itself, its gradient, and two moments of Adam, all float32
KEPT = 2  # bytes, at least, for each number that a layer gives and that is kept for its gradient: bfloat16


def check(config: RunConfig, device: torch.device, measured: bool = True) -> None:
    """Raises UserError, which says how much it would take, for a run that does not fit into memory. `measured`: whether
    it is measured in the end."""
    values = f"width {config.width}, code {config.code} and batch_size {config.batch_size}"
    check_memory(training_bytes(config), memory_bytes(device), f"training with {values}")
    if measured:
        what = f"measuring {config.samples} samples with code {config.code}"
        check_memory(measuring_bytes(config), memory_bytes(torch.device("cpu")), what)


def training_bytes(config: RunConfig) -> float:
    """Of the networks, and of a batch on its way through the autoencoder. Nothing is allocated; `build` refuses what
    it always refuses."""
    try:
        return _on_meta(config)
    except (RuntimeError, TypeError, ValueError, OverflowError):
        try:
            _on_meta(replace(config, width=1, code=1, batch_size=1))
        except (RuntimeError, TypeError, ValueError, OverflowError):
            return 0.0  # an algorithm that looks at values, of which this device has none
        return math.inf  # more than can be counted


def _on_meta(config: RunConfig) -> float:
    """On torch's device of tensors that have a shape and nothing else, so that there is nothing to normalise."""
    kept, config = 0, replace(config, spectral_norm=False)

    def count(module: nn.Module, given: tuple, output: object) -> None:
        nonlocal kept
        kept += output.numel() if isinstance(output, Tensor) else 0

    with torch.random.fork_rng(devices=[]), torch.device("meta"), torch.no_grad():
        algorithm = build(config)
        autoencoder = algorithm.autoencoder().eval()
        for module in autoencoder.modules():
            if not list(module.children()):
                module.register_forward_hook(count)
        size = config.image_size
        x = torch.empty(config.batch_size, DATASETS[config.dataset].channels, size, size)
        autoencoder.dec(autoencoder.encode(x))
        return STATE * sum(weight.numel() for weight in algorithm.parameters()) + KEPT * kept


def measuring_bytes(config: RunConfig) -> float:
    """Of noise, of samples as uint8 and as float32, and of the covariances of the mixture of the control."""
    spec = DATASETS[config.dataset]
    sample = 4 * config.noise + 5 * spec.channels * config.image_size**2
    mixture = 8 * COMPONENTS * config.code**2 if spec.classifier else 0
    return config.samples * sample + mixture
