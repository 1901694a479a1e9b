"""Sentences as tokens: the numbers of their words in a vocabulary, filled up with zeros."""

import re
from dataclasses import dataclass

import torch
from torch import Tensor

from lprior.errors import UserError, hint

LENGTH = 16  # tokens of a sentence


@dataclass(frozen=True)
class Language:
    """`vocabulary`: of token 0 on, which is no word. `examples`: ten sentences, one for each column of a sheet."""

    vocabulary: tuple[str, ...]
    examples: tuple[str, ...]


def tokens(sentence: str, vocabulary: tuple[str, ...], length: int = LENGTH) -> Tensor:
    """int64 (length,). Raises UserError for a word that the vocabulary has not, for no word, and for too many."""
    words = split_words(sentence)
    for word in words:
        if word not in vocabulary:
            raise UserError(f"the word {word!r} is unknown here: {hint(word, vocabulary[1:]) or 'choose another'}")
    if not 0 < len(words) <= length:
        raise UserError(f"a sentence has from 1 to {length} words, not {len(words)}")
    found = torch.zeros(length, dtype=torch.int64)
    found[: len(words)] = torch.tensor([vocabulary.index(word) for word in words])
    return found


def split_words(sentence: str) -> list[str]:
    """Its words, in small letters."""
    return re.findall(r"\w+", sentence.lower())


def words(row: Tensor, vocabulary: tuple[str, ...]) -> list[str]:
    """The inverse: the words of tokens (length,)."""
    return [vocabulary[token] for token in row.tolist() if token]
