"""From names to a runnable configuration: data set x algorithm x preset, every value with its source, or "ours".

smoke   the whole path in seconds, on little data with tiny networks; no result worth looking at
quick   real training on two CPU cores in minutes, small networks (digits: compact; CIFAR-10: DCGAN's); the values were
        found by short trials, which the report lists ("Problems and solutions" and "CIFAR-10")
full    for a GPU: the networks of Wang, Ko and Peng's table (digits), and SN-GAN's (CIFAR-10)

Two studies are presets, too, with runs of their own and fewer epochs, whose numbers compare only with each other:

ablation   the readings of Algorithm 1, and each choice of ours undone by itself
codes      learned and fixed prior with codes of 2 to 64 entries
"""

import difflib
import math
import re
from dataclasses import asdict, dataclass, fields
from types import UnionType
from typing import Any, get_args, get_origin

from torch import nn

from lprior import aae, condition, data, dcgan, lpaae, networks, resnet, vaegan
from lprior.errors import UserError
from lprior.variants import ABLATION, CODES, READINGS, VARIANTS

SETTINGS = {"aae": aae.Config, "lpaae": lpaae.Config, "vaegan": vaegan.Config}

PRESETS = {
    "smoke": {
        "epochs": 2, "images": 1280, "batch_size": 64, "networks": "compact", "width": 4, "code": 8,
        "ema_decay": 0.9, "samples": 1000,
    },
    "quick": {
        "epochs": 20, "images": None,
        "batch_size": 64,  # VAE/GAN's; in our trials the number of updates mattered more than the batch
        "networks": "compact", "width": 16,
        "code": 8,  # of the 2018 report's last MNIST runs
        "ema_decay": 0.999, "samples": 10_000,
    },
    "full": {
        "epochs": 40, "images": None, "batch_size": 64, "networks": "paper", "width": 64,
        "spectral_norm": False,  # which the paper's table does not have
        "code": 8,  # of the 2018 report's last MNIST runs
        "ema_decay": 0.999, "samples": 10_000,
    },
}  # fmt: skip
STUDIES = ("ablation", "codes")
PRESETS |= {
    "ablation": PRESETS["quick"] | {"epochs": 2, "samples": 5_000},  # 75 runs
    "codes": PRESETS["quick"] | {"epochs": 6},
}
# What changes for an algorithm, a data set, a reading or a condition of LP-AAE: all entries that name nothing else,
# later ones over earlier ones. Found by short trials, where there is no comment.
OVERRIDES = {
    # No image discriminator to pay for: for about the time of the others AAE gets twice their width, without which its
    # samples blend digits more often.
    ("quick", "aae"): {"epochs": 32, "width": 32},
    ("quick", "vaegan"): {"epochs": 24},
    ("quick", "unsupervised"): {"epochs": 12},  # each of about twice the cost, for views and VAT
    ("smoke", "cifar10"): {"networks": "dcgan"},
    ("quick", "cifar10"): {
        "networks": "dcgan", "width": 32, "batch_size": 32,
        "epochs": 10,  # in less than 20 minutes
        "code": 64,  # of the 2018 report's last settings; its pictures had 8
    },
    ("full", "cifar10"): {"networks": "strong", "spectral_norm": True, "code": 64},
    ("cifar10", "lpaae"): {
        "learning_rate": 4e-4, "betas": (0.5, 0.999),
        "learning_rate_D": 2e-4,  # at 4e-4, without spectral norm, D_I wins: FID falls for three epochs, then rises
        "learning_rate_CG": 3e-5,  # a faster CG leaves D_C's codes and the moving average behind
    },
    ("cifar10", "lpaae", "tuned"): {
        "squared": False, "lam": 0.3,  # whatever the scale of the features, the norm pulls with the same force
        "lam_C": 1.0, "lam_CG": 0.1,
        "x_rec_is_fake": True,  # D_I then has more to do, and stays in play
        "instance_noise": 0.1,  # without, D_I is far ahead after ten epochs (tried on JPEG pictures, and "quick")
    },
    ("cifar10", "lpaae", "tuned", "supervised"): {"instance_noise": 0.0},  # labels keep D_I in play
    ("cifar10", "vaegan"): {
        "learning_rate": 4e-4, "learning_rate_D": 2e-4, "betas": (0.5, 0.999),
        "x_rec_is_fake": True,  # without, reconstructions are blurred, and Dis is soon too far ahead
    },
    ("quick", "cifar10", "vaegan"): {"feature_block": 2},  # the last block's 4x4 say little of where things are
}  # fmt: skip
SEEDS = {"smoke": (0,), "quick": (0,), "full": (0, 1, 2), "ablation": (0, 1, 2), "codes": (0,)}
MODELS = ("aae", "lpaae", "lpaae-fixed", "vaegan")  # of the main tables
BESIDE = ("lpaae-supervised", "lpaae-unsupervised", "lpaae-code_2")  # the last for the figure of a plane
RUNS = {
    **dict.fromkeys(("smoke", "quick", "full"), MODELS + BESIDE),
    "ablation": (
        "lpaae", *(f"lpaae-{variant}" for variant in ("fixed", *READINGS, *ABLATION)),
        "vaegan", *(f"vaegan-{variant}" for variant in VARIANTS["vaegan"]),
    ),
    "codes": tuple(f"lpaae-{kind}_{size}" for size in CODES for kind in ("code", "fixed_code")),
}  # fmt: skip
NOT_OF = {"cifar10": ("lpaae-unsupervised", "lpaae-code_2")}  # data set -> which of these runs it goes without


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
    networks: str  # "compact", "dcgan", "paper" or "strong"
    width: int  # channels of the first convolution
    code: int  # entries of a code, and of the noise
    ema_decay: float  # of the moving average that samples
    samples: int  # how many the metrics are measured on
    settings: Any  # the algorithm's own Config
    spectral_norm: bool = True  # in the image discriminator
    falling: int = 0  # over so many last epochs learning rates fall towards zero
    feature_block: int | None = None  # of the image discriminator, whose output are the features F; None: the last

    @property
    def condition(self) -> str:
        """The mode of the conditional variable s, "none" for algorithms that know none."""
        return getattr(self.settings, "condition", "none")

    @property
    def model(self) -> str:
        """Algorithm and variant, as in `MODELS`: what seeds of a run have in common."""
        return f"{self.algorithm}-{self.variant}" if self.variant else self.algorithm

    @property
    def name(self) -> str:
        """The run's name, as its folder is called."""
        return f"{self.dataset}-{self.model}-s{self.seed}"

    @property
    def image_size(self) -> int:
        """Pixels a side that the networks take; smaller images are zero-padded."""
        return data.SIZES[self.dataset] if self.networks == "compact" else 32

    def to_dict(self) -> dict:
        return asdict(self)


def resolve(algorithm: str, dataset: str, preset: str, variant: str = "", seed: int = 0, **changes: Any) -> RunConfig:
    """The configuration of a preset, with `changes` to fields of RunConfig or of the algorithm's Config.

    A change to None keeps the preset's value. Raises UserError for unknown names, values and wrong types.
    """
    _choose("algorithm", algorithm, SETTINGS)
    _choose("data set", dataset, data.NAMES)
    _choose("preset", preset, PRESETS)
    if variant:
        _choose(f"variant of {algorithm}", variant, VARIANTS[algorithm])

    kinds = {field.name: field.type for field in fields(RunConfig) if field.name != "settings"}
    own = {field.name: field.type for field in fields(SETTINGS[algorithm])}
    for name in changes:
        _choose("parameter", name, [*kinds, *own])
    given = {name: value for name, value in changes.items() if value is not None}
    named = VARIANTS[algorithm].get(variant, {}) | given
    special = named.get("reading", "tuned"), named.get("condition", "none")
    chosen, about = dict(PRESETS[preset]), {preset, algorithm, dataset, *special}
    for names, changed in OVERRIDES.items():
        if about.issuperset(names):
            chosen |= changed
    chosen |= named
    values = dict(dataset=dataset, algorithm=algorithm, variant=variant, preset=preset, seed=seed)
    values |= {name: value for name, value in chosen.items() if name not in own}
    settings = {name: value for name, value in chosen.items() if name in own}
    for name, value in [*values.items(), *settings.items()]:
        _check_type(name, value, {**kinds, **own}[name])
        _check_range(name, value)
    _choose("network set", values["networks"], NETWORKS)
    return RunConfig(**values, settings=SETTINGS[algorithm](**settings))


def from_dict(values: dict) -> RunConfig:
    """The inverse of `RunConfig.to_dict`, also after a passage through JSON."""
    if values["settings"].get("condition") == "unsupervised":  # a run from before these was made without
        values = values | {"settings": {"lam_H": 0.0, "lam_VAT": 0.0} | values["settings"]}
    settings = {name: tuple(v) if isinstance(v, list) else v for name, v in values["settings"].items()}
    return RunConfig(**{**values, "settings": SETTINGS[values["algorithm"]](**settings)})


NETWORKS = {"compact": networks.Compact, "dcgan": dcgan.DCGAN, "paper": networks.Paper, "strong": resnet.Strong}


def build(config: RunConfig, channels: int) -> nn.Module:
    """The algorithm of a configuration, on new networks for images of so many channels."""
    make = NETWORKS[config.networks](
        channels, config.image_size, config.width, config.spectral_norm, config.feature_block
    )
    code, settings, conditional = config.code, config.settings, config.condition != "none"
    match config.algorithm:
        case "aae":
            return aae.AAE(settings, make.encoder(code), make.decoder(code), make.code_discriminator(code))
        case "lpaae":
            return lpaae.LPAAE(
                settings, make.encoder(code), make.decoder(code),
                make.code_generator(code + condition.VALUES if conditional else code, code),
                make.code_discriminator(code), make.image_discriminator(),
                make.classifier(condition.VALUES) if conditional else None,
            )  # fmt: skip
        case "vaegan":
            return vaegan.VAEGAN(settings, make.encoder(2 * code), make.decoder(code), make.image_discriminator())
    raise UserError(f"algorithm {config.algorithm!r} is unknown")


def parse_run(name: str) -> dict:
    """The parts of a run's name `<dataset>-<algorithm>[-<variant>]-s<seed>`, as arguments of `resolve`."""
    either = "|".join
    match = re.fullmatch(rf"({either(data.NAMES)})-({either(SETTINGS)})(?:-(\w+))?-s(0|[1-9]\d*)", name)
    if not match:
        raise UserError(
            f"{name!r} is not a run: expected <dataset>-<algorithm>[-<variant>]-s<seed>, such as mnist-lpaae-s0"
        )
    dataset, algorithm, variant, seed = match.groups(default="")
    return {"dataset": dataset, "algorithm": algorithm, "variant": variant, "seed": int(seed)}


def runs_of(preset: str, dataset: str, seeds: list[int] | None = None) -> list[str]:
    """The names of the runs that a preset consists of. Raises UserError for a study on CIFAR-10: they are on digits."""
    _choose("preset", preset, PRESETS)
    _choose("data set", dataset, data.NAMES)
    if preset in STUDIES and dataset == "cifar10":
        raise UserError(f"the preset {preset!r} is a study on digits: choose another data set than 'cifar10'")
    runs = [run for run in RUNS[preset] if run not in NOT_OF.get(dataset, ())]
    return [f"{dataset}-{run}-s{seed}" for run in runs for seed in seeds or SEEDS[preset]]


def _choose(what: str, name: str, choices: Any) -> None:
    if name not in choices:
        close = difflib.get_close_matches(str(name), choices, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"choose one of {', '.join(choices)}"
        raise UserError(f"{what} {name!r} is unknown: {hint}")


def _check_type(name: str, value: Any, declared: Any) -> None:
    """`declared`: a plain type, a union of such, or tuple[...]. An int passes for a float, a bool for neither."""
    kinds = get_args(declared) if isinstance(declared, UnionType) else (get_origin(declared) or declared,)
    fits = isinstance(value, kinds) or (float in kinds and isinstance(value, int))
    if not fits or (isinstance(value, bool) and bool not in kinds):
        raise UserError(f"{name} must be {' or '.join(kind.__name__ for kind in kinds)}, not {value!r}")


def _check_range(name: str, value: Any) -> None:
    if name in ("epochs", "images", "batch_size", "width", "code", "samples") and value is not None and value < 1:
        raise UserError(f"{name} must be at least 1, not {value}")
    if isinstance(value, int | float) and not 0 <= value < math.inf:
        raise UserError(f"{name} must be a number of at least 0, not {value}")
    if name in ("ema_decay", "betas") and not all(0 <= part < 1 for part in (value if name == "betas" else [value])):
        raise UserError(f"{name} must lie in [0, 1), not {value}")
