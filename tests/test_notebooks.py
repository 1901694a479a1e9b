"""The notebooks as they are committed, what they say, and how they are executed."""

import ast
import json
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import papermill
import pytest
from places import NOWHERE, ROOT
from test_cifar10 import make_pictures

from lprior import __main__ as cli
from lprior.algorithms import ALGORITHMS
from lprior.config import resolve
from lprior.data import DATASETS
from lprior.errors import UserError
from lprior.notebooks.configuration import PARAMETERS, configure
from lprior.notebooks.execution import check_parameters, declared_parameters, default_parameters, execute
from lprior.results import RunFolder
from lprior.settings import parse_settings

FOLDER = ROOT / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))
NOTEBOOKS = {name: algorithm.notebook for name, algorithm in ALGORITHMS.items() if algorithm.notebook}
TRAINING = [path for path in PATHS if path.name in NOTEBOOKS.values()]
READING = {  # and how many pictures each shows
    "attributes.ipynb": 2, "disentanglement.ipynb": 5, "latent_space.ipynb": 4, "readings.ipynb": 1,
    "text_to_image.ipynb": 3,
}  # fmt: skip
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
    assert len(set(NOTEBOOKS.values())) == len(NOTEBOOKS)


def test_notebooks_are_committed_without_what_running_them_adds(cells):
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code(cells))
    assert all(set(cell.metadata) <= {"tags"} for cell in cells)
    assert len({cell.id for cell in cells}) == len(cells) and all(re.fullmatch(r"cell-\d\d", cell.id) for cell in cells)


def test_notebooks_are_valid_and_choose_the_kernel_of_the_environment(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


def test_notebooks_are_short(cells):
    assert 12 <= len(cells) <= 18
    for cell in cells:
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


def test_what_notebooks_always_say_fits_every_data_set(cells, request):
    if "attributes" in request.node.name:
        pytest.skip("a ruler has other definitions for digits than for pictures, and the notebook gives both")
    if "text_to_image" in request.node.name:
        pytest.skip("it is on scenes of digits alone, whose sentences it shows")
    things = {spec.things for spec in DATASETS.values()}
    for cell in cells:
        assert not re.search("|".join(["digit", "stroke", *things]), cell.source), cell.source


@pytest.mark.parametrize("path", TRAINING, ids=lambda path: path.stem)
def test_the_parameters_are_the_same_for_each_algorithm_with_a_comment_each(path):
    assert sorted(declared_parameters(path)) == sorted(PARAMETERS)
    (cell,) = [cell for cell in nbformat.read(path, as_version=4).cells if "tags" in cell.metadata]
    assert all("  # " in line for line in cell.source.splitlines())
    assert len(cell.source.splitlines()) == len(PARAMETERS)


@pytest.mark.parametrize("path", TRAINING, ids=lambda path: path.stem)
def test_the_example_of_settings_resolves(path):
    (cell,) = [cell for cell in nbformat.read(path, as_version=4).cells if "tags" in cell.metadata]
    (example,) = re.findall(r'such as "(.*=.*)"', cell.source)
    defaults = default_parameters(path)
    named = {name: defaults[name] for name in ("dataset", "preset", "variant", "seed", "epochs")}
    config = configure(ALGORITHM_OF[path.name], **named, settings=example).config
    assert config == resolve(ALGORITHM_OF[path.name], **named, **parse_settings(example)) and example


def outputs_of(notebook: Path) -> list:
    return [one for cell in code(nbformat.read(notebook, as_version=4).cells) for one in cell.outputs]


def pictures_in(outputs: list) -> list:
    return [one for one in outputs if "image/png" in one.get("data", {})]


def prose_in(outputs: list) -> list[str]:
    return [one.data["text/markdown"] for one in outputs if "text/markdown" in one.get("data", {})]


@pytest.mark.parametrize("path", TRAINING, ids=lambda path: path.stem)
def test_each_training_notebook_runs(path, tmp_path, monkeypatch, capsys):
    """In a kernel, as the workflow runs it; `force` deletes the folder from within, in which the notebook is kept."""
    monkeypatch.chdir(tmp_path)
    folder = Path("results") / path.stem
    given = {"preset": "smoke", "dataset": "mnist5k", "epochs": 1, "folder": str(folder), "whole": True, "force": True}
    output = folder / "notebook.ipynb"

    execute(path, output, given | {"settings": "width=3, betas=(0.4, 0.9), device=cpu, live=False"})

    assert {"metrics.json", "samples.png", "notebook.ipynb"} <= {file.name for file in folder.iterdir()}
    assert not list(tmp_path.rglob("*.running.ipynb")) and not list(tmp_path.rglob("*.failed.ipynb"))
    assert len(pictures_in(outputs_of(output))) >= 4  # samples, evolution, losses, reconstructions
    shown = [one.data["text/html"] for one in outputs_of(output) if "text/html" in one.get("data", {})]
    assert shown[0].startswith("<details><summary>source</summary>")
    assert "epoch 1/1" in capsys.readouterr().out
    changes = {"epochs": 1, "width": 3, "betas": (0.4, 0.9)}
    assert RunFolder(folder).config() == resolve(ALGORITHM_OF[path.name], "mnist5k", "smoke", **changes)
    summary, question = prose_in(outputs_of(output))  # nothing is said of a published run
    assert "the preset `smoke`" in summary and summary.count("| given |") == 3
    assert question.startswith("## Are they digits?")


@pytest.mark.parametrize("path", TRAINING, ids=lambda path: path.stem)
def test_nothing_speaks_of_digits_beside_pictures(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LPRIOR_DATA", str(make_pictures(tmp_path / "data", train=13, test=6)))
    given = {"preset": "smoke", "dataset": "cifar10", "epochs": 1, "folder": "run"}
    execute(path, "run/notebook.ipynb", given | {"settings": "images=128, samples=200, device=cpu, live=False"})
    assert any(text.startswith("## Are they pictures?") for text in prose_in(outputs_of(Path("run/notebook.ipynb"))))
    cells = nbformat.read("run/notebook.ipynb", as_version=4).cells
    shown = [json.dumps(one.get("data", one.get("text", ""))) for cell in code(cells) for one in cell.outputs]
    shown = [re.sub(r'"image/png": ".*?"', "", text) for text in shown] + [cell.source for cell in cells]
    assert not re.search("digit|stroke", " ".join(shown), re.IGNORECASE)


@pytest.mark.parametrize("name", READING)
def test_each_reading_notebook_runs(name, finished, finished_scenes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = {
        "attributes.ipynb": {key: finished / f"mnist5k-{key}-s0" for key in ("vaegan", "lpaae")},
        "disentanglement.ipynb": {key: finished / f"mnist5k-lpaae-{key}-s0" for key in ("supervised", "unsupervised")},
        "latent_space.ipynb": {
            "learned": finished / "mnist5k-lpaae-s0", "fixed": finished / "mnist5k-lpaae-fixed-s0",
            "plane": finished / "mnist5k-lpaae-code_2-s0",
        },
        "readings.ipynb": {"folder": finished},
        "text_to_image.ipynb": {
            "learned": finished_scenes / "scenes5k-lptext-s0", "fixed": finished_scenes / "scenes5k-lptext-fixed-s0"
        },
    }[name]  # fmt: skip
    given = {key: str(folder) for key, folder in runs.items()} | ({"preset": "smoke"} if len(runs) > 1 else {})
    given |= {"dataset": "scenes5k"} if name == "text_to_image.ipynb" else {}
    execute(FOLDER / name, tmp_path / name, given)
    assert len(pictures_in(outputs_of(tmp_path / name))) >= READING[name]


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """What git has of this repository, and nothing else."""
    answer = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True)
    if answer.returncode:
        pytest.skip("this is no git checkout")
    folder = tmp_path_factory.mktemp("clone")
    for name in filter(None, answer.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", READING)
def test_each_reading_notebook_runs_in_a_fresh_clone_without_data_or_a_network(name, clone, tmp_path, monkeypatch):
    """With the parameters that it has. Where it looks at images, embedded digits take the place of MNIST."""
    (tmp_path / "data").mkdir()
    environment = {
        "PYTHONPATH": clone, "LPRIOR_DATA": tmp_path / "data", "XDG_CACHE_HOME": tmp_path / "cache",
        "http_proxy": NOWHERE, "https_proxy": NOWHERE, "no_proxy": "",
    }  # fmt: skip
    for key, value in environment.items():
        monkeypatch.setenv(key, str(value))
    monkeypatch.chdir(clone)
    output = tmp_path / name
    execute(clone / "notebooks" / name, output, {})
    outputs = outputs_of(output)
    said = "".join(one.text for one in outputs if one.output_type == "stream" and one.name == "stderr")
    assert len(pictures_in(outputs)) >= READING[name]
    assert ("GOING ON WITH" in said) == (name != "readings.ipynb")
    assert not (clone / "results" / "interactive").exists()  # nothing is trained


# By the command line


@pytest.fixture
def executed(monkeypatch) -> list:
    """What `run --notebook` asks to be executed, instead of executing it."""
    calls = []
    monkeypatch.setattr("lprior.notebooks.execution.execute", lambda *arguments: calls.append(arguments))
    return calls


@pytest.mark.parametrize("algorithm", NOTEBOOKS)
def test_a_run_by_notebook_gives_it_its_parameters(algorithm, tmp_path, executed):
    name = f"mnist5k-{algorithm}-s3"
    changes = ["epochs=7", "width=8", "betas=(0.5, 0.9)", "networks='dcgan'", "learning_rate=1e-3"]
    options = [option for change in changes for option in ("--set", change)]
    assert cli.main(["run", name, "--notebook", "--results", str(tmp_path), *options]) == 0
    ((notebook, output, given),) = executed
    assert (notebook.name, output) == (NOTEBOOKS[algorithm], tmp_path / "quick" / name / "notebook.ipynb")
    assert sorted(given) == sorted(PARAMETERS)
    assert (given["seed"], given["dataset"], given["epochs"]) == (3, "mnist5k", 7)
    changed = "width=8, betas=(0.5, 0.9), networks=dcgan, learning_rate=0.001"
    assert given["settings"] == f"{changed}, device=auto, live=False"
    assert given["whole"] is True  # as the report needs it
    check_parameters(declared_parameters(notebook), given, notebook.name)


@pytest.mark.parametrize("algorithm", NOTEBOOKS)
def test_without_changes_a_run_by_notebook_is_the_preset_s(algorithm, tmp_path, executed):
    assert cli.main(["run", f"mnist5k-{algorithm}-s0", "--notebook", "--results", str(tmp_path)]) == 0
    ((_, _, given),) = executed
    assert (given["epochs"], given["settings"]) == (None, "device=auto, live=False")


def test_a_run_of_a_study_by_notebook_is_the_run(tmp_path, monkeypatch):
    """In a kernel, which has to know of the studies, too."""
    monkeypatch.chdir(tmp_path)
    changes = ["--set", "epochs=1", "--set", "images=128", "--set", "samples=200", "--set", "width=2"]
    arguments = ["run", "mnist5k-lpaae-norm-s1", "--preset", "ablation", "--device", "cpu", "--notebook", *changes]
    assert cli.main(arguments) == 0
    folder = RunFolder("results/ablation/mnist5k-lpaae-norm-s1")
    small = {"epochs": 1, "images": 128, "samples": 200, "width": 2}
    assert folder.config() == resolve("lpaae", "mnist5k", "ablation", "norm", 1, **small)
    assert "| squared | False | variant norm |" in prose_in(outputs_of(folder / "notebook.ipynb"))[0]


def test_an_algorithm_without_a_notebook_is_refused_in_one_line(tmp_path, monkeypatch, capsys):
    own = ALGORITHMS["aae"].__class__("Own", ALGORITHMS["aae"].Config, ALGORITHMS["aae"].build)
    monkeypatch.setitem(ALGORITHMS, "own", own)
    assert cli.main(["run", "mnist5k-own-s0", "--notebook", "--results", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "lprior: own has no notebook: leave out --notebook\n"


# A notebook of our own


def write_notebook(path: Path, parameters: str, *sources: str) -> Path:
    cells = [nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=cells + [*map(nbformat.v4.new_code_cell, sources)], metadata=kernel)
    nbformat.write(notebook, path)
    return path


OWN = "count: int = 1\nrate: float | None = None  # why\nname: str = 'x'\nlive: bool = True"


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
    notebook = write_notebook(tmp_path / "own.ipynb", OWN)
    with pytest.raises(UserError, match=message):
        execute(notebook, tmp_path / "out" / "own.ipynb", given)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"settings": "widht=3"}, "parameter 'widht' is unknown: did you mean 'width'"),
        ({"settings": "learning_rate=high"}, "learning_rate must be float, not 'high'"),
        ({"settings": "seed=3"}, "settings cannot change seed: the parameter 'seed' says it"),
        ({"settings": "lam"}, "settings takes NAME=VALUE, not 'lam'"),
        ({"preset": "quik"}, "preset 'quik' is unknown: did you mean 'quick'"),
        ({"dataset": "mnits"}, "data set 'mnits' is unknown"),
        ({"variant": "fixd"}, "is unknown: "),
        ({"epochs": 0}, "epochs must be at least 1"),
    ],
    ids=str,
)
@pytest.mark.parametrize("path", TRAINING, ids=lambda path: path.stem)
def test_wrong_configurations_are_refused_before_a_kernel_starts(path, tmp_path, no_kernel, given, message):
    with pytest.raises(UserError, match=message) as caught:
        execute(path, tmp_path / "out" / path.name, given)
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()


def test_the_command_line_refuses_a_notebook_s_wrong_settings_in_one_line(tmp_path, no_kernel, capsys):
    arguments = ["notebook", str(FOLDER / "aae.ipynb"), str(tmp_path / "out.ipynb"), "--set", "settings=lamb=3"]
    assert cli.main(arguments) == 2
    assert capsys.readouterr().err == "lprior: parameter 'lamb' is unknown: did you mean 'lam'?\n"


def test_a_notebook_that_only_bears_an_algorithm_s_name_has_its_own_parameters(tmp_path):
    notebook = write_notebook(tmp_path / "aae.ipynb", 'settings: str = "anything"', "print(settings)")
    execute(notebook, tmp_path / "out.ipynb", {})
    assert (tmp_path / "out.ipynb").exists()


@pytest.mark.parametrize("given", [{"rate": 1}, {"rate": None}, {"rate": 0.5, "count": 2}, {"live": False}], ids=str)
def test_right_parameters_pass(tmp_path, given):
    check_parameters(declared_parameters(write_notebook(tmp_path / "own.ipynb", OWN)), given, "own")


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
    notebook = write_notebook(tmp_path / "source.ipynb", OWN, "print(count + 1, rate, live)")
    execute(notebook, output, {"count": 41, "rate": 0.5, "live": False})
    assert "42 0.5 False" in capsys.readouterr().out
    assert sorted(file.name for file in tmp_path.iterdir()) == ["own.ipynb", "source.ipynb"]
