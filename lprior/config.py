"""From names to a runnable configuration. One fixed order decides each value, of which later ones win:

    default   of the algorithm's own `Config`, or of `RunConfig`
    budget    smoke, quick or full, for the family of the data set (`presets.BUDGETS`)
    recipe    of the algorithm, for this budget, family, reading and condition (`presets.RECIPES`)
    study     what a study changes of its budget (`runs.STUDIES`)
    variant   `runs.VARIANTS`
    given     by hand

A recipe may depend on any value of the other layers, such as the reading or the condition, whoever chose it.
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
from lprior.runs import MOST_SEED, STUDIES, Of, presets, variants_of

LATER = ("labelled", "validation")  # fields that published runs do not have
MOST = 1e30  # of any number: what torch computes from it should stay within float32


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
    code: int  # entries of a code
    ema_decay: float  # of the moving average that samples
    samples: int  # how many the metrics are measured on
    settings: Any  # the algorithm's own Config
    spectral_norm: bool = True  # in the image discriminator
    falling: int = 0  # over so many last epochs learning rates fall towards zero
    feature_block: int | None = None  # of the image discriminator, whose output are the features F; None: the last
    labelled: int = 0  # so many training images, drawn by the seed, have labels, and some of them follow each
    # mini-batch; 0: all have labels, and none follow
    validation: int = 0  # so many last training images are held out, and measured on in place of the test images

    @property
    def model(self) -> str:
        """Algorithm and variant: what seeds of a run have in common."""
        return f"{self.algorithm}-{self.variant}" if self.variant else self.algorithm

    @property
    def name(self) -> str:
        """The run's name, as its folder is called."""
        return f"{self.dataset}-{self.model}-s{self.seed}"

    @property
    def noise(self) -> int:
        """Entries of z, of which the prior makes codes."""
        return getattr(self.settings, "noise", None) or self.code

    @property
    def image_size(self) -> int:
        """Pixels a side that the networks take; smaller images are zero-padded."""
        return NETWORKS[self.networks].input_size or DATASETS[self.dataset].size

    def to_dict(self) -> dict[str, Any]:
        """Plain values; those of `LATER` only where they are not 0, so that other runs say what they always said."""
        return {name: value for name, value in asdict(self).items() if value or name not in LATER}


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

    found: dict[str, tuple[Any, str]] = {name: (value, "name") for name, value in names.items()}
    found |= _merged(_layers(algorithm, dataset, preset, variant, given))
    for name, (value, _) in found.items():
        _check(name, value, kinds[name])
    _check_labelled(algorithm, found["labelled"][0])
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
    own = {field.name: field.default for field in _fields(algorithm) if field.default is not MISSING}
    study, family = STUDIES.get(preset), DATASETS[dataset].family
    budget = study.budget if study else preset
    before = [("default", own), (f"budget {budget}", BUDGETS[budget][family])]
    after = [
        (f"study {preset}", study.changes if study else {}),
        (f"variant {variant}", variants_of(algorithm)[variant].changes if variant else {}),
        ("given", given),
    ]
    about = {"budget": budget, "family": family}
    about |= {name: value for _, layer in before + after for name, value in layer.items()}  # whoever chose them
    rows = [row.values for row in RECIPES.get(algorithm, []) if row.when.items() <= about.items()]
    recipe = {name: value for row in rows for name, value in row.items()}
    return [*before, (f"recipe {algorithm} on {family}", recipe), *after]


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


COUNTS = ("epochs", "images", "batch_size", "width", "code", "noise", "samples")  # of which there is at least one
EARLIER: dict[str, dict[str, Any]] = {  # settings before they had a name
    "vaegan": {"feature_deviation": 1.0}, "lpaae": {"noise": None}, "lptext": {"noise": None},
}  # fmt: skip


def from_dict(values: dict[str, Any]) -> RunConfig:
    """The inverse of `RunConfig.to_dict`, also after a passage through JSON. Raises UserError for what is none, and for
    values that `resolve` would refuse; but a preset or a variant may be one that nobody has imported."""
    try:
        return _from_dict(values)
    except (UserError, TypeError, AttributeError) as error:
        raise UserError(f"not the configuration of a run: {error}") from error


def _from_dict(values: dict[str, Any]) -> RunConfig:
    algorithm = str(values.get("algorithm"))
    choose("algorithm", algorithm, ALGORITHMS)
    choose("data set", str(values.get("dataset")), DATASETS)
    choose("network set", str(values.get("networks")), NETWORKS)
    settings = {name: tuple(v) if isinstance(v, list) else v for name, v in values.get("settings", {}).items()}
    values = {**dict.fromkeys(LATER, 0), **values}
    settings = {**EARLIER.get(algorithm, {}), **settings}
    found, kinds = values | settings, {field.name: field.type for field in _fields(algorithm)}
    if missing := {"settings", *kinds} - found.keys():
        raise UserError(f"it lacks {', '.join(sorted(missing))}")
    if unknown := found.keys() - {"settings", *kinds}:
        raise UserError(f"there is no {', '.join(map(repr, sorted(unknown)))}")
    for name, declared in kinds.items():
        _check(name, found[name], declared)
    _check_labelled(algorithm, found["labelled"])
    return RunConfig(**{**values, "settings": ALGORITHMS[algorithm].Config(**settings)})


def build(config: RunConfig) -> Trainable:
    """The algorithm of a configuration, on new networks."""
    channels = DATASETS[config.dataset].channels
    networks = NETWORKS[config.networks](
        channels, config.image_size, config.width, config.spectral_norm, config.feature_block
    )
    variant = variants_of(config.algorithm).get(config.variant)
    make = variant.build if variant and variant.build else ALGORITHMS[config.algorithm].build
    return make(config.settings, networks, config.code)


def _check(name: str, value: Any, declared: Any) -> None:
    """Raises UserError for a value that a run or an algorithm cannot have."""
    _check_type(name, value, declared)
    _check_range(name, value)


def _check_labelled(algorithm: str, labelled: int) -> None:
    """Raises UserError for labels of some images only where the algorithm has no use for them."""
    if labelled and not ALGORITHMS[algorithm].some_labels:
        able = " and ".join(name for name, one in ALGORITHMS.items() if one.some_labels)
        raise UserError(f"labelled must be 0, not {labelled}: {able} learn from some labels, {algorithm} does not")


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
    if name in COUNTS and value is not None and value < 1:
        raise UserError(f"{name} must be at least 1, not {value}")
    if isinstance(value, int | float) and not 0 <= value < math.inf:
        raise UserError(f"{name} must be a number of at least 0, not {value}")
    if isinstance(value, int | float) and value > MOST:
        raise UserError(f"{name} must be at most {MOST:g}, not {value}")
    if name == "seed" and value > MOST_SEED:
        raise UserError(f"seed must be at most {MOST_SEED}, not {value}")
    if name == "batch_size" and value == 1:
        raise UserError("batch_size must be at least 2, not 1: a batch is normalised by its own mean and variance")
    if name.startswith("learning_rate") and value == 0:
        raise UserError(f"{name} must be more than 0: with 0 nothing would learn")
    if name in ("ema_decay", "betas") and not all(0 <= part < 1 for part in (value if name == "betas" else [value])):
        raise UserError(f"{name} must lie in [0, 1), not {value}")
