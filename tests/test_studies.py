"""The tables and figures beside the main results, from runs that are there and from none."""

import json
import shutil

import pytest

from lprior import config as presets
from lprior.report.document import studies
from lprior.results import RunFolder
from lprior.report.tables import MISSING

MODELS = ("lpaae-supervised", "lpaae-unsupervised")
TABLES = {"ablation.tex", "conditional.tex", "cifar10-conditional.tex"}


def run_with(folder, model, seed=0, dataset="mnist", **metrics):
    """The folder of a finished run as far as these tables look at it."""
    algorithm, _, variant = model.partition("-")
    config = presets.resolve(algorithm, dataset, "quick", variant, seed)
    result = RunFolder(folder / config.name)
    result.path.mkdir(parents=True)
    result.write_json("config.json", config.to_dict())
    result.write_json("metrics.json", metrics)
    made = dict(commit="abc", data_sha256="0", device="cpu", threads=1, precision="float32", data="files")
    cost = dict(seconds_per_epoch=1.0, training_seconds=60.0, peak_memory_bytes=2**30)
    result.write_json("provenance.json", made | cost)
    return result


def cells(table):
    return [line.removesuffix(" \\\\").split(" & ") for line in table.splitlines() if " & " in line]


def test_the_conditional_table_gives_per_cents_and_their_spread(tmp_path):
    keys = (
        "accuracy_q_test", "cluster_acc_kmeans_hungarian_test", "accuracy_given_s_x_10k",
        "within_precision_x_10k_test",
    )  # fmt: skip
    runs = [
        run_with(tmp_path, "lpaae-supervised", seed, **dict.fromkeys(keys, value), within_recall_x_10k_test=0.25)
        for seed, value in enumerate((0.5, 0.7))
    ]
    assert cells(studies.conditional_table(runs, MODELS)) == [
        ["LP-AAE, supervised", "2", "20", *[MISSING] * 2, *["$60.0 \\pm 14.1$"] * 2, "$25.0 \\pm 0.0$",
         *["$60.0 \\pm 14.1$"] * 2]
    ]  # fmt: skip


def test_the_unsupervised_row_takes_clusters_for_accuracies(tmp_path):
    metrics = {"cluster_acc_q_hungarian_test": 0.9, "accuracy_given_s_hungarian_x_10k": 0.8, "fid_x": 1.2}
    (row,) = cells(studies.conditional_table([run_with(tmp_path, "lpaae-unsupervised", **metrics)], MODELS))
    missing = MISSING
    assert row == ["LP-AAE, unsupervised", "1", "12", "1.20", missing, "80.0", missing, missing, "90.0", missing]


def test_the_ablation_has_a_row_for_each_model_in_the_order_of_its_preset(tmp_path):
    models = ["vaegan-leaking", "lpaae", "vaegan", "lpaae-frozen", "lpaae-printed"]
    runs = [run_with(tmp_path, model, fid_x=float(number)) for number, model in enumerate(models)]
    table = studies.ablation_table(runs)
    assert [row[:4] for row in cells(table)] == [
        ["LP-AAE", "1", "20", "1.00"], ["LP-AAE, printed", "1", "20", "4.00"], ["CG never updated", "1", "20", "3.00"],
        ["VAE/GAN", "1", "24", "2.00"], ["gradients leak", "1", "24", "0.00"],
    ]  # fmt: skip
    assert table.count("\\midrule") == 1


def test_without_runs_a_table_says_how_to_make_them():
    assert "preset ablation" in studies.ablation_table([])
    assert "Not run" in studies.conditional_table([], MODELS)


def test_the_curves_over_code_sizes_are_means_of_each_prior(tmp_path):
    models = {"lpaae": 3.0, "lpaae-code_2": 9.0, "lpaae-fixed": 4.0, "lpaae-fixed_code_2": 8.0}
    runs = [
        run_with(tmp_path, model, seed, fid_x=fid + seed, score_x=1.0)
        for model, fid in models.items()
        for seed in (0, 1)
    ]
    fid, _ = studies.codes_figure(runs).axes
    lines = {line.get_label(): [*zip(*line.get_data(), strict=True)] for line in fid.lines}
    assert lines == {"learned": [(2, 9.5), (8, 3.5)], "fixed": [(2, 8.5), (8, 4.5)]}


@pytest.fixture
def folders(finished, tmp_path):
    """Results with runs and figures of the latent space, and studies of two runs each."""
    results = tmp_path / "results"
    shutil.copytree(finished, results)
    (results / "latent_space").mkdir()
    for name in studies.LATENT:
        (results / "latent_space" / f"{name}.png").write_bytes(b"picture")
    for study, models in (("ablation", ["lpaae", "lpaae-frozen"]), ("codes", ["lpaae-code_2", "lpaae-fixed_code_2"])):
        for model in models:
            run_with(tmp_path / "studies" / study, model, fid_x=1.0, score_x=2.0)
    return results, tmp_path / "studies"


def write(results, found, output):
    for folder in ("tables", "figures"):
        (output / folder).mkdir(parents=True)
    runs = [RunFolder(path) for path in sorted(results.glob("mnist5k-*"))]
    there = studies.write_studies(runs, results, found, output)
    return there, {path.name for path in output.rglob("*") if path.is_file()}


def test_everything_that_was_run_is_written(folders, tmp_path):
    there, written = write(*folders, tmp_path / "out")
    assert there == ["ablation", "conditional", "codes", "latent"]
    figures = {f"{name}.png" for name in studies.LATENT} | {f"{model}-samples.png" for model in MODELS}
    assert written == figures | {"codes.pdf", "codes.tex"} | TABLES
    obeyed = json.loads((folders[0] / "mnist5k-lpaae-supervised-s0" / "metrics.json").read_text())
    value = next(v for key, v in obeyed.items() if key.startswith("accuracy_given_s"))
    assert f"{100 * value:.1f}" in (tmp_path / "out" / "tables" / "conditional.tex").read_text()


def test_what_was_not_run_is_left_out(finished, tmp_path):
    results = tmp_path / "results"
    shutil.copytree(finished / "mnist5k-aae-s0", results / "mnist5k-aae-s0")
    assert write(results, tmp_path / "none", tmp_path / "out") == ([], TABLES)


def test_a_conditional_run_on_pictures_has_a_table_of_its_own(tmp_path):
    run = run_with(tmp_path / "results", "lpaae-supervised", dataset="cifar10", accuracy_given_s_x_10k=0.5)
    for folder in ("tables", "figures"):
        (tmp_path / "out" / folder).mkdir(parents=True)
    there = studies.write_studies([run], tmp_path, tmp_path / "none", tmp_path / "out")
    assert there == []
    assert "50.0" in (tmp_path / "out" / "tables" / "cifar10-conditional.tex").read_text()
    assert "Not run" in (tmp_path / "out" / "tables" / "conditional.tex").read_text()
