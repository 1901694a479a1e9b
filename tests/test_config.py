import json
from dataclasses import asdict, fields, replace
from itertools import product
from pathlib import Path

import pytest
from conftest import SETTINGS

from lprior.algorithms import ALGORITHMS, vaegan
from lprior.algorithms.lpaae_tuned import READINGS
from lprior.config import EARLIER, RunConfig, build, explain, from_dict, resolve
from lprior.data import DATASETS
from lprior.errors import UserError
from lprior.presets import BUDGETS, RECIPES, Row
from lprior.runs import (
    STUDIES,
    VARIANTS,
    Of,
    Study,
    Variant,
    models,
    parse_run,
    presets,
    runs_of,
    title_of,
    variants_of,
)

MODELS = [(algorithm, variant) for algorithm in ALGORITHMS for variant in ["", *variants_of(algorithm)]]
EVERYWHERE = list(product(DATASETS, presets()))
FIRST = {spec.family: name for name, spec in reversed(DATASETS.items())}  # family -> its first data set


def of_preset(preset: str) -> str:
    """A data set that it is for."""
    return FIRST[STUDIES[preset].family if preset in STUDIES else "digits"]


def resolved(*arguments, **changes) -> RunConfig | None:
    """None for a variant that would change nothing."""
    try:
        return resolve(*arguments, **changes)
    except UserError as error:
        assert "changes nothing" in str(error)
        return None


def flat(config: RunConfig) -> dict:
    """Every value of a run and of its algorithm's settings, but its variant's name."""
    values = config.to_dict()
    return {name: value for name, value in (values | values["settings"]).items() if name not in ("settings", "variant")}


@pytest.mark.parametrize("preset", presets())
@pytest.mark.parametrize(("algorithm", "variant"), MODELS)
@pytest.mark.parametrize("dataset", DATASETS)
def test_every_combination_resolves_and_its_name_parses_back(preset, algorithm, variant, dataset):
    config = resolved(algorithm, dataset, preset, variant, seed=12)
    if config is None:
        return
    parts = {"dataset": dataset, "algorithm": algorithm, "variant": variant, "seed": 12}
    assert parse_run(config.name) == parts
    assert resolve(**parts, preset=preset) == config
    assert from_dict(config.to_dict()) == config
    assert from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize("preset", presets())
@pytest.mark.parametrize(("algorithm", "variant"), MODELS)
def test_every_combination_builds(preset, algorithm, variant):
    config = resolved(algorithm, "mnist", preset, variant, width=2)
    assert config is None or build(config).config == config.settings


@pytest.mark.parametrize("preset", presets())
def test_the_runs_of_a_preset_resolve_under_their_own_names(preset):
    names = runs_of(preset, of_preset(preset))
    assert len(set(names)) == len(names) > 0
    for name in names:
        assert resolve(**parse_run(name), preset=preset).name == name


def test_the_models_of_the_main_tables():
    assert [model for model in models() if model != "lpaae-fixed"] == [n for n, a in ALGORITHMS.items() if a.main]
    assert models().index("lpaae-fixed") == models().index("lpaae") + 1


def test_cifar10_has_the_runs_that_its_part_of_the_report_shows():
    shown = [*models(), "lpaae-supervised", "lpaae-unsupervised"]
    assert runs_of("quick", "cifar10") == [f"cifar10-{model}-s0" for model in shown]


def test_seeds_replace_those_of_the_preset():
    names = runs_of("smoke", "mnist5k", [3, 4])
    assert {parse_run(name)["seed"] for name in names} == {3, 4}


def test_every_algorithm_of_the_report_is_in_every_preset_that_makes_one():
    for preset in set(presets()) - set(STUDIES):
        made = {parse_run(name)["algorithm"] for name in runs_of(preset, "mnist")}
        assert made == {name for name, algorithm in ALGORITHMS.items() if algorithm.main}


def test_every_other_algorithm_is_in_a_study():
    compared = {model.partition("-")[0] for study in STUDIES.values() for model in study.models}
    assert compared == set(ALGORITHMS) - {"aae"}


def test_variants_change_what_their_names_say():
    assert resolve("lpaae", "mnist", "smoke", "fixed").settings == SETTINGS["lpaae-fixed"]
    assert resolve("lpaae", "mnist", "smoke", "text").settings == SETTINGS["lpaae-text"]


CHANGED = {  # what a variant brings along, or means on MNIST with the preset "quick", beside the values it states
    "printed": READINGS["printed"] | {"lam": 1.0},
    "text": READINGS["text"],
    "long": {"epochs": 60},
    "supervised": {"lam_info": 0.2},
    "supervised_long": {"lam_info": 0.2, "epochs": 44},
    "unsupervised": {"lam_info": 0.2, "epochs": 12},
    "unsupervised_long": {"lam_info": 0.2, "epochs": 31},
    "supervised_fixed": {"lam_info": 0.2},
    "supervised_lam_CG": {"lam_info": 0.2},
    "unsupervised_fixed": {"lam_info": 0.2, "epochs": 12},
    "one_rate": {"learning_rate_D": 3e-4},
    **{f"{name}_plain": {"learning_rate_D": 3e-4} for name in ("printed", "moved", "two_terms", "baseline")},
    "supervised_printed": {"lam_info": 0.2},
    "supervised_plain": {"learning_rate_D": 3e-4},
    "unsupervised_plain": {"learning_rate_D": 3e-4, "epochs": 12},
    "unsupervised_printed": {"lam_info": 0.2, "epochs": 12},
}


@pytest.mark.parametrize("variant", VARIANTS["lpaae"])
def test_a_variant_changes_its_settings_and_nothing_else(variant):
    plain, changed = resolve("lpaae", "mnist", "quick"), resolved("lpaae", "mnist", "quick", variant)
    if changed is None:
        assert variant in ("code_8", "no_instance_noise")  # as the preset has it anyway, for digits
        return
    changes = VARIANTS["lpaae"][variant].changes | CHANGED.get(variant, {})
    assert not any(isinstance(value, Of) for value in changes.values())
    before, after = flat(plain), flat(changed)
    expected = {name: value for name, value in changes.items() if before[name] != value}
    assert {name: value for name, value in after.items() if before[name] != value} == expected
    assert changed.variant == variant and expected


@pytest.mark.parametrize(("algorithm", "variant"), [model for model in MODELS if model[1]])
def test_no_variant_is_its_base_under_another_name(algorithm, variant):
    changes, of_another_class = VARIANTS[algorithm][variant].changes, VARIANTS[algorithm][variant].build is not None
    for dataset, preset in EVERYWHERE:
        base, changed = resolve(algorithm, dataset, preset), resolved(algorithm, dataset, preset, variant)
        if changed is None:
            assert {name: flat(base)[name] for name in changes} == changes
        else:
            assert changed.variant == variant
            assert of_another_class or replace(changed, variant="") != base


@pytest.mark.parametrize(
    ("changes", "variant"),
    [
        ({"reading": "printed"}, "printed"),
        ({"reading": "text"}, "text"),
        ({"condition": "supervised"}, "supervised"),
        ({"condition": "unsupervised"}, "unsupervised"),
        ({"prior": "fixed"}, "fixed"),
    ],
    ids=str,
)
def test_what_is_given_by_hand_is_what_its_variant_is(changes, variant):
    for dataset, preset in EVERYWHERE:
        by_hand, named = resolve("lpaae", dataset, preset, **changes), resolve("lpaae", dataset, preset, variant)
        assert (by_hand.variant, named.variant) == ("", variant)
        assert by_hand == replace(named, variant="")


@pytest.mark.parametrize(
    ("long", "short"),
    [("long", ""), ("supervised_long", "supervised"), ("unsupervised_long", "unsupervised")],
)
def test_a_long_run_is_longer_than_what_it_prolongs(long, short):
    for dataset, preset in EVERYWHERE:
        longer, shorter = (resolve("lpaae", dataset, preset, variant) for variant in (long, short))
        assert longer.epochs > shorter.epochs
        assert replace(longer, variant=short, epochs=shorter.epochs, falling=shorter.falling) == shorter


def test_without_labels_a_quick_run_is_shorter_if_nobody_says_otherwise():
    epochs = {preset: resolve("lpaae", "mnist", preset, "unsupervised").epochs for preset in presets()}
    plain = {preset: resolve("lpaae", "mnist", preset).epochs for preset in presets()}
    as_quick = [name for name, study in STUDIES.items() if study.budget == "quick" and "epochs" not in study.changes]
    assert epochs == plain | dict.fromkeys(["quick", *as_quick], 12) and plain["quick"] == 20
    assert resolve("lpaae", "mnist", "quick", "unsupervised", epochs=5).epochs == 5


def test_every_run_that_the_tables_can_show_has_a_title():
    for algorithm in ALGORITHMS:
        names = ["-".join(filter(None, model)) for model in MODELS if model[0] == algorithm]
        titles = [title_of(name) for name in names]
        assert not set(titles) & set(names) and len(set(titles)) == len(titles)
    assert title_of("lpaae-fixed") == "LP-AAE, fixed prior" and title_of("vaegan") == "VAE/GAN"
    assert title_of("lpaae-unheard_of") == "lpaae-unheard_of"


# The order of the layers


@pytest.mark.parametrize(
    ("arguments", "given", "name", "value", "layer"),
    [
        (("lpaae", "mnist", "quick"), {}, "spectral_norm", True, "default"),
        (("lpaae", "mnist", "full"), {}, "spectral_norm", False, "budget full"),
        (("aae", "mnist", "smoke"), {}, "epochs", 2, "budget smoke"),
        (("aae", "mnist", "quick"), {}, "epochs", 32, "recipe aae on digits"),
        (("aae", "mnist", "ablation"), {}, "epochs", 2, "study ablation"),
        (("aae", "mnist", "ablation"), {}, "width", 32, "recipe aae on digits"),
        (("lpaae", "mnist", "ablation", "long"), {}, "epochs", 6, "variant long"),
        (("lpaae", "mnist", "ablation", "long"), {"epochs": 5}, "epochs", 5, "given"),
        (("lpaae", "cifar10", "quick"), {"reading": "printed"}, "lam", 1.0, "recipe lpaae on pictures"),
        (("lpaae", "cifar10", "quick"), {"reading": "printed"}, "reading", "printed", "given"),
        (("lpaae", "cifar10", "quick", "text"), {}, "reading", "text", "variant text"),
        (("vaegan", "cifar10", "quick", "first_features"), {}, "feature_block", 1, "variant first_features"),
        (("lpaae", "mnist", "quick", "fixed"), {}, "variant", "fixed", "name"),
    ],
    ids=str,
)
def test_examples_of_where_a_value_comes_from(arguments, given, name, value, layer):
    assert explain(*arguments, **given)[name] == (value, layer)


LAYERS = ["default", "budget quick", "recipe lpaae on digits", "study trial", "variant trial", "given"]


@pytest.mark.parametrize("skipped", LAYERS[1:])
@pytest.mark.parametrize("count", range(len(LAYERS)))
def test_each_layer_wins_over_those_before(count, skipped, monkeypatch):
    """Each of the first layers, but for one, sets `falling` to its place in the order; the others say nothing of it."""
    says = [{"falling": place} if place <= count and layer != skipped else {} for place, layer in enumerate(LAYERS)]
    budget, recipe, study, variant, given = says[1:]
    monkeypatch.setitem(BUDGETS["quick"], "digits", BUDGETS["quick"]["digits"] | budget)
    monkeypatch.setitem(RECIPES, "lpaae", [*RECIPES["lpaae"], Row({"budget": "quick", "family": "digits"}, recipe)])
    monkeypatch.setitem(STUDIES, "trial", Study("trial", "", "quick", study, ("lpaae",), (0,), "digits", print))
    monkeypatch.setitem(VARIANTS["lpaae"], "trial", Variant("", {"batch_size": 9} | variant))
    arguments = ("lpaae", "mnist", "trial", "trial")
    place = max(place for place, said in enumerate(says) if said or place == 0)
    assert explain(*arguments, **given)["falling"] == (place, LAYERS[place])
    assert resolve(*arguments, **given).falling == place


@pytest.mark.parametrize(("algorithm", "variant"), MODELS)
def test_explain_has_the_values_of_resolve_and_the_layer_of_each(algorithm, variant):
    given = {"learning_rate": 0.125}
    defaults = {field.name: field.default for field in [*fields(RunConfig), *fields(ALGORITHMS[algorithm].Config)]}
    for dataset, preset in EVERYWHERE:
        config = resolved(algorithm, dataset, preset, variant, **given)
        if config is None:
            continue
        found = explain(algorithm, dataset, preset, variant, **given)
        beside = {"variant": variant, "validation": 0, "labelled": config.labelled}
        assert {name: value for name, (value, _) in found.items()} == flat(config) | beside

        study, family = STUDIES.get(preset), DATASETS[dataset].family
        budget = study.budget if study else preset
        says = {
            "name": {"dataset": dataset, "algorithm": algorithm, "variant": variant, "preset": preset, "seed": 0},
            "default": defaults,
            f"budget {budget}": BUDGETS[budget][family],
            f"variant {variant}": VARIANTS[algorithm][variant].changes if variant else {},
            "given": given,
        } | ({f"study {preset}": study.changes} if study else {})
        for name, (value, layer) in found.items():
            if layer == f"recipe {algorithm} on {family}":
                assert value in [row.values[name] for row in RECIPES[algorithm] if name in row.values]
            else:
                assert says[layer][name] == value or isinstance(says[layer][name], Of)


@pytest.mark.parametrize("study", STUDIES.values(), ids=lambda study: study.name)
def test_a_study_follows_the_recipe_of_its_budget(study, monkeypatch):
    recipe = {"lam": 7.0, "width": 5, "epochs": 9, "samples": 99}
    row = Row({"budget": study.budget, "family": study.family}, recipe)
    monkeypatch.setitem(RECIPES, "lpaae", [*RECIPES["lpaae"], row])
    dataset = FIRST[study.family]
    found = flat(resolve("lpaae", dataset, study.name))
    assert {name: found[name] for name in recipe | study.changes} == recipe | study.changes
    assert flat(resolve("lpaae", dataset, study.name, "long"))["epochs"] == 3 * found["epochs"]


@pytest.mark.parametrize("study", STUDIES.values(), ids=lambda study: study.name)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_study_is_its_budget_but_for_what_it_changes(study, algorithm):
    own, of_budget = (resolve(algorithm, "mnist", preset) for preset in (study.name, study.budget))
    assert flat(own) == flat(of_budget) | study.changes | {"preset": study.name}


@pytest.mark.parametrize("preset", presets())
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_change_wins_over_everything_that_a_preset_says(preset, algorithm):
    changes = {"epochs": 77, "width": 3, "batch_size": 5, "ema_decay": 0.25}
    config = resolve(algorithm, "mnist", preset, **changes)
    assert {name: getattr(config, name) for name in changes} == changes


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_change_reaches_its_field_and_none_keeps_the_preset(algorithm):
    last = fields(ALGORITHMS[algorithm].Config)[-1].name
    changes = {"epochs": 7, "learning_rate": 0.5, "batch_size": None, last: None}
    config = resolve(algorithm, "mnist", "smoke", **changes)
    default = resolve(algorithm, "mnist", "smoke")
    assert (config.epochs, config.settings.learning_rate) == (7, 0.5)
    assert config.batch_size == default.batch_size
    assert getattr(config.settings, last) == getattr(default.settings, last)


def test_a_whole_number_passes_for_a_float():
    assert resolve("lpaae", "mnist", "smoke", lam=3).settings.lam == 3


NAMES = {"algorithm": "lpaae", "dataset": "mnist", "preset": "smoke"}


@pytest.mark.parametrize(
    ("wrong", "offender", "suggestion"),
    [
        ({"preset": "smok"}, "smok", "smoke"),
        ({"preset": "published?"}, "published?", "full"),
        ({"dataset": "mnits"}, "mnits", "mnist"),
        ({"dataset": "imagenet"}, "imagenet", "mnist5k"),
        ({"algorithm": "lpae"}, "lpae", "lpaae"),
        ({"algorithm": "vagan"}, "vagan", "vaegan"),
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
        resolve(**NAMES | wrong)
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
        ({"betas": (0.5,)}, "tuple"),
        ({"betas": (0.5, "0.9")}, "tuple"),
        ({"reading": 1}, "str"),
    ],
    ids=str,
)
def test_a_wrong_type_is_an_error_that_names_field_value_and_type(wrong, kind):
    ((field, value),) = wrong.items()
    with pytest.raises(UserError) as caught:
        resolve(**NAMES | wrong)
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
        resolve(**NAMES | wrong)
    assert field in str(caught.value) and str(value) in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["", "mnist", "mnist-lpaae", "mnist-lpaae-s", "mnist-lpaae-sx", "mnist-pixelcnn-s0", "imagenet-aae-s0", "aae-s0",
     "mnist-lpaae-s-1", "mnist-lpaae-texts0", "mnist-aae--s0", "mnist-aae-s00"],
)  # fmt: skip
def test_what_is_not_a_run_name_is_refused(name):
    """Also a second spelling of a run: it would train the same run into another folder."""
    with pytest.raises(UserError, match="is not a run: (expected <dataset>-<algorithm>|did you mean)"):
        parse_run(name)


def test_an_unknown_variant_in_a_run_name_is_refused_when_it_is_resolved():
    with pytest.raises(UserError, match="variant of aae 'text' is unknown"):
        resolve(**parse_run("mnist-aae-text-s0"), preset="smoke")


def test_unknown_presets_and_data_sets_have_no_runs():
    with pytest.raises(UserError, match="'ful'.*'full'"):
        runs_of("ful", "mnist")
    with pytest.raises(UserError, match="'cifar100'"):
        runs_of("full", "cifar100")
    for study in STUDIES:
        with pytest.raises(UserError, match=f"on {STUDIES[study].family}"):
            runs_of(study, "mnist" if STUDIES[study].family == "pictures" else "cifar10")


def test_defaults_of_the_algorithms_have_their_declared_types():
    """`resolve` checks types only of what it is given."""
    for name, settings in SETTINGS.items():
        changes = {field.name: getattr(settings, field.name) for field in fields(settings)}
        config = resolve(name.partition("-")[0], "mnist", "smoke", **changes)
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
    assert resolve(algorithm, dataset, "quick", variant=variant).settings.instance_noise == expected


STORED = sorted((Path(__file__).parents[1] / "results" / "published").rglob("config.json"))


@pytest.mark.parametrize("path", STORED, ids=lambda path: f"{path.parents[1].name}/{path.parent.name}")
def test_a_stored_run_names_every_setting_that_there_is_today(path):
    """Or `EARLIER` says what it was before it had a name."""
    stored = json.loads(path.read_text())
    stored["settings"] = EARLIER.get(stored["algorithm"], {}) | stored["settings"]
    assert json.loads(json.dumps(from_dict(stored).to_dict())) == stored


@pytest.mark.parametrize(
    ("wrong", "offender"),
    [
        ({"algorithm": "pixelcnn"}, "'pixelcnn'"),
        ({"settings": {**asdict(vaegan.Config()), "leaking": True}}, "'leaking'"),
        ({"settings": None}, "NoneType"),
        ({"unheard_of": 1}, "'unheard_of'"),
    ],
    ids=str,
)
def test_what_is_not_the_configuration_of_a_run_is_refused(wrong, offender):
    stored = resolve("vaegan", "mnist", "smoke").to_dict()
    with pytest.raises(UserError, match="not the configuration of a run") as caught:
        from_dict(stored | wrong)
    assert offender in str(caught.value) and "\n" not in str(caught.value)


def test_a_configuration_that_lacks_a_setting_is_not_completed_by_todays_default():
    stored = resolve("lpaae", "mnist", "smoke", "unsupervised").to_dict()
    del stored["settings"]["lam_H"], stored["falling"]
    with pytest.raises(UserError, match="lacks falling, lam_H"):
        from_dict(stored)


def test_a_value_of_another_name_follows_what_is_given_by_hand():
    settings = resolve("lpaae", "mnist", "quick", "one_rate", learning_rate=0.1).settings
    assert settings.learning_rate_D == settings.learning_rate == 0.1
