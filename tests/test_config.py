from dataclasses import fields

import pytest
from conftest import SETTINGS

from lprior import data
from lprior.algorithms import lpaae_tuned as lpaae
from lprior import config as presets
from lprior import runs as variants
from lprior.errors import UserError

VARIANTS = [(algorithm, variant) for algorithm in presets.SETTINGS for variant in ["", *variants.VARIANTS[algorithm]]]


@pytest.mark.parametrize("preset", presets.PRESETS)
@pytest.mark.parametrize(("algorithm", "variant"), VARIANTS)
@pytest.mark.parametrize("dataset", data.NAMES)
def test_every_combination_resolves_and_its_name_parses_back(preset, algorithm, variant, dataset):
    config = presets.resolve(algorithm, dataset, preset, variant, seed=12)
    parts = {"dataset": dataset, "algorithm": algorithm, "variant": variant, "seed": 12}
    assert presets.parse_run(config.name) == parts
    assert presets.resolve(**parts, preset=preset) == config
    assert presets.from_dict(config.to_dict()) == config


@pytest.mark.parametrize("preset", presets.PRESETS)
@pytest.mark.parametrize(("algorithm", "variant"), VARIANTS)
def test_every_combination_builds(preset, algorithm, variant):
    config = presets.resolve(algorithm, "mnist", preset, variant, width=2)
    built = presets.build(config, data.CHANNELS["mnist"])
    assert built.config == config.settings


@pytest.mark.parametrize("preset", presets.PRESETS)
def test_the_runs_of_a_preset_resolve_under_their_own_names(preset):
    names = presets.runs_of(preset, "mnist")
    assert len(set(names)) == len(names) > 0
    for name in names:
        assert presets.resolve(**presets.parse_run(name), preset=preset).name == name


def test_cifar10_has_the_runs_that_its_part_of_the_report_shows():
    models = [*presets.MODELS, "lpaae-supervised"]
    assert presets.runs_of("quick", "cifar10") == [f"cifar10-{model}-s0" for model in models]


def test_seeds_replace_those_of_the_preset():
    names = presets.runs_of("smoke", "mnist5k", [3, 4])
    assert {presets.parse_run(name)["seed"] for name in names} == {3, 4}


def test_every_algorithm_of_the_report_is_in_every_preset_that_makes_one():
    for preset in set(presets.PRESETS) - set(presets.STUDIES):
        assert set(presets.SETTINGS) <= {presets.parse_run(n)["algorithm"] for n in presets.runs_of(preset, "mnist")}


def test_variants_change_what_their_names_say():
    assert presets.resolve("lpaae", "mnist", "smoke", "fixed").settings == SETTINGS["lpaae-fixed"]
    assert presets.resolve("lpaae", "mnist", "smoke", "text").settings == SETTINGS["lpaae-text"]


@pytest.mark.parametrize("variant", variants.VARIANTS["lpaae"])
def test_a_variant_changes_its_settings_and_nothing_else(variant):
    plain, changed = (presets.resolve("lpaae", "mnist", "quick", v).to_dict() for v in ("", variant))
    changes = variants.VARIANTS["lpaae"][variant]
    if "reading" in changes:
        changes = lpaae.READINGS[changes["reading"]] | changes
    changes = presets.OVERRIDES.get(("quick", changes.get("condition")), {}) | changes
    before, after = (config | config["settings"] for config in (plain, changed))
    expected = {name: value for name, value in changes.items() if before[name] != value}
    found = {name: value for name, value in after.items() if before[name] != value}
    assert {name: value for name, value in found.items() if name not in ("settings", "variant")} == expected
    assert expected or variant in ("code_8", "no_instance_noise")  # as the preset has it anyway, for digits


def test_without_labels_a_quick_run_is_shorter_if_nobody_says_otherwise():
    epochs = {preset: presets.resolve("lpaae", "mnist", preset, "unsupervised").epochs for preset in presets.PRESETS}
    plain = {preset: presets.resolve("lpaae", "mnist", preset).epochs for preset in presets.PRESETS}
    assert epochs == plain | {"quick": 12} and plain["quick"] == 20
    assert presets.resolve("lpaae", "mnist", "quick", "unsupervised", epochs=5).epochs == 5


def test_every_run_that_the_tables_can_show_has_a_title():
    assert set(variants.TITLES) == {"-".join(filter(None, pair)) for pair in VARIANTS}


@pytest.mark.parametrize("preset", presets.PRESETS)
@pytest.mark.parametrize("algorithm", presets.SETTINGS)
def test_a_change_wins_over_everything_that_a_preset_says(preset, algorithm):
    changes = {"epochs": 77, "width": 3, "batch_size": 5, "ema_decay": 0.25}
    config = presets.resolve(algorithm, "mnist", preset, **changes)
    assert {name: getattr(config, name) for name in changes} == changes


@pytest.mark.parametrize("algorithm", presets.SETTINGS)
def test_a_change_reaches_its_field_and_none_keeps_the_preset(algorithm):
    changes = {"epochs": 7, "learning_rate": 0.5, "batch_size": None, "learning_rate_D": None}
    config = presets.resolve(algorithm, "mnist", "smoke", **changes)
    default = presets.resolve(algorithm, "mnist", "smoke")
    assert (config.epochs, config.settings.learning_rate) == (7, 0.5)
    assert config.batch_size == default.batch_size
    assert config.settings.learning_rate_D == default.settings.learning_rate_D


def test_a_whole_number_passes_for_a_float():
    assert presets.resolve("lpaae", "mnist", "smoke", lam=3).settings.lam == 3


NAMES = {"algorithm": "lpaae", "dataset": "mnist", "preset": "smoke"}


@pytest.mark.parametrize(
    ("wrong", "offender", "suggestion"),
    [
        ({"preset": "smok"}, "smok", "smoke"),
        ({"preset": "published?"}, "published?", "full"),
        ({"dataset": "mnits"}, "mnits", "mnist"),
        ({"dataset": "imagenet"}, "imagenet", "mnist5k"),
        ({"algorithm": "lpae"}, "lpae", "lpaae"),
        ({"algorithm": "gan"}, "gan", "vaegan"),
        ({"variant": "txt"}, "txt", "text"),
        ({"lambda": 3.0}, "lambda", "lam"),
        ({"gama": 3.0, "algorithm": "vaegan"}, "gama", "gamma"),
        ({"networks": "compakt"}, "compakt", "compact"),
        ({"reading": "print"}, "print", "text"),
        ({"prior": "gauss"}, "gauss", "fixed"),
    ],
    ids=str,
)
def test_an_unknown_name_is_an_error_with_a_suggestion(wrong, offender, suggestion):
    with pytest.raises(UserError) as caught:
        presets.resolve(**NAMES | wrong)
    assert repr(offender) in str(caught.value) and suggestion in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"lam": "1e-3"}, "float"),
        ({"learning_rate": True}, "float"),
        ({"epochs": True}, "int"),
        ({"epochs": 2.0}, "int"),
        ({"width": "16"}, "int"),
        ({"images": 0.5}, "int or NoneType"),
        ({"seed": "0"}, "int"),
        ({"betas": 0.5}, "tuple"),
        ({"reading": 1}, "str"),
    ],
    ids=str,
)
def test_a_wrong_type_is_an_error_that_names_field_value_and_type(wrong, kind):
    ((field, value),) = wrong.items()
    with pytest.raises(UserError) as caught:
        presets.resolve(**NAMES | wrong)
    assert f"{field} must be {kind}" in str(caught.value) and repr(value) in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"batch_size": -1}, {"width": 0}, {"code": 0}, {"samples": 0}, {"images": -5}, {"seed": -1},
     {"learning_rate": -1.0}, {"learning_rate_D": float("nan")}, {"ema_decay": 1.5}, {"betas": (0.5, 1.5)}],
    ids=str,
)  # fmt: skip
def test_a_value_out_of_range_is_an_error_that_names_field_and_value(wrong):
    """Before any training starts, instead of a trace from within torch or a meaningless run."""
    ((field, value),) = wrong.items()
    with pytest.raises(UserError) as caught:
        presets.resolve(**NAMES | wrong)
    assert field in str(caught.value) and str(value) in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["", "mnist", "mnist-lpaae", "mnist-lpaae-s", "mnist-lpaae-sx", "mnist-gan-s0", "imagenet-aae-s0", "aae-s0",
     "mnist-lpaae-s-1", "mnist-lpaae-texts0", "mnist-aae--s0", "mnist-aae-s00"],
)  # fmt: skip
def test_what_is_not_a_run_name_is_refused(name):
    """Also a second spelling of a run: it would train the same run into another folder."""
    with pytest.raises(UserError, match="expected <dataset>-<algorithm>"):
        presets.parse_run(name)


def test_an_unknown_variant_in_a_run_name_is_refused_when_it_is_resolved():
    with pytest.raises(UserError, match="variant of aae 'text' is unknown"):
        presets.resolve(**presets.parse_run("mnist-aae-text-s0"), preset="smoke")


def test_unknown_presets_and_data_sets_have_no_runs():
    with pytest.raises(UserError, match="'ful'.*'full'"):
        presets.runs_of("ful", "mnist")
    with pytest.raises(UserError, match="'cifar100'"):
        presets.runs_of("full", "cifar100")
    for study in presets.STUDIES:
        with pytest.raises(UserError, match="on digits"):
            presets.runs_of(study, "cifar10")


def test_defaults_of_the_algorithms_have_their_declared_types():
    """`resolve` checks types only of what it is given."""
    for name, settings in SETTINGS.items():
        changes = {field.name: getattr(settings, field.name) for field in fields(settings)}
        config = presets.resolve(name.partition("-")[0], "mnist", "smoke", **changes)
        assert config.settings == settings


@pytest.mark.parametrize(
    ("dataset", "algorithm", "variant", "expected"),
    [
        ("cifar10", "lpaae", "", 0.1),
        ("cifar10", "lpaae", "fixed", 0.1),
        ("cifar10", "lpaae", "long", 0.1),
        ("cifar10", "lpaae", "code_8", 0.1),
        ("cifar10", "lpaae", "no_instance_noise", 0.0),
        ("cifar10", "lpaae", "supervised", 0.0),
        ("cifar10", "lpaae", "text", 0.0),
        ("cifar10", "vaegan", "", 0.0),
        ("cifar10", "lpaae", "unsupervised_long", 0.1),
        ("mnist", "lpaae", "", 0.0),
    ],
)
def test_who_sees_noisy_images(dataset, algorithm, variant, expected):
    assert presets.resolve(algorithm, dataset, "quick", variant=variant).settings.instance_noise == expected


def test_a_stored_unsupervised_run_is_not_taken_for_one_with_what_came_later():
    config = presets.resolve("lpaae", "mnist", "quick", variant="unsupervised")
    stored = config.to_dict()
    for later in ("lam_H", "lam_VAT"):
        del stored["settings"][later]
    assert presets.from_dict(stored) != config
    settings = presets.from_dict(stored).settings
    assert settings.lam_H == settings.lam_VAT == 0
