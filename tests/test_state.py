"""Nothing lost, nothing silent: what a run's folder holds, damaged in every way, and what is said then."""

import errno
import inspect
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from test_run import Silent, assert_same_result, configuration, train

from lprior import checkpoints, data, lock, provenance
from lprior.__main__ import main
from lprior.algorithms.autoencoder import Autoencoder
from lprior.errors import TrainingDiverged, UserError
from lprior.evaluation import measurement
from lprior.evaluation.verify import Check, verify
from lprior.report.document import write_report
from lprior.report.frame import named, table_of
from lprior.report.latex import MISSING
from lprior.report.studies import ablation
from lprior.report.tables import RESULTS, results_table
from lprior.results import RunFolder
from lprior.runs import STUDIES
from lprior.training import configured


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Of two epochs."""
    return train(configuration(), tmp_path_factory.mktemp("made") / "mnist5k-lpaae-s0").path


@pytest.fixture
def run(made, tmp_path) -> RunFolder:
    """A copy that a test may damage."""
    return RunFolder(shutil.copytree(made, tmp_path / made.name))


def one_line(caught) -> str:
    """What was said, if it is one line."""
    text = str(caught.value)
    assert text and "\n" not in text
    return text


def state_of(folder: RunFolder, name: str = "checkpoint.pt") -> dict:
    return checkpoints.load(folder / name)[1]


def flip(path: Path, tensor: torch.Tensor) -> None:
    """A bit of a tensor, where it lies in the file: the archive stays readable."""
    content, wanted = bytearray(path.read_bytes()), tensor.contiguous().view(torch.uint8).numpy().tobytes()
    place = bytes(content).index(wanted)
    content[place + len(wanted) // 2] ^= 1
    path.write_bytes(content)


# Checkpoints


def weight_of(folder: RunFolder) -> torch.Tensor:
    weights = state_of(folder)["algorithm"].values()
    return max((w for w in weights if w.is_contiguous()), key=torch.Tensor.numel)


def test_a_flipped_bit_in_a_tensor_is_noticed_and_the_checkpoint_moved_aside(made, run, capsys):
    flip(run / "checkpoint.pt", weight_of(run))
    torch.load(run / "checkpoint.pt", weights_only=True)  # torch notices nothing
    result = train(configuration(), run.path)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "damaged" in line]
    assert "checkpoint.damaged.pt" in line and "its sum" in line
    assert (run / "checkpoint.damaged.pt").exists()
    assert_same_result(result, RunFolder(made))


def test_a_checkpoint_that_is_damaged_while_a_run_goes_on_never_replaces_the_good_one(tmp_path, capsys):
    class Damaging(Silent):
        def epoch(self, row, last, frame):
            if row["epoch"] == 2:
                (tmp_path / "checkpoint.pt").write_bytes(b"garbage")

    train(configuration(epochs=3), tmp_path, progress=Damaging())
    assert "checkpoint.damaged.pt" in capsys.readouterr().out
    assert (tmp_path / "checkpoint.damaged.pt").read_bytes() == b"garbage"
    assert [len(state_of(RunFolder(tmp_path), f"checkpoint{name}.pt")["log"]) for name in ("", ".previous")] == [3, 1]


@pytest.mark.parametrize("content", [b"", b"garbage", "list", "object", "half"])
def test_two_damaged_checkpoints_do_not_cost_what_was_measured(run, content, capsys):
    for name in ("checkpoint.pt", "checkpoint.previous.pt"):
        if isinstance(content, bytes):
            (run / name).write_bytes(content)
        elif content == "half":
            os.truncate(run / name, (run / name).stat().st_size // 2)
        else:
            torch.save([1] if content == "list" else {"state": {}}, run / name)
    before = (run / "metrics.json").read_bytes()
    with pytest.raises(UserError, match="without its checkpoint.*--force") as caught:
        train(configuration(), run.path)
    assert one_line(caught) and (run / "metrics.json").read_bytes() == before
    assert (run / "checkpoint.damaged.pt").exists() and (run / "checkpoint.previous.damaged.pt").exists()
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_an_old_checkpoint_without_a_sum_is_refused(run):
    torch.save(state_of(run), run / "checkpoint.pt")
    with pytest.raises(UserError, match="older version.*--force") as caught:
        train(configuration(), run.path)
    assert one_line(caught) and (run / "checkpoint.pt").exists()


def test_other_settings_do_not_resume_a_checkpoint_whose_configuration_is_gone(run):
    (run / "config.json").unlink()
    with pytest.raises(UserError, match="lam 50.0 -> 7.0") as caught:
        train(configuration(lam=7.0, epochs=3), run.path)
    assert one_line(caught) and not (run / "config.json").exists()
    assert train(configuration(epochs=3), run.path).config().epochs == 3


def test_a_checkpoint_of_other_networks_is_refused(run):
    state = state_of(run)
    state["algorithm"].popitem()
    checkpoints.save(run / "checkpoint.pt", configuration().to_dict(), state)
    with pytest.raises(UserError, match="does not fit the networks") as caught:
        train(configuration(), run.path)
    one_line(caught)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool])
def test_the_sum_sees_every_value_and_its_type(dtype):
    tensor = torch.ones(2, 2, dtype=dtype)
    other = tensor.clone()
    other[1, 1] = 0
    contents = [{"a": tensor}, {"a": other}, {"b": tensor}, {"a": tensor.view(4)}, {"a": [tensor]}, {"a": tensor, 1: 1},
                {"a": tensor, 1: 1.0}, {"a": tensor, 1: "1"}, {"a": tensor, "1": 1}]  # fmt: skip
    assert len({checkpoints.digest(content) for content in contents}) == len(contents)
    assert checkpoints.digest({"a": tensor.t()}) == checkpoints.digest({"a": tensor})  # the order in memory is none


# --force


def test_force_deletes_nothing_behind_a_symbolic_link(run, tmp_path):
    (tmp_path / "link").symlink_to(run.path, target_is_directory=True)
    before = {path.name for path in run.path.iterdir()}
    with pytest.raises(UserError, match="symbolic link") as caught:
        train(configuration(), tmp_path / "link", force=True)
    assert one_line(caught) and {path.name for path in run.path.iterdir()} == before


def test_force_follows_no_link_in_the_folder_and_deletes_no_folder_of_something_else(run, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "kept").write_text("")
    (run / "frames" / "data").symlink_to(tmp_path / "data")
    (run / "data").symlink_to(tmp_path / "data")
    train(configuration(epochs=1), run.path, force=True)
    assert (tmp_path / "data" / "kept").exists() and not (run / "data").exists()
    with pytest.raises(UserError, match="holds no run") as caught:
        train(configuration(epochs=1), tmp_path / "data", force=True)
    assert one_line(caught) and (tmp_path / "data" / "kept").exists()


# Two at once


def test_a_second_run_in_the_same_folder_is_refused(tmp_path):
    class Second(Silent):
        def epoch(self, row, last, frame):
            with pytest.raises(UserError, match=rf"another run is at work.*{os.getpid()}.*wait") as caught:
                train(configuration(), tmp_path)
            one_line(caught)
            self.rows.append(row)

    second = Second()
    train(configuration(), tmp_path, progress=second)
    assert len(second.rows) == 2 and not list(tmp_path.glob(".lock*"))


def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path, capsys):
    program = f"""
import time
from pathlib import Path
from lprior.lock import held
with held(Path({str(tmp_path / '.lock')!r})):
    print("held", flush=True)
    time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    with pytest.raises(UserError, match=f"process {process.pid}"), lock.held(tmp_path / ".lock"):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    with lock.held(tmp_path / ".lock"):
        assert (tmp_path / ".lock").exists()
    assert not (tmp_path / ".lock").exists() and capsys.readouterr().out == ""


def test_a_second_run_by_notebook_is_refused_before_a_kernel_starts(tmp_path, capsys):
    arguments = ["run", "mnist5k-aae-s0", "--preset", "smoke", "--results", str(tmp_path), "--notebook"]
    started = time.perf_counter()
    for name in (".lock", ".lock-notebook"):
        with RunFolder(tmp_path / "smoke" / "mnist5k-aae-s0").held(name):
            assert main(arguments) == 2
        assert "another run is at work" in capsys.readouterr().err
    assert time.perf_counter() - started < 5 and not list(tmp_path.rglob("*.ipynb"))


@pytest.mark.parametrize("missing", [True, False])
def test_where_there_are_no_locks_it_is_said(tmp_path, monkeypatch, capsys, missing):
    def refuse(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    if missing:
        monkeypatch.setattr(lock, "fcntl", None)
    else:
        monkeypatch.setattr(lock.fcntl, "flock", refuse)
    with lock.held(tmp_path / ".lock"):
        pass
    (line,) = capsys.readouterr().out.splitlines()
    assert "cannot be locked" in line


# Code


def test_the_sum_of_code_sees_code_and_neither_comments_nor_docstrings(tmp_path):
    (tmp_path / "package").mkdir()
    path = tmp_path / "package" / "a.py"

    def sum_of(text):
        path.write_text(text)
        return provenance.sum_of_code(tmp_path, ["package"])

    first = sum_of('"""One."""\ndef f(x):\n    """Two."""\n    return x + 1\n')
    assert first == sum_of('"""Other."""\n\n# why\ndef f(x):  # how\n    return (x\n            + 1)\n')
    assert first != sum_of('"""One."""\ndef f(x):\n    """Two."""\n    return x + 2\n')
    other = tmp_path / "package" / "b.py"
    other.write_text("")
    assert first != sum_of('"""One."""\ndef f(x):\n    """Two."""\n    return x + 1\n')


def test_every_named_part_of_the_code_exists():
    paths = [provenance.PACKAGE / part for parts in provenance.CODE.values() for part in parts]
    assert all(path.exists() for path in paths)


@pytest.mark.parametrize(
    ("name", "what"),
    [("training", configured.start), ("training", configured.epochs_of), ("training", data.known_labels),
     ("evaluation", ablation.leaking), ("evaluation", measurement.measure),
     *(("evaluation", study.measure) for study in STUDIES.values() if study.measure)],
    ids=lambda what: what if isinstance(what, str) else f"{what.__module__}.{what.__name__}",
)  # fmt: skip
def test_a_sum_of_code_covers_what_decides_numbers(name, what):
    path, parts = Path(inspect.getsourcefile(what)), provenance.CODE[name]
    assert any(path.is_relative_to(provenance.PACKAGE / part) for part in parts)


def test_a_run_says_that_other_code_made_it(run, monkeypatch, capsys, tmp_path):
    assert run.read_json("provenance.json")["code_sha256"] == provenance.code_sha256()
    train(configuration(), run.path)
    assert "other code" not in capsys.readouterr().out
    assert list(table_of([run])["made by"]) == ["made by the present code"]
    monkeypatch.setattr("lprior.provenance.code_sha256", lambda: {"training": "new", "evaluation": "new"})
    monkeypatch.setattr("lprior.training.run.code_sha256", provenance.code_sha256)
    monkeypatch.setattr("lprior.evaluation.record.code_sha256", provenance.code_sha256)
    assert provenance.code_note(run.read_json("provenance.json")) == "made by other code (training and evaluation)"
    assert main(["verify", str(run.path)]) == 0
    out = capsys.readouterr().out
    assert f"{run.path.name}  made by other code" in out and "MISMATCH" not in out
    write_report(run.path.parent, tmp_path / "report", [run.path.name])
    assert "1 made by other code (training and evaluation)" in (tmp_path / "report" / "values.tex").read_text()
    train(configuration(), run.path)
    assert "made by other code (training and evaluation)" in capsys.readouterr().out
    made = run.read_json("provenance.json")["code_sha256"]
    assert made["training"] != "new" and made["evaluation"] == "new"  # it was measured again
    train(configuration(epochs=3), run.path)
    assert run.read_json("provenance.json")["resumed"][-1]["code_sha256"] == "new"
    assert provenance.code_note(run.read_json("provenance.json")) == "made by other code (training)"


def test_of_published_runs_the_code_is_not_recorded():
    made = RunFolder(Path(__file__).parents[1] / "results" / "published" / "mnist-aae-s0").read_json("provenance.json")
    assert provenance.code_note(made) == "made by code that was not recorded"


# Measuring


def reasons(metrics: dict) -> dict:
    return {key: value for key, value in metrics.items() if isinstance(value, str)}


@pytest.mark.parametrize("samples", [1, 2, 3])
def test_of_few_samples_is_measured_what_can_be(tmp_path, samples):
    result = train(configuration(epochs=1, samples=samples), tmp_path / "mnist5k-lpaae-s0")
    missing = reasons(result.read_json("metrics.json"))
    assert any(key.startswith("precision_") for key in missing)
    assert missing[f"precision_mnist_clf1_{samples}_test"] == f"it takes 4 samples, of {samples}"
    assert all(check.matches for check in verify(result.path))
    assert MISSING in results_table(table_of([result])).rows
    write_report(tmp_path, tmp_path / "report", [])


def test_of_fewer_images_than_components_there_is_no_control(tmp_path):
    result = train(configuration(epochs=1, images=5, batch_size=5), tmp_path / "run")
    missing = reasons(result.read_json("metrics.json"))
    assert missing and set(missing.values()) == {"a mixture of 10 takes as many codes, of 5"}
    assert all(key.startswith("gmm10_") for key in missing)


@pytest.mark.parametrize("codes", ["point", "line", "nan"])
@pytest.mark.parametrize("variant", ["", "unsupervised"])
def test_a_run_with_collapsed_codes_ends(tmp_path, monkeypatch, codes, variant):
    def encode(self, x):
        scale = {"point": 0.0, "line": 1e7, "nan": float("nan")}[codes]
        return scale * x.mean((1, 2, 3))[:, None].repeat(1, 8)

    monkeypatch.setattr(Autoencoder, "encode", encode)
    result = train(configuration(variant=variant, epochs=1), tmp_path / "run")
    metrics = result.read_json("metrics.json")
    missing = {key.partition("_")[0] for key in reasons(metrics)}
    of_nan = {"gmm10", "reconstruction", *(["cluster"] if variant else [])}
    assert missing == {"point": set(), "line": {"gmm10"}, "nan": of_nan}[codes]
    assert all(check.matches for check in verify(result.path))


def test_a_run_whose_samples_are_all_the_same_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(Autoencoder, "forward", lambda self, noise: torch.zeros(len(noise), 1, 28, 28))
    result = train(configuration(epochs=1), tmp_path / "run")
    assert all(check.matches for check in verify(result.path))


@pytest.mark.parametrize("where", ["weights", "samples"])
def test_what_is_no_number_is_a_divergence_that_keeps_the_last_checkpoint(run, monkeypatch, where):
    before = (run / "checkpoint.pt").read_bytes()
    if where == "weights":
        step = "lprior.training.loop.Training._update_average"

        def spoil(self):
            next(self.algorithm.parameters()).data[:] = float("nan")

        monkeypatch.setattr(step, spoil)
        monkeypatch.setattr("lprior.training.loop.Training._check", lambda self, losses: None)
    else:
        monkeypatch.setattr("lprior.model.Autoencoder.forward", lambda self, noise: noise * float("nan"))
    with pytest.raises(TrainingDiverged, match="finite number") as caught:
        train(configuration(epochs=3), run.path)
    assert one_line(caught) and (run / "checkpoint.pt").read_bytes() == before


@pytest.mark.parametrize("changes", [{"seed": 2**32}, {"batch_size": 1}], ids=str)
def test_what_could_not_be_measured_or_trained_is_refused_beforehand(changes):
    with pytest.raises(UserError) as caught:
        configuration(**changes)
    one_line(caught)


def test_a_reason_matches_itself_alone():
    assert Check("fid_x", "a reason", "a reason").matches
    assert not Check("fid_x", "a reason", "another").matches
    assert not Check("fid_x", 1.0, "a reason").matches and not Check("fid_x", "a reason", 1.0).matches
    assert named({"histogram_x": "a reason"})["rarest"] == "a reason"
    assert set(RESULTS) <= set(named({}))
