"""Random views of images, and the information that two of them share."""

import math

import pytest
import torch

from lprior.algorithms.information import marginal_entropy, mutual_information
from lprior.algorithms.vat import virtual_adversarial_loss
from lprior.algorithms.views import SCALE, SHEAR, SHIFT, TURN, WARPS, random_warps, view


def warps(**given):
    names = ("turn", "scale", "shear", "right", "down")
    return torch.tensor([[given.get(name, 0.0) for name in names]])


@pytest.mark.parametrize("bfloat16", [False, True])
def test_no_warp_is_the_image_itself(bfloat16):
    x = torch.rand(3, 2, 28, 28)
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        torch.testing.assert_close(view(x, torch.zeros(3, WARPS)), x)


def test_a_shift_takes_pixels_from_beside_and_goes_on_as_the_border():
    size = round(1 / SHIFT * 3)  # 40, where the longest shift is of three pixels
    x = torch.rand(1, 1, size, size)
    moved = view(x, warps(right=1.0))
    torch.testing.assert_close(moved[..., :-3], x[..., 3:], atol=1e-4, rtol=0)
    torch.testing.assert_close(moved[..., -3:], x[..., -1:].expand(1, 1, size, 3), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["turn", "scale", "shear", "down"])
def test_each_warp_keeps_the_centre_of_a_disc_or_moves_it_as_it_says(name):
    lines = torch.linspace(-1, 1, 81)
    x = ((lines[:, None] ** 2 + lines[None] ** 2) < 0.25).float()[None, None]
    seen = view(x, warps(**{name: 1.0}))[0, 0]
    centre = [(seen.sum(1 - axis) * lines).sum() / seen.sum() for axis in (0, 1)]
    assert torch.allclose(torch.stack(centre), torch.tensor([-2 * SHIFT * (name == "down"), 0.0]), atol=0.01)
    area = {"turn": 1.0, "scale": (1 + SCALE) ** -2}.get(name, 1.0)
    assert seen.sum() / x.sum() == pytest.approx(area, rel=0.02)


@pytest.mark.parametrize(("name", "slope"), [("turn", math.tan(TURN)), ("shear", SHEAR)])
def test_an_upright_stroke_leans_as_far_as_it_is_told(name, slope):
    lines = torch.linspace(-1, 1, 81)
    x = (lines.abs() < 0.1).float().expand(81, 81)[None, None]
    seen = view(x, warps(**{name: 1.0}))[0, 0]
    columns = (seen * lines).sum(1) / seen.sum(1)
    found = (columns[60] - columns[20]) / (lines[60] - lines[20])
    assert abs(found.item()) == pytest.approx(slope, rel=0.05)


def test_a_view_lets_gradients_through_and_keeps_the_precision():
    x = torch.rand(2, 1, 5, 5, dtype=torch.float64, requires_grad=True)
    seen = view(x, random_warps(2, torch.Generator().manual_seed(0)))
    seen.sum().backward()
    assert seen.dtype == x.dtype and (x.grad != 0).any()


def test_warps_fill_their_range_and_depend_on_the_generator_alone():
    drawn = random_warps(1000, torch.Generator().manual_seed(3))
    assert drawn.shape == (1000, WARPS) and -1 <= drawn.min() < -0.98 and 0.98 < drawn.max() <= 1
    assert torch.equal(drawn, random_warps(1000, torch.Generator().manual_seed(3)))


def test_classes_that_agree_and_are_equally_frequent_share_the_most_information():
    certain = 100 * torch.eye(10)
    assert mutual_information(certain, certain).item() == pytest.approx(math.log(10), abs=1e-3)
    assert mutual_information(certain, torch.zeros(10, 10)).item() == pytest.approx(0, abs=1e-6)
    one_class = 100 * torch.eye(10)[torch.zeros(10, dtype=torch.int64)]
    assert mutual_information(one_class, one_class).item() == pytest.approx(0, abs=1e-3)
    two_classes = 100 * torch.eye(10)[torch.arange(10) % 2]
    assert mutual_information(two_classes, two_classes).item() == pytest.approx(math.log(2), abs=1e-3)


def test_the_entropy_of_classes_is_that_of_how_often_they_are_given():
    certain = 100 * torch.eye(10)
    assert marginal_entropy(certain).item() == pytest.approx(math.log(10))
    assert marginal_entropy(torch.zeros(3, 10)).item() == pytest.approx(math.log(10))  # each class a tenth of the time
    assert marginal_entropy(certain[[0, 0, 0, 1]]).item() == pytest.approx(0.562335, abs=1e-4)  # 3/4 and 1/4
    never = (10 * certain[[0, 0]]).requires_grad_()
    marginal_entropy(never).backward()
    assert torch.isfinite(never.grad).all()


def test_information_is_not_rounded_where_networks_are():
    logits = torch.randn(64, 10, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        rounded = mutual_information(logits, logits)
        entropy = marginal_entropy(logits)
    assert rounded.dtype == torch.float32 and rounded == mutual_information(logits, logits)
    assert entropy.dtype == torch.float32 and entropy == marginal_entropy(logits)


def test_classes_that_never_come_have_finite_information_and_gradients():
    logits = (100 * torch.eye(10)[torch.arange(64) % 3]).requires_grad_()
    shared = mutual_information(logits, -logits)
    shared.backward()
    assert torch.isfinite(shared)
    assert torch.isfinite(logits.grad).all()


def test_the_virtual_adversarial_loss_of_a_line_between_two_classes_is_known():
    """p(class 0) = sigmoid(2 a.x): r is along a, to the side of it where the start is."""
    a = torch.tensor([0.6, 0.8])
    x, start = torch.tensor([[0.5, 0.0], [0.0, -1.0]]), torch.tensor([[1.0, 0.0], [0.0, -3.0]])

    def classify(x):
        return torch.stack([x @ a, -x @ a], dim=1)

    expected = []
    for image, side in zip(x, (1, -1), strict=True):
        p, q = (torch.sigmoid(2 * ((image + r) @ a)) for r in (torch.zeros(2), 0.7 * side * a))
        expected.append(p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log())
    found = virtual_adversarial_loss(classify, x, classify(x), start, radius=0.7)
    torch.testing.assert_close(found, torch.stack(expected).mean())


def test_the_virtual_adversarial_loss_moves_the_classifier_and_not_what_it_said():
    x, classifier = torch.randn(4, 3), torch.nn.Linear(3, 10)
    logits = classifier(x).detach().requires_grad_()
    virtual_adversarial_loss(classifier, x, logits, torch.randn(4, 3), radius=1.0).backward()
    assert logits.grad is None and (classifier.weight.grad != 0).any()


def test_a_classifier_that_says_the_same_of_everything_has_no_virtual_adversarial_loss():
    logits = torch.zeros(4, 10)
    loss = virtual_adversarial_loss(lambda x: 0 * x.sum(1, keepdim=True) + logits, torch.randn(4, 3), logits,
                                    torch.randn(4, 3), radius=1.0)  # fmt: skip
    assert loss.item() == 0


def test_a_direction_that_is_nearly_nothing_is_followed_as_far_as_any():
    """Where the classifier is sure, the gradient is so small that its square underflows."""
    reached = []

    def classify(x):
        reached.append(x.detach().norm(dim=1))
        return torch.cat([1e-25 * x, torch.zeros(4, 7)], dim=1)

    virtual_adversarial_loss(classify, torch.zeros(4, 3), torch.eye(10)[:4], torch.randn(4, 3), radius=1.5)
    torch.testing.assert_close(reached[1], torch.full((4,), 1.5))
