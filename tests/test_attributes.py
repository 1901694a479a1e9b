"""The ruler, on what was drawn with known measures, and on real digits that were changed in a known way."""

import math

import pytest
import torch
from PIL import Image, ImageDraw
from scipy.ndimage import grey_dilation
from torch.nn import functional as F
from torchvision.transforms.functional import affine, pil_to_tensor

from lprior import data
from lprior.data import DATASETS
from lprior.evaluation import attributes
from lprior.evaluation.attributes import RULERS, of_digits, of_pictures

THICKNESS, SLANT, HEIGHT, WIDTH = range(4)


def bar(width: float, height: float, degrees: float = 0.0) -> torch.Tensor:
    """uint8 (1, 1, 28, 28): a parallelogram in the middle, of this width along a row, height, and slant."""
    fine, lean = 20, height / 2 * math.tan(math.radians(degrees))
    corners = [(-width / 2 + lean, -height / 2), (width / 2 + lean, -height / 2),
               (width / 2 - lean, height / 2), (-width / 2 - lean, height / 2)]  # fmt: skip
    image = Image.new("L", (28 * fine, 28 * fine))
    ImageDraw.Draw(image).polygon([(fine * (14 + x), fine * (14 + y)) for x, y in corners], fill=255)
    return F.avg_pool2d(pil_to_tensor(image).float(), fine).round().to(torch.uint8).unsqueeze(0)


@pytest.fixture(scope="module")
def digits():
    """The first 200 of the embedded digits for testing."""
    return data.load("mnist5k", split="test").images[:200]


@pytest.mark.parametrize("width", [2.0, 3.0, 4.0, 6.0])
def test_the_thickness_of_a_bar_is_its_width(width):
    """To a pixel of the enlarged image; the skeleton's ends in the corners take a little."""
    assert of_digits(bar(width, 18.0))[0, THICKNESS].item() == pytest.approx(width, abs=0.4)


@pytest.mark.parametrize("degrees", [-40.0, -20.0, 0.0, 10.0, 30.0])
def test_the_slant_of_a_bar_is_its_angle_and_to_the_right_it_is_positive(degrees):
    assert of_digits(bar(3.0, 16.0, degrees))[0, SLANT].item() == pytest.approx(degrees, abs=1.0)


@pytest.mark.parametrize("height", [8.0, 14.0, 20.0])
def test_the_height_and_the_width_of_a_bar_hold_all_but_a_little_of_it(height):
    found = of_digits(bar(4.0, height, 25.0))[0]
    assert found[HEIGHT].item() == pytest.approx(0.98 * height, abs=0.5)
    assert found[WIDTH].item() == pytest.approx(4.0, abs=1.0)  # pixels blur it, whatever the slant


def test_a_ring_is_as_thick_as_its_stroke():
    image = Image.new("L", (560, 560))
    ImageDraw.Draw(image).ellipse((80, 80, 480, 480), outline=255, width=60)
    small = F.avg_pool2d(pil_to_tensor(image).float(), 20).round().to(torch.uint8).unsqueeze(0)
    found = of_digits(small)[0]
    assert found[THICKNESS].item() == pytest.approx(3.0, abs=0.3) and abs(found[SLANT].item()) < 0.5
    assert found[HEIGHT].item() == pytest.approx(found[WIDTH].item(), abs=0.2)
    assert 18.0 < found[HEIGHT].item() < 20.0


def test_brightness_changes_nothing(digits):
    darker = (digits.float() * 0.5).round().to(torch.uint8)
    assert (of_digits(darker) - of_digits(digits)).abs().quantile(0.95, dim=0).lt(0.1).all()


def test_a_digit_that_is_shifted_keeps_its_measures(digits):
    shifted = F.pad(digits, (2, 0, 0, 1))[..., 1:, :28]
    inside = (digits[..., :1, :].sum(dim=(1, 2, 3)) == 0) & (digits[..., -2:].sum(dim=(1, 2, 3)) == 0)
    assert inside.sum() > 150
    assert (of_digits(shifted)[inside] - of_digits(digits)[inside]).abs().median(dim=0).values.lt(0.1).all()


@pytest.mark.parametrize("degrees", [-15.0, 15.0])
def test_a_real_digit_that_is_sheared_has_so_much_more_slant_and_the_same_height(digits, degrees):
    sheared = affine(digits, 0.0, [0, 0], 1.0, [degrees, 0.0], interpolation=Image.Resampling.BILINEAR)
    before, after = of_digits(digits), of_digits(sheared)
    slope = lambda values: values[:, SLANT].deg2rad().tan()  # noqa: E731  (shears add up in slopes)
    more = (slope(after) - slope(before)).abs()
    assert more.median().item() == pytest.approx(math.tan(math.radians(15.0)), abs=0.02)
    assert (after - before)[:, HEIGHT].abs().median() < 0.3


def test_a_real_digit_that_is_enlarged_has_so_much_more_height_width_and_thickness(digits):
    larger = affine(digits, 0.0, [0, 0], 1.25, [0.0, 0.0], interpolation=Image.Resampling.BILINEAR)
    ratio = (of_digits(larger) / of_digits(digits)).median(dim=0).values
    for attribute in (THICKNESS, HEIGHT, WIDTH):
        assert ratio[attribute].item() == pytest.approx(1.25, abs=0.06)


def test_a_real_digit_whose_stroke_is_dilated_is_thicker_by_two_pixels_or_three(digits):
    dilated = torch.from_numpy(grey_dilation(digits.numpy(), size=(1, 1, 3, 3)))
    more = (of_digits(dilated) - of_digits(digits))[:, THICKNESS]
    assert more.min() > 1.5 and 2.0 < more.median() < 2.9  # three along a diagonal, and holes are filled


def test_an_image_of_one_grey_has_no_measures():
    found = of_digits(torch.cat([torch.zeros(1, 1, 28, 28), torch.full((1, 1, 28, 28), 9)]).to(torch.uint8))
    assert found.shape == (2, 4) and found.isnan().all()


def test_batches_change_nothing(digits):
    assert torch.equal(of_digits(digits[:50], batch_size=7), of_digits(digits[:50]))
    assert of_digits(digits[:0]).shape == (0, 4)


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ((255, 255, 255), (1.0, 0.0, 0.0)), ((0, 0, 0), (0.0, 0.0, 0.0)), ((255, 0, 0), (1 / 3, 1.0, -0.5)),
        ((0, 255, 0), (1 / 3, 0.0, 1.0)), ((0, 0, 255), (1 / 3, -1.0, -0.5)),
    ],
)  # fmt: skip
def test_the_colour_of_a_picture(colour, expected):
    picture = torch.tensor(colour, dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 4, 5)
    assert of_pictures(picture)[0].tolist() == pytest.approx(expected)


def test_there_is_a_ruler_with_a_name_and_a_unit_for_each_column_of_each_family(digits):
    assert RULERS.keys() == {spec.family for spec in DATASETS.values()}
    for family, images in (("digits", digits[:3]), ("pictures", digits[:3].expand(-1, 3, -1, -1))):
        ruler = RULERS[family]
        assert ruler.measure(images).shape == (3, len(ruler.names)) == (3, len(ruler.units))


def test_a_deskewed_digit_has_no_slant(digits):
    shear, middle = attributes.moments(digits.float())
    upright = attributes.deskewed(F.pad(digits.float(), (6, 6)), shear, middle)
    assert attributes.moments(upright)[0].abs().max() < 0.05
