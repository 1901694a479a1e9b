"""What an environment is made from: pyproject.toml, the lock file and environment.yml agree."""

import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def locked() -> list[Requirement]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return [Requirement(line) for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("wanted", [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]])
def test_the_lock_file_has_a_version_that_fits_of_each_package(locked, python, wanted):
    wanted, here = Requirement(wanted), {"python_version": python, "python_full_version": f"{python}.1"}
    found = [one for one in locked if one.name == wanted.name and (one.marker is None or one.marker.evaluate(here))]
    (version,) = [next(iter(one.specifier)).version for one in found]
    assert wanted.specifier.contains(version)


def test_conda_has_a_python_that_fits_and_pip_the_rest():
    *packages, by_pip = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (python,) = [package.partition("=")[2] for package in packages if package.startswith("python=")]
    assert SpecifierSet(PROJECT["requires-python"]).contains(python) and "pip" in packages
    assert by_pip == {"pip": ["--requirement requirements.lock", "--editable ."]}
