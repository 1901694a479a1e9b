"""The published models whose weights are in git: torch.hub.load("folder of this file", "lpaae_mnist", source="local").

Each is a `lprior.model.Model`: `model.sample(100)` are uint8 images (100, C, H, W).
"""

import lprior as _lprior

dependencies = ["torch", "safetensors", "numpy"]


def aae_mnist(device: str = "cpu"):
    """AAE on MNIST, compact networks."""
    return _lprior.load("mnist-aae-s0", device)


def lpaae_mnist(device: str = "cpu"):
    """LP-AAE on MNIST, compact networks."""
    return _lprior.load("mnist-lpaae-s0", device)


def lpaae_fixed_mnist(device: str = "cpu"):
    """LP-AAE with a fixed prior, its baseline, on MNIST, compact networks."""
    return _lprior.load("mnist-lpaae-fixed-s0", device)


def vaegan_mnist(device: str = "cpu"):
    """VAE/GAN on MNIST, compact networks."""
    return _lprior.load("mnist-vaegan-s0", device)


def lpaae_cifar10(device: str = "cpu"):
    """LP-AAE on CIFAR-10, dcgan networks."""
    return _lprior.load("cifar10-lpaae-s0", device)


def lpaae_fixed_cifar10(device: str = "cpu"):
    """LP-AAE with a fixed prior, its baseline, on CIFAR-10, dcgan networks."""
    return _lprior.load("cifar10-lpaae-fixed-s0", device)
