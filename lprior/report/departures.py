"""In what a run is not as its preset has it: by its variant, by what was given, or because the preset has changed."""

from collections.abc import Iterable
from typing import Any

from lprior.config import RunConfig, resolve
from lprior.errors import UserError
from lprior.report.latex import escape
from lprior.results import flat
from lprior.runs import title_of


def departures(config: RunConfig, variant: str) -> list[tuple[str, Any, Any]] | None:
    """Name, the value of the run's preset with this variant, and the run's, where they differ; None if nobody knows the
    preset."""
    try:
        preset = resolve(config.algorithm, config.dataset, config.preset, variant, config.seed)
    except UserError:  # as `config.from_dict` says, it may be one that nobody has imported
        return None
    before, after = flat(preset.to_dict()), flat(config.to_dict())
    return [(name, before[name], value) for name, value in after.items() if value != before[name] and name != "variant"]


def in_words(configs: Iterable[RunConfig]) -> str:
    """Which models have runs of other values than their preset and variant have now, in LaTeX; "" if none."""
    found: dict[tuple, dict[str, None]] = {}
    for config in configs:
        for departure in departures(config, config.variant) or []:
            found.setdefault(departure, {})[title_of(config.model)] = None
    return " ".join(
        rf"Trained with \texttt{{{escape(f'{name}={value}')}}}, where the preset has {escape(str(now))} by now: "
        f"{escape('; '.join(titles))}."
        for (name, now, value), titles in found.items()
    )
