"""What is in a picture of a captioned scene, found without a look at the caption but for how many things it names and
whether they are side by side; and how much of a caption is obeyed.

    digit    of the shipped classifier of MNIST, on the thing enlarged by bicubic interpolation: its longer side 18
             pixels (20 in MNIST; 18 and GAIN were chosen on training scenes), its centre of brightness in the middle
    colour   of the five that is nearest to the thing's mean colour, each divided by its largest channel
    size     large if its longer side is more than 12.5 pixels
    place    of the whole scene, one of seven layouts, by a logistic regression on rows, columns and 8 by 8 squares
             of 4x4 pixels, learned from training scenes

Where a caption has two things, each is looked for in its half of the picture. Detectors are not perfect: what they say
of real scenes is the ceiling (`measure`).
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from lprior.data import Dataset
from lprior.data.scenes import COLOURS, LAYOUTS, PLACE_NAMES, SIZE, VOCABULARY, Thing, read
from lprior.data.sentences import words
from lprior.evaluation.judges import load_evaluator

LARGE = 12.5  # pixels of the longer side, at least, of what is large
SIDE, GAIN = 18, 1.3  # pixels of the longer side of an enlarged digit; what its brightness is multiplied by
DARK = 0.25  # brightness, of the brightest, below which a pixel is background
LEARNED = 10_000  # training scenes that the layout is learned from


def asked(captions: Tensor) -> list[list[Thing]]:
    """What captions, tokens (N, L), ask for. Raises ValueError for one that is not of `data.scenes`."""
    return [read(words(row, VOCABULARY)) for row in captions]


def flat(scenes: list[list[Thing]]) -> tuple[Tensor, Tensor]:
    """Of all things of N scenes: the number of its scene (M,), and digit, colour, size and place (M, 4)."""
    rows = [(index, *thing) for index, things in enumerate(scenes) for thing in things]
    found = torch.tensor(rows)
    return found[:, 0], found[:, 1:]


def layouts(scenes: list[list[Thing]]) -> Tensor:
    """Which of `LAYOUTS` each is: int64 (N,)."""
    return torch.tensor([LAYOUTS.index(" ".join(PLACE_NAMES[thing[3]] for thing in things)) for things in scenes])


class Detectors:
    """`found(images, scenes)`, with what is learned from training scenes."""

    def __init__(self, train: Dataset):
        from sklearn.linear_model import LogisticRegression

        self.classifier = load_evaluator("mnist")
        part = train.head(LEARNED)
        self.layout = LogisticRegression(C=10, max_iter=1000)
        self.layout.fit(_profiles(part.images).numpy(), layouts(asked(part.labels)).numpy())

    def found(self, images: Tensor, scenes: list[list[Thing]]) -> tuple[Tensor, Tensor]:
        """Digit, colour, size and layout (M, 4) of uint8 pictures (N, 3, 32, 32), where `scenes` ask for M things; and
        the classifier's features (M, 64) of each thing."""
        index, things = flat(scenes)
        alone = torch.bincount(index, minlength=len(scenes))[index] == 1
        region = torch.where(alone[:, None, None], torch.ones(SIZE, SIZE), _half(things[:, 3]))
        parts = images[index].float() / 255 * region[:, None]
        middle, side = _boxes(parts.amax(dim=1))
        features, logits = self.classifier.measure(enlarged(parts.amax(dim=1), middle, side))
        place = torch.from_numpy(self.layout.predict(_profiles(images).numpy()))[index]
        return torch.stack([logits.argmax(dim=1), _colours(parts), (side > LARGE).long(), place], dim=1), features


def enlarged(grey: Tensor, middle: Tensor, side: Tensor) -> Tensor:
    """uint8 (M, 1, 28, 28) of grey pictures (M, 32, 32): `side` (M,) pixels become `SIDE`, around `middle` (M, 2)."""
    scale = (28 / SIDE * side / SIZE).view(-1, 1, 1) * torch.eye(2)
    theta = torch.cat([scale, ((2 * middle + 1) / SIZE - 1).unsqueeze(2)], dim=2)
    grey = grey / grey.amax(dim=(1, 2), keepdim=True).clamp(min=DARK)
    where = F.affine_grid(theta, (len(grey), 1, 28, 28), align_corners=False)
    large = F.grid_sample(grey.unsqueeze(1), where, mode="bicubic", align_corners=False)
    return (255 * (GAIN * large).clamp(0, 1)).round().to(torch.uint8)


def _boxes(grey: Tensor) -> tuple[Tensor, Tensor]:
    """Of the brightness of each thing (M, 32, 32): its centre (M, 2), x and y, and its longer side (M,) in pixels."""
    bright = grey > DARK * grey.amax(dim=(1, 2), keepdim=True)
    sides = []
    for axis in (1, 2):
        line = bright.any(dim=axis).long()
        first, last = line.argmax(dim=1), SIZE - 1 - line.flip(1).argmax(dim=1)
        sides.append(last - first + 1)
    mass = grey / grey.sum(dim=(1, 2), keepdim=True).clamp(min=1e-6)
    at = torch.arange(SIZE)
    middle = torch.stack([(mass.sum(dim=1) * at).sum(dim=1), (mass.sum(dim=2) * at).sum(dim=1)], dim=1)
    return middle, torch.stack(sides).amax(dim=0).float()


def _colours(parts: Tensor) -> Tensor:
    weight = parts.amax(dim=1, keepdim=True).square()
    mean = (parts * weight).sum(dim=(2, 3)) / weight.sum(dim=(2, 3)).clamp(min=1e-6)
    palette = torch.tensor(list(COLOURS.values())).float()
    either = (colours / colours.amax(dim=1, keepdim=True).clamp(min=1e-6) for colours in (mean, palette))
    return torch.cdist(*either).argmin(dim=1)


def _half(places: Tensor) -> Tensor:
    """The half (M, 32, 32) of the picture that each of the places (M,) is in; all of it for the middle."""
    down, right = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    half = SIZE // 2
    masks = {
        "middle": down >= 0, "left": right < half, "right": right >= half, "top": down < half, "bottom": down >= half
    }  # fmt: skip
    return torch.stack([masks[name] for name in PLACE_NAMES]).float()[places]


def _profiles(images: Tensor) -> Tensor:
    """Of pictures (N, 3, 32, 32): the brightest pixel of each row and column, and mean brightness on 8 by 8
    squares of 4x4 pixels; (N, 128)."""
    grey = images.float().amax(dim=1) / 255
    return torch.cat([grey.amax(dim=2), grey.amax(dim=1), F.avg_pool2d(grey.unsqueeze(1), 4).flatten(1)], dim=1)
