"""What the parameters of an algorithm's notebook say, as the configuration of a run."""

from typing import Any

from lprior.config import RunConfig, explain, resolve
from lprior.errors import UserError
from lprior.settings import parse_settings

DECIDING = ("dataset", "preset", "variant", "seed", "epochs", "settings")  # what is computed; the others, how
PARAMETERS = (*DECIDING, "device", "folder", "live", "force")
Layers = dict[str, tuple[Any, str]]  # name -> value, and the layer that it came from (`config.explain`)


def configure(
    algorithm: str, dataset: str, preset: str, variant: str, seed: int, epochs: int | None, settings: str
) -> tuple[RunConfig, Layers]:
    """The configuration, and where each of its values comes from. `settings`: see `settings.parse_settings`.

    Raises UserError as `config.resolve` does, and for a setting that another parameter says.
    """
    changes = parse_settings(settings)
    for name in changes:
        if name in (*PARAMETERS, "algorithm"):
            where = "the notebook itself" if name == "algorithm" else f"the parameter {name!r}"
            raise UserError(f"settings cannot change {name}: {where} says it")
    named: dict[str, Any] = {"dataset": dataset, "preset": preset, "variant": variant, "seed": seed, "epochs": epochs}
    return resolve(algorithm, **named, **changes), explain(algorithm, **named, **changes)
