"""What the command line refuses, in one line and before anything starts."""

import json
import os
import time
from pathlib import Path

import pytest
import torch
from sandbox import refused

from lprior import __main__ as cli
from lprior.config import from_dict, resolve
from lprior.device import check_memory, memory_bytes
from lprior.errors import UserError
from lprior.training import memory

ROOT = Path(__file__).parents[1]
RUN = ["run", "mnist5k-lpaae-s0", "--preset", "smoke"]


@pytest.fixture
def no_data(monkeypatch):
    """Whatever comes after the checks fails."""
    monkeypatch.setattr("lprior.data.load", lambda *arguments, **options: pytest.fail("something has started"))
    monkeypatch.setattr("lprior.benchmark.step.Trial", lambda *arguments: pytest.fail("something has started"))


BETAS = ["0.5", "(0.5,)", "(0.5, 0.9, 0.9)", "[0.5, 0.9]", "((0.5, 0.9), 0.9)", "('a', 'b')", "{}", "(0.5, 1e400)"]
SETS = {
    **{f"betas={value}": "betas must" for value in BETAS},
    "learning_rate=0": "learning_rate must be more than 0: with 0 nothing would learn",
    "learning_rate_CG=0.0": "learning_rate_CG must be more than 0",
    "lam=1e400": "lam must be a number of at least 0, not inf",
    f"lam={10**400}": "lam must be at most 1e+30",
    f"epochs={'9' * 5000}": "epochs must be int",
    f"epochs=0x{'f' * 5000}": "epochs must be int",
    "batch_size=1": "batch_size must be at least 2",
    "prior='\\d'": "prior",
    "labelled=20": "labelled must be 0, not 20: aaeplane and aaesemi learn from some labels, lpaae does not",
    "lam=é": "lam must be float, not 'é'",
    "é=3": "parameter 'é' is unknown",
    "a b=3": "--set takes NAME=VALUE",
    "=": "--set takes NAME=VALUE",
}


@pytest.mark.parametrize(("text", "named"), SETS.items(), ids=lambda text: text[:30])
def test_a_setting_that_no_run_can_have(capsys, no_data, tmp_path, text, named):
    assert named in refused(capsys, [*RUN, "--results", tmp_path / "results", "--set", text])
    assert named in refused(capsys, ["config", "mnist5k-lpaae-s0", "--set", text])
    assert list(tmp_path.iterdir()) == []


def test_a_stored_configuration_with_labels_that_its_algorithm_has_no_use_for():
    values = resolve("aae", "mnist5k", "smoke").to_dict()
    with pytest.raises(UserError, match="labelled must be 0, not 20"):
        from_dict(values | {"labelled": 20})
    assert resolve("aaesemi", "mnist5k", "smoke", labelled=20).labelled == 20


def test_a_learning_rate_that_diverges_is_allowed(capsys):
    assert cli.main(["config", "mnist-lpaae-s0", "--set", "learning_rate=1e9"]) == 0
    capsys.readouterr()


@pytest.mark.parametrize("value", [10**6, 10**9, 10**12])
@pytest.mark.parametrize("name", ["width", "code", "batch_size", "samples"])
def test_a_run_that_does_not_fit_into_memory(capsys, no_data, tmp_path, name, value):
    value *= {"samples": 100, "batch_size": 10}.get(name, 1)
    started = time.perf_counter()
    line = refused(capsys, [*RUN, "--results", tmp_path / "results", "--set", f"{name}={value}"])
    assert time.perf_counter() - started < 10 and not (tmp_path / "results").exists()
    assert "memory" in line and str(value) in line and " GB" in line
    if name != "samples":
        assert "memory" in refused(capsys, ["bench", "aae", "--compare", f"aae:{name}={value}"])


def test_what_a_run_takes_is_estimated_from_below():
    small, wide = (resolve("aae", "mnist", "quick", width=width) for width in (16, 32))
    assert 1e6 < memory.training_bytes(small) < memory.training_bytes(wide) < 1e8
    assert memory.measuring_bytes(resolve("aae", "mnist", "quick", samples=10**6)) > 10**6 * 28 * 28
    with pytest.raises(UserError, match="it would take at least 12.0 GB of memory, and there are 3.0 GB"):
        check_memory(12e9, 3_000_000_000, "it")
    assert memory_bytes(torch.device("cpu")) > 1e8


@pytest.mark.parametrize("preset", ["smoke", "quick", "full"])
@pytest.mark.parametrize("algorithm", ["aae", "lpaae", "vaegan"])
def test_every_preset_has_an_estimate(preset, algorithm):
    for dataset in ("mnist", "cifar10"):
        assert 1e6 < memory.training_bytes(resolve(algorithm, dataset, preset)) < 2e9


@pytest.mark.parametrize("name", ["cpu:99", "cuda:99", "meta", "tpu", "cpu:", "mps", "0"])
def test_a_device_that_is_not_there(capsys, no_data, tmp_path, name):
    assert "device" in refused(capsys, [*RUN, "--results", tmp_path / "results", "--device", name])
    assert "device" in refused(capsys, ["bench", "--device", name])
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        *((["--seconds", value], "seconds") for value in ("nan", "inf", "0", "-1", "-inf", "x")),
        *((["--repeats", value], "repeats") for value in ("0", "-3", "nan", "1e400")),
        (["--compare", "aae", "aae"], "same"),
        (["--compare", "aae", "aae:engine=fast"], "'fast'"),
        (["--batch-size", "0"], "batch_size"),
    ],
    ids=str,
)
def test_a_bench_that_measures_nothing(capsys, no_data, options, named):
    try:
        line = refused(capsys, ["bench", "--preset", "smoke", *options])
    except SystemExit as exit:  # argparse's
        line = capsys.readouterr().err
        assert exit.code == 2 and len(line.splitlines()) == 1
    assert named in line


@pytest.mark.parametrize("name", [f"mnist-aae-s{2**32}", "mnist-aae-s" + "9" * 5000, "mnist-aae-s٣"], ids=len)
def test_a_seed_that_scikit_learn_does_not_take(capsys, no_data, name):
    assert "seed" in refused(capsys, ["run", name, "--preset", "smoke"])
    assert cli.main(["config", f"mnist-aae-s{2**32 - 1}"]) == 0
    assert "--seeds" in refused(capsys, ["workflow", "--check", "--seeds", f"0 {2**32}"])
    with pytest.raises(UserError, match="seed must be at most"):
        resolve("aae", "mnist", "smoke", seed=2**32)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([""], "empty"),
        (["run", ""], "the argument after run is empty"),
        (["run", "mnist-aae-s0", "--data", ""], "after --data is empty"),
        (["workflow", "--seeds", " "], "after --seeds is empty"),
        (["run", "mnist-\naae-s0"], "'mnist-\\naae-s0'"),
        (["data", "mnist\0"], "'mnist\\x00'"),
        (["sample", "\udcff", "a.png"], "'\\udcff'"),
        (["sample", "a\u2028b", "a.png"], "'a\\u2028b'"),
        (["data", "mnist", "--data", "absent"], "data folder absent does not exist"),
        (["config", "x" * 5000], "xxx...xxx"),
        (["verify", "x" * 5000], "is unknown: nothing is near it (of "),
        (["verify", "x" * 5000 + "/y"], "does not exist: is its name right?"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_text_that_no_name_has(capsys, arguments, named):
    line = refused(capsys, arguments)
    assert named in line and len(line) < 1200


NOTEBOOK = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
CELL = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "", "outputs": [], "execution_count": None}
NO_NOTEBOOKS = {
    "text": "hello", "empty": "", "list": "[]", "object": "{}", "number": "3", "none": json.dumps(NOTEBOOK),
    "bytes": b"\xff\xfe\x00", "cells": json.dumps(NOTEBOOK | {"cells": [3]}),
    **{
        f"cell {source}": json.dumps(NOTEBOOK | {"cells": [CELL | {"source": source}]})
        for source in ("x: int =", "x = 3", "a.b: int = 3", "x: Path = 3", "x: int = f()", "x: int = 3\0")
    },
}  # fmt: skip


@pytest.mark.parametrize("content", NO_NOTEBOOKS.values(), ids=NO_NOTEBOOKS)
def test_a_notebook_that_is_none(capsys, tmp_path, content):
    path = tmp_path / "some.ipynb"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert str(path) in refused(capsys, ["notebook", path, tmp_path / "out.ipynb", "--set", "x=3"])
    assert list(tmp_path.iterdir()) == [path]


def test_a_notebook_that_is_not_there_or_would_be_overwritten(capsys, tmp_path):
    source = ROOT / "notebooks" / "aae.ipynb"
    assert "does not exist" in refused(capsys, ["notebook", tmp_path / "absent.ipynb", tmp_path / "out.ipynb"])
    assert "is a folder" in refused(capsys, ["notebook", tmp_path, tmp_path / "out.ipynb"])
    content = source.read_bytes()
    for name, output in (("a.ipynb", "a.ipynb"), ("b.failed.ipynb", "b.ipynb"), ("c.running.ipynb", "c.ipynb")):
        (tmp_path / name).write_bytes(content)
        assert "would be overwritten" in refused(capsys, ["notebook", tmp_path / name, tmp_path / output])
        assert (tmp_path / name).read_bytes() == content


@pytest.mark.parametrize("text", ["width=10**9", "width=1000000000"])
def test_a_notebook_s_run_that_cannot_be(capsys, tmp_path, text):
    notebook, output = ROOT / "notebooks" / "aae.ipynb", tmp_path / "folder" / "out.ipynb"
    assert "width" in refused(capsys, ["notebook", notebook, output, "--set", f"settings={text}"])
    assert "cpu:9" in refused(capsys, ["notebook", notebook, output, "--set", "settings=device=cpu:9"])
    assert "seed" in refused(capsys, ["notebook", notebook, output, "--set", f"seed={2**40}"])
    assert list(tmp_path.iterdir()) == []


def outputs(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "folder.ipynb").mkdir()
    (tmp_path / "file").write_text("kept")
    return {
        "folder": tmp_path / "folder.png", "below a file": tmp_path / "file" / "a.png", "root": Path("/"),
        "missing": tmp_path / "b" / "a.png", "null": Path("/dev/null"), "ending": tmp_path / "a.docx",
        "none": tmp_path / "a", "long": tmp_path / f"{'x' * 250}.png", "here": Path("."),
    }  # fmt: skip


@pytest.mark.parametrize("kind", "folder,below a file,missing,null,ending,none,long,root,here".split(","))
def test_an_output_that_cannot_be(capsys, no_data, finished, tmp_path, kind):
    path = outputs(tmp_path)[kind]
    run, null = finished / "mnist5k-aae-s0", os.stat("/dev/null")
    refused(capsys, ["sample", run, path])
    if kind not in ("ending", "none"):
        refused(capsys, ["bench", "--json", path])
    if kind != "missing":
        refused(capsys, ["notebook", ROOT / "notebooks" / "aae.ipynb", path])
    if kind in ("below a file", "null"):
        refused(capsys, ["report", finished, path])
        refused(capsys, ["publish", run, "--to", path])
        refused(capsys, [*RUN, "--results", path])
    if kind in ("folder", "below a file", "null", "root", "here"):
        refused(capsys, ["publish", run, "--to", tmp_path / "published", "--archive", path])
    assert os.stat("/dev/null").st_rdev == null.st_rdev and (tmp_path / "file").read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.ipynb", "folder.png"]


def test_more_samples_than_memory_holds_and_more_than_a_picture(capsys, finished, tmp_path):
    run = finished / "mnist5k-aae-s0"
    assert "GB" in refused(capsys, ["sample", run, tmp_path / "a.png", "-n", 10**12])
    (tmp_path / "a.webp").write_text("kept")
    assert "too many for a .webp file" in refused(capsys, ["sample", run, tmp_path / "a.webp", "-n", 6000])
    assert (tmp_path / "a.webp").read_text() == "kept" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("content", [b"garbage", b"", b"\x80\x02]q\x00."])
def test_inception_weights_that_are_none_are_refused_before_anything_is_measured(
    capsys, no_data, finished, tmp_path, content
):
    (tmp_path / "weights.pth").write_bytes(content)
    before = (finished / "mnist5k-aae-s0" / "metrics.json").read_bytes()
    for path in (tmp_path / "weights.pth", tmp_path, tmp_path / "absent"):
        assert str(path) in refused(capsys, ["evaluate", finished / "mnist5k-aae-s0", "--inception", path])
    assert (finished / "mnist5k-aae-s0" / "metrics.json").read_bytes() == before


def test_a_configuration_that_no_run_can_have_is_refused_when_it_is_read():
    values = resolve("lpaae", "mnist", "smoke").to_dict()
    assert from_dict(json.loads(json.dumps(values))) == resolve("lpaae", "mnist", "smoke")
    wrong = {"width": "4", "dataset": "mnits", "networks": [], "code": -1, "epochs": 1.5, "seed": 2**40}
    for name, value in wrong.items():
        with pytest.raises(UserError):
            from_dict(values | {name: value})
    with pytest.raises(UserError, match="betas"):
        from_dict(values | {"settings": values["settings"] | {"betas": [0.5]}})


def test_a_report_is_written_over_nothing_but_a_report(capsys, finished, tmp_path):
    (tmp_path / "thesis" / "figures").mkdir(parents=True)
    (tmp_path / "thesis" / "figures" / "a.png").write_text("kept")
    for output in (tmp_path / "thesis", ROOT / "report"):
        assert str(output) in refused(capsys, ["report", finished, output])
    assert (tmp_path / "thesis" / "figures" / "a.png").read_text() == "kept"
