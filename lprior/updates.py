"""The one place where parameters move."""

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer


def update(*pairs: tuple[Optimizer, Tensor]) -> None:
    """Descend each loss with respect to the parameters that its optimizer owns, and no others.

    All gradients are taken at the same point; only then does any parameter move. An optimizer named in several pairs
    descends the sum of its losses. A step against an opponent that has just moved is a second call, with a fresh
    forward pass.

    Raises ValueError if a loss does not reach every parameter of its optimizer: a silent zero gradient would hide a
    mistake in the algorithm.
    """
    losses: dict[Optimizer, Tensor] = {}
    for optimizer, loss in pairs:
        losses[optimizer] = losses[optimizer] + loss if optimizer in losses else loss

    gradients = {optimizer: _gradient(optimizer, loss) for optimizer, loss in losses.items()}
    for optimizer, parameter_gradients in gradients.items():
        for parameter, gradient in zip(_parameters(optimizer), parameter_gradients, strict=True):
            parameter.grad = gradient
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def adam(network: nn.Module, learning_rate: float, betas: tuple[float, float]) -> Adam:
    """The optimizer of one network."""
    return Adam(network.parameters(), lr=learning_rate, betas=betas, fused=True)


def _parameters(optimizer: Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _gradient(optimizer: Optimizer, loss: Tensor) -> tuple[Tensor, ...]:
    parameters = _parameters(optimizer)
    gradients = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    missed = [tuple(p.shape) for p, gradient in zip(parameters, gradients, strict=True) if gradient is None]
    if missed:
        raise ValueError(f"the loss does not reach {len(missed)} parameters of its optimizer, of shapes {missed[:4]}")
    return gradients
