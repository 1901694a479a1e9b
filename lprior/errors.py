"""Errors that a user can mend: each says in one line what is wrong and what to do about it."""

import difflib
from collections.abc import Collection

IN_NOTEBOOKS = {  # what options are called there
    "--force": "force=True", "--data or $LPRIOR_DATA": "$LPRIOR_DATA", "--device cpu or auto": "device cpu or auto",
    "--engine eager": "device cpu",
}  # fmt: skip
MOST_LISTED = 20  # names in one line
LISTED_BY = {"parameter": ", which `python -m lprior config RUN` prints", "run": " in results/published"}


class UserError(Exception):
    """Wrong input or a missing prerequisite. The command line prints its message and exits with `exit_code`."""

    exit_code = 2

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in the place of a traceback: one red line."""
        return [f"\x1b[31m{in_notebooks(str(self))}\x1b[0m"]


def in_notebooks(text: str) -> str:
    """A message with options as they are called there."""
    for option, parameter in IN_NOTEBOOKS.items():
        text = text.replace(option, parameter)
    return text


class DataUnavailable(UserError):
    """The data set is neither on this machine nor downloadable."""

    exit_code = 3


class TrainingDiverged(UserError):
    """A loss became NaN or infinite."""

    exit_code = 4


def choose(what: str, name: str, choices: Collection[str]) -> None:
    """Raises UserError, with a hint, if `name` is none of the choices; of very many, with those that are nearest."""
    if name not in choices:
        there = f"choose one of {', '.join(choices)}" if choices else "there is none"
        if len(choices) > MOST_LISTED:
            near = nearest(name, choices)
            found = f"near it: {', '.join(near)}" if near else "nothing is near it"
            there = f"{found} (of {len(choices)}{LISTED_BY.get(what, '')})"
        raise UserError(f"{what} {name!r} is unknown: {hint(str(name), choices) or there}")


def hint(name: str, choices: Collection[str]) -> str:
    """ "did you mean ...?" with what is nearly `name`; "" if nothing is."""
    close = nearest(name, choices, count=1, alike=0.6)
    return f"did you mean {close[0]!r}?" if close else ""


def nearest(name: str, choices: Collection[str], count: int = 3, alike: float = 0.4) -> list[str]:
    """At most so many of the choices, the nearest first; `alike`: from 0, for any, to 1, for equal ones."""
    return difflib.get_close_matches(name, choices, n=count, cutoff=alike)
