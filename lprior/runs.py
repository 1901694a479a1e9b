"""Which runs there are: variants of the algorithms, the runs of each preset, and their names."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lprior.algorithms import ALGORITHMS
from lprior.data import DATASETS
from lprior.errors import UserError, choose, hint
from lprior.presets import BUDGETS


@dataclass(frozen=True)
class Of:
    """In place of a value: `times` that of `name`, a whole number if that is one; of itself, without the variant."""

    name: str
    times: float = 1.0

    def value(self, found: Any) -> Any:
        """Of the value of that name."""
        return max(1, round(self.times * found)) if isinstance(found, int) else self.times * found


@dataclass(frozen=True)
class Variant:
    """A named change of an algorithm's settings or of the run's, which becomes part of the run's name.

    `build`: of another class than the algorithm's, with the same networks.
    """

    title: str
    changes: dict[str, Any] = field(default_factory=dict)
    build: Callable[[Any, Any, int], Any] | None = None


MOST_SEED = 2**32 - 1  # that scikit-learn takes
CODES = (2, 4, 8, 16, 32, 64, 128)  # entries of a code
WIDE = {size: max(32, 4 * size) for size in CODES}  # entries of wide noise for each: chosen on held-out images
VARIANTS: dict[str, dict[str, Variant]] = {
    "aae": {},
    "aaemlp": {
        "dropout": Variant("AAE, printed networks, dropout of 0.2", {"dropout": 0.2}),
        "narrow": Variant("AAE, printed networks, prior N(0, 1)", {"deviation": 1.0}),
        "style": Variant("AAE, no labels, 15 entries", {"deviation": 1.0, "code": 15}),
    },
    "aaelabel": {
        "informed": Variant("AAE, label to D_C", {"D_C_sees_labels": True}),
        "informed_long": Variant(
            "AAE, label to D_C, longer", {"D_C_sees_labels": True, "epochs": Of("epochs", 3), "falling": 4}
        ),
    },
    "aaeplane": {
        "unlabelled": Variant("AAE, mixture, no labels", {"named": False, "labelled": 0}),
        "roll": Variant("AAE, swiss roll, 10 000 labels", {"shape": "swiss_roll"}),
        "roll_unlabelled": Variant(
            "AAE, swiss roll, no labels", {"shape": "swiss_roll", "named": False, "labelled": 0}
        ),
        "gaussian": Variant("AAE, Gaussian, no labels", {"shape": "gaussian", "named": False, "labelled": 0}),
    },
    "aaesemi": {
        "views": Variant("AAE, 100 labels, views", {"views": True, "lam_VAT": 0.3}),
        "views_alone": Variant(  # a classifier: rates that move no weight of the rest
            "no autoencoder, 100 labels, views",
            {"views": True, "lam_VAT": 0.3, "learning_rate": 1e-12, "learning_rate_D": 1e-12},
        ),
        "labels_1000": Variant("AAE, 1000 labels", {"labelled": 1000}),
        "labels_all": Variant("AAE, all labels", {"labelled": 60_000}),
        **{
            f"clusters_{values}": Variant(
                f"AAE, {values} clusters", {"named": False, "labelled": 0, "values": values, "code": values + 10}
            )
            for values in (16, 30)
        },
        "heads": Variant("AAE, plane, 100 labels", {"heads": True, "code": 12}),
        "heads_1000": Variant("AAE, plane, 1000 labels", {"heads": True, "code": 12, "labelled": 1000}),
        "heads_unlabelled": Variant(
            "AAE, plane, 20 clusters",
            {"heads": True, "code": 22, "values": 20, "named": False, "labelled": 0},
        ),
        "heads_10": Variant("AAE, 10 dimensions, 100 labels", {"heads": True, "code": 20}),
    },
    "lpaae": {
        "fixed": Variant("LP-AAE, fixed prior", {"prior": "fixed"}),
        "text": Variant("LP-AAE, text", {"reading": "text"}),
        "printed": Variant("LP-AAE, printed", {"reading": "printed"}),
        "long": Variant("LP-AAE, long run", {"epochs": Of("epochs", 3), "falling": 6}),
        "supervised": Variant("LP-AAE, supervised", {"condition": "supervised"}),
        "supervised_long": Variant(
            "LP-AAE, supervised, long run", {"condition": "supervised", "epochs": Of("epochs", 2.2)}
        ),
        "supervised_lam_CG": Variant(
            "LP-AAE, supervised, more D_C", {"condition": "supervised", "lam_CG": 0.1}
        ),
        "unsupervised": Variant("LP-AAE, unsupervised", {"condition": "unsupervised"}),
        "unsupervised_long": Variant(
            "LP-AAE, unsupervised, long run", {"condition": "unsupervised", "epochs": Of("epochs", 2.6)}
        ),
        "supervised_fixed": Variant("LP-AAE, supervised, fixed prior", {"condition": "supervised", "prior": "fixed"}),
        "unsupervised_fixed": Variant(
            "LP-AAE, unsupervised, fixed prior", {"condition": "unsupervised", "prior": "fixed"}
        ),
        # "tuned", with one thing at a time as it is printed, or otherwise left out
        "frozen": Variant("LP-AAE, CG never updated", {"CG_learns": False}),
        "norm": Variant("norm not squared", {"squared": False, "lam": 1.0}),
        "two_passes": Variant("two decoder passes", {"one_pass": False}),
        "saturating": Variant("saturating losses", {"nonsaturating": False}),
        "lam_C_1": Variant("full weight of D_C in enc", {"lam_C": 1.0}),
        "lam_CG_0": Variant("no D_C in CG", {"lam_CG": 0.0}),
        "two_phases": Variant("two updates per mini-batch", {"joint": False}),
        "rec_fake": Variant("reconstructions as fakes", {"x_rec_is_fake": True}),
        "three_updates": Variant("three autoencoder updates", {"autoencoder_updates": 3}),
        "one_rate": Variant(
            "one learning rate",
            {"learning_rate_D": Of("learning_rate"), "learning_rate_CG": None, "learning_rate_D_C": None},
        ),
        "no_ema": Variant("no moving average", {"ema_decay": 0.0}),
        "no_spectral_norm": Variant("no spectral normalisation", {"spectral_norm": False}),
        "no_instance_noise": Variant("LP-AAE, no instance noise", {"instance_noise": 0.0}),
        **{f"code_{size}": Variant(f"LP-AAE, code of {size}", {"code": size}) for size in CODES},
        **{
            f"fixed_code_{size}": Variant(f"LP-AAE, fixed prior, code of {size}", {"prior": "fixed", "code": size})
            for size in CODES
        },
        **{
            f"wide_code_{size}": Variant(f"LP-AAE, code of {size}, wide noise", {"code": size, "noise": noise})
            for size, noise in WIDE.items()
        },
    },
    "lptext": {"fixed": Variant("LP-AAE, text, fixed prior", {"prior": "fixed"})},
    "vaegan": {  # one thing at a time
        "saturating": Variant("saturating loss", {"nonsaturating": False}),
        "rec_fake": Variant("reconstructions as fakes", {"x_rec_is_fake": True}),
        "balanced": Variant("balance rule", {"balanced": True}),
        "gamma_1": Variant("gamma 1", {"gamma": 1.0}),
        "gamma_0": Variant("gamma 0.001", {"gamma": 0.001}),
        "first_features": Variant("features of the first block", {"feature_block": 1}),
        "no_spectral_norm": Variant("no spectral normalisation", {"spectral_norm": False}),
    },
}


def variants_of(algorithm: str) -> dict[str, Variant]:
    """By name; none for an algorithm without any."""
    return VARIANTS.get(algorithm, {})


def title_of(model: str) -> str:
    """What a table calls a model, <algorithm>[-<variant>]; the name itself if nothing else is known of it."""
    algorithm, _, variant = model.partition("-")
    if variant:
        return variants_of(algorithm)[variant].title if variant in variants_of(algorithm) else model
    return ALGORITHMS[algorithm].title if algorithm in ALGORITHMS else model


def models() -> list[str]:
    """The models of the main tables: each algorithm that is for them, and LP-AAE's baseline beside it."""
    main = [name for name, algorithm in ALGORITHMS.items() if algorithm.main]
    return [model for name in main for model in (name, *(("lpaae-fixed",) if name == "lpaae" else ()))]


BESIDE = {  # family -> what a preset trains beside these
    "digits": ("lpaae-supervised", "lpaae-unsupervised", "lpaae-code_2"),  # the last for the figure of a plane
    "pictures": ("lpaae-supervised", "lpaae-unsupervised"),
}
SEEDS = {"smoke": (0,), "quick": (0,), "full": (0, 1, 2)}


@dataclass(frozen=True)
class Study:
    """Runs that compare only with each other, as a preset of their own: `budget` with `changes` for each of `models`.

    `seeds`: of each model. `family`: of the data sets it is for. `render(runs)`: what the report shows of its finished
    runs, as `report.studies.Shown`. `fitted`: priors measured beside the control, as `evaluation.fitted` names them.
    `measure(model, train, test)`: metrics that its runs have beside all others', by the keys that `evaluation.metrics`
    explains; None for none. `pictured`: models whose first seed is published with its sheet of samples; of others only
    numbers are. `shipped`: models whose first seed has its weights with it, small ones that a notebook wants.
    """

    name: str
    title: str
    budget: str
    changes: dict[str, Any]
    models: tuple[str, ...]
    seeds: tuple[int, ...]
    family: str
    render: Callable[[list], Any]
    fitted: tuple[str, ...] = ()
    measure: Callable[[Any, Any, Any], dict[str, Any]] | None = None
    pictured: tuple[str, ...] = ()
    shipped: tuple[str, ...] = ()


STUDIES: dict[str, Study] = {}  # filled by `report.studies`, and by whoever adds one


def presets() -> list[str]:
    """The names that --preset takes."""
    return [*BUDGETS, *STUDIES]


def parse_run(name: str) -> dict[str, Any]:
    """The parts of a run's name `<dataset>-<algorithm>[-<variant>]-s<seed>`, as arguments of `config.resolve`."""
    either = "|".join
    match = re.fullmatch(rf"({either(DATASETS)})-({either(ALGORITHMS)})(?:-(\w+))?-s(0|[1-9][0-9]*)", name)
    if not match:
        form = "expected <dataset>-<algorithm>[-<variant>]-s<seed>, such as mnist-lpaae-s0"
        raise UserError(f"{name!r} is not a run: {_nearly(name) or form}")
    dataset, algorithm, variant, seed = match.groups(default="")
    if len(seed) > 10 or int(seed) > MOST_SEED:  # of more digits Python makes no number
        raise UserError(f"{name!r} has too large a seed: it must be at most {MOST_SEED}")
    return {"dataset": dataset, "algorithm": algorithm, "variant": variant, "seed": int(seed)}


def _nearly(name: str) -> str:
    """A hint at a run whose name is nearly this one, of the same seed, or of 0 if it has none; "" if nothing is."""
    stem, *rest = re.split(r"-s(?=\d+$)", name)
    seed = rest[0] if rest else "0"
    if not re.fullmatch("0|[1-9][0-9]{0,8}", seed):  # what is wrong is another thing
        return ""
    models = [f"{algorithm}{variant}" for algorithm in ALGORITHMS
              for variant in ["", *(f"-{variant}" for variant in variants_of(algorithm))]]  # fmt: skip
    return hint(f"{stem}-s{seed}", [f"{dataset}-{model}-s{seed}" for dataset in DATASETS for model in models])


def runs_of(preset: str, dataset: str, seeds: list[int] | None = None) -> list[str]:
    """The names of the runs that a preset consists of. Raises UserError for a study on data that it is not for."""
    choose("preset", preset, presets())
    choose("data set", dataset, DATASETS)
    family = DATASETS[dataset].family
    if preset not in STUDIES:
        wanted, own = [*models(), *BESIDE.get(family, ())], SEEDS[preset]
    elif STUDIES[preset].family == family:
        wanted, own = list(STUDIES[preset].models), STUDIES[preset].seeds
    else:
        of = STUDIES[preset].family
        raise UserError(f"the preset {preset!r} is a study on {of}: choose another data set than {dataset!r}")
    return [f"{dataset}-{model}-s{seed}" for model in wanted for seed in seeds or own]
