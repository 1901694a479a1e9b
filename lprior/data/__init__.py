"""Data sets, each as one uint8 tensor: `DATASETS` holds what is known of them, and `load` loads one."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from lprior.data.captioned import language, load_captioned
from lprior.data.cifar10 import JPEG_TITLE, load_cifar10
from lprior.data.files import cache
from lprior.data.images import Dataset, check_labels, crop, known_labels, pad, to_float, to_uint8
from lprior.data.mnist import load_fashion_mnist, load_mnist, load_mnist5k
from lprior.data.pictures import CLASSES
from lprior.data.scenes import EXAMPLES, VOCABULARY, load_scenes
from lprior.data.sentences import Language
from lprior.data.svhn import load_svhn
from lprior.errors import DataUnavailable, UserError, choose

__all__ = [
    "DATASETS", "Dataset", "Spec", "cache", "check_labels", "crop", "known_labels", "language_of", "load", "pad",
    "split", "substitute", "to_float", "to_uint8",
]  # fmt: skip

DIGITS = tuple("0123456789")
EMBEDDED = "MNIST (5,000 embedded digits)"
CLOTHES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")


@dataclass(frozen=True)
class Spec:
    """A data set. Its `family` shares recipes and a part of the report.

    `load(root, split)` looks in the folder `root`. `classifier`: of `evaluation/judges.py`, by whose features samples
    are measured; None: none is shipped. `things`: what its images show, for notebooks. `notes`: title of the data ->
    what a reader of the report must know of them, in LaTeX. `language(root)`: of its captions, whose words are then its
    classes; None: it has none. `main`: whether presets train on it if none is asked for; others are for studies.
    """

    title: str
    channels: int
    size: int  # pixels a side
    classes: tuple[str, ...]
    family: str  # "digits" (grey, 28x28), "pictures" or "scenes" (in colour, 32x32, these with captions)
    classifier: str | None
    load: Callable[[Path, str], Dataset]
    things: str = "digits"
    notes: dict[str, str] = field(default_factory=dict)
    language: Callable[[Path], Language] | None = None
    main: bool = True


DATASETS = {
    "mnist": Spec("MNIST", 1, 28, DIGITS, "digits", "mnist", load_mnist),
    "fashion-mnist": Spec("Fashion-MNIST", 1, 28, CLOTHES, "digits", None, load_fashion_mnist, "clothes"),
    "mnist5k": Spec(
        EMBEDDED, 1, 28, DIGITS, "digits", "mnist", load_mnist5k,
        notes={
            EMBEDDED: r"\textbf{Not MNIST itself:} everything on digits was trained on 4\,500 "
            r"embedded MNIST digits and tested on 500 others.",
        },
    ),
    "cifar10": Spec(
        "CIFAR-10", 3, 32, CLASSES, "pictures", "cifar10", load_cifar10, "pictures",
        notes={
            JPEG_TITLE: r"\textbf{Not CIFAR-10 bit for bit:} its pictures had been compressed with loss, those for "
            r"training and those for testing alike.",
        },
    ),
    "svhn": Spec("SVHN", 3, 32, DIGITS, "pictures", None, load_svhn),
    **{
        name: Spec(
            f"captioned scenes of {title}", 3, 32, VOCABULARY, "scenes", None, partial(load_scenes, name, digits),
            "scenes", language=lambda root: Language(VOCABULARY, EXAMPLES), main=False,
        )
        for name, title, digits in (("scenes", "MNIST", load_mnist), ("scenes5k", EMBEDDED, load_mnist5k))
    },
    "captioned": Spec(
        "captioned pictures", 3, 32, (), "scenes", None, load_captioned, "pictures", language=language, main=False
    ),
}  # fmt: skip
SUBSTITUTES = {"mnist": "mnist5k", "scenes": "scenes5k"}  # what is trained on rather than on nothing


def load(name: str, root: str | Path | None = None, split: str = "train") -> Dataset:
    """The data set `name`, one of `DATASETS`, from `root`, else from $LPRIOR_DATA, else from the user's cache.

    Files that are there are verified and used; missing ones are downloaded into the cache by torchvision, which
    verifies them too. `split`: "train" or "test".

    Raises UserError for an unknown name, for a file that cannot be read, is corrupt or holds anything but this data
    set, and for a cache that cannot be written; DataUnavailable if there is nothing to load.
    """
    choose("data set", name, DATASETS)
    root = place(root)
    try:
        found = DATASETS[name].load(root, split)
    except OSError as error:
        raise UserError(
            f"cannot read {error.filename or root}: {error.strerror or error}. Mend it, or name other folders with "
            "$LPRIOR_DATA, for data, and $XDG_CACHE_HOME, for what is made of them"
        ) from error
    return replace(found, title=found.title or DATASETS[name].title, split=split)


def place(root: str | Path | None = None) -> Path:
    """The folder where data are looked for first: `root`, else $LPRIOR_DATA, else the user's cache."""
    return Path(root or os.environ.get("LPRIOR_DATA") or cache())


def language_of(name: str, root: str | Path | None = None) -> Language:
    """Of a data set's captions. Raises UserError if it has none."""
    read = DATASETS[name].language
    if read is None:
        others = " or ".join(other for other, spec in DATASETS.items() if spec.language)
        raise UserError(f"{name} has no captions: choose {others}")
    return read(place(root))


def split(
    name: str, root: str | Path | None = None, images: int | None = None, validation: int = 0
) -> tuple[Dataset, Dataset]:
    """The first `images` training images (all for None), and what a model of them is measured on: the test images, or
    in their place the last `validation` training images, which the first part then never has. Errors of `load`."""
    train = load(name, root)
    if not validation:
        return train.head(images), load(name, root, "test")
    rest = len(train.images) - validation
    if rest < 1:
        raise UserError(f"validation {validation} leaves none of the {len(train.images)} images to train on")
    held_out = replace(train, images=train.images[rest:], labels=train.labels[rest:], split="val")
    return train.head(rest).head(images), held_out


def substitute(name: str, error: DataUnavailable) -> str:
    """The data set that takes the place of `name`, which is said loudly on stderr. Raises `error` if there is none."""
    if name not in SUBSTITUTES:
        raise error
    found = SUBSTITUTES[name]
    title, of = (DATASETS[each].title.upper() for each in (found, name))
    notice = f"GOING ON WITH {found}, {title}: ITS RESULTS ARE NOT THOSE OF {of}."
    print(f"\n*** {error}\n*** {notice}\n", file=sys.stderr, flush=True)
    return found
