import copy

import pytest
import torch
from torch import nn
from torch.optim import SGD

from lprior.algorithms.updates import adam, update

RATE = 0.1
X = torch.tensor([[1.0, -2.0], [0.5, 3.0], [2.0, 1.0]], dtype=torch.float64)


@pytest.fixture
def networks() -> list[nn.Module]:
    torch.manual_seed(0)
    return [nn.Linear(2, 2).double() for _ in range(3)]


def optimizers(networks):
    return [SGD(network.parameters(), lr=RATE) for network in networks]


def product_loss(networks) -> torch.Tensor:
    """A loss in which each network's gradient depends on the parameters of the others."""
    value = X
    for network in networks:
        value = network(value)
    return value.square().mean()


def test_only_the_parameters_of_the_named_optimizers_move(networks):
    a, b, c = networks
    before = copy.deepcopy(networks)
    opt_a, _, opt_c = optimizers(networks)
    loss = product_loss(networks)
    update((opt_a, loss), (opt_c, -loss))

    assert all(torch.equal(p, q) for p, q in zip(b.parameters(), before[1].parameters(), strict=True))
    for moved, old in ((a, before[0]), (c, before[2])):
        assert not any(torch.equal(p, q) for p, q in zip(moved.parameters(), old.parameters(), strict=True))


def test_all_gradients_are_taken_at_the_same_point(networks):
    loss = product_loss(networks)
    expected = []
    for network in networks:
        gradients = torch.autograd.grad(loss, list(network.parameters()), retain_graph=True)
        expected += [p.detach() - RATE * g for p, g in zip(network.parameters(), gradients, strict=True)]

    update(*((optimizer, loss) for optimizer in optimizers(networks)))

    moved = [p for network in networks for p in network.parameters()]
    for p, q in zip(moved, expected, strict=True):
        torch.testing.assert_close(p, q, rtol=0, atol=1e-15)


def test_a_second_call_sees_the_networks_that_have_moved():
    """d(ab)/da = b: in one call a moves by the old b, in two calls by the new one."""
    a, b = (nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.tensor(3.0)))
    opt_a, opt_b = SGD([a], lr=RATE), SGD([b], lr=RATE)
    update((opt_b, a * b))
    update((opt_a, a * b))
    assert b.item() == pytest.approx(3 - RATE * 2)
    assert a.item() == pytest.approx(2 - RATE * (3 - RATE * 2))


def test_each_optimizer_descends_its_own_loss_only():
    """Two optimizers with opposite costs, as in a game: neither gradient may leak into the other's network."""
    a, b = (nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.tensor(3.0)))
    update((SGD([a], lr=RATE), a * b), (SGD([b], lr=RATE), -a * b))
    assert a.item() == pytest.approx(2 - RATE * 3)
    assert b.item() == pytest.approx(3 + RATE * 2)


def test_an_optimizer_in_two_terms_descends_the_sum(networks):
    twin = copy.deepcopy(networks)
    opt, twin_opt = optimizers(networks)[0], optimizers(twin)[0]
    update((opt, product_loss(networks)), (opt, 3 * product_loss(networks[:1])))
    update((twin_opt, product_loss(twin) + 3 * product_loss(twin[:1])))
    for p, q in zip(networks[0].parameters(), twin[0].parameters(), strict=True):
        torch.testing.assert_close(p, q)


@pytest.mark.parametrize("weight", [-1, 0.25, 50.0])
def test_a_weight_is_a_factor_of_the_loss(networks, weight):
    """Also where two optimizers descend one loss with different weights, which share its differentiation."""
    twin = copy.deepcopy(networks)
    (a, b, _), (twin_a, twin_b, _) = optimizers(networks), optimizers(twin)
    shared, other = product_loss(networks), product_loss(networks[:1])
    update((a, shared), (b, shared, weight), (a, other, weight))
    update((twin_a, product_loss(twin) + weight * product_loss(twin[:1])), (twin_b, weight * product_loss(twin)))
    for p, q in zip(nn.ModuleList(networks).parameters(), nn.ModuleList(twin).parameters(), strict=True):
        torch.testing.assert_close(p, q)


def test_a_loss_that_several_optimizers_descend_is_differentiated_once(networks):
    """Counted where it costs: how often the gradient passes the last network's output."""
    passes = []
    loss = product_loss(networks)
    loss.register_hook(passes.append)
    update(*((optimizer, loss, 1 + i) for i, optimizer in enumerate(optimizers(networks))))
    assert len(passes) == 1


def test_a_loss_that_misses_a_parameter_is_an_error_and_moves_nothing(networks):
    before = copy.deepcopy(networks)
    opt_a, _, opt_c = optimizers(networks)
    with pytest.raises(ValueError, match="no loss reaches"):
        update((opt_a, product_loss(networks)), (opt_c, product_loss(networks[:2])))
    for network, old in zip(networks, before, strict=True):
        assert all(torch.equal(p, q) for p, q in zip(network.parameters(), old.parameters(), strict=True))


def test_no_gradient_is_left_behind(networks):
    loss = product_loss(networks)
    update((optimizers(networks)[1], loss))
    assert all(p.grad is None for network in networks for p in network.parameters())


def test_a_gradient_left_by_others_is_not_added(networks):
    twin = copy.deepcopy(networks)
    product_loss(networks).backward()
    update((optimizers(networks)[0], product_loss(networks)))
    update((optimizers(twin)[0], product_loss(twin)))
    assert all(torch.equal(p, q) for p, q in zip(networks[0].parameters(), twin[0].parameters(), strict=True))


def test_adam_has_the_rates_and_betas_it_is_given(networks):
    (group,) = adam(networks[0], 0.25, (0.3, 0.7)).param_groups
    assert (group["lr"], tuple(group["betas"])) == (0.25, (0.3, 0.7))
    assert [id(p) for p in group["params"]] == [id(p) for p in networks[0].parameters()]


def test_weights_and_sums_of_many_losses_are_those_of_one_gradient(networks):
    """Of losses that share some of their parameters only, each with weights of its own."""
    a, b, _ = networks
    whole = product_loss(networks)
    part = a(X).square().mean()
    expected = [
        p - RATE * g
        for p, g in zip(
            [*a.parameters(), *b.parameters()],
            torch.autograd.grad(0.5 * whole + 3.0 * part, [*a.parameters()], retain_graph=True)
            + torch.autograd.grad(-2.0 * whole, [*b.parameters()], retain_graph=True),
            strict=True,
        )
    ]
    opt_a, opt_b, _ = optimizers(networks)
    update((opt_a, whole, 0.5), (opt_b, whole, -2.0), (opt_a, part, 3.0))
    for p, q in zip([*a.parameters(), *b.parameters()], expected, strict=True):
        torch.testing.assert_close(p, q, rtol=0, atol=1e-14)
