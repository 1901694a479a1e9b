"""Every file in a run's folder, damaged: one line that names it and says what to do, and never a traceback."""

import errno
import json
import math
import os
import re
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file, save_file
from test_run import Silent, assert_same_result, configuration, train

from lprior import publish, stored, weights
from lprior.__main__ import main
from lprior.errors import UserError
from lprior.model import load
from lprior.report.document import write_report
from lprior.results import RunFolder


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Of two epochs."""
    return train(configuration(), tmp_path_factory.mktemp("made") / "mnist5k-lpaae-s0").path


@pytest.fixture
def run(made, tmp_path) -> RunFolder:
    """A copy that a test may damage."""
    return RunFolder(shutil.copytree(made, tmp_path / "results" / made.name))


def says(name: str, call, *arguments) -> str:
    """The line that the call ends with, which names the file."""
    with pytest.raises(UserError) as caught:
        call(*arguments)
    text = str(caught.value)
    assert "\n" not in text and name in text and ": " in text
    return text


GARBAGE = [b"", b"garbage", b"\xff\xfe\x00", b"[]", b"null", b"3", b"{", b'{"a": NaN}', b"[" * 100_000]


@pytest.mark.parametrize("content", GARBAGE, ids=lambda content: repr(content[:10]))
@pytest.mark.parametrize("name", ["config.json", "provenance.json", "metrics.json"])
def test_what_is_no_json_object_is_refused(run, name, content):
    (run / name).write_bytes(content)
    says(f"{run / name} is damaged", run.read_json, name)


@pytest.mark.parametrize("name", ["config.json", "provenance.json", "metrics.json", "log.csv"])
def test_a_missing_file_and_a_folder_in_its_place_are_refused(run, name):
    read = run.log if name == "log.csv" else lambda: run.read_json(name)
    (run / name).unlink()
    says(f"{run / name} does not exist", read)
    (run / name).mkdir()
    says(f"cannot read {run / name}", read)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"epochs": "2"}, "epochs must be int"), ({"epochs": 0}, "at least 1"), ({"batch_size": True}, "batch_size"),
        ({"seed": 2**32}, "seed must be"), ({"ema_decay": 1.0}, r"\[0, 1\)"), ({"dataset": "x"}, "data set 'x'"),
        ({"networks": "x"}, "network set 'x'"), ({"unheard_of": 1}, "unheard_of"), ({"width": None}, "width must be"),
        ({"algorithm": ["aae"]}, "algorithm"), ({"settings": []}, "list"), ({"settings": {"lam": "x"}}, "lacks"),
        ({"dataset": ["mnist5k"]}, "data set"), ({"samples": 1e9}, "samples must be int"), ({"lam": 3.0}, "lam"),
    ],
    ids=str,
)  # fmt: skip
def test_a_configuration_that_no_run_can_have_is_refused(run, changes, said):
    run.write_json("config.json", run.read_json("config.json") | changes)
    text = says(f"{run / 'config.json'} is damaged", run.config)
    assert re.search(said, text)
    says("config.json", load, run.path)
    says("config.json", train, configuration(), run.path)


@pytest.mark.parametrize("name", ["lam", "betas"])
def test_a_setting_of_another_type_is_refused(run, name):
    values = run.read_json("config.json")
    values["settings"][name] = "much"
    run.write_json("config.json", values)
    assert f"{name} must be" in says("config.json", run.config)


@pytest.mark.parametrize("value", [None, True, {}, [], ["a"], [None], "", [[1.0]]], ids=repr)
def test_a_metric_is_a_number_or_numbers_or_a_reason(run, value):
    run.write_json("metrics.json", {"fid_x": 1, "histogram_x": [0.5, 0.5], "score_x": "a reason"})
    assert len(run.read_json("metrics.json")) == 3
    run.write_json("metrics.json", {"fid_x": value})
    assert "fid_x" in says("metrics.json", run.read_json, "metrics.json")


@pytest.mark.parametrize("name", [*stored.MADE, *stored.COST])
@pytest.mark.parametrize("value", ["gone", None, True, []], ids=repr)
def test_provenance_has_what_the_report_needs(run, tmp_path, name, value):
    made = run.read_json("provenance.json")
    del made[name]
    run.write_json("provenance.json", made if value == "gone" else made | {name: value})
    assert name in says("provenance.json", write_report, run.path.parent, tmp_path / "report", [])


@pytest.mark.parametrize("resumed", ["gone", [1], {}, None], ids=repr)
def test_a_run_goes_on_from_whole_provenance_alone(run, resumed):
    made = run.read_json("provenance.json")
    del made["resumed"]
    run.write_json("provenance.json", made if resumed == "gone" else made | {"resumed": resumed})
    says("provenance.json", train, configuration(epochs=3), run.path)


LOGS = [
    "", "\n", "garbage", "\0\0", "a,b\n1,2\n", "epoch,seconds\n", "epoch,seconds\n2,1.0\n",
    "epoch,seconds\n1,1.0\n1,1.0\n", "epoch,seconds\n1,x\n",
    "epoch,seconds,L_rec\n1,1.0,\n", "epoch,seconds\n1,inf\n", "epoch,seconds,fid_x\n1,1.0,low\n",
    'epoch,seconds\n1,"', "epoch,seconds\n1,1.0,2.0,3.0\n1\n",
]  # fmt: skip


@pytest.mark.parametrize("content", LOGS, ids=repr)
def test_a_damaged_log_is_refused(run, tmp_path, content):
    (run / "log.csv").write_text(content)
    says(f"{run / 'log.csv'} is damaged", run.log)
    says("log.csv", write_report, run.path.parent, tmp_path / "report", [])


def test_a_log_may_lack_metrics_of_few_samples(run):
    (run / "log.csv").write_text("epoch,seconds,L_rec,fid_x\n1,1.0,2.0,\n2,1.0,2.0,3.0\n")
    assert run.log()["fid_x"].isna().tolist() == [True, False]


def spoil(path: Path, how: str) -> None:
    found = load_file(path)
    name = next(key for key, tensor in found.items() if tensor.ndim > 1)
    if how == "missing":
        del found[name]
    elif how == "more":
        found["more"] = torch.zeros(1)
    elif how == "shape":
        found[name] = found[name][:1].clone()
    else:
        found[name].view(-1)[0] = {"nan": math.nan, "inf": math.inf}[how]
    save_file(found, path)


@pytest.mark.parametrize("how", ["missing", "more", "shape", "nan", "inf", "empty", "garbage", "truncated", "width"])
def test_damaged_weights_draw_nothing(run, tmp_path, how, capsys):
    path = run / "model.safetensors"
    if how in ("empty", "garbage"):
        path.write_bytes({"empty": b"", "garbage": b"garbage" * 100}[how])
    elif how == "truncated":
        os.truncate(path, path.stat().st_size // 2)
    elif how == "width":
        run.write_json("config.json", run.read_json("config.json") | {"width": 3})
    else:
        spoil(path, how)
    assert "damaged" in says("model.safetensors", load, run.path)
    assert main(["sample", str(run.path), str(tmp_path / "sheet.png")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1 and not (tmp_path / "sheet.png").exists()
    if how in ("nan", "inf", "empty", "garbage", "truncated"):
        says("model.safetensors", weights.half, path)


def test_weights_that_half_precision_cannot_hold_are_not_published(run):
    found = load_file(run / "model.safetensors")
    found[next(key for key, tensor in found.items() if tensor.is_floating_point())].view(-1)[0] = 1e5
    save_file(found, run / "model.safetensors")
    load(run.path)
    assert "half precision" in says("model.safetensors", weights.half, run / "model.safetensors")


@pytest.mark.parametrize("content", [b"", b"garbage", "truncated", "size"])
@pytest.mark.parametrize("epoch", [0, 1])
def test_the_evolution_leaves_out_an_epoch_whose_frame_is_damaged(run, capsys, content, epoch):
    frame = run.frame(epoch)
    if content == "truncated":
        os.truncate(frame, frame.stat().st_size // 2)
    elif content == "size":
        Image.new("L", (28, 28)).save(frame)
    else:
        frame.write_bytes(content)
    train(configuration(), run.path)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "evolution" in line]
    assert f"leaves out epoch {epoch}:" in line
    assert Image.open(run / "evolution.gif").n_frames == 2


def test_the_frame_of_the_last_epoch_is_made_again(made, run, capsys):
    shutil.rmtree(run / "frames")
    train(configuration(), run.path)
    assert "leaves out epoch 0, 1:" in capsys.readouterr().out
    assert run.frame(2).read_bytes() == (made / "frames" / "epoch-0002.png").read_bytes()


@pytest.mark.parametrize("name", ["samples.png", "evolution.png", "notebook.ipynb"])
def test_a_damaged_picture_or_notebook_is_named_when_it_is_published_or_shown(run, tmp_path, name):
    (run / name).write_bytes(b"garbage")
    says(name, publish.publish, run.path, tmp_path / "published")
    if name != "notebook.ipynb":
        says(name, write_report, run.path.parent, tmp_path / "report", [])


# A full disk


def full(name: str, real):
    """A function that finds the disk full when it writes a file of this name."""

    def write(path, *arguments, **options):
        if path.name == name:
            real(path, *([arguments[0][:1]] if arguments else []))
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return real(path, *arguments, **options)

    return write


@pytest.mark.parametrize("name", ["checkpoint.pt", "model.safetensors", "metrics.json", "provenance.json", "log.csv"])
def test_a_full_disk_leaves_the_last_state_and_says_which_file_did_not_fit(run, made, monkeypatch, name):
    before = {path.name: path.read_bytes() for path in run.path.iterdir() if path.is_file()}
    kind = "write_text" if name.endswith("json") else "write_bytes"
    if name == "log.csv":
        def to_csv(self, path, **options):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("pandas.DataFrame.to_csv", to_csv)
    else:
        monkeypatch.setattr(Path, kind, full(name, getattr(Path, kind)))
    text = says(f"cannot write {run / name}: No space left", train, configuration(epochs=3), run.path)
    assert re.search(r"with [\d,]+ MB free: make room", text)
    assert (run / name).exists() is (name != "metrics.json")
    if name not in ("metrics.json",):
        assert (run / name).read_bytes() == before[name]
    assert not list(run.path.rglob(".writing-*")) and not list(run.path.glob(".lock*"))
    monkeypatch.undo()
    silent = Silent()
    result = train(configuration(epochs=3), run.path, progress=silent)
    again = train(configuration(epochs=3), run.path.parent / "again")
    assert_same_result(result, again)
    assert [row["epoch"] for row in silent.rows] == ([3] if name in ("checkpoint.pt", "provenance.json") else [])


def test_what_a_killed_process_was_writing_is_cleared_away(run):
    (run / ".writing-x").mkdir()
    (run / ".writing-x" / "checkpoint.pt").write_text("half")
    train(configuration(), run.path)
    assert not list(run.path.rglob(".writing-*"))


def test_metrics_are_standard_json(made):
    json.loads((made / "metrics.json").read_text(), parse_constant=lambda name: pytest.fail(name))


@given(st.dictionaries(st.text(), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts),
)))  # fmt: skip
def test_what_is_written_as_json_is_read_again(value):
    assert json.loads(stored.as_json(value)) == value


def test_a_list_of_numbers_is_written_on_one_line():
    text = '{\n  "a": [1, -2.5, null],\n  "b": [\n    "1",\n    [1e-05]\n  ]\n}\n'
    assert stored.as_json({"a": [1, -2.5, None], "b": ["1", [1e-5]]}) == text
