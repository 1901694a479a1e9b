"""Where data sets are kept."""

import os
from pathlib import Path


def cache() -> Path:
    """Where downloads and decoded data are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lprior"
