"""lprior: a reproduction of *Learning Priors for Adversarial Autoencoders*. The README says where to look.

Nothing heavy is imported here; `import lprior` stays fast.
"""

__version__ = "0.1.0"


def load(folder, device: str = "cpu"):
    """The trained model of a finished run's folder: see `lprior.model`."""
    from lprior.model import load

    return load(folder, device)
