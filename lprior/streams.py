"""Random streams that depend on nothing but their names, so that a resumed run needs no saved state."""

import hashlib
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

Stream = Callable[[str], torch.Generator]  # name -> the random numbers of that name in this step, from the first on


def generator(seed: int, purpose: str, index: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A random stream that depends on these arguments alone: the same ones give the same numbers, on each device."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{index}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:4], "big"))


def normal(shape: tuple[int, ...] | torch.Size, stream: torch.Generator) -> Tensor:
    """Standard normal numbers on the stream's device."""
    return torch.randn(shape, generator=stream, device=stream.device)


def batches(count: int, batch_size: int, seed: int, epoch: int, device: torch.device | str = "cpu") -> Iterator[Tensor]:
    """The mini-batches of one epoch over `count` images, as indices; what does not fill a last batch is left out."""
    order = torch.randperm(count, generator=generator(seed, "order", epoch)).to(device)
    for start in range(0, count - batch_size + 1, batch_size):
        yield order[start : start + batch_size]


def followed(indices: Iterable[Tensor], known: Tensor, seed: int, epoch: int) -> Iterator[Tensor]:
    """Each mini-batch of indices (N,), followed by N of `known`, none twice before all have come; without any, as it
    is."""
    source = generator(seed, "labelled", epoch)
    for index in indices:
        order = torch.randperm(len(known), generator=source)
        repeated = order.repeat(-(-len(index) // max(1, len(known))))[: len(index)]
        yield torch.cat([index, known[repeated].to(index.device)])
