"""Priors that are fitted to codes: what they draw is distributed as the codes are, as far as each can say."""

import pytest
import torch

from lprior.evaluation import fitted
from lprior.evaluation.fitted import FITTED, NotFitted
from lprior.evaluation.metrics import TITLES, fitted_prefix, metric_of

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def short_flow(monkeypatch):
    monkeypatch.setattr(fitted, "FLOW_EPOCHS", 8)
    monkeypatch.setattr(fitted, "FLOW_BATCH", 250)


def two_clusters(count=2000):
    """Codes (count, 2): half of them around (-6, 1), half around (6, 1), with a deviation of 0.5."""
    numbers = torch.Generator().manual_seed(0)
    side = torch.randint(2, (count, 1), generator=numbers) * 12.0 - 6
    centres = torch.cat([side, torch.ones(count, 1)], dim=1)
    return centres + 0.5 * torch.randn(count, 2, generator=numbers)


@pytest.mark.parametrize("prior", FITTED)
def test_what_is_drawn_has_the_mean_and_the_spread_of_the_codes(prior):
    codes = two_clusters()
    drawn = FITTED[prior].draw(codes, 1000, 3, CPU)
    assert drawn.shape == (1000, 2) and drawn.dtype == torch.float32
    assert torch.allclose(drawn.mean(dim=0), codes.mean(dim=0), atol=0.7)
    assert torch.allclose(drawn.std(dim=0), codes.std(dim=0), rtol=0.15, atol=0.1)


@pytest.mark.parametrize(("prior", "between"), [("gmm1", 0.2), ("gmm10", 0.0), ("gmm100", 0.0), ("codes", 0.0)])
def test_mixtures_leave_the_gap_between_clusters_empty_and_one_gaussian_does_not(prior, between):
    drawn = FITTED[prior].draw(two_clusters(), 2000, 0, CPU)
    share = (drawn[:, 0].abs() < 3).float().mean().item()
    assert share > between if between else share < 0.01


@pytest.mark.parametrize("prior", FITTED)
def test_the_same_seed_draws_the_same_and_another_seed_does_not(prior):
    codes = two_clusters(500)
    one, again, other = (FITTED[prior].draw(codes, 50, seed, CPU) for seed in (1, 1, 2))
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_a_flow_leaves_the_random_numbers_of_others_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    FITTED["flow"].draw(two_clusters(500), 10, 0, CPU)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("prior", ["flow", "kde"])
def test_codes_that_have_collapsed_are_refused(prior):
    with pytest.raises(NotFitted):
        FITTED[prior].draw(torch.ones(300, 2), 10, 0, CPU)


def test_every_fitted_prior_has_keys_of_its_own():
    for prefix in TITLES:
        key = f"{prefix}fid_mnist_clf1_10k_test"
        assert fitted_prefix(key) == prefix and metric_of(key).title == "FID"
