"""From names to a runnable configuration. One fixed order decides each value, of which later ones win:

    default   of the algorithm's own `Config`, or of `RunConfig`
    budget    smoke, quick or full, for the family of the data set (`presets.BUDGETS`)
    recipe    of the algorithm, for this budget, family, reading and condition (`presets.RECIPES`)
    study     what a study changes of its budget (`runs.STUDIES`)
    variant   `runs.VARIANTS`
    given     by hand

A recipe depends on the reading and the condition that are chosen in the end, whoever chose them.
"""

import math
from dataclasses import MISSING, Field, asdict, dataclass, fields
from types import UnionType
from typing import Any, get_args, get_origin

from lprior.algorithms import ALGORITHMS, Trainable
from lprior.data import DATASETS
from lprior.errors import UserError, choose
from lprior.networks import NETWORKS
from lprior.presets import BUDGETS, RECIPES
from lprior.runs import STUDIES, Of, presets, variants_of

CHOICES = ("reading", "condition")  # settings that a recipe may depend on


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides what a run computes."""

    dataset: str
    algorithm: str
    variant: str  # "" for none
    preset: str
    seed: int
    epochs: int
    images: int | None  # train on the first so many only
    batch_size: int
    networks: str  # of `networks.NETWORKS`
    width: int  # channels of the first convolution
    code: int  # entries of a code, and of the noise
    ema_decay: float  # of the moving average that samples
    samples: int  # how many the metrics are measured on
    settings: Any  # the algorithm's own Config
    spectral_norm: bool = True  # in the image discriminator
    falling: int = 0  # over so many last epochs learning rates fall towards zero
    feature_block: int | None = None  # of the image discriminator, whose output are the features F; None: the last

    @property
    def model(self) -> str:
        """Algorithm and variant: what seeds of a run have in common."""
        return f"{self.algorithm}-{self.variant}" if self.variant else self.algorithm

    @property
    def name(self) -> str:
        """The run's name, as its folder is called."""
        return f"{self.dataset}-{self.model}-s{self.seed}"

    @property
    def image_size(self) -> int:
        """Pixels a side that the networks take; smaller images are zero-padded."""
        return NETWORKS[self.networks].input_size or DATASETS[self.dataset].size

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def resolve(algorithm: str, dataset: str, preset: str, variant: str = "", seed: int = 0, **changes: Any) -> RunConfig:
    """The configuration of a preset, with `changes` to fields of RunConfig or of the algorithm's Config.

    A change to None keeps the preset's value. Raises UserError for unknown names, values and wrong types, and for a
    variant that changes nothing on this data set.
    """
    values = {name: value for name, (value, _) in explain(algorithm, dataset, preset, variant, seed, **changes).items()}
    own = {field.name for field in fields(ALGORITHMS[algorithm].Config)}
    settings = ALGORITHMS[algorithm].Config(**{name: value for name, value in values.items() if name in own})
    return RunConfig(**{name: value for name, value in values.items() if name not in own}, settings=settings)


def explain(
    algorithm: str, dataset: str, preset: str, variant: str = "", seed: int = 0, **changes: Any
) -> dict[str, tuple[Any, str]]:
    """Every value that `resolve` would give, under its name, with the layer that it came from. The same errors."""
    choose("algorithm", algorithm, ALGORITHMS)
    choose("data set", dataset, DATASETS)
    choose("preset", preset, presets())
    if variant:
        choose(f"variant of {algorithm}", variant, variants_of(algorithm))
    kinds = {field.name: field.type for field in _fields(algorithm)}
    names = {"dataset": dataset, "algorithm": algorithm, "variant": variant, "preset": preset, "seed": seed}
    for name in changes:
        choose("parameter", name, [other for other in kinds if other not in names])
    given = {name: value for name, value in changes.items() if value is not None}

    found = {name: (value, "name") for name, value in names.items()}
    found |= _merged(_layers(algorithm, dataset, preset, variant, given))
    for name, (value, _) in found.items():
        _check_type(name, value, kinds[name])
        _check_range(name, value)
    choose("network set", str(found["networks"][0]), NETWORKS)
    if variant and variants_of(algorithm)[variant].build is None:
        plain = _merged(_layers(algorithm, dataset, preset, "", given))
        if all(found[name][0] == value for name, (value, _) in plain.items()):
            raise UserError(
                f"the variant {variant!r} of {algorithm} changes nothing on {dataset} ({preset}): "
                f"run {dataset}-{algorithm}-s{seed}"
            )
    return found


def _fields(algorithm: str) -> list[Field]:
    """Of a run, and of the algorithm's settings."""
    of_run = [field for field in fields(RunConfig) if field.name != "settings"]
    return [*of_run, *fields(ALGORITHMS[algorithm].Config)]


def _layers(algorithm: str, dataset: str, preset: str, variant: str, given: dict) -> list[tuple[str, dict]]:
    """The order, with each layer's name."""
    changes = variants_of(algorithm)[variant].changes if variant else {}
    own = {field.name: field.default for field in _fields(algorithm) if field.default is not MISSING}
    study = STUDIES.get(preset)
    about = {"budget": study.budget if study else preset, "family": DATASETS[dataset].family}
    about |= {name: (own | changes | given)[name] for name in CHOICES if name in own}
    rows = [row.values for row in RECIPES.get(algorithm, []) if row.when.items() <= about.items()]
    recipe = {name: value for row in rows for name, value in row.items()}
    return [
        ("default", own),
        (f"budget {about['budget']}", BUDGETS[about["budget"]][about["family"]]),
        (f"recipe {algorithm} on {about['family']}", recipe),
        (f"study {preset}", study.changes if study else {}),
        (f"variant {variant}", changes),
        ("given", given),
    ]


def _merged(layers: list[tuple[str, dict]]) -> dict[str, tuple[Any, str]]:
    """Name -> the last layer's value, and that layer's name. `Of` another name is of what that has in the end."""
    found: dict[str, tuple[Any, str]] = {}
    for title, layer in layers:
        for name, value in layer.items():
            of_itself = isinstance(value, Of) and value.name == name
            found[name] = (value.value(found[name][0]) if of_itself else value, title)
    for name, (value, title) in found.items():
        if isinstance(value, Of):
            found[name] = (value.value(found[value.name][0]), title)
    return found


def from_dict(values: dict[str, Any]) -> RunConfig:
    """The inverse of `RunConfig.to_dict`, also after a passage through JSON. Raises UserError for what is none."""
    try:
        settings = {name: tuple(v) if isinstance(v, list) else v for name, v in values["settings"].items()}
        missing = {field.name for field in _fields(values["algorithm"])} - {*values, *settings}
        if missing:
            raise UserError(f"the configuration of a run lacks {', '.join(sorted(missing))}")
        return RunConfig(**{**values, "settings": ALGORITHMS[values["algorithm"]].Config(**settings)})
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"not the configuration of a run: {type(error).__name__}: {error}") from error


def build(config: RunConfig) -> Trainable:
    """The algorithm of a configuration, on new networks."""
    channels = DATASETS[config.dataset].channels
    networks = NETWORKS[config.networks](
        channels, config.image_size, config.width, config.spectral_norm, config.feature_block
    )
    variant = variants_of(config.algorithm).get(config.variant)
    make = variant.build if variant and variant.build else ALGORITHMS[config.algorithm].build
    return make(config.settings, networks, config.code)


def _check_type(name: str, value: Any, declared: Any) -> None:
    """`declared`: a plain type, a union of such, or tuple[...]. An int passes for a float, a bool for neither."""
    kinds = get_args(declared) if isinstance(declared, UnionType) else (declared,)
    if not any(_fits(value, kind) for kind in kinds):
        names = (str(kind) if get_origin(kind) else kind.__name__ for kind in kinds)
        raise UserError(f"{name} must be {' or '.join(names)}, not {value!r}")


def _fits(value: Any, kind: Any) -> bool:
    if get_origin(kind) is tuple:
        parts = get_args(kind)
        return isinstance(value, tuple) and len(value) == len(parts) and all(map(_fits, value, parts))
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _check_range(name: str, value: Any) -> None:
    if name in ("epochs", "images", "batch_size", "width", "code", "samples") and value is not None and value < 1:
        raise UserError(f"{name} must be at least 1, not {value}")
    if isinstance(value, int | float) and not 0 <= value < math.inf:
        raise UserError(f"{name} must be a number of at least 0, not {value}")
    if name in ("ema_decay", "betas") and not all(0 <= part < 1 for part in (value if name == "betas" else [value])):
        raise UserError(f"{name} must lie in [0, 1), not {value}")
