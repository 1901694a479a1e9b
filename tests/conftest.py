"""What several files of tests share: tiny networks on tiny images, a private cache, and finished runs."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

import lprior.report.studies  # noqa: F401  (what the command line knows)
from lprior.algorithms import aae, lpaae_tuned, vaegan
from lprior.algorithms.lpaae_tuned import of_reading
from lprior.networks import Compact, Paper

CODE = 3
SIZE = 8
SETTINGS = {
    "aae": aae.Config(),
    "lpaae-tuned": lpaae_tuned.Config(),
    "lpaae-text": of_reading("text"),
    "lpaae-printed": of_reading("printed"),
    "lpaae-fixed": lpaae_tuned.Config(prior="fixed"),
    "vaegan": vaegan.Config(),
}


MANY = False  # whether --slow was given
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
BROWSER_NEEDED = "LPRIOR_BROWSER_NEEDED"  # in the environment of .ci/run: no test may be skipped for want of a browser


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="faults, and ten times as many properties")
    parser.addoption("--browser", action="store_true", help="JupyterLab in Chromium, two minutes")


def pytest_configure(config):
    global MANY
    MANY = config.getoption("--slow")


def pytest_collection_modifyitems(config, items):
    if not torch.cuda.is_available():
        for item in items:
            if "cuda" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="torch finds no CUDA device"))
    if not MANY:
        for item in items:
            if "faults" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="faults take ten minutes: only with --slow"))
    if os.environ.get(BROWSER_NEEDED) and browser_missing():
        raise pytest.UsageError(f"{BROWSER_NEEDED} is set, but {browser_missing()}")
    if reason := no_browser(config.getoption("--browser")):
        for item in items:
            if "browser" in item.keywords:
                item.add_marker(pytest.mark.skip(reason=reason))


def no_browser(asked: bool) -> str:
    """Why nothing is tried in one; "" if it is."""
    return browser_missing() if asked else "a browser takes two minutes: only with --browser"


def browser_missing() -> str:
    """What a browser needs that is not there; "" if nothing is missing."""
    if CHROMIUM is None:
        return "there is no Chromium: on Debian and Ubuntu, install chromium"
    return "" if find_spec("playwright") else "there is no playwright: pip install playwright"


@pytest.fixture(scope="session", autouse=True)
def private_cache(tmp_path_factory):
    """No test reads or writes the user's cache, or the data of $LPRIOR_DATA."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("LPRIOR_DATA", raising=False)
        yield Path(os.environ["XDG_CACHE_HOME"])


@pytest.fixture(scope="module")
def browser():
    """Chromium, driven by playwright. Skips where there is none."""
    if browser_missing():
        pytest.skip(browser_missing())
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--disable-gpu", "--disable-quic"])
        yield browser
        browser.close()


TINY = {"compact": Compact(1, SIZE, width=2), "paper": Paper(1, 32, width=2)}


def build_algorithm(name: str, seed: int = 0, networks: str = "compact"):
    """The algorithm `name`, a key of SETTINGS, on new tiny networks; the same seed gives the same weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        build = {"aae": aae.build, "lpaae": lpaae_tuned.build, "vaegan": vaegan.build}[name.partition("-")[0]]
        return build(SETTINGS[name], TINY[networks], CODE)


@pytest.fixture(params=SETTINGS)
def algorithm_name(request) -> str:
    return request.param


@pytest.fixture
def algorithm(algorithm_name):
    return build_algorithm(algorithm_name)


@pytest.fixture
def images() -> torch.Tensor:
    """uint8 (64, 1, 8, 8), random."""
    return torch.randint(256, (64, 1, SIZE, SIZE), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """A folder with the finished runs of a preset, small and named as the workflow names them. Not to be written to."""
    from lprior.config import resolve
    from lprior.runs import parse_run, runs_of
    from lprior.training.run import run

    folder = tmp_path_factory.mktemp("results")
    for name in runs_of("smoke", "mnist5k"):
        config = resolve(**parse_run(name), preset="smoke", images=128, epochs=1)
        run(config, folder / name, device="cpu")
    return folder


@pytest.fixture(scope="session")
def finished_scenes(tmp_path_factory) -> Path:
    """The runs of the study of text, on few scenes. Not to be written to."""
    from lprior.config import resolve
    from lprior.data import scenes
    from lprior.runs import parse_run, runs_of
    from lprior.training.run import run

    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scenes, "COUNTS", {"train": 600, "test": 200})
        for name in runs_of("text", "scenes5k"):
            few = {"epochs": 1, "falling": 0, "images": 128, "width": 2}
            run(resolve(**parse_run(name), preset="text", **few), folder / name, device="cpu")
    return folder


@pytest.fixture(scope="session")
def finished_cifar10(tmp_path_factory) -> Path:
    """The same on CIFAR-10, of which a few plain pictures are there. Not to be written to."""
    from test_cifar10 import make_pictures

    from lprior.config import resolve
    from lprior.runs import parse_run, runs_of
    from lprior.training.run import run

    folder = tmp_path_factory.mktemp("results")
    root = make_pictures(tmp_path_factory.mktemp("data"), ".jpg", train=13, test=6)
    for name in runs_of("smoke", "cifar10"):
        config = resolve(**parse_run(name), preset="smoke", images=128, epochs=1, samples=200)
        run(config, folder / name, data_root=root, device="cpu")
    return folder
