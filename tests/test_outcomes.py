"""What ./run_all.sh leaves behind and says when it refuses, when a run diverges, and when a signal ends it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import latex
import pytest
from places import ROOT, Place, end_of, snapshot
from safetensors.torch import load_file
from test_workflow import plan, project  # noqa: F401  (fixtures)

from lprior.__main__ import main
from lprior.config import resolve
from lprior.errors import TrainingDiverged
from lprior.notebooks.execution import execute
from lprior.presets import BUDGETS
from lprior.report.document import write_report
from lprior.runs import parse_run
from lprior.training.run import run
from lprior.workflow import jobs
from lprior.workflow.outcome import keeping

SMALL = {"images": 128, "epochs": 1}
RUN = "mnist5k-aae-s0"
GIVEN = ("--preset", "smoke", "--dataset", "mnist5k")


@pytest.fixture
def preset(monkeypatch):
    """Changes the smoke preset, in this process."""

    def change(**values):
        for name, value in values.items():
            monkeypatch.setitem(BUDGETS["smoke"]["digits"], name, value)

    change(**SMALL)
    return change


@pytest.fixture
def made(project, finished, preset) -> Path:  # noqa: F811
    """results/smoke of the project, with the finished runs of a preset as small as theirs."""
    return Path(shutil.copytree(finished, project / "results" / "smoke"))


# A preset that was changed


def test_what_was_made_by_the_same_preset_is_not_refused(made, plan):  # noqa: F811
    assert [code for _, code in (plan(*GIVEN), plan(*GIVEN, RUN), plan(*GIVEN, "runs"))] == [0, 0, 0]


@pytest.mark.parametrize("target", ["report", "runs", "readings", RUN, f"{RUN}/log.csv"])
def test_a_changed_preset_is_refused_before_anything_starts(made, plan, preset, capsys, target):  # noqa: F811
    preset(width=5)
    before = snapshot(made)
    assert plan(*GIVEN, target) == ([], 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(rf"results/smoke/{'mnist5k-' if target[0] == 'r' else RUN}.* \(width 4 -> 5\)", line)
    assert "rename the folder" in line and "--force" in line
    assert ("more)" in line) == (target in ("report", "runs", "readings"))
    assert snapshot(made) == before
    assert plan(*GIVEN, target, "--force")[1] == 0


def test_only_the_runs_of_the_target_are_compared(made, plan, preset):  # noqa: F811
    preset(width=5)
    assert plan(*GIVEN, "mnist5k-aae-s3")[1] == 0


def test_more_epochs_than_are_asked_for_are_refused_fewer_go_on(made, plan, preset, capsys):  # noqa: F811
    run(resolve(**parse_run(RUN), preset="smoke", epochs=2), made / RUN, device="cpu")
    before = snapshot(made)
    assert plan(*GIVEN, RUN) == ([], 2)
    assert f"{RUN} holds a run with other settings (epochs 2 -> 1)" in capsys.readouterr().err
    assert snapshot(made) == before
    preset(epochs=3)
    assert plan(*GIVEN, RUN)[1] == 0


def test_a_finished_run_without_a_checkpoint_is_not_trained_anew(made, plan, preset, capsys):  # noqa: F811
    for path in (made / RUN).glob("checkpoint*.pt"):
        path.unlink()
    assert plan(*GIVEN, RUN)[1] == 0
    preset(epochs=3)
    before = snapshot(made)
    assert plan(*GIVEN, RUN) == ([], 2) and snapshot(made) == before
    assert "epochs 1 -> 3, without a checkpoint" in capsys.readouterr().err


def test_a_run_that_was_trained_elsewhere_is_measured_before_the_workflow_may_touch_it(made, plan, capsys):  # noqa: F811
    (made / RUN / "metrics.json").unlink()
    assert plan(*GIVEN, RUN)[1] == 0  # from its checkpoint
    for path in (made / RUN).glob("checkpoint*.pt"):
        path.unlink()
    before = snapshot(made)
    assert plan(*GIVEN, RUN) == ([], 2) and snapshot(made) == before
    assert f"python -m lprior evaluate results/smoke/{RUN} measures" in capsys.readouterr().err
    assert main(["evaluate", str(made / RUN)]) == 0
    assert plan(*GIVEN, RUN)[1] == 0


@pytest.mark.slow
def test_with_snakemake_a_refused_run_keeps_every_file(tmp_path):
    place = Place(tmp_path, SMALL | {"samples": 200})
    assert place.run_all("--dataset", "mnist5k", RUN)[0] == 0
    folder = place.path / "results" / "smoke"
    before = snapshot(folder)
    place.set(SMALL | {"samples": 200, "width": 5})
    code, said = place.run_all("--dataset", "mnist5k", RUN)
    assert (code, snapshot(folder)) == (2, before) and "width 4 -> 5" in said and "is kept" not in said


# A report that cannot be made


@pytest.fixture
def pdf(tmp_path, monkeypatch) -> Path:
    """A report, of a run that was finished before."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "a").mkdir(parents=True)
    (tmp_path / "runs" / "a" / "metrics.json").write_text("{}")
    (tmp_path / "report.pdf").write_text("of then")
    os.utime(tmp_path / "runs" / "a" / "metrics.json", (1, 1))
    os.utime(tmp_path / "report.pdf", (2, 2))
    return tmp_path / "report.pdf"


@pytest.mark.parametrize("deleted", [True, False])
def test_an_older_report_is_put_aside_with_a_line(pdf, capsys, deleted):
    (pdf.parent / "runs" / "a" / "metrics.json").touch()
    with pytest.raises(RuntimeError), keeping(pdf, pdf.parent / "runs", ["a"]):
        if deleted:  # as Snakemake does before it makes it anew
            pdf.unlink()
        raise RuntimeError
    assert not pdf.exists() and pdf.with_name("report.old.pdf").read_text() == "of then"
    assert "report of an earlier state of these runs is kept as" in capsys.readouterr().out


def test_a_report_that_still_holds_stays(pdf, capsys):
    with pytest.raises(RuntimeError), keeping(pdf, pdf.parent / "runs", ["a"]):
        raise RuntimeError
    assert pdf.read_text() == "of then" and not pdf.with_name("report.old.pdf").exists()
    assert capsys.readouterr().out == ""


def test_a_report_that_git_has_comes_back(pdf):
    with pytest.raises(RuntimeError), keeping(pdf, pdf.parent / "runs", ["b"], tracked=True):
        pdf.unlink()
        raise RuntimeError
    assert pdf.read_text() == "of then" and not pdf.with_name("report.old.pdf").exists()


def test_a_new_report_replaces_the_old_one(pdf):
    with keeping(pdf, pdf.parent / "runs", ["a"]):
        pdf.write_text("of now")
    assert pdf.read_text() == "of now" and not pdf.with_name("report.old.pdf").exists()


# Runs that diverge


def test_a_divergence_in_a_notebook_has_its_exit_code(tmp_path):
    from test_notebooks import write_notebook

    raises = "from lprior.errors import TrainingDiverged\nraise TrainingDiverged('L_rec is not finite')"
    with pytest.raises(TrainingDiverged, match="L_rec is not finite"):
        execute(write_notebook(tmp_path / "a.ipynb", "count: int = 1", raises), tmp_path / "out.ipynb", {})


def test_metrics_of_fewer_epochs_are_not_those_of_a_run_that_diverged(tmp_path, monkeypatch):
    config = resolve("aae", "mnist5k", "smoke", **SMALL)
    run(config, tmp_path, device="cpu")
    monkeypatch.setattr("lprior.training.loop.to_float", lambda images: images.float() * float("nan"))
    longer = resolve("aae", "mnist5k", "smoke", **SMALL | {"epochs": 2})
    with pytest.raises(TrainingDiverged, match="would end so again: change a setting or the seed"):
        run(longer, tmp_path, device="cpu")
    assert not (tmp_path / "metrics.json").exists() and (tmp_path / "metrics.old.json").exists()
    assert "epoch 2" in (tmp_path / "diverged.txt").read_text()
    monkeypatch.undo()
    run(longer, tmp_path, device="cpu")
    assert (tmp_path / "metrics.json").exists()
    assert not (tmp_path / "metrics.old.json").exists() and not (tmp_path / "diverged.txt").exists()


@pytest.mark.parametrize("lost", ["mnist5k-vaegan-s0", "mnist5k-lpaae-s0"])
def test_a_report_without_a_model_that_diverged_has_no_hole(finished, tmp_path, lost):
    kept = [path.name for path in finished.iterdir() if path.name != lost]
    write_report(finished, tmp_path, kept, diverged=(lost,))
    text, found = latex.shown(tmp_path), latex.values(tmp_path)
    assert latex.arguments("res", text) <= set(found)
    assert latex.arguments("includegraphics", text) <= latex.pictures(tmp_path)
    assert rf"in \texttt{{{lost}}}, which this report leaves out" in found["note"]
    assert found[f"{lost.split('-')[1]}/score"] == r"\emph{diverged}" != found["aae/score"]


@pytest.mark.slow
@pytest.mark.faults
def test_the_workflow_tells_of_a_divergence_and_reports_the_others(tmp_path, finished):
    """With a PDF where LaTeX is at hand. All runs but one are finished, which spares time."""
    place = Place(tmp_path, SMALL, {"vaegan": {"learning_rate": 1e30}})
    folder = Path(shutil.copytree(finished, place.path / "results" / "smoke"))
    lost = "mnist5k-vaegan-s0"
    shutil.rmtree(folder / lost)
    (folder / "data-mnist5k.json").write_text("{}")
    os.utime(folder / "data-mnist5k.json", (1, 1))
    (folder / "report.pdf").write_text("of then")

    code, said = place.run_all("--dataset", "mnist5k", lost)
    assert code == TrainingDiverged.exit_code, said
    assert re.fullmatch(rf"run_all.sh: {lost} diverged: L_\w+ is not .* would end so again: .*", said.splitlines()[-1])
    assert "calling again goes on" not in said

    code, said = place.run_all("--dataset", "mnist5k", "--keep-going")
    assert code == TrainingDiverged.exit_code, said
    written = (place.path / "build" / "report-smoke" / "values.tex").read_text()
    assert r"Training diverged" in written and r"in \texttt{mnist5k-vaegan-s0}, which this report leaves out" in written
    assert r"\setres{vaegan/score}{\emph{diverged}}" in written
    if shutil.which("latexmk") or shutil.which("tectonic"):
        assert (folder / "report.pdf").read_bytes().startswith(b"%PDF"), said
    else:
        assert not (folder / "report.pdf").exists() and (folder / "report.old.pdf").read_text() == "of then"

    code, said = place.run_all("--dataset", "mnist5k")
    assert code == TrainingDiverged.exit_code and not (folder / "report.pdf").exists(), said
    assert "report of an earlier state of these runs is kept as results/smoke/report.old.pdf" in said


# Kernels and signals


@pytest.mark.parametrize(("length", "transport"), [(0, "ipc"), (120, "tcp")])
def test_kernels_share_no_ports_where_a_path_may_be_so_long(tmp_path, monkeypatch, capsys, length, transport):
    from test_notebooks import write_notebook

    folder = tmp_path / ("x" * length)
    folder.mkdir(exist_ok=True)
    monkeypatch.setattr("tempfile.tempdir", str(folder if length else "/tmp"))
    source = "import json, ipykernel.connect as c\nprint(json.loads(c.get_connection_info())['transport'])"
    execute(write_notebook(tmp_path / "a.ipynb", "count: int = 1", source), tmp_path / "out.ipynb", {})
    assert transport in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_what_was_started_even_if_it_will_not_listen(tmp_path, number):
    deaf = (
        "import os, signal, time; [signal.signal(number, signal.SIG_IGN) for number in (2, 15)]; "
        "os.fork() or print('on', flush=True); time.sleep(99)"
    )
    outer = (
        "import sys; from lprior.workflow import jobs; jobs.GRACE = 1; "
        f"sys.exit(jobs.supervise([sys.executable, '-c', {deaf!r}]))"
    )
    process = subprocess.Popen([sys.executable, "-c", outer], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "on\n"
    started = time.monotonic()
    process.send_signal(number)
    process.stdout.read()  # until none holds it any more
    assert process.wait() == 128 + number in jobs.INTERRUPTED and time.monotonic() - started < 4


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_with_its_kernel(tmp_path, number):
    """Which is in a session of its own."""
    place = Place(tmp_path, SMALL | {"samples": 200, "epochs": 60})
    command = (sys.executable, "-m", "lprior", "run", RUN, "--preset", "smoke", "--device", "cpu", "--notebook")
    process = place.start(*command)
    wait_for(place.path / "results" / "smoke" / RUN / "checkpoint.pt", process)
    assert any("ipykernel" in command for command in place.processes())
    process.send_signal(number)
    code, said = end_of(process, 10)
    assert code == 128 + number and place.quiet(0.5), said


def wait_for(path: Path, process: subprocess.Popen, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
        time.sleep(0.05)


# The same bits


@pytest.mark.slow
def test_a_run_by_notebook_has_the_same_bits(tmp_path):
    place, folders = Place(tmp_path, SMALL | {"samples": 200, "epochs": 2}), []
    for how in ("plain", "notebook"):
        options = ["--results", how, *(["--notebook"] if how == "notebook" else [])]
        code, said = place.call(
            sys.executable, "-m", "lprior", "run", "mnist5k-lpaae-s0", "--preset", "smoke", "--device", "cpu", *options
        )
        assert code == 0, said
        folders.append(place.path / how / "smoke" / "mnist5k-lpaae-s0")
    one, two = (load_file(folder / "model.safetensors") for folder in folders)
    assert one.keys() == two.keys() and all(one[name].equal(two[name]) for name in one)
    assert len({(folder / "metrics.json").read_bytes() for folder in folders}) == 1
    assert len({(folder / "samples.png").read_bytes() for folder in folders}) == 1

@pytest.mark.skipif(not shutil.which("latexmk"), reason="latexmk is not there")
@pytest.mark.slow
def test_the_same_runs_give_the_same_pdf_byte_for_byte(finished, tmp_path):
    """tests/test_report.py compares the sources."""
    for name in ("one", "two"):
        write_report(finished, tmp_path / name, [])
        build = ["bash", str(ROOT / "report" / "build.sh"), str(tmp_path / name)]
        subprocess.run(build, check=True, cwd=ROOT, env=os.environ | {"SOURCE_DATE_EPOCH": "1"})
        time.sleep(1.1)  # of a date in it, the seconds would differ
    assert (tmp_path / "one" / "main.pdf").read_bytes() == (tmp_path / "two" / "main.pdf").read_bytes()


# What docs/promises.md says


def test_every_promise_names_a_test_that_exists():
    text = (ROOT / "docs" / "promises.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    named = re.findall(r"\[(test_\w+\.py)\]\(\.\./tests/\1\) `(test_\w+)`", text)
    assert len(rows) == len(named) > 20 and len(text.splitlines()) <= 45
    missing = [pair for pair in named if f"\ndef {pair[1]}(" not in (ROOT / "tests" / pair[0]).read_text()]
    assert missing == []
