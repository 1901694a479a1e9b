"""What lies beside the package in a clone of the repository: notebooks, published runs."""

from pathlib import Path

from lprior.errors import UserError

CLONE = Path(__file__).parents[1]
PUBLISHED = CLONE / "results" / "published"


def of_clone(name: str) -> Path:
    """A path of the repository. Raises UserError if it is not there: the package was installed alone."""
    path = CLONE / name
    if not path.exists():
        raise UserError(f"{name} is not there, but in the repository: clone it, and `pip install -e .` in the clone")
    return path
