import math

import pytest
import torch
from torch.nn import functional as F

from lprior import data, evaluate, metrics
from lprior.errors import UserError


@pytest.fixture(scope="module")
def evaluator():
    return evaluate.load_evaluator("mnist5k")


@pytest.fixture(scope="module")
def held_out():
    return data.load("mnist5k", split="test")


def gaussian(mean: list, variance: list, count: int = 20_000, seed: int = 0) -> torch.Tensor:
    noise = torch.randn(count, len(mean), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.tensor(mean) + noise * torch.tensor(variance).sqrt()


def test_frechet_distance_of_gaussians_is_near_its_closed_form():
    """Of diagonal covariances: |mean difference|^2 + sum (sqrt a - sqrt b)^2."""
    a, b = gaussian([0.0, 1.0, 2.0], [1.0, 4.0, 9.0]), gaussian([1.0, 1.0, 0.0], [4.0, 4.0, 1.0], seed=1)
    assert metrics.frechet_distance(a, b) == pytest.approx(1 + 4 + 1 + 0 + 4, rel=0.03)


def test_frechet_distance_is_symmetric_and_zero_for_the_same_features():
    a, b = gaussian([0.0, 1.0], [1.0, 4.0], 500), gaussian([1.0, 0.0], [2.0, 1.0], 500, seed=1)
    assert metrics.frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert metrics.frechet_distance(a, b) == pytest.approx(metrics.frechet_distance(b, a), rel=1e-6)


def test_frechet_distance_sees_correlation_and_not_only_means_and_variances():
    a = gaussian([0.0, 0.0], [1.0, 1.0])
    mixed = torch.stack([a[:, 0], 0.9 * a[:, 0] + math.sqrt(1 - 0.81) * a[:, 1]], dim=1)
    assert metrics.frechet_distance(mixed, a) > 0.1


def one_hot_logits(classes: torch.Tensor) -> torch.Tensor:
    return 100.0 * F.one_hot(classes, 10)


def test_classifier_score_is_the_number_of_classes_at_best_and_one_at_worst():
    assert metrics.classifier_score(one_hot_logits(torch.arange(10).repeat(20))) == pytest.approx(10, rel=1e-4)
    assert metrics.classifier_score(one_hot_logits(torch.full((200,), 3))) == pytest.approx(1, rel=1e-4)
    assert metrics.classifier_score(torch.zeros(200, 10)) == pytest.approx(1, rel=1e-4)


def test_classifier_score_of_a_collapse_to_two_classes_is_two():
    """As the samples of the 2018 report, which were almost only fours and nines."""
    assert metrics.classifier_score(one_hot_logits(torch.tensor([4, 9]).repeat(100))) == pytest.approx(2, rel=1e-4)


def test_class_histogram_counts_the_likeliest_class_of_each_image():
    histogram = metrics.class_histogram(one_hot_logits(torch.tensor([0, 0, 0, 7])))
    assert histogram.tolist() == [0.75, 0, 0, 0, 0, 0, 0, 0.25, 0, 0]


@pytest.mark.parametrize("classes", [1, 2, 10])
def test_entropy_is_that_of_equally_frequent_classes(classes):
    histogram = torch.zeros(10, dtype=torch.float64)
    histogram[:classes] = 1 / classes
    assert metrics.entropy(histogram) == pytest.approx(math.log(classes), abs=1e-12)


def test_the_shipped_classifier_reads_digits(evaluator, held_out):
    assert evaluate.accuracy(evaluator, held_out) >= 0.97


def test_the_shipped_classifier_is_described_by_its_accuracy_and_anchors():
    described = evaluate.load_evaluator_description("mnist5k")
    assert 0.99 < described["accuracy_test"] <= 1
    assert 9 < described["score_test"] <= 10
    assert 0 <= described["fid_train_test"] < 1


def test_features_do_not_depend_on_the_batch_size(evaluator, held_out):
    images = held_out.images[:30]
    for one, two in zip(evaluator.measure(images, 30), evaluator.measure(images, 7), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4)


def noisy(images: torch.Tensor, strength: float) -> torch.Tensor:
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return (images + 255 * strength * noise).clamp(0, 255).to(torch.uint8)


def test_fid_of_digits_grows_with_noise(evaluator, held_out):
    reference, _ = evaluator.measure(held_out.images)
    candidates = [data.load("mnist5k").images[:500], *(noisy(held_out.images, s) for s in (0.3, 0.6))]
    fids = [metrics.frechet_distance(evaluator.measure(images)[0], reference) for images in candidates]
    assert 0 <= fids[0] < fids[1] < fids[2]


def test_measure_says_the_protocol_in_each_key(held_out):
    values = evaluate.measure(noisy(held_out.images, 0.1), held_out.images, held_out)
    assert set(values) == {
        "reconstruction_mse_test", "fid_mnist_clf_500_test", "score_mnist_clf_500", "score_mnist_clf_100",
        "entropy_mnist_clf_500", "histogram_mnist_clf_500",
    }  # fmt: skip
    assert values["reconstruction_mse_test"] == 0
    assert values["score_mnist_clf_500"] > 8


def test_reconstruction_error_is_of_pixels_in_the_unit_interval(held_out):
    images = held_out.head(40)
    inverted = 255 - images.images
    expected = ((images.images.double() - inverted.double()) / 255).square().mean().item()
    values = evaluate.measure(images.images, inverted, images)
    assert values["reconstruction_mse_test"] == pytest.approx(expected, rel=1e-5)


def test_padding_changes_no_metric_on_features(held_out):
    few = held_out.head(200)
    plain = evaluate.measure(few.images, few.images, few)
    padded = evaluate.measure(few.padded(32).images, few.padded(32).images, few.padded(32))
    assert padded == plain


def test_a_data_set_without_a_classifier_has_no_metrics_that_need_one(held_out):
    others = data.Dataset("fashion-mnist", held_out.images[:50], held_out.labels[:50], "none")
    assert set(evaluate.measure(others.images, others.images, others)) == {"reconstruction_mse_test"}
    with pytest.raises(UserError, match="no evaluator is shipped for 'fashion-mnist'"):
        evaluate.load_evaluator("fashion-mnist")
