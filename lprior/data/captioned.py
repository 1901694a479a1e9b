"""A folder of pictures of one's own with a sentence on each: `captioned/captions.jsonl` in the folder of the data.

Each line is an object with `picture`, the path of a file from that folder on, and `caption`; every tenth line is held
out for testing, but a line may have a `split`, "train" or "test". A picture is cropped to its middle square and made 32
pixels wide. Words are those of the training captions, the frequent ones first; of longer sentences the first `LENGTH`
words are read.
"""

import json
from collections import Counter
from pathlib import Path

import torch
from torch import Tensor

from lprior.data.images import Dataset
from lprior.data.sentences import LENGTH, Language, split_words
from lprior.errors import DataUnavailable, UserError

SIZE = 32
FOLDER, FILE = "captioned", "captions.jsonl"
EXAMPLES = 10
HELD_OUT = 10  # one in so many
LEAST = 10  # pictures of a split: a row of a sheet


def load_captioned(root: Path, split: str) -> Dataset:
    """Pictures uint8 (N, 3, 32, 32) with the tokens (N, LENGTH) of their captions. Raises DataUnavailable if there are
    none, UserError for a line or a picture that cannot be read, and if a split has fewer than `LEAST`."""
    rows = _rows(root)
    vocabulary = language(root).vocabulary
    numbers = {word: number for number, word in enumerate(vocabulary)}
    chosen = [row for row in rows if row["split"] == split]
    if len(chosen) < LEAST:
        raise UserError(f"{root / FOLDER / FILE} has {len(chosen)} pictures to {split} with: it takes {LEAST} at least")
    images = torch.stack([_picture(root / FOLDER / row["picture"]) for row in chosen])
    labels = torch.stack([_known(row["caption"], numbers) for row in chosen])
    return Dataset("captioned", images, labels, f"pictures and captions in {FOLDER}", classes=len(vocabulary))


def language(root: Path) -> Language:
    """Of the training captions, with the first ten of them as examples. Errors of `load_captioned`."""
    captions = [row["caption"] for row in _rows(root) if row["split"] == "train"]
    counted = Counter(word for caption in captions for word in split_words(caption))
    found = sorted(counted, key=lambda word: (-counted[word], word))
    examples = dict.fromkeys(" ".join(split_words(caption)[:LENGTH]) for caption in captions)
    return Language(("", *found), tuple(examples)[:EXAMPLES])


def _rows(root: Path) -> list[dict[str, str]]:
    """The lines of captions.jsonl, each with its split."""
    path = root / FOLDER / FILE
    if not path.exists():
        raise DataUnavailable(f"{path} does not exist: put it there, or use the data set scenes")
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        try:
            row = json.loads(line)
            picture, caption = row["picture"], row["caption"]
            split = row.get("split", "test" if number % HELD_OUT == HELD_OUT - 1 else "train")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UserError(f"{path}, line {number + 1}: it is no object with picture and caption") from error
        if not (isinstance(picture, str) and isinstance(caption, str) and split_words(caption)):
            raise UserError(f"{path}, line {number + 1}: picture and caption must be text, and the caption have a word")
        if split not in ("train", "test"):
            raise UserError(f"{path}, line {number + 1}: split must be train or test, not {split!r}")
        found.append({"picture": picture, "caption": caption, "split": split})
    return found


def _known(caption: str, numbers: dict[str, int]) -> Tensor:
    """Tokens (LENGTH,) of a caption's first words, of which each has its number; words of test captions that no
    training caption has are left out."""
    known = [numbers[word] for word in split_words(caption) if word in numbers][:LENGTH]
    return torch.tensor(known + [0] * (LENGTH - len(known)))


def _picture(path: Path) -> Tensor:
    """uint8 (3, 32, 32). Raises UserError if it cannot be read."""
    from PIL import Image, ImageOps
    from torchvision.transforms.functional import pil_to_tensor

    try:
        with Image.open(path) as picture:
            return pil_to_tensor(ImageOps.fit(picture.convert("RGB"), (SIZE, SIZE), Image.Resampling.BICUBIC))
    except Exception as error:  # PIL names no common class for what a damaged file may raise
        raise UserError(f"{path} is no picture: add, mend or leave it out of {FILE}") from error
