"""What an environment is made from: pyproject.toml, the lock file and environment.yml agree."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

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


@pytest.mark.parametrize(("folder", "extras"), [("lprior", []), ("tests", ["test"]), ("benchmarks", ["benchmarks"])])
def test_what_is_imported_is_declared(folder, extras):
    """Not left to what another package happens to need."""
    wanted = PROJECT["dependencies"] + [one for extra in extras for one in PROJECT["optional-dependencies"][extra]]
    declared = {canonicalize_name(Requirement(one).name) for one in wanted}
    ours = {path.stem for name in ("tests", "benchmarks") for path in (ROOT / name).glob("*.py")}
    ours |= {path.name for path in (ROOT / "lprior" / "workflow" / "plugins").iterdir()} | {"lprior"}
    packages, missing = packages_distributions(), set()
    for path in (ROOT / folder).rglob("*.py"):
        for module in imported(ast.parse(path.read_text())) - ours - sys.stdlib_module_names:
            names = {canonicalize_name(name) for name in packages.get(module, [module])}
            missing |= set() if names & declared else {module}
    assert missing == set()


def imported(tree: ast.Module) -> set[str]:
    """The packages that a file imports, wherever in it."""
    nodes = list(ast.walk(tree))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return {name.partition(".")[0] for name in names}


@pytest.mark.slow
def test_the_library_alone_can_be_installed_and_says_where_notebooks_are(tmp_path):
    """From the sources as they are, without a network; nothing of this clone is loaded then."""
    source, target = tmp_path / "source", tmp_path / "target"
    shutil.copytree(ROOT / "lprior", source / "lprior")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    subprocess.run([sys.executable, "-m", "pip", "install", *offline, "--target", target, source], check=True)
    environment = os.environ | {"PYTHONPATH": str(target)}

    def call(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    ours = "(module.__file__ for name, module in sys.modules.items() if name.split('.')[0] == 'lprior')"
    loaded = call("-c", f"import sys, lprior.report.gallery; print(*{ours})")
    files = loaded.stdout.split()
    assert len(files) > 20 and all(Path(file).is_relative_to(target) for file in files), loaded.stderr
    made = call("-c", "from lprior.report.gallery import PAGES; PAGES.get_template('index.html')")
    assert made.returncode == 0, made.stderr
    assert call("-m", "lprior", "--version").stdout.strip() == PROJECT["version"]
    answer = call("-m", "lprior", "run", "mnist5k-aae-s0", "--preset", "smoke", "--notebook")
    assert answer.returncode == 2 and answer.stderr.splitlines() == [
        "lprior: notebooks/aae.ipynb is not there, but in the repository: clone it, and `pip install -e .` in the clone"
    ]
