"""lprior: a reproduction of *Learning Priors for Adversarial Autoencoders*. The README says where to look.

Nothing heavy is imported here; `import lprior` stays fast.
"""

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lprior.model import Model

__version__ = "0.1.0"


def load(run: "str | PathLike[str]", device: str = "cpu") -> "Model":
    """The trained model of a finished run: of its folder, or of the name of a published run, from any directory.

    `device`: "cpu", "cuda" or "auto". Raises UserError if there is no such run, or if it has no weights here.

    >>> import lprior
    >>> model = lprior.load("mnist-lpaae-s0")
    >>> model
    <Model mnist-lpaae-s0: LP-AAE on MNIST, 20 epochs, code of 8, on cpu>
    >>> images = model.sample(100)
    >>> images.shape, images.dtype
    (torch.Size([100, 1, 28, 28]), torch.uint8)
    >>> model.decode(model.encode(images)).shape
    torch.Size([100, 1, 28, 28])
    """
    from lprior.model import load

    return load(run, device)
