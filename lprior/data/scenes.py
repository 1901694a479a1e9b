"""Captioned scenes: colour pictures of 32x32 pixels with one or two digits of MNIST, and an English sentence on each.

Ours, and made anew at each load, by integers alone, so that they are the same everywhere. A scene has one digit (in the
middle, on the left, on the right, at the top, at the bottom) or two (side by side, or one above the other); each is
small or large, and has one of five colours. Three digits would not be legible on 32 pixels. The digit is one of MNIST,
drawn by chance like its exact position, size and brightness. Sentences have several wordings.

Left out of all training scenes, by a rule on the digit d, the number c of its colour and the number p of its place:

    a digit in a colour    d = 2 c: a red 0, a green 2, a blue 4, a yellow 6, a white 8
    ... and at a place     (d + c + p) divisible by 5: of each other digit in each colour one of five places
"""

from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from lprior.data.images import Dataset
from lprior.data.sentences import tokens
from lprior.streams import generator

SIZE = 32  # pixels a side
COUNTS = {"train": 20_000, "test": 2_000}
COLOURS = {  # name -> the brightest that it is
    "red": (255, 48, 40), "green": (40, 224, 72), "blue": (72, 104, 255), "yellow": (255, 224, 32),
    "white": (255, 255, 255),
}  # fmt: skip
SIZES = {"small": (9, 10, 11), "large": (14, 15)}  # name -> pixels of the longer side
PLACES = {  # name -> words, and the centre (x, y)
    "middle": ("in the middle", (16, 16)), "left": ("on the left", (8, 16)), "right": ("on the right", (24, 16)),
    "top": ("at the top", (16, 8)), "bottom": ("at the bottom", (16, 24)),
}  # fmt: skip
LAYOUTS = ("middle", "left", "right", "top", "bottom", "left right", "top bottom")
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SIZE_WORDS = (("small", "little"), ("large", "big"))
COLOUR_NAMES, PLACE_NAMES = tuple(COLOURS), tuple(PLACES)
VOCABULARY = (  # the first is no word, and fills sentences up
    "", "a", "there", "is", "and", "on", "in", "at", "the", "of", "above", "below", *PLACE_NAMES, *SIZE_WORDS[0],
    *SIZE_WORDS[1], *COLOUR_NAMES, *"0123456789", *NUMBERS,
)  # fmt: skip
EXAMPLES = (
    "a large red 3 in the middle", "a small green 5 at the top", "on the left a big blue 7",
    "a large yellow eight on the right", "there is a little white 6 at the bottom",
    "a small red 1 left of a large blue 7", "a large green 9 above a small white 4",
    "a big blue two on the right and a small yellow zero on the left",
    "a small white 5 below a big green 6", "a large yellow 3 left of a large red 8",
)  # fmt: skip
_LEFT, _RIGHT, _TOP, _BOTTOM = range(1, 5)
OPPOSITE = {_LEFT: _RIGHT, _RIGHT: _LEFT, _TOP: _BOTTOM, _BOTTOM: _TOP}
MEANING = (  # word -> the digit, the colour, the size, the place that it says
    {str(digit): digit for digit in range(10)} | {name: digit for digit, name in enumerate(NUMBERS)},
    {name: index for index, name in enumerate(COLOURS)},
    {word: index for index, alike in enumerate(SIZE_WORDS) for word in alike},
    {name: index for index, name in enumerate(PLACES)} | {"above": _TOP, "below": _BOTTOM},
)
ATTRIBUTES = ("digit", "colour", "size", "place")
Thing = tuple[int, int, int, int]  # digit, and the numbers of colour, size and place


def seen(digit: int, colour: int, place: int) -> str:
    """Whether training scenes have it: "seen"; "newplace" or "newcolour" if it was left out, see above."""
    if digit == 2 * colour:
        return "newcolour"
    return "newplace" if (digit + colour + place) % 5 == 0 else "seen"


def load_scenes(name: str, digits: Callable[[Path, str], Dataset], root: Path, split: str) -> Dataset:
    """`COUNTS` scenes of the digits that `digits(root, split)` loads, whose errors are its own. Labels are the tokens
    (N, LENGTH) of their captions."""
    of = digits(root, split)
    scenes = random_scenes(COUNTS[split], split, held_out=split == "test")
    images, captions = draw(scenes, of, split), [tokens(caption(*scene), VOCABULARY) for scene in scenes]
    source = f"scenes made of digits: {of.source}"
    return Dataset(name, images, torch.stack(captions), source, classes=len(VOCABULARY))


def random_scenes(count: int, split: str, held_out: bool) -> list[tuple[list[Thing], int, int]]:
    """Things of scenes, those on the left and at the top first, with the numbers of a wording and of its words.

    Half of them have two. `held_out`: whether they may have what training scenes must not.
    """
    source, found = generator(0, f"scenes {split}", 0), list[tuple[list[Thing], int, int]]()
    while len(found) < count:
        for row in torch.randint(2**20, (count, 10), generator=source).tolist():
            pair, layout, wording, words = row[0] % 2, LAYOUTS[row[1] % 5], row[2], row[3]
            layout = LAYOUTS[5 + row[1] % 2] if pair else layout
            things = [
                (digit % 10, colour % len(COLOURS), size % 2, PLACE_NAMES.index(place))
                for place, digit, colour, size in zip(layout.split(), row[4::3], row[5::3], row[6::3], strict=False)
            ]
            if held_out or all(seen(digit, colour, place) == "seen" for digit, colour, _, place in things):
                found.append((things, wording, words))
    return found[:count]


def caption(things: list[Thing], wording: int = 0, words: int = 0) -> str:
    """The sentence: of four wordings, and of two words for each size and digit, those of these numbers."""
    names = []
    for digit, colour, size, _ in things:
        size_word, number = SIZE_WORDS[size][words % 2], NUMBERS[digit] if words & 2 else str(digit)
        names.append(f"a {size_word} {COLOUR_NAMES[colour]} {number}")
        words >>= 2
    at = [PLACES[PLACE_NAMES[place]][0] for *_, place in things]
    if len(things) == 1:
        forms = (f"{names[0]} {at[0]}", f"{at[0]} {names[0]}", f"there is {names[0]} {at[0]}", f"{names[0]} {at[0]}")
        return forms[wording % 4]
    before, after = ("left of", "right of") if PLACE_NAMES[things[0][3]] == "left" else ("above", "below")
    forms = (
        f"{names[0]} {before} {names[1]}", f"{names[1]} {after} {names[0]}",
        f"{names[0]} {at[0]} and {names[1]} {at[1]}", f"{names[1]} {at[1]} and {names[0]} {at[0]}",
    )  # fmt: skip
    return forms[wording % 4]


def read(words: list[str]) -> list[Thing]:
    """What a sentence of such words says: the inverse of `caption`. Raises ValueError for one of another form."""
    digits, colours, sizes, places = ([of[word] for word in words if word in of] for of in MEANING)
    if len(digits) == 2 and len(places) == 1:  # where the other is
        places += [OPPOSITE[place] for place in places if place in OPPOSITE]
    layout = " ".join(PLACE_NAMES[place] for place in sorted(places))
    if layout not in LAYOUTS or not len(digits) == len(colours) == len(sizes) == len(places):
        raise ValueError(f"{' '.join(words)!r} is no sentence on one or two digits, their sizes, colours and places")
    return sorted(zip(digits, colours, sizes, places, strict=True), key=lambda thing: thing[3])


def draw(scenes: list[tuple[list[Thing], int, int]], digits: Dataset, purpose: str) -> Tensor:
    """uint8 pictures (N, 3, 32, 32) of scenes, of digits that are chosen at random."""
    source = generator(0, f"digits of scenes {purpose}", 0)
    of_class = [(digits.labels == digit).nonzero()[:, 0].tolist() for digit in range(10)]
    numbers = torch.randint(2**20, (len(scenes), 12), generator=source).tolist()
    images = torch.zeros(len(scenes), 3, SIZE, SIZE, dtype=torch.uint8)
    for image, (things, *_), row in zip(images, scenes, numbers, strict=True):
        for index, thing in enumerate(things):
            which = of_class[thing[0]]
            random = row[6 * index : 6 * index + 6]
            put(image, digits.images[which[random[0] % len(which)], 0], thing, random[1:])
    return images


def put(image: Tensor, digit: Tensor, thing: Thing, random: list[int]) -> None:
    """A grey digit (28, 28) into an image (3, 32, 32), in the colour, size and place of `thing`."""
    _, colour, size, place = thing
    rows, columns = ((digit > 0).any(dim=axis).nonzero()[:, 0] for axis in (1, 0))
    box = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    lengths = tuple(SIZES.values())[size]
    longer = lengths[random[0] % len(lengths)]
    height, width = (max(2, (side * longer + max(box.shape) // 2) // max(box.shape)) for side in box.shape)
    small = Image.fromarray(box.numpy()).resize((width, height), Image.Resampling.BILINEAR)
    grey = torch.frombuffer(bytearray(small.tobytes()), dtype=torch.uint8).view(height, width).int()
    grey = (grey * 5 // 4).clamp(max=255)
    x, y = PLACES[PLACE_NAMES[place]][1]
    left = moved(x, width, random[1], PLACE_NAMES[place] in ("left", "right"))
    top = moved(y, height, random[2], PLACE_NAMES[place] in ("top", "bottom"))
    ink = torch.tensor(tuple(COLOURS.values())[colour]).view(3, 1, 1) * (256 - random[3] % 48) // 256
    part = image[:, top : top + height, left : left + width]
    part.copy_(torch.maximum(part, (ink * grey // 255).to(torch.uint8)))


def moved(centre: int, length: int, random: int, is_fixed: bool) -> int:
    """Where something of that length begins: up to three pixels off, but where that would leave its half of the
    image."""
    begin = centre - length // 2
    most = max(0, (SIZE // 2 - length) // 2) if is_fixed else 3
    return begin + random % (2 * most + 1) - most
