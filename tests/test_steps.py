"""What ./run_all.sh says while it is at work, and in the end."""

import json
import logging
import os
import pty
import re
import sys
from pathlib import Path

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from lprior.workflow import jobs, steps


@pytest.fixture
def handler(monkeypatch):
    monkeypatch.syspath_prepend(str(jobs.PLUGINS))
    from snakemake_logger_plugin_lprior import LogHandler

    yield LogHandler(None, None)
    del sys.modules["snakemake_logger_plugin_lprior"]


def tell(handler, event, level=logging.INFO, message="", **more):
    record = logging.LogRecord("snakemake", level, "", 0, message, None, None)
    vars(record).update(event=event, **more)
    handler.emit(record)


def job(handler, number, rule, outputs, log=(), **wildcards):
    about = {"jobid": number, "rule_name": rule, "output": [*map(str, outputs)], "log": [*map(str, log)]}
    tell(handler, LogEvent.JOB_INFO, wildcards=wildcards, **about)


def test_a_line_for_each_finished_step_with_its_result_and_no_id(handler, tmp_path, capsys):
    metrics = tmp_path / "metrics.json"
    metrics.write_text(json.dumps({"fid_mnist_clf1_10k_test": 7.123, "gmm10_fid_mnist_clf1_10k_test": 1.0}))
    tell(handler, LogEvent.RUN_INFO, stats={"run": 1, "data": 1, "report": 1, "total": 3})
    job(handler, 8, "data", ["results/smoke/data-mnist.json"], dataset="mnist")
    job(handler, 9, "run", [tmp_path / "log.csv", metrics], run="mnist-aae-s0")
    job(handler, 7, "report", [])
    for number in (8, 9, 7):
        tell(handler, LogEvent.JOB_FINISHED, job_id=number)
    tell(handler, None, message="Select jobs to execute...")
    tell(handler, LogEvent.PROGRESS, done=3, total=3)
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "[1/2] the data of mnist  results/smoke/data-mnist.json  0:00", "[2/2] mnist-aae-s0  FID 7.1  0:00"
    ]  # fmt: skip
    assert said.err == ""


def test_what_is_under_way_is_told_with_the_time_left(tmp_path):
    log = tmp_path / "mnist-aae-s0.txt"
    assert steps.under_way("mnist-aae-s0", log, 9.0) == "mnist-aae-s0"
    log.write_text("mnist-aae-s0  epoch 9/20  L_rec 0.1  30 s\nmnist-aae-s0  epoch 10/20  L_rec 0.1  30 s\n")
    assert steps.under_way("mnist-aae-s0", log, 60.0) == "mnist-aae-s0 epoch 10/20, 5 min left"  # it went on from 8
    assert steps.under_way("mnist-aae-s0", log, 10.0) == "mnist-aae-s0 epoch 10/20"
    log.write_text("mnist-aae-s0  epoch 20/20  L_rec 0.1  30 s\n")
    assert steps.under_way("mnist-aae-s0", log, 60.0) == "mnist-aae-s0 is measured"


def test_in_a_terminal_the_last_line_is_what_is_under_way(tmp_path):
    """And finished steps stay above it, each a line of its own."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent), log=str(tmp_path / "log.txt")))
    (tmp_path / "log.txt").write_text("mnist-aae-s0  epoch 3/20  L_rec 0.1  30 s\n")
    said: list[bytes] = []
    pty.spawn([sys.executable, str(script)], lambda end: said.append(os.read(end, 4096)) or said[-1])
    text = b"".join(said).decode()
    assert "mnist-aae-s0 epoch 3/20" in text and re.search(r"(^|\r|\n)\[1/1\] mnist-aae-s0  x  0:0\d\r?\n", text)


SCRIPT = """
import fcntl, struct, sys, termios, time
fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
sys.path.insert(0, {tests!r})
from test_steps import LogEvent, job, jobs, tell
sys.path.insert(0, str(jobs.PLUGINS))
from snakemake_logger_plugin_lprior import LogHandler
handler = LogHandler(None, None)
tell(handler, LogEvent.RUN_INFO, stats={{"run": 1, "total": 1}})
job(handler, 9, "run", ["x"], [{log!r}], run="mnist-aae-s0")
time.sleep(1.5)
tell(handler, LogEvent.JOB_FINISHED, job_id=9)
handler.close()
"""


def test_a_failed_step_says_why_in_one_line_and_the_engine_nothing_more(handler, tmp_path, capsys):
    log = tmp_path / "mnist-aae-s0.txt"
    log.write_text("epoch 1/2\nlprior: the memory is not enough\nthe failed notebook is kept as x.ipynb\nTask: ")
    job(handler, 9, "run", ["results/x"], [log], run="mnist-aae-s0")
    tell(handler, LogEvent.ERROR, logging.ERROR, "RuleException: CalledProcessError in file")
    tell(handler, LogEvent.JOB_ERROR, logging.ERROR, "Error in rule run, jobid: 9", jobid=9)
    tell(handler, LogEvent.ERROR, logging.ERROR, "At least one job did not complete successfully.")
    handler.close()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("[failed] mnist-aae-s0  the memory is not enough; the failed notebook is kept as x.ipynb")
    assert str(log) in line and not any(word in line for word in ("epoch", "jobid", "Task"))


def test_what_is_wrong_before_any_step_is_said(handler, capsys):
    tell(handler, LogEvent.ERROR, logging.ERROR, "there is no rule for that")
    handler.close()
    assert capsys.readouterr().err == "there is no rule for that\n"


def test_the_words_of_others_are_shown_as_they_are(tmp_path):
    log = tmp_path / "pdf.txt"
    assert steps.cause(log) == f"(see {log})"
    log.write_text("! Undefined control sequence.\nLaTeX failed\n")
    assert steps.cause(log) == f"! Undefined control sequence.\nLaTeX failed (see {log})"


def test_every_rule_of_the_snakefile_that_runs_something_keeps_its_words():
    rules = (Path(__file__).parents[1] / "Snakefile").read_text().split("rule ")[1:]
    at_work = [text for text in rules if "shell:" in text]
    named = {text.split(":")[0] for text in at_work if "{{run}}" not in text}
    assert named == set(steps.TITLES), "each step that is no run has its words"
    assert len(at_work) == 6 and all("log:" in text and "{log}" in text for text in at_work)


def test_a_run_without_a_classifier_has_the_error_of_reconstruction(tmp_path):
    (tmp_path / "metrics.json").write_text('{"reconstruction_mse_test": 0.0123, "fid_x_2k_test": "no value"}')
    assert steps.outcome([tmp_path / "metrics.json"]) == "squared error 0.0123"


def test_the_table_in_the_end_has_the_runs_what_is_missing_and_the_gallery(finished, tmp_path):
    names = ["mnist5k-aae-s0", "mnist5k-lpaae-s0", "mnist5k-vaegan-s9"]
    head, *rows, last = steps.summary(finished, names).splitlines()
    assert head.split() == ["run", "epochs", "FID", "score", "minutes"]
    metrics = json.loads((finished / names[0] / "metrics.json").read_text())
    fid, score = (f"{metrics[key]:.2f}" for key in ("fid_mnist_clf1_1k_test", "score_mnist_clf1_1k"))
    assert rows[0].split()[:4] == [names[0], "1", fid, score] and len(rows) == 2
    assert last == "Not finished: mnist5k-vaegan-s9"
    (tmp_path / "index.html").touch()
    assert steps.summary(tmp_path, ["a"]) == f"Not finished: a\nThe gallery: {tmp_path / 'index.html'}"
