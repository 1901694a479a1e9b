"""A finished run trained once more beside its log."""

import shutil

import pandas as pd
import pytest
from sandbox import refused

from lprior import __main__ as cli
from lprior.errors import UserError
from lprior.report.retraced import FILE, in_words
from lprior.results import PUBLISHED, RunFolder, runs_at
from lprior.training.retrace import EQUAL, Retraced, read, record, retrace, row_of

RUN = "mnist5k-lpaae-s0"
REPOSITORY = FILE.parents[1]


@pytest.fixture
def run(finished, tmp_path):
    """A copy of a finished smoke run, whose log may be changed."""
    return RunFolder(shutil.copytree(finished / RUN, tmp_path / RUN))


def test_the_same_machine_and_code_retrace_a_run_to_the_last_digit(run, capsys):
    files = {path.name: path.read_bytes() for path in run.path.iterdir() if path.is_file()}
    assert cli.main(["retrace", str(run.path), "--epochs", "1", "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert f"{RUN}  epoch 1: 3 losses equal to the last digit" in said
    assert files == {path.name: path.read_bytes() for path in run.path.iterdir() if path.is_file()}


def test_runs_are_found_by_name_and_what_is_nearly_one_has_a_hint(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert runs_at(["mnist-lpaae-s0"]) == [PUBLISHED / "mnist-lpaae-s0"]
    for command in ("retrace", "verify", "attributes"):
        assert "'mnist-lpae-s0' is unknown: did you mean 'mnist-lpaae-s0'?" in refused(
            capsys, [command, "mnist-lpae-s0"]
        )
    (tmp_path / "results").mkdir()
    assert refused(capsys, ["verify", "resluts/"]).endswith(
        "the folder resluts does not exist: did you mean 'results'?"
    )


def test_another_log_is_told_by_how_much(run):
    log = pd.read_csv(run / "log.csv")
    log.loc[0, "L_rec"] *= 1.25
    log.to_csv(run / "log.csv", index=False)
    (epoch,) = retrace(run, 1, device="cpu")
    assert epoch.difference == pytest.approx(0.2) and str(epoch) == "epoch 1: 3 losses within 2.0e-01 of their values"


def test_a_record_keeps_what_came_of_it_and_passes_over_what_it_has(run, tmp_path, capsys):
    file, line = tmp_path / "retraced.csv", ["retrace", str(run.path), "--device", "cpu"]
    assert cli.main([*line, "--record", str(file)]) == 0
    (row,) = read(file)
    assert row["run"] == run.path.as_posix() and row["epochs"] == "1" and row["outcome"] == "equal to the last digit"
    kept = file.read_bytes()
    capsys.readouterr()
    assert cli.main([*line, "--record", str(file)]) == 0
    assert capsys.readouterr().out == "" and file.read_bytes() == kept
    file.write_text("a,b\n1,2\n")
    assert cli.main([*line, "--record", str(file)]) == 2
    assert "is no record of retraced runs" in capsys.readouterr().err and file.read_text() == "a,b\n1,2\n"


def test_a_record_has_the_worst_of_several_epochs(run):
    row = row_of(run, [Retraced(1, 3, 0.25), Retraced(2, 3, 0.0)])
    assert row["epochs"] == "2" and row["outcome"] == "within 2.5e-01 of their values"


def test_the_epochs_of_a_falling_rate_are_those_of_the_whole_run(tmp_path):
    from lprior.config import resolve
    from lprior.training.run import run as train

    config = resolve("aae", "mnist5k", "smoke", epochs=3, falling=2, images=640)
    (first,) = retrace(train(config, tmp_path / "run", device="cpu"), 1, device="cpu")
    assert first.difference == 0


def test_what_cannot_be_retraced_is_refused(run):
    with pytest.raises(UserError, match="from 1 to 1 can be retraced, not 3"):
        list(retrace(run, 3))
    run.write_json("provenance.json", run.read_json("provenance.json") | {"data_sha256": "0"})
    with pytest.raises(UserError, match="trained on other images"):
        list(retrace(run, 1))


def test_what_was_retraced_is_told_with_those_that_differ(run, tmp_path):
    file = tmp_path / "retraced.csv"
    assert in_words(file) == "No run was trained again."
    record(file, row_of(run, [Retraced(1, 3, 0.0)]) | {"run": "results/published/a"})
    assert in_words(file).endswith(f"the losses of 1 are {EQUAL}.")
    record(file, row_of(run, [Retraced(1, 3, 0.25)]) | {"run": "results/published/b_c"})
    said = in_words(file)
    assert said.startswith("Of 2 published runs, made at 1 commits") and f"the losses of 1 are {EQUAL}; not so" in said
    assert said.endswith(r"\texttt{b\_c} (within 2.5e-01 of their values).")


def test_what_is_recorded_as_retraced_is_as_it_was_published():
    rows = read(FILE)
    assert rows
    for row in rows:
        made = RunFolder(REPOSITORY / row["run"]).read_json("provenance.json")
        assert (row["trained by"], row["on"]) == (made["commit"], made["device"])
    equal = sum(row["outcome"] == EQUAL for row in rows)
    said = " ".join((REPOSITORY / "docs" / "running.md").read_text().split())
    assert f"of {len(rows)} published runs {equal} are equal to the last digit" in said
