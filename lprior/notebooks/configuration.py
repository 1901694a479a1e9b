"""What the parameters of an algorithm's notebook say, as the configuration of a run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lprior import data
from lprior.config import RunConfig, explain, resolve
from lprior.errors import DataUnavailable, UserError, in_notebooks
from lprior.settings import parse_settings

DECIDING = ("dataset", "preset", "variant", "seed", "epochs", "settings")  # what is computed; the others, how
PARAMETERS = (*DECIDING, "folder", "whole", "force")
Layers = dict[str, tuple[Any, str]]  # name -> value, and the layer that it came from (`config.explain`)


@dataclass(frozen=True)
class Asked:
    """A run that is asked for, and where each of its values comes from.

    `device`: "auto", "cpu" or "cuda". `live`: with pictures and a bar while it is trained, instead of lines.
    """

    config: RunConfig
    layers: Layers
    device: str = "auto"
    live: bool = True


def configure(
    algorithm: str, dataset: str, preset: str, variant: str, seed: int, epochs: int | None, settings: str
) -> Asked:
    """`settings`: see `settings.parse_settings`; besides values of the run also `device` and `live`.

    Raises UserError as `config.resolve` does, and for a setting that another parameter says.
    """
    changes = parse_settings(settings)
    device, live = changes.pop("device", "auto"), changes.pop("live", True)
    if not isinstance(live, bool):
        raise UserError(f"live must be bool, not {live!r}")
    for name in changes:
        if name in (*PARAMETERS, "algorithm"):
            where = "the notebook itself" if name == "algorithm" else f"the parameter {name!r}"
            raise UserError(f"settings cannot change {name}: {where} says it")
    named: dict[str, Any] = {"dataset": dataset, "preset": preset, "variant": variant, "seed": seed, "epochs": epochs}
    run, layers = resolve(algorithm, **named, **changes), explain(algorithm, **named, **changes)
    return Asked(run, layers, str(device), live)


def at_hand(dataset: str, folder: str | Path | None = None) -> str:
    """The data set; or what takes its place where it is neither here nor to be had, which is said loudly.

    Raises DataUnavailable if nothing does, and for a run whose `folder` is given: it would hold another one.
    """
    try:
        data.load(dataset, split="test")
    except DataUnavailable as error:
        if folder is not None:
            raise
        return data.substitute(dataset, DataUnavailable(in_notebooks(str(error))))
    return dataset
