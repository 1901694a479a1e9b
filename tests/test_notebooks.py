import ast
import dataclasses
import json
import re
from pathlib import Path

import nbformat
import papermill
import pytest

from lprior import config as presets
from lprior.__main__ import NOTEBOOKS
from lprior.errors import UserError
from lprior.notebooks.execution import check_parameters, declared_parameters, execute

FOLDER = Path(__file__).parents[1] / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))
TRAINING = [path for path in PATHS if path.name in NOTEBOOKS.values()]
READING = {"disentanglement.ipynb": 2, "latent_space.ipynb": 4, "readings.ipynb": 1}  # and how many pictures each shows
ALGORITHM_OF = {file: algorithm for algorithm, file in NOTEBOOKS.items()}


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def path(request) -> Path:
    return request.param


@pytest.fixture
def cells(path) -> list:
    return nbformat.read(path, as_version=4).cells


def code(cells: list) -> list:
    return [cell for cell in cells if cell.cell_type == "code"]


def statements(cell) -> list[ast.AST]:
    """All nodes of a cell without its magics (a shell line does not parse)."""
    lines = cell.source.splitlines()
    return list(ast.walk(ast.parse("\n".join(line for line in lines if not line.startswith("%")))))


def test_every_algorithm_has_its_notebook_and_every_notebook_its_algorithm():
    assert {path.name for path in PATHS} == set(NOTEBOOKS.values()) | set(READING)
    assert set(NOTEBOOKS) == set(presets.SETTINGS)


def test_notebooks_are_committed_without_what_running_them_adds(cells):
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code(cells))
    assert all(set(cell.metadata) <= {"tags"} for cell in cells)


def test_notebooks_are_valid_and_choose_the_kernel_of_the_environment(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


def test_notebooks_are_short(cells):
    assert len(cells) <= 18
    for cell in cells:
        if "parameters" not in cell.metadata.get("tags", []):
            assert len(cell.source.splitlines()) <= 12, cell.source


def test_code_cells_only_call_the_package(cells):
    forbidden = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.For, ast.AsyncFor, ast.While)
    for cell in code(cells):
        assert not any(isinstance(statement, forbidden) for statement in statements(cell)), cell.source
        assert not re.search(r"\b(pip|conda|apt-get) +install\b|^%%", cell.source), cell.source


def test_code_cells_hold_no_absolute_path(cells):
    for cell in code(cells):
        for node in statements(cell):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not re.match(r"[/~\\]|[A-Za-z]:[/\\]", node.value), node.value


def test_no_markdown_cell_is_a_placeholder(cells):
    for cell in cells:
        if cell.cell_type == "markdown":
            assert cell.source.strip() and not cell.source.strip().isupper(), cell.source
            assert not re.search(r"\b(TODO|TBD|FIXME|XXX)\b", cell.source)


@pytest.mark.parametrize("path", TRAINING, ids=lambda path: path.stem)
def test_every_setting_of_the_algorithm_is_a_parameter(path):
    settings = presets.SETTINGS[ALGORITHM_OF[path.name]]
    names = {field.name for field in dataclasses.fields(settings)} - {"betas"}
    assert names <= set(declared_parameters(path))


@pytest.mark.parametrize("path", TRAINING, ids=lambda path: path.stem)
def test_each_training_notebook_runs(path, tmp_path, monkeypatch, capsys):
    """In a kernel, as the workflow runs it; `force` deletes the folder from within, in which the notebook is kept."""
    monkeypatch.chdir(tmp_path)
    folder = Path("results") / path.stem
    given = {"preset": "smoke", "dataset": "mnist5k", "epochs": 1, "device": "cpu", "folder": str(folder)}
    output = folder / "notebook.ipynb"

    execute(path, output, given | {"live": False, "force": True})

    assert {"metrics.json", "samples.png", "notebook.ipynb"} <= {file.name for file in folder.iterdir()}
    assert not list(tmp_path.rglob("*.running.ipynb")) and not list(tmp_path.rglob("*.failed.ipynb"))
    outputs = [one for cell in code(nbformat.read(output, as_version=4).cells) for one in cell.outputs]
    pictures = [one for one in outputs if "image/png" in one.get("data", {})]
    assert len(pictures) >= 4  # samples, evolution, losses, reconstructions
    assert "epoch 1/1" in capsys.readouterr().out
    assert json.loads((folder / "config.json").read_text())["algorithm"] == ALGORITHM_OF[path.name]


@pytest.mark.parametrize("name", READING)
def test_each_reading_notebook_runs(name, finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = {
        "disentanglement.ipynb": {key: finished / f"mnist5k-lpaae-{key}-s0" for key in ("supervised", "unsupervised")},
        "latent_space.ipynb": {
            "learned": finished / "mnist5k-lpaae-s0", "fixed": finished / "mnist5k-lpaae-fixed-s0",
            "plane": finished / "mnist5k-lpaae-code_2-s0",
        },
        "readings.ipynb": {"folder": finished},
    }[name]  # fmt: skip
    given = {key: str(folder) for key, folder in runs.items()} | ({"preset": "smoke"} if len(runs) > 1 else {})
    execute(FOLDER / name, tmp_path / name, given)
    outputs = [one for cell in code(nbformat.read(tmp_path / name, as_version=4).cells) for one in cell.outputs]
    assert len([one for one in outputs if "image/png" in one.get("data", {})]) >= READING[name]


@pytest.mark.parametrize("path", TRAINING, ids=lambda path: path.stem)
def test_every_notebook_takes_what_the_command_line_gives(path):
    given = {"dataset": "mnist", "preset": "smoke", "variant": "", "seed": 1, "epochs": None, "device": "auto"}
    check_parameters(declared_parameters(path), given | {"folder": "x", "live": False, "force": True}, path.name)


# A notebook of our own


def write_notebook(path: Path, parameters: str, *sources: str) -> Path:
    cells = [nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=cells + [*map(nbformat.v4.new_code_cell, sources)], metadata=kernel)
    nbformat.write(notebook, path)
    return path


PARAMETERS = "count: int = 1\nrate: float | None = None  # why\nname: str = 'x'\nlive: bool = True"


@pytest.fixture
def no_kernel(monkeypatch):
    def refuse(*arguments, **options):
        pytest.fail("a kernel was started")

    monkeypatch.setattr(papermill, "execute_notebook", refuse)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cuont": 2}, "no parameter 'cuont': did you mean 'count'"),
        ({"zzz": 2}, "no parameter 'zzz': it has count, rate, name, live"),
        ({"count": "2"}, "count .* must be int, not '2'"),
        ({"count": True}, "count .* must be int, not True"),
        ({"count": None}, "count .* must be int, not None"),
        ({"count": 1.5}, "count .* must be int, not 1.5"),
        ({"rate": "1e-3"}, "rate .* must be float or None, not '1e-3'"),
        ({"name": 3}, "name .* must be str, not 3"),
        ({"live": "false"}, "live .* must be bool, not 'false'"),
        ({"live": 0}, "live .* must be bool, not 0"),
    ],
    ids=str,
)
def test_wrong_parameters_are_refused_before_a_kernel_starts(tmp_path, no_kernel, given, message):
    notebook = write_notebook(tmp_path / "own.ipynb", PARAMETERS)
    with pytest.raises(UserError, match=message):
        execute(notebook, tmp_path / "out" / "own.ipynb", given)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("given", [{"rate": 1}, {"rate": None}, {"rate": 0.5, "count": 2}, {"live": False}], ids=str)
def test_right_parameters_pass(tmp_path, given):
    check_parameters(declared_parameters(write_notebook(tmp_path / "own.ipynb", PARAMETERS)), given, "own")


@pytest.mark.parametrize("source", ["count = 1", "count: int = 1 + 1", "import os", "count: int = len('x')"])
def test_the_parameters_cell_holds_literals_only(tmp_path, source):
    with pytest.raises(UserError, match="is not of the form 'name: type = literal'"):
        declared_parameters(write_notebook(tmp_path / "own.ipynb", source))


def test_a_notebook_that_does_not_exist_is_an_error(tmp_path, no_kernel):
    with pytest.raises(UserError, match="absent.ipynb does not exist"):
        execute(tmp_path / "absent.ipynb", tmp_path / "out.ipynb", {})


def test_a_failing_notebook_is_kept_and_named_with_its_cause(tmp_path):
    notebook = write_notebook(tmp_path / "own.ipynb", "count: int = 1", "print('before')", "count / 0")
    output = tmp_path / "out" / "own.ipynb"
    with pytest.raises(UserError) as caught:
        execute(notebook, output, {"count": 2})
    failed = output.with_name("own.failed.ipynb")
    assert "ZeroDivisionError: division by zero" in str(caught.value) and str(failed) in str(caught.value)
    assert [file.name for file in output.parent.iterdir()] == [failed.name]
    assert "before" in failed.read_text()


def test_a_notebook_that_runs_sees_its_parameters_and_removes_the_old_failure(tmp_path, capsys):
    output = tmp_path / "own.ipynb"
    output.with_name("own.failed.ipynb").write_text("{}")
    notebook = write_notebook(tmp_path / "source.ipynb", PARAMETERS, "print(count + 1, rate, live)")
    execute(notebook, output, {"count": 41, "rate": 0.5, "live": False})
    assert "42 0.5 False" in capsys.readouterr().out
    assert sorted(file.name for file in tmp_path.iterdir()) == ["own.ipynb", "source.ipynb"]
