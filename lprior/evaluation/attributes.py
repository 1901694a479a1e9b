"""A ruler: attributes that are measured on an image itself, without a classifier.

Of digits those of Morpho-MNIST (Castro, Tan, Kainz, Konukoglu, Glocker 2019, *Morpho-MNIST: quantitative assessment and
diagnostics for representation learning*, JMLR 20, section 3), on images four times as large:

    thickness   mean width of the stroke in pixels: twice the mean distance, along the skeleton, to the background
    slant       in degrees, of the shear that makes the second moments upright; above 0 a digit leans to the right
    height      of the parallelogram of this slant that holds all but 1 % of the brightness at each end, in pixels
    width       of this parallelogram, in the same way, along a row

Departures: the larger image is bicubic, not a smoothed pyramid, and the skeleton is that of thinning (Zhang and Suen
1984), which is two hundred times as fast as the medial axis. Its definitions have no curvature, and neither have we.

Of pictures their mean colour, of pixels as numbers in [0, 1], on the three axes of opponent colours (van de Sande,
Gevers, Snoek 2010, without the scale of each axis):

    brightness  (R + G + B) / 3
    warmth      R - B
    greenness   G - (R + B) / 2
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

SCALE = 4  # by which digits are enlarged
OUTSIDE = 0.01  # of the brightness of a digit, at each end of its height and of its width


def of_digits(images: Tensor, batch_size: int = 1000) -> Tensor:
    """Thickness, slant, height and width of uint8 images (N, 1, H, W): float64 (N, 4), in pixels and degrees.

    Not a number where an image is of one grey throughout, and has none of these.
    """
    return torch.cat([_of_batch(part) for part in images.split(batch_size)]) if len(images) else torch.empty(0, 4)


def _of_batch(images: Tensor) -> Tensor:
    dark, bright = (end(images.float(), dim=(1, 2, 3), keepdim=True) for end in (torch.amin, torch.amax))
    large = F.interpolate(images.float(), scale_factor=SCALE, mode="bicubic").clamp(dark, bright)
    shear, middle = moments(large)
    upright = deskewed(large, shear, middle)
    found = [thickness(large), -shear.atan().rad2deg()]
    found += [extent(upright.sum(dim=along).squeeze(1)) / SCALE for along in (3, 2)]
    blank = (dark == bright).view(-1, 1)
    return torch.stack(found, dim=1).double().masked_fill(blank, float("nan"))


def thickness(images: Tensor) -> Tensor:
    """Mean width of the strokes (N,) of bright strokes on enlarged images (N, 1, H, W), in pixels of the small ones."""
    from scipy.ndimage import distance_transform_edt
    from skimage.morphology import skeletonize

    half = (images.amax(dim=(1, 2, 3), keepdim=True) + images.amin(dim=(1, 2, 3), keepdim=True)) / 2
    strokes = [image[0].numpy() for image in images > half]
    return torch.tensor([2 / SCALE * distance_transform_edt(one)[skeletonize(one)].mean() if one.any() else float("nan")
                         for one in strokes])  # fmt: skip


def moments(images: Tensor) -> tuple[Tensor, Tensor]:
    """Of the brightness of images (N, 1, H, W): the shear mu_11 / mu_02 that a line through it has, in pixels along a
    row for a row down, and the row of its centre; (N,) each."""
    mass = (images / images.sum(dim=(1, 2, 3), keepdim=True)).squeeze(1)
    down, right = torch.arange(mass.shape[1]).view(-1, 1), torch.arange(mass.shape[2])
    middle, centre = ((mass * axis).sum(dim=(1, 2)).view(-1, 1, 1) for axis in (down, right))
    mu_11 = (mass * (down - middle) * (right - centre)).sum(dim=(1, 2))
    mu_02 = (mass * (down - middle) ** 2).sum(dim=(1, 2))
    return mu_11 / mu_02.clamp(min=1e-9), middle.flatten()


def deskewed(images: Tensor, shear: Tensor, middle: Tensor) -> Tensor:
    """Images (N, 1, H, W) sheared along their rows, about the row `middle` (N,), so that `shear` (N,) becomes 0."""
    height, width = images.shape[-2:]
    slope, fixed = shear * height / width, (2 * middle + 1) / height - 1
    one, zero = torch.ones_like(slope), torch.zeros_like(slope)
    theta = torch.stack([one, slope, -slope * fixed, zero, one, zero], dim=1).view(-1, 2, 3)
    return F.grid_sample(images, F.affine_grid(theta, images.shape, align_corners=False), align_corners=False)


def extent(profiles: Tensor) -> Tensor:
    """The length (N,) of what lies between the ends of profiles (N, L) that hold `OUTSIDE` of their sum each."""
    share = F.pad(profiles.double().cumsum(dim=1) / profiles.double().sum(dim=1, keepdim=True), (1, 0))
    ends = []
    for level in (OUTSIDE, 1 - OUTSIDE):
        after = (share < level).sum(dim=1, keepdim=True).clamp(1, share.shape[1] - 1)
        low, high = share.gather(1, after - 1), share.gather(1, after)
        ends.append((after - 1 + (level - low) / (high - low)).squeeze(1))
    return ends[1] - ends[0]


def of_pictures(images: Tensor) -> Tensor:
    """Brightness, warmth and greenness of uint8 images (N, 3, H, W): float64 (N, 3)."""
    red, green, blue = (images.double() / 255).mean(dim=(2, 3)).unbind(dim=1)
    return torch.stack([(red + green + blue) / 3, red - blue, green - (red + blue) / 2], dim=1)


@dataclass(frozen=True)
class Ruler:
    """What `measure` gives of uint8 images (N, C, H, W), (N, len(names)), and in which units. `key` begins the keys of
    metrics of these attributes."""

    key: str
    names: tuple[str, ...]
    units: tuple[str, ...]
    measure: Callable[[Tensor], Tensor]


RULERS = {  # family of data sets -> what its images are measured with
    "digits": Ruler("", ("thickness", "slant", "height", "width"), ("px", "degrees", "px", "px"), of_digits),
    "pictures": Ruler("colour", ("brightness", "warmth", "greenness"), ("of 1",) * 3, of_pictures),
}
RULERS["scenes"] = RULERS["pictures"]
