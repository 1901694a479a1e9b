"""The one place where parameters move."""

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

Term = tuple[Optimizer, Tensor] | tuple[Optimizer, Tensor, float]


def update(*terms: Term) -> None:
    """Descend each loss, times its weight, with respect to the parameters that its optimizer owns, and no others.

    A term is (optimizer, loss) or (optimizer, loss, weight). All gradients are taken at the same point; only then does
    any parameter move. An optimizer named in several terms descends their sum. A step against an opponent that has just
    moved is a second call, with a fresh forward pass.

    A loss that several optimizers descend, with whatever weights, is differentiated once for all of them: weights
    belong into the terms, `(dec, L_rec, lam)`, not into a new tensor `lam * L_rec`.

    Raises ValueError if the losses of an optimizer do not reach each of its parameters: a silent zero gradient would
    hide a mistake in the algorithm.
    """
    optimizers: dict[Optimizer, list[nn.Parameter]] = {optimizer: _parameters(optimizer) for optimizer, *_ in terms}
    weights: dict[Tensor, dict[Optimizer, float]] = {}
    for optimizer, loss, *weight in terms:
        by_optimizer = weights.setdefault(loss, {})
        by_optimizer[optimizer] = by_optimizer.get(optimizer, 0.0) + (weight[0] if weight else 1.0)

    gradients: dict[nn.Parameter, Tensor] = {}
    for loss, by_optimizer in weights.items():
        moved = [parameter for optimizer in by_optimizer for parameter in optimizers[optimizer]]
        found = torch.autograd.grad(loss, moved, retain_graph=True, allow_unused=True)
        reached = {p: gradient for p, gradient in zip(moved, found, strict=True) if gradient is not None}
        for optimizer, factor in by_optimizer.items():
            _add(gradients, {p: reached[p] for p in optimizers[optimizer] if p in reached}, factor)

    for parameters in optimizers.values():
        missed = [tuple(parameter.shape) for parameter in parameters if parameter not in gradients]
        if missed:
            raise ValueError(f"no loss reaches {len(missed)} parameters of its optimizer, of shapes {missed[:4]}")
    for optimizer, parameters in optimizers.items():
        for parameter in parameters:
            parameter.grad = _laid_out(gradients[parameter], parameter)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def adam(network: nn.Module, learning_rate: float, betas: tuple[float, float]) -> Adam:
    """The optimizer of one network."""
    return Adam(network.parameters(), lr=learning_rate, betas=betas, fused=True)


def _add(total: dict[nn.Parameter, Tensor], term: dict[nn.Parameter, Tensor], weight: float) -> None:
    """Add `weight` times the gradients of a loss, in two operations for all parameters: each costs a GPU a launch."""
    if weight != 1 and term:
        term = dict(zip(term, torch._foreach_mul(list(term.values()), weight), strict=True))
    both = [parameter for parameter in term if parameter in total]
    if both:
        sums = torch._foreach_add([total[parameter] for parameter in both], [term[parameter] for parameter in both])
        term = term | dict(zip(both, sums, strict=True))
    total.update(term)


def _laid_out(gradient: Tensor, parameter: nn.Parameter) -> Tensor:
    """The gradient in the parameter's order in memory, by which fused Adam pairs entries; kernels may give another."""
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


def _parameters(optimizer: Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
