"""What a person types first: `lprior.load`, what it shows, and the same by torch.hub."""

import doctest
import importlib
import io
from pathlib import Path

import pytest
import torch
from PIL import Image
from sandbox import refused

import lprior
from lprior import __main__ as cli
from lprior import clone, figures
from lprior.config import resolve
from lprior.errors import UserError
from lprior.results import PUBLISHED, scratch_folder

ROOT = Path(__file__).parents[1]


def test_the_example_of_load_works_from_any_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (test,) = doctest.DocTestFinder(recurse=False).find(lprior.load, "load")
    assert len(test.examples) == 6
    assert doctest.DocTestRunner().run(test).failed == 0


def test_a_name_and_a_folder_give_the_same_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    by_name, by_folder = lprior.load("mnist-lpaae-s0"), lprior.load(PUBLISHED / "mnist-lpaae-s0")
    assert torch.equal(by_name.sample(10), by_folder.sample(10)) and by_name.config == by_folder.config


def test_without_the_repository_it_is_said_where_its_files_are(tmp_path, monkeypatch, capsys):
    """As when the package is installed alone; runs of our own are then made in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(clone, "CLONE", tmp_path / "site-packages")
    there = "in the repository: clone it"
    assert f"results/published is not there, but {there}" in refused(capsys, ["sample", "mnist-lpaae-s0", "a.png"])
    made = ["run", "mnist5k-aae-s0", "--preset", "smoke"]
    assert f"notebooks/aae.ipynb is not there, but {there}" in refused(capsys, [*made, "--notebook"])
    assert "no Snakefile here" in refused(capsys, ["workflow", "--preset", "smoke"])
    assert scratch_folder(resolve("aae", "mnist5k", "smoke")).parent == Path("results/interactive")


def test_a_folder_that_is_there_wins_over_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist-lpaae-s0").mkdir()
    with pytest.raises(UserError, match="config.json does not exist"):
        lprior.load("mnist-lpaae-s0")


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ("mnist-lpaee-s0", "run 'mnist-lpaee-s0' is unknown: did you mean 'mnist-lpaae-s0'?"),
        ("there/mnist-lpaae-s0", "there/mnist-lpaae-s0/config.json does not exist"),
    ],
)
def test_what_is_no_run_is_refused(tmp_path, monkeypatch, capsys, run, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as refusal:
        lprior.load(run)
    assert said in str(refusal.value)
    assert said in refused(capsys, ["sample", run, "sheet.png"])


def test_a_published_run_without_weights_says_where_they_are_or_that_they_are_not_kept(monkeypatch, tmp_path):
    monkeypatch.setattr("lprior.results.PUBLISHED", tmp_path)
    for name in ("mnist-lpaae-s1", "codes/mnist-lpaae-s1"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.json").write_bytes((PUBLISHED / name / "config.json").read_bytes())
    with pytest.raises(UserError, match="mnist-lpaae-s1 is published without its weights: docs/weights.md"):
        lprior.load("mnist-lpaae-s1")
    with pytest.raises(UserError, match="not kept; `python -m lprior run mnist-lpaae-s1 --preset codes` trains it"):
        lprior.load(tmp_path / "codes" / "mnist-lpaae-s1")


def test_a_notebook_shows_the_sheet_and_one_line():
    model = lprior.load("cifar10-lpaae-s0")
    shown = Image.open(io.BytesIO(model._repr_png_()))
    assert shown.tobytes() == figures.sheet(model.sample(100)).tobytes()
    assert repr(model).startswith("<Model cifar10-lpaae-s0: LP-AAE on CIFAR-10, ") and "\n" not in repr(model)


def test_sample_says_what_it_wrote(tmp_path, capsys):
    output = tmp_path / "sheet.png"
    assert cli.main(["sample", "mnist-lpaae-s0", str(output), "--count", "20"]) == 0
    assert capsys.readouterr().out == f"wrote 20 samples of mnist-lpaae-s0 to {output}\n"
    assert Image.open(output).size == (302, 62)


def test_torch_hub_has_the_models_whose_weights_are_in_git(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = torch.hub.load(str(ROOT), "lpaae_mnist", source="local")
    assert found.config.name == "mnist-lpaae-s0" and found.sample(3).shape == (3, 1, 28, 28)
    monkeypatch.syspath_prepend(ROOT)
    hubconf = importlib.import_module("hubconf")
    entries = [name for name in dir(hubconf) if not name.startswith("_")]
    names = [name for name in entries if name != "dependencies"]
    loaded = [torch.hub.load(str(ROOT), name, source="local") for name in names]
    said = [vars(hubconf)[name].__doc__ for name in names]
    assert all(f"{model.config.networks} networks" in text for model, text in zip(loaded, said, strict=True))
    expected = {path.parent.name for path in (ROOT / "results" / "published").glob("*/model.safetensors")}
    assert {model.config.name for model in loaded} == {name for name in expected if name.endswith("-s0")}


def test_the_package_is_typed():
    assert (Path(lprior.__file__).parent / "py.typed").exists()
    assert '"py.typed"' in (ROOT / "pyproject.toml").read_text()
