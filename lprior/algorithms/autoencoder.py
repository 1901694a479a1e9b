"""What remains of an algorithm when training is over."""

from collections.abc import Callable

from torch import Tensor, nn

from lprior.algorithms.conditions import NONE, Condition


class Autoencoder(nn.Module):
    """x -> code -> x_rec, and noise -> code -> image."""

    def __init__(
        self, enc: nn.Module, dec: nn.Module, CG: nn.Module | None = None, Q: nn.Module | None = None,
        s: Condition = NONE,
    ):  # fmt: skip
        """`CG` turns noise into codes; without one, noise is the code (a fixed prior). `Q`: images -> logits of `s`."""
        super().__init__()
        self.enc, self.dec, self.CG = enc, dec, CG if CG is not None else nn.Identity()
        self.Q: Callable[[Tensor], Tensor] | None = Q
        self.s = s

    def forward(self, z: Tensor) -> Tensor:
        """Images (N, C, H, W) from noise z (N, noise)."""
        return self.dec(self.CG(z))

    def encode(self, x: Tensor) -> Tensor:
        """Codes (N, code) of images."""
        return self.enc(x)


class Mean(nn.Module):
    """What encodes by the mean of q(z|x): (N, 2 code), mean and log-variance -> (N, code)."""

    def forward(self, mu_and_log_var: Tensor) -> Tensor:
        return mu_and_log_var.chunk(2, dim=1)[0]
