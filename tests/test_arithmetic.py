"""Attributes by arithmetic: bracketed by coders that know an attribute, and that know nothing."""

import pytest
import torch
from test_attributes import bar

from lprior import data
from lprior.data import Dataset
from lprior.evaluation import arithmetic
from lprior.evaluation.arithmetic import Arithmetic, PrincipalComponents, direction, line
from lprior.evaluation.attributes import of_digits
from lprior.evaluation.metrics import METRICS, metric_of

SLANT = 1


@pytest.fixture(scope="module")
def bars():
    """60 bars with slants from -30 to 30 degrees, in a random order."""
    slants = torch.linspace(-30, 30, 60)[torch.randperm(60, generator=torch.Generator().manual_seed(0))]
    images = torch.cat([bar(3.0, 14.0, slant) for slant in slants.tolist()])
    return Dataset("mnist5k", images, torch.zeros(60, dtype=torch.int64), "drawn")


class OfSlant:
    """A coder whose only entry is the slant of a bar, times `sign`."""

    def __init__(self, sign=1.0):
        self.sign = sign

    def encode(self, images):
        return self.sign * of_digits(images)[:, [SLANT]]

    def decode(self, codes):
        return torch.cat([bar(3.0, 14.0, code.item() / self.sign) for code in codes])


def test_of_few_images_there_are_no_more_components_than_images(bars):
    few = bars.images[:20]
    components = PrincipalComponents(few, 64)
    codes = components.encode(few)
    assert codes.shape == (20, 20) and torch.equal(components.decode(codes), few)


@pytest.mark.parametrize("sign", [1.0, -3.0])
def test_a_coder_that_knows_the_slant_obtains_what_is_wanted(bars, sign):
    r, slope, _ = Arithmetic(bars, bars.head(10)).of_each(OfSlant(sign))[SLANT]
    assert r > 0.99 and slope == pytest.approx(1.0, abs=0.05)


def test_a_coder_that_draws_the_same_whatever_the_code_obtains_nothing(bars):
    class Deaf(OfSlant):
        def decode(self, codes):
            return bar(3.0, 14.0, 5.0).expand(len(codes), -1, -1, -1)

    found = Arithmetic(bars, bars.head(10)).keys("", Deaf())
    assert found["moved_r_10_test"] == "it is no finite number"  # there is no variance to be explained
    assert found["moved_slope_10_test"][SLANT] == 0
    (kept,) = (value for key, value in found.items() if key.startswith("moved_class"))
    assert kept == [1.0] * 4


def test_a_direction_leads_from_the_mean_of_the_lower_third_to_that_of_the_upper_one():
    codes = torch.tensor([[0.0, 5.0], [9.0, 9.0], [2.0, 1.0], [0.0, 3.0], [7.0, 7.0], [4.0, 5.0], [1.0, 1.0]])
    values = torch.tensor([1.0, 5.0, 9.0, 2.0, 6.0, 8.0, float("nan")])
    way, gap = direction(codes, values)
    assert way.tolist() == [3.0, -1.0] and gap == 7.0


def test_a_line_is_that_of_least_squares():
    x = torch.tensor([-1.0, 0.0, 1.0, 2.0]).double()
    assert line(x, 3 * x + 1) == pytest.approx((1.0, 3.0))
    assert line(x, -x)[0] == pytest.approx(-1.0)
    assert line(x, torch.tensor([1.0, -1.0, -1.0, 1.0]).double())[0] == pytest.approx(0.0)


def test_all_principal_components_give_the_images_back_and_fewer_give_less():
    images = data.load("mnist5k", split="test").images[:40, :, 8:20, 8:20]
    whole, few = PrincipalComponents(images, 144), PrincipalComponents(images, 3)
    assert (whole.decode(whole.encode(images)).int() - images.int()).abs().max() <= 1
    error = (few.decode(few.encode(images)).float() - images.float()).square().mean()
    total = (images.float() - images.float().mean(dim=0)).square().mean()
    assert 0.2 * total < error < 0.9 * total and few.encode(images).shape == (40, 3)


def test_the_control_is_measured_once_for_all_codes_of_a_size(bars, monkeypatch):
    counted = []
    monkeypatch.setattr(arithmetic, "PrincipalComponents", lambda images, code: counted.append(code) or OfSlant())
    experiment = Arithmetic(bars, bars.head(4))

    class Model(OfSlant):
        class config:
            code = 3

    one, two = (experiment.measure(Model()) for _ in range(2))
    assert counted == [3] and one == two
    assert one["pcamoved_slope_4_test"] == one["moved_slope_4_test"]


def test_every_key_has_a_metric_and_a_title_for_each_attribute(bars):
    keys = {
        **Arithmetic(bars, bars.head(4)).keys("", OfSlant()),
        **Arithmetic(bars, bars.head(4)).keys("pca", OfSlant()),
    }
    titles = [title for key in keys for title in metric_of(key).parts]
    assert len(titles) == len(set(titles)) == 4 * len(keys) and "PCA slant slope" in titles
    assert all(metric_of(key).further for key in keys)


def test_titles_are_unique():
    titles = [title for metric in METRICS for title in metric.parts or [metric.title]]
    doubled = {title for title in titles if titles.count(title) > 1}
    assert doubled <= {"Q"}
