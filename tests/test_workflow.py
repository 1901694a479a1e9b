"""What run_all.sh starts, and what it leaves out, where data sets are not to be had. No test reaches the network, and
none sets up LaTeX."""

import fcntl
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from test_cifar10 import make_pictures

from lprior import __main__ as cli
from lprior import runs, workflow
from lprior.data import DATASETS
from lprior.errors import DataUnavailable

ROOT = Path(__file__).parents[1]
NEEDED = ("run_all.sh", "setup.sh", "Snakefile", "lprior", "notebooks", "report", "benchmarks", "profiles")
OF_DIGITS, OF_CIFAR10 = (len(runs.runs_of("quick", dataset)) for dataset in ("mnist", "cifar10"))
NOWHERE = "http://127.0.0.1:9"  # as a proxy, it refuses every connection at once


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A folder of its own that looks like the repository, where no data are at hand."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in NEEDED:
        (folder / name).symlink_to(ROOT / name)
    (tmp_path / "data").mkdir()
    for name, value in {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "LPRIOR_DATA": str(tmp_path / "data"), "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "http_proxy": NOWHERE, "https_proxy": NOWHERE, "no_proxy": "",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return folder


@pytest.fixture
def dry_run(project):
    """run_all.sh --dry-run, with this environment's Python."""

    def start(*arguments: str) -> subprocess.CompletedProcess:
        command = ["bash", project / "run_all.sh", "--dry-run", "--device", "cpu", *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    return start


@pytest.fixture
def plan(project, monkeypatch):
    """Calls `workflow` in this process; what Snakemake would be asked for, (goal, settings), and the exit code."""
    monkeypatch.chdir(project)
    monkeypatch.setattr(workflow, "has_latex", lambda: True)

    def start(*arguments: str, code: int = 0) -> tuple[list[tuple[str, dict]], int]:
        calls = []
        monkeypatch.setattr(workflow, "snakemake", lambda goal, settings, *_: calls.append((goal, settings)) or code)
        return calls, cli.main(["workflow", *arguments])

    return start


@pytest.fixture
def no_data(monkeypatch):
    def load(name: str, split: str = "train") -> None:
        raise DataUnavailable(f"{name} is nowhere")

    monkeypatch.setattr("lprior.data.load", load)


def jobs(answer: subprocess.CompletedProcess) -> dict[str, int]:
    """How often each rule of the workflow would be applied."""
    counts = re.findall(r"^(\w+) +(\d+)$", answer.stdout + answer.stderr, re.MULTILINE)
    return {rule: int(count) for rule, count in counts}


def own_lines(answer: subprocess.CompletedProcess) -> list[str]:
    return [line for line in answer.stderr.splitlines() if line.startswith("run_all.sh: ")]


def test_run_all_is_short():
    assert len((ROOT / "run_all.sh").read_text().splitlines()) <= 45


@pytest.mark.parametrize(
    ("arguments", "code"), [(["--help"], 0), (["--fast"], 2), (["--jobs", "0"], 2), (["reprot"], 2)], ids=str
)
def test_help_and_wrong_arguments_need_nothing_but_python(arguments, code):
    command = [sys.executable, "-S", "-m", "lprior", "workflow", "--check", *arguments]  # -S: without site-packages
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == code and "Traceback" not in answer.stderr
    assert ("Examples:" in answer.stdout) == (code == 0)


@pytest.mark.parametrize("command", ["workflow", "run", "sample", "gallery"])
def test_help_fits_a_terminal_of_80_columns(command, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > 80 and not line.startswith("  python -m lprior")] == []


def test_help_names_what_there_is(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "1000")  # no name is broken at its hyphen
    with pytest.raises(SystemExit):
        cli.main(["workflow", "--help"])
    words = set(re.findall(r"[\w-]+", capsys.readouterr().out.split("Examples:")[0]))
    assert {*runs.presets(), workflow.PUBLISHED, *DATASETS, *workflow.DEVICES, *workflow.TARGETS} <= words


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--preset", "smoek"], "preset 'smoek' is unknown: did you mean 'smoke'?"),
        (["--dataset", "mnits"], "data set 'mnits' is unknown: did you mean 'mnist'?"),
        (["--dataset", "mnist5k mnist"], "--dataset takes one of mnist, fashion-mnist, mnist5k, not both"),
        (["--preset", "ablation", "--dataset", "cifar10"], "'ablation' is a study on digits"),
        (["--preset", "codes", "cifar10-lpaae-s0"], "'codes' is a study on digits"),
        (["--device", "cdua"], "did you mean 'cuda'?"),
        (["run"], "target 'run' is unknown: did you mean 'runs'?"),
        (["mnits-lpaae-s0"], "'mnits-lpaae-s0' is not a run: did you mean 'mnist-lpaae-s0'?"),
        (["mnist-lpae-s3"], "did you mean 'mnist-lpaae-s3'?"),
        (["qqq-s0"], "such as mnist-lpaae-s0"),
        (["mnist-lpaae-fixd-s0"], "did you mean 'fixed'?"),
        (["mnist-lpaae-s0/sample.png"], "did you mean 'samples.png'?"),
        (["--seeds", "1", "mnist-lpaae-s0"], "--seeds has no meaning with a run, which names its own"),
        (["--dataset", "cifar10", "mnist-lpaae-s0/log.csv"], "--dataset has no meaning with a run"),
        (["--dataset", "mnist cifar10", "mnist-lpaae-s0"], "--dataset has no meaning with a run"),
        (["--preset", "published", "--dataset", "cifar10"], "--dataset has no meaning with --preset published"),
        (["--preset", "published", "--seeds", "5"], "--seeds has no meaning with --preset published"),
        (["--preset", "edition", "--dataset", "mnist"], "--dataset has no meaning with --preset edition"),
        (["--preset", "edition", "--seeds", "0"], "--seeds has no meaning with --preset edition"),
        (["--preset", "edition", "mnist-lpaae-s0"], "mnist-lpaae-s0 has no meaning with --preset edition"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_in_one_line_with_a_hint(plan, capsys, arguments, said):
    assert plan(*arguments) == ([], 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("run_all.sh: ") and said in line


def test_a_study_is_a_preset_with_readings_and_data_of_its_own(plan, monkeypatch, tmp_path):
    mine = runs.Study("mine", "Mine", "smoke", {}, ("aae",), (0,), "pictures", lambda finished: None)
    monkeypatch.setitem(runs.STUDIES, "mine", mine)
    make_pictures(tmp_path / "data")
    (((goal, settings),), code) = plan("--preset", "mine")
    assert (goal, settings["preset"], settings["dataset"], code) == ("readings", "mine", "cifar10", 0)


def test_targets(plan):
    given = ("--preset", "smoke", "--dataset", "mnist5k")
    asked = {target: plan(*given, target)[0][0][0] for target in ("runs", "mnist5k-aae-s0", "mnist5k-aae-s1/log.csv")}
    assert list(asked.values()) == [
        "runs", "results/smoke/mnist5k-aae-s0/metrics.json", "results/smoke/mnist5k-aae-s1/log.csv"
    ]  # fmt: skip
    (((goal, settings),), _) = plan("--preset", "published")
    assert (goal, settings["dataset"], settings["unavailable"]) == ("report", "", "")


@pytest.mark.parametrize(
    ("visible", "arguments", "gpus", "jobs"),
    [
        ("", [], "0 1", 2), ("3,5", [], "3 5", 2), ("", ["--jobs", "4"], "0 1", "4"),
        ("", ["--device", "cpu"], None, None),
    ],
    ids=str,
)  # fmt: skip
def test_each_gpu_has_a_run_at_a_time(plan, monkeypatch, visible, arguments, gpus, jobs):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    (((_, settings),), code) = plan("--preset", "smoke", "--dataset", "mnist5k", *arguments)
    assert (settings.get("gpus"), settings["jobs"], code) == (gpus, jobs or os.cpu_count(), 0)


def test_the_scheduler_of_a_cluster_gives_the_gpus(plan, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    (((_, settings),), _) = plan("--preset", "smoke", "--dataset", "mnist5k", "--profile", "slurm")
    assert "gpus" not in settings


def test_runs_at_a_time_have_different_gpus(tmp_path):
    """Three at a time on two: a slot that is free again is taken first."""
    script, told = ROOT / "lprior" / "workflow" / "on_free_gpu.sh", "echo $CUDA_VISIBLE_DEVICES; read line"
    command = ["bash", script, "3", "a b", "bash", "-c", told]

    def start() -> tuple[subprocess.Popen, str]:
        process = subprocess.Popen(command, cwd=tmp_path, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return process, process.stdout.readline().strip()

    at_work = [start() for _ in range(3)]
    assert [gpu for _, gpu in at_work] == ["a", "b", "a"]
    at_work[1][0].kill()
    at_work[1][0].wait()
    at_work.append(start())
    assert at_work[-1][1] == "b"
    full = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True)
    assert full.returncode == 1 and full.stderr == "all 3 slots are taken\n"
    for process, _ in at_work:
        process.communicate("\n")


@pytest.mark.slow
@pytest.mark.parametrize(("number", "gpus"), [(1, "0"), (2, "0 1")])
def test_a_run_is_called_with_its_gpu_without_a_profile(project, number, gpus):
    settings = ["preset=smoke", "dataset=mnist5k", f"jobs={number}", f"gpus={gpus}"]
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--printshellcmds", "--cores=2", "--config", *settings]
    answer = subprocess.run([*command, "--", "runs"], cwd=project, capture_output=True, text=True)
    called = rf"OMP_NUM_THREADS=\d bash lprior/workflow/on_free_gpu.sh {number} '{gpus}' python -m lprior run"
    assert re.search(called, answer.stdout), answer.stderr


def test_without_latex_everything_else_is_made(plan, monkeypatch, capsys):
    monkeypatch.setattr(workflow, "has_latex", lambda: False)
    calls, code = plan("--preset", "published")
    assert (calls[0][0], code) == ("sources", 5)
    said = capsys.readouterr().err
    assert said.startswith("run_all.sh: everything is done but the PDF") and "latexmk" in said and "tectonic" in said
    assert plan("--preset", "published", code=1)[1] == 1
    assert "failed" in capsys.readouterr().err


def test_the_closing_line_says_where_the_report_is(plan, capsys):
    assert plan("--preset", "smoke", "--dataset", "mnist5k")[1] == 0
    assert capsys.readouterr().out.splitlines()[-1] == "The report: results/smoke/report.pdf"
    assert plan("--preset", "published")[1] == 0
    assert capsys.readouterr().out.splitlines()[-1] == "The report: report/report.pdf"


def test_a_run_or_a_study_whose_data_are_nowhere_is_refused(plan, no_data, capsys):
    assert plan("--preset", "smoke", "mnist-aae-s0") == ([], 3)
    assert plan("--preset", "quick", "--dataset", "mnist") == ([], 3)
    assert capsys.readouterr().err == "run_all.sh: mnist is nowhere\n" * 2
    (((_, settings),), _) = plan("--preset", "ablation")
    assert settings["dataset"] == "mnist5k" and "ITS RESULTS ARE NOT THOSE OF MNIST" in capsys.readouterr().err


@pytest.mark.slow
def test_one_workflow_at_a_time(dry_run, project):
    (project / "results").mkdir()
    with (project / "results" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        answer = dry_run("--preset", "smoke", "--dataset", "mnist5k")
    assert answer.returncode == 2 and own_lines(answer) == ["run_all.sh: another run_all.sh is at work in this folder"]


@pytest.mark.slow
def test_seed_0_alone_can_be_asked_for(dry_run):
    answer = dry_run("--preset", "full", "--dataset", "mnist5k", "--seeds", "0", "runs")
    assert jobs(answer)["run"] == len(runs.runs_of("full", "mnist5k", [0])) < len(runs.runs_of("full", "mnist5k"))


@pytest.mark.slow
def test_a_profile_says_what_each_job_may_use(dry_run):
    answer = dry_run("--profile", "slurm", "--preset", "smoke", "--dataset", "mnist5k", "mnist5k-lpaae-s0")
    assert jobs(answer)["run"] == 1
    (line,) = [line for line in answer.stdout.splitlines() if "resources:" in line and "gres" in line]
    assert {"mem_mb=8000", "runtime=240", "gres=gpu:1"} <= {part.strip(" ,") for part in line.split()}


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "module"), [("sources", "document.py"), ("gallery", "gallery.py")])
def test_report_and_gallery_are_made_again_when_what_draws_has_changed(project, rule, module):
    (project / "results").mkdir()
    (project / "results" / "published").symlink_to(ROOT / "results" / "published")
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores=1", "--config", "preset=published"]
    answer = subprocess.run([*command, "--forcerun", rule, "--", rule], cwd=project, capture_output=True, text=True)
    (inputs,) = re.findall(rf"rule {rule}:\n +input: (.*)", answer.stdout)
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    (layer,) = [layer.split(" | ") for layer in contract["layers"] if "figures" in layer]
    imports = re.findall("^from lprior.*", (ROOT / "lprior" / "report" / module).read_text(), re.MULTILINE)
    drawing = set(re.findall(r"\w+", " ".join(imports))) & set(layer)
    files = {"tiles.py", "evaluation/classifiers/mnist.json", "report/frame.py", *(f"{name}.py" for name in drawing)}
    assert drawing and {f"lprior/{name}" for name in files} <= set(inputs.split(", "))


@pytest.mark.slow
def test_an_algorithm_needs_no_notebook(dry_run, project):
    (project / "Snakefile").unlink()
    (project / "Snakefile").write_text(
        "from lprior.algorithms import ALGORITHMS, Algorithm, aae\n"
        "ALGORITHMS['plain'] = Algorithm('Plain', aae.Config, aae.build)\n"
        f"include: '{ROOT / 'Snakefile'}'\n"
    )
    answer = dry_run("--preset", "smoke", "--dataset", "mnist5k", "runs")
    assert (jobs(answer)["run"], jobs(answer)["run_without_notebook"]) == (len(runs.runs_of("smoke", "mnist5k")), 1)


@pytest.mark.slow
def test_what_is_in_by_default_is_left_out_with_one_line(dry_run):
    answer = dry_run("--preset", "quick")
    assert answer.returncode == 0
    (line,) = own_lines(answer)
    assert "cifar10 is left out" in line and "cannot be downloaded" in line
    assert "GOING ON WITH mnist5k" in answer.stderr
    assert (jobs(answer)["data"], jobs(answer)["run"]) == (1, OF_DIGITS)


@pytest.mark.slow
def test_both_data_sets_are_run_where_they_are_there(dry_run, tmp_path):
    make_pictures(tmp_path / "data")
    answer = dry_run("--preset", "quick", "--dataset", "mnist5k cifar10")
    assert (answer.returncode, own_lines(answer)) == (0, [])
    assert (jobs(answer)["data"], jobs(answer)["run"]) == (2, OF_DIGITS + OF_CIFAR10)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [["--dataset", "mnist5k cifar10"], ["cifar10-lpaae-s0/samples.png", "--keep-going"]], ids=" ".join
)
def test_what_was_asked_for_and_is_not_there_is_refused_in_one_line(dry_run, arguments):
    answer = dry_run("--preset", "quick", *arguments)
    assert answer.returncode == 3
    assert answer.stderr.splitlines() == own_lines(answer) and len(own_lines(answer)) == 1
    assert "CIFAR-10 is not in" in answer.stderr and jobs(answer) == {}


@pytest.mark.slow
def test_keep_going_leaves_it_out_instead(dry_run):
    answer = dry_run("--preset", "quick", "--dataset", "mnist5k cifar10", "--keep-going")
    assert answer.returncode == 0 and len(own_lines(answer)) == 1
    assert jobs(answer)["run"] == OF_DIGITS


@pytest.mark.slow
def test_if_nothing_is_left_nothing_is_started(dry_run):
    answer = dry_run("--preset", "quick", "--dataset", "cifar10", "--keep-going")
    assert answer.returncode == 0 and len(own_lines(answer)) == 1 and jobs(answer) == {}


@pytest.mark.slow
def test_a_run_needs_no_data_but_its_own(dry_run):
    answer = dry_run("--preset", "quick", "mnist5k-aae-s0")
    assert (answer.returncode, own_lines(answer)) == (0, [])
    assert "GOING ON WITH" not in answer.stderr and jobs(answer)["run"] == 1
