"""Changes of a configuration as text: by --set, and by the parameter `settings` of a notebook."""

import re
from argparse import Namespace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lprior import commands
from lprior.config import resolve
from lprior.errors import UserError
from lprior.notebooks.configuration import PARAMETERS, configure
from lprior.settings import as_settings, parse_assignments, parse_settings

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = PLAIN | st.lists(PLAIN, max_size=3) | st.lists(PLAIN, max_size=3).map(tuple)
AWKWARD = st.text("ab1.,=()[]'\"\\\\ -", max_size=12)  # what a person may have typed
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "lam": st.floats(0, 100) | st.integers(0, 100),
        "learning_rate_D": st.floats(1e-6, 1),
        "betas": st.tuples(st.floats(0, 0.99), st.floats(0, 0.99)),
        "width": st.integers(1, 64),
        "images": st.none() | st.integers(1, 5000),
        "networks": st.sampled_from(["compact", "dcgan"]),
        "spectral_norm": st.booleans(),
        "epochs": st.none() | st.integers(1, 9),
    },
)


@settings(deadline=None)  # the cores may be shared
@given(st.dictionaries(NAMES, VALUES))
def test_what_is_written_is_read_again(changes):
    assert parse_settings(as_settings(changes)) == changes


@settings(deadline=None)
@given(st.dictionaries(NAMES, AWKWARD | VALUES.map(repr)))
def test_every_set_list_passes_through_a_notebook_s_settings(texts):
    changes = parse_assignments([f"{name}={text}" for name, text in texts.items()], "--set")
    assume(not re.search("inf|Ellipsis", repr(changes)))  # numbers beyond a float's, and "...", which nothing takes
    again = parse_settings(as_settings(changes))
    assert again == changes and {name: type(value) for name, value in again.items()} == {
        name: type(value) for name, value in changes.items()
    }


@settings(deadline=None)
@given(SETTINGS)
def test_a_run_is_the_same_by_set_and_by_a_notebook(changes):
    """`epochs` is a parameter of the notebook, and everything else one of its settings."""
    options = Namespace(name="mnist-aae-s3", preset="quick", set=[f"{name}={value}" for name, value in changes.items()])
    config = resolve(**commands._named(options))
    text = as_settings({name: value for name, value in changes.items() if name != "epochs"})
    assert configure("aae", "mnist", "quick", "", 3, changes.get("epochs"), text).config == config


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("", {}),
        ("  ", {}),
        ("lam=20, prior=fixed", {"lam": 20, "prior": "fixed"}),
        (" lam = 20 ,prior= 'fixed' , ", {"lam": 20, "prior": "fixed"}),
        ("betas=(0.5, 0.9),lam=1e-3", {"betas": (0.5, 0.9), "lam": 0.001}),
        ("a='x, y=1', b=[1, 2]", {"a": "x, y=1", "b": [1, 2]}),
        (r"a='it\'s, so', b=None", {"a": "it's, so", "b": None}),
        ("a=true, b=False, c='true'", {"a": True, "b": False, "c": "true"}),
        ("a=b=c, d={[]: 1}", {"a": "b=c", "d": "{[]: 1}"}),
    ],
)
def test_settings_are_literals_or_else_strings(text, changes):
    assert parse_settings(text) == changes


def test_strings_are_quoted_only_where_they_must_be():
    changes = {"prior": "fixed", "a": "1", "b": "x, y", "c": "", "d": "None", "folder": "results/quick"}
    assert as_settings(changes) == "prior=fixed, a='1', b='x, y', c='', d='None', folder=results/quick"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lam", "settings takes NAME=VALUE, not 'lam': such as lam=20"),
        ("lam=20, prior", "settings takes NAME=VALUE, not 'prior'"),
        ("betas=0.5, 0.9", r"not '0.9': such as lam=20 or betas=\(0.5, 0.9\)"),
        ("=3", "settings takes NAME=VALUE, not '=3'"),
        ("lam=1, width=8, lam=1", "settings gives lam twice"),
        ("lamb=3", "parameter 'lamb' is unknown: did you mean 'lam'"),
        ("zzz=3", r"parameter 'zzz' is unknown: nothing is near it \(of "),
        ("rate=3", "parameter 'rate' is unknown: near it: learning_rate, "),
        ("lam=x", "lam must be float, not 'x'"),
        ("betas=0.5", r"betas must be tuple\[float, float\], not 0.5"),
        ("betas=(0.5,)", r"betas must be tuple\[float, float\], not \(0.5,\)"),
        ("betas=(a, b)", r"betas must be tuple\[float, float\], not '\(a, b\)'"),
        ("betas=('a', 'b')", r"betas must be tuple\[float, float\]"),
        ("lam=1e999", "lam must be a number of at least 0, not inf"),
        ("algorithm=aae", "settings cannot change algorithm: the notebook itself says it"),
        *((f"{name}=3", f"settings cannot change {name}: the parameter '{name}' says it") for name in PARAMETERS),
    ],
)
def test_wrong_settings_are_refused_in_one_line(text, message):
    with pytest.raises(UserError, match=message) as caught:
        configure("lpaae", "mnist", "quick", "", 0, None, text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["lam"], "--set takes NAME=VALUE, not 'lam'"),
        (["lam=1", "lam=2"], "--set gives lam twice"),
        (["seed=1"], "--set cannot change seed: the run's name says it"),
        (["preset=full"], "--set cannot change preset: --preset says it"),
    ],
)
def test_wrong_assignments_are_refused_in_one_line(given, message):
    with pytest.raises(UserError, match=message):
        commands._named(Namespace(name="mnist-lpaae-s0", preset="quick", set=given))


def test_each_set_has_one_assignment():
    """So that a folder's name may have a comma."""
    assert commands._changes(["folder=results/a,b", "x=1,2"]) == {"folder": "results/a,b", "x": (1, 2)}


def test_the_configuration_comes_with_the_layer_of_each_value():
    asked = configure("lpaae", "mnist", "quick", "fixed", 0, 2, "lam=20")
    layers = asked.layers
    assert asked.config == resolve("lpaae", "mnist", "quick", "fixed", epochs=2, lam=20)
    assert (layers["lam"], layers["epochs"]) == ((20, "given"), (2, "given"))
    assert layers["prior"] == ("fixed", "variant fixed") and layers["width"] == (16, "budget quick")
