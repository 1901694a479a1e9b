"""Settings as text: on the command line one --set each, in a notebook "lam=20, prior=fixed, betas=(0.5, 0.9)"."""

import ast
import re
import warnings
from collections.abc import Iterable
from typing import Any

from lprior.errors import UserError

AS_IN_YAML = {"true": True, "false": False}
PIECE = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|.""", re.DOTALL)  # what is quoted, or one character


def parse_settings(text: str, source: str = "settings") -> dict[str, Any]:
    """Changes as text, "lam=20, prior=fixed, betas=(0.5, 0.9)": see `parse_assignments`. The inverse: `as_settings`."""
    parts, depth = [""], 0
    for piece in PIECE.findall(text):
        depth += (piece in "([{") - (piece in ")]}")
        if piece == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += piece
    return parse_assignments(filter(str.strip, parts), source)


def parse_assignments(texts: Iterable[str], source: str) -> dict[str, Any]:
    """Each text is NAME=VALUE, where the value is a Python literal, true, false, or else a string.

    Raises UserError, which names the `source`, for anything else, and for a name that comes twice.
    """
    changes: dict[str, Any] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name.isidentifier() and equals):
            raise UserError(f"{source} takes NAME=VALUE, not {text.strip()!r}: such as lam=20 or betas=(0.5, 0.9)")
        if name in changes:
            raise UserError(f"{source} gives {name} twice: leave one of them out")
        changes[name] = literal(value)
    return changes


def as_settings(changes: dict[str, Any]) -> str:
    """The text that `parse_settings` reads; strings are quoted only where they must be."""
    return ", ".join(f"{name}={_as_text(value)}" for name, value in changes.items())


def _as_text(value: Any) -> str:
    plain = isinstance(value, str) and re.fullmatch(r"[\w./-]+", value) and literal(value) == value
    return value if plain else repr(value)


def literal(text: str) -> Any:
    """The value of a Python literal, or of true or false, or else the text itself."""
    if text in AS_IN_YAML:
        return AS_IN_YAML[text]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is odd Python, and here a text
            value = ast.literal_eval(text)
        repr(value)  # Python does not write whole numbers of more than 4,300 digits, which it reads in base 16
        return value
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):  # all that ast names
        return text
