import numpy as np
import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from lprior.algorithms.objectives import (
    feature_distance,
    feature_norm,
    gaussian_kl,
    gaussian_nll,
    log_D,
    log_one_minus_D,
)

SHAPES = [(5, 3), (4, 2, 3, 3)]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(7, 1), (7,), (2, 1, 3, 3)])
def test_log_D_is_the_mean_log_probability_of_real(shape, dtype):
    logits = 3 * torch.randn(shape, dtype=dtype)
    D = 1 / (1 + np.exp(-logits.double().numpy()))
    assert log_D(logits).item() == pytest.approx(np.log(D).mean(), rel=1e-5)
    assert log_one_minus_D(logits).item() == pytest.approx(np.log(1 - D).mean(), rel=1e-5)


@pytest.mark.parametrize("logit", [-1e4, -200.0, 200.0, 1e4])
def test_extreme_logits_have_finite_values_and_gradients(logit):
    logits = torch.full((2, 1), logit, requires_grad=True)
    for value, expected in ((log_D(logits), min(logit, 0)), (log_one_minus_D(logits), min(-logit, 0))):
        assert value.item() == pytest.approx(expected)
        (gradient,) = torch.autograd.grad(value, logits)
        assert torch.isfinite(gradient).all()


def test_confidently_fooled_discriminator_still_gives_a_gradient():
    """The point of log D for the generator: where D rejects a fake for certain, log(1 - D) is flat and log D is not."""
    logits = torch.tensor([[-50.0]], requires_grad=True)
    assert torch.autograd.grad(log_D(logits), logits)[0].item() == pytest.approx(1)
    assert torch.autograd.grad(log_one_minus_D(logits), logits)[0].item() == pytest.approx(0, abs=1e-12)


def test_gaussian_kl_is_the_divergence_from_the_standard_normal():
    mu, log_var = torch.randn(6, 4), torch.randn(6, 4)
    q = Normal(mu.double(), (0.5 * log_var.double()).exp())
    expected = kl_divergence(q, Normal(0.0, 1.0)).sum(dim=1).mean()
    assert gaussian_kl(mu, log_var).item() == pytest.approx(expected.item(), rel=1e-5)
    assert gaussian_kl(torch.zeros(6, 4), torch.zeros(6, 4)).item() == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_gaussian_nll_is_that_of_a_unit_gaussian_up_to_its_constant(shape):
    features, rec = torch.randn(shape), torch.randn(shape)
    density = Independent(Normal(rec.double(), 1.0), len(shape) - 1)
    constant = 0.5 * np.log(2 * np.pi) * features[0].numel()
    expected = -density.log_prob(features.double()).mean().item() - constant
    assert gaussian_nll(features, rec).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_feature_distance_is_the_mean_squared_difference(shape):
    features, rec = torch.randn(shape), torch.randn(shape)
    expected = np.mean((features.numpy() - rec.numpy()) ** 2)
    assert feature_distance(features, rec).item() == pytest.approx(expected, rel=1e-5)
    assert feature_distance(features, features).item() == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_feature_norm_is_the_mean_norm_over_images(shape):
    features, rec = torch.randn(shape), torch.randn(shape, requires_grad=True)
    norms = [np.linalg.norm(one.ravel()) for one in (features - rec).detach().numpy()]
    assert feature_norm(features, rec).item() == pytest.approx(np.mean(norms), rel=1e-5)
    feature_norm(rec.detach(), rec).backward()
    assert torch.isfinite(rec.grad).all()  # also where the norm has its kink


def test_gaussian_nll_and_feature_distance_differ_by_their_normalisation():
    features, rec = torch.randn(4, 2, 3, 3), torch.randn(4, 2, 3, 3)
    half_the_entries = 0.5 * features[0].numel()
    expected = half_the_entries * feature_distance(features, rec).item()
    assert gaussian_nll(features, rec).item() == pytest.approx(expected, rel=1e-5)


def test_losses_of_bfloat16_inputs_are_computed_in_float32():
    a, b = torch.randn(4, 3).bfloat16(), torch.randn(4, 3).bfloat16()
    of_one = [log_D(a), log_one_minus_D(a)]
    of_two = [gaussian_kl(a, b), gaussian_nll(a, b), feature_distance(a, b), feature_norm(a, b)]
    for value in of_one + of_two:
        assert value.dtype == torch.float32
