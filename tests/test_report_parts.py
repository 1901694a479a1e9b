"""The report of runs on digits, on CIFAR-10, and on both."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from latex import arguments, pictures, rows, shown, values

from lprior.errors import UserError
from lprior.evaluation.judges import evaluator_description
from lprior.evaluation.recipes import SECOND as SECOND_JUDGES
from lprior.report.document import write_report
from lprior.report.frame import SECOND
from lprior.report.tables import REAL, is_judged_twice
from lprior.report.values import _accuracy_of_second
from lprior.results import RunFolder
from lprior.runs import models, runs_of

MODELS = ["AAE", "LP-AAE", "LP-AAE, fixed prior", "VAE/GAN"]
NAMES = {  # what is reported -> its runs, in an order that is nobody's
    "both": ["cifar10-vaegan-s0", "mnist5k-vaegan-s0", "mnist5k-lpaae-supervised-s0", "mnist5k-lpaae-fixed-s0",
             "mnist5k-aae-s0", "cifar10-lpaae-fixed-s0", "cifar10-lpaae-s0", "cifar10-aae-s0", "mnist5k-lpaae-s0"],
    "digits": runs_of("smoke", "mnist5k"),
    "cifar10": [f"cifar10-{model}-s0" for model in models()],
}  # fmt: skip


@pytest.fixture(scope="module")
def runs(finished, finished_cifar10, tmp_path_factory) -> Path:
    """Runs of both data sets, and of a variant that is no rival of the others."""
    folder = tmp_path_factory.mktemp("runs")
    for path in [*finished.iterdir(), *finished_cifar10.iterdir()]:
        (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture(scope="module")
def reports(runs, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    for kind, names in NAMES.items():
        write_report(runs, folder / kind, names)
    return {kind: folder / kind for kind in NAMES}


@pytest.mark.parametrize("kind", NAMES)
def test_the_text_asks_for_nothing_that_is_not_there(reports, kind):
    check_complete(reports[kind])


def test_a_second_judge_is_not_needed(monkeypatch):
    monkeypatch.delitem(SECOND_JUDGES, "mnist")
    assert _accuracy_of_second("mnist") == "--" != _accuracy_of_second("cifar10")


def check_complete(report: Path) -> None:
    """Results, figures, tables and references: of each, everything that LaTeX will see is there."""
    text, tables = shown(report), report / "tables"
    assert arguments("res", text) <= set(values(report))
    assert arguments("includegraphics", text) <= pictures(report)
    for command, file in (("tablerows", "{}.tex"), ("tablehead", "{}-head.tex")):
        assert [name for name in arguments(command, text) if not (tables / file.format(name)).exists()] == []
    generated = "".join((tables / f"{name}.tex").read_text() for name in ("claims", "commands", "runs"))
    assert arguments("ref", text + generated) <= arguments("label", text)


@pytest.mark.parametrize(
    ("dataset", "part", "variant", "changes", "title"),
    [
        ("mnist5k", "", "long", {"epochs": 30}, "LP-AAE, long run"),
        ("cifar10", "cifar10-", "supervised_long", {"epochs": 22}, "LP-AAE, supervised, long run"),
        ("cifar10", "cifar10-", "supervised", {}, "LP-AAE, supervised"),
    ],
)
def test_a_run_beside_the_models_has_its_row_and_its_page(runs, tmp_path, dataset, part, variant, changes, title):
    for name in [f"{dataset}-{model}-s0" for model in models()]:
        (tmp_path / name).symlink_to(runs / name)
    beside = Path(shutil.copytree(runs / f"{dataset}-lpaae-s0", tmp_path / f"{dataset}-lpaae-{variant}-s0"))
    change(beside, {"variant": variant, **changes}, {})
    write_report(tmp_path, tmp_path / "report", [])
    check_complete(tmp_path / "report")
    assert f"{part}lpaae-{variant}-latest" in " ".join(arguments("label", shown(tmp_path / "report")))
    assert f"{part}lpaae-{variant}-samples" in {path.stem for path in (tmp_path / "report" / "figures").iterdir()}
    compared = [model for model in rows(tmp_path / "report", f"{part}results") if not model.startswith(r"\quad")]
    assert compared == [*MODELS, title, REAL]


@pytest.mark.parametrize(
    ("kind", "there", "absent"), [("digits", "lpaae/FID", "cifar10"), ("cifar10", "cifar10/lpaae/FID", "digits")]
)
def test_what_was_not_run_is_a_sentence(reports, kind, there, absent):
    found, text = values(reports[kind]), shown(reports[kind])
    assert there in found and there in arguments("res", text)
    assert rf"\res{{{absent}/not run}}" in text and found[f"{absent}/not run"] == "Not run: no part of this build."
    files = {path.name for folder in ("figures", "tables") for path in (reports[kind] / folder).iterdir()}
    with_heads = ("sheets", "trials", "sweep", "networks", "settings")
    of_none = {f"{name}{end}.tex" for name in with_heads for end in ("", "-head")}
    of_none |= {"claims.tex", "commands.tex", "runs.tex", "speed.tex"}
    of_a_part = files - of_none
    assert {name.startswith("cifar10-") for name in of_a_part} == {kind == "cifar10"}


def test_the_report_says_which_data_were_not_at_hand(runs, tmp_path):
    write_report(runs, tmp_path, NAMES["digits"], unavailable=("cifar10",))
    assert values(tmp_path)["cifar10/not run"] == "Not run: the data were not available."


def test_each_part_has_the_values_of_its_own_runs(reports, runs):
    found = values(reports["both"])
    for key, name in (("lpaae", "mnist5k-lpaae-s0"), ("cifar10/lpaae", "cifar10-lpaae-s0")):
        error = RunFolder(runs / name).read_json("metrics.json")["reconstruction_mse_test"]
        assert (found[f"{key}/run"], found[f"{key}/reconstruction"]) == (name, f"{error:.4f}")
    assert (found["cifar10/dataset"], found["dataset"]) == ("CIFAR-10 (JPEG)", "MNIST (5,000 embedded digits)")
    assert "Not CIFAR-10 bit for bit" in found["note"] and "Not MNIST itself" in found["note"]


@pytest.mark.parametrize("name", ["results", "cifar10-results"])
def test_tables_hold_the_models_in_their_order_and_no_other_variant(reports, name):
    table = rows(reports["both"], name)
    assert [model for model in table if not model.startswith(r"\quad")] == [*MODELS, REAL]
    assert {row["n"] for model, row in table.items() if model != REAL} == {"1"}


def test_figures_are_those_of_the_models(reports):
    names = {path.stem.removesuffix("-samples") for path in (reports["both"] / "figures").glob("*-samples.*")}
    assert names == {f"{part}{model}" for part in ("", "cifar10-") for model in models()}


@pytest.mark.parametrize(
    "file", ["tables/results", "tables/more", "tables/cost", "figures/progress", "figures/lpaae-samples"]
)
def test_the_other_part_changes_nothing(reports, file):
    folder, name = file.split("/")
    for kind, prefix in (("digits", ""), ("cifar10", "cifar10-")):
        (alone,) = (reports[kind] / folder).glob(f"{prefix}{name}.*")
        assert (reports["both"] / alone.relative_to(reports[kind])).read_bytes() == alone.read_bytes()


def test_parzen_windows_are_for_digits_only(reports):
    digits, pictures = ((reports["both"] / "tables" / f"{part}more.tex").read_text() for part in ("", "cifar10-"))
    assert [line.count(" & ") for line in (digits.splitlines()[0], pictures.splitlines()[0])] == [8, 7]


def test_two_data_sets_of_digits_are_refused(runs, tmp_path):
    change(shutil.copytree(runs / "mnist5k-aae-s0", tmp_path / "runs" / "mnist-aae-s0"), {"dataset": "mnist"}, {})
    shutil.copytree(runs / "mnist5k-aae-s0", tmp_path / "runs" / "mnist5k-aae-s0")
    with pytest.raises(UserError, match="mnist and mnist5k"):
        write_report(tmp_path / "runs", tmp_path / "report", [])


def change(folder: Path, config: dict, provenance: dict) -> None:
    for name, changes in (("config.json", config), ("provenance.json", provenance)):
        (folder / name).write_text(json.dumps(json.loads((folder / name).read_text()) | changes))


@pytest.mark.parametrize(
    ("config", "provenance", "comparable"),
    [({}, {}, True), ({"samples": 1000}, {}, False), ({}, {"data_sha256": "of other pixels"}, False),
     ({"dataset": "mnist5k"}, {}, False)],
    ids=["same", "fewer samples", "other images", "other data set"],
)  # fmt: skip
def test_real_images_are_shown_only_if_they_were_measured_alike(runs, tmp_path, config, provenance, comparable):
    described = evaluator_description("mnist")
    folder = Path(shutil.copytree(runs / "mnist5k-aae-s0", tmp_path / "runs" / "mnist-aae-s0"))
    change(folder, {"dataset": "mnist", "samples": 10_000}, {"data_sha256": described["data_sha256_train"]})
    change(folder, config, provenance)
    write_report(tmp_path / "runs", tmp_path / "report", [])
    real = rows(tmp_path / "report")[REAL]
    assert (real["FID"] == f"{described['anchors']['fid_mnist_clf1_10k_test']:.2f}") == comparable
    assert real["FID"].startswith("--") != comparable


@pytest.mark.parametrize(("seconds", "there"), [([0.5, 0.4, None], True), ([0.5, None, None], False), ([], False)])
def test_the_second_judge_s_table_needs_a_model_of_which_it_has_measured_every_run(seconds, there):
    """`seconds`: FID by it of two runs of one model and one of another; none: no run has any."""
    table = pd.DataFrame({"key": ["aae", "aae", "lpaae"]})
    if seconds:
        table[f"{SECOND}FID"] = seconds
    assert is_judged_twice(table) == there
