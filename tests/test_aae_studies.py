"""The studies of AAE's other experiments: what their runs measure, and the tables and maps that are made of it."""

import pytest
import torch
from PIL import Image
from test_studies import cells, run_with

from lprior import publish
from lprior.config import resolve
from lprior.data import Dataset
from lprior.report.latex import MISSING
from lprior.report.studies import clustering, maps, planes
from lprior.report.studies.shown import Shown
from lprior.runs import STUDIES
from lprior.training.run import run

NAMES = ("semisupervised", "clustering", "supervised", "dimensions", "planes")
MAP = {maps.KEY: [0.5, -1.0, 3, 2.0, 1.0, 7]}


def rows_of(study, *runs):
    return cells(STUDIES[study].render(list(runs)).tables[study].rows)


@pytest.mark.parametrize("study", NAMES)
def test_without_runs_there_is_nothing_to_show(study):
    assert STUDIES[study].render([]) == Shown(whole=False)


def test_the_errors_are_per_cents_in_the_order_of_the_labels(tmp_path):
    runs = [
        run_with(tmp_path, f"aaesemi{model}", preset="semisupervised", error_test=error, accuracy_given_s_x_2k=0.9)
        for model, error in (("-labels_all", 0.0123), ("", 0.05))
    ]
    few, full = rows_of("semisupervised", *runs)
    assert few[0] == "AAE, 100 labels" and few[3:5] == ["5.00", "90.0"]
    assert full[0] == "AAE, all labels" and full[3] == "1.23"


def test_views_stand_beside_the_same_without_an_autoencoder(tmp_path):
    runs = [
        run_with(tmp_path, f"aaesemi-{model}", seed, preset="semisupervised", error_test=error + seed / 1000)
        for model, error in (("views", 0.013), ("views_alone", 0.014)) for seed in (0, 1, 2)
    ]  # fmt: skip
    said = STUDIES["semisupervised"].render(runs).values["semisupervised/control"]
    assert said.startswith("Against the same views without an autoencoder, AAE with views is not told apart in error (")
    assert STUDIES["semisupervised"].render(runs[:3]).values["semisupervised/control"] == ""


def test_clusters_have_both_errors(tmp_path):
    measured = dict(errorconfident_test=0.1, errormajority_test=0.05, clusters_test=14)
    (row,) = rows_of("clustering", run_with(tmp_path, "aaesemi-clusters_16", preset="clustering", **measured))
    assert row[0] == "AAE, 16 clusters" and row[3:6] == ["10.00", "5.00", "14"]


def test_clusters_are_named_by_the_surest_image_or_by_most():
    y = torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
    labels = torch.tensor([7, 3, 3, 5])
    assert clustering.by_confidence(y, labels).tolist() == [7, 5]
    assert clustering.by_majority(y, labels).tolist() == [3, 5]


def test_the_probe_stands_beside_a_model_without_labels(tmp_path):
    runs = [
        run_with(tmp_path, model, preset="supervised", probe_test=value)
        for model, value in (("aaemlp-style", 0.8), ("aaelabel", 0.11))
    ]
    sheet = Image.new("L", (302, 302))
    sheet.save(runs[1].path / "samples.png")
    assert [row[4] for row in rows_of("supervised", *runs)] == ["11.0", "80.0"]
    figure = STUDIES["supervised"].render(runs).figures["supervised_samples"]
    assert figure.axes[0].images[0].get_array().shape == (302, 302)
    assert STUDIES["supervised"].render(runs[:1]).figures == {}
    for one in runs:
        publish.publish(one.path, tmp_path / "published")
    assert [path.parent.name for path in (tmp_path / "published").glob("*/samples.*")] == ["mnist-aaelabel-s0"]


def test_maps_are_drawn_of_codes_in_the_plane_alone(tmp_path):
    flat = run_with(tmp_path, "aaesemi-heads", preset="dimensions", error_test=0.1, **MAP)
    deep = run_with(tmp_path, "aaesemi-heads_10", preset="dimensions", error_test=0.2)
    clusters = run_with(tmp_path, "aaesemi-heads_unlabelled", preset="dimensions", errorconfident_test=0.3)
    shown = STUDIES["dimensions"].render([flat, deep, clusters])
    rows = cells(shown.tables["dimensions"].rows)
    assert [row[3:5] for row in rows] == [[MISSING, "30.00"], ["10.00", MISSING], ["20.00", MISSING]]
    panel, *others = [axes for axes in shown.figures["dimensions_maps"].axes if axes.collections and axes.get_title()]
    assert not others and panel.get_title() == "plane, 100 labels"
    assert panel.collections[0].get_offsets().tolist() == [[0.5, -1.0], [2.0, 1.0]]
    assert panel.collections[0].get_array().tolist() == [3, 7]
    assert STUDIES["dimensions"].render([deep]).figures == {}


def test_the_table_of_priors_has_coverage_beside_what_another_draw_covers(tmp_path):
    measured = {"coverage_10k_test": [0.4, 0.7, 0.8], "placed_10k_test": 0.9} | MAP
    shown = STUDIES["planes"].render([run_with(tmp_path, "aaeplane", preset="planes", **measured)])
    (row,) = cells(shown.tables["planes"].rows)
    assert row[0] == "AAE, mixture, 10 000 labels" and row[3:7] == ["40.0", "80.0", "70.0", "90.0"]
    assert len(shown.figures["planes_maps"].axes) > 1


def test_the_nearest_row_is_found():
    among = torch.randn(7, 2, generator=torch.Generator().manual_seed(0))
    assert planes.nearest_rows(among[[3, 0, 3]] + 1e-4, among).tolist() == [3, 0, 3]


@pytest.mark.parametrize(
    ("study", "model", "own"),
    [
        ("semisupervised", "aaesemi", {"error_test", "accuracy_given_s_mnist_clf1_200"}),
        ("clustering", "aaesemi-clusters_16", {"errorconfident_test", "errormajority_test", "clusters_test"}),
        ("supervised", "aaelabel", {"probe_test", "accuracy_q_test", "accuracy_given_s_mnist_clf1_200"}),
        ("dimensions", "aaesemi-heads_unlabelled", {"errorconfident_test", maps.KEY}),
        ("dimensions", "aaesemi-heads_10", {"error_test"}),
        ("planes", "aaeplane-roll", {"coverage_500_test", "placed_500_test", maps.KEY}),
    ],
)
def test_a_run_has_the_metrics_of_its_study(study, model, own, tmp_path):
    algorithm, _, variant = model.partition("-")
    config = resolve(algorithm, "mnist5k", study, variant, images=1280, epochs=1, samples=200, width=8)
    metrics = run(config, tmp_path / config.name, device="cpu").read_json("metrics.json")
    assert own <= metrics.keys()
    assert all(0 <= metrics[key] <= 1 for key in own if key.startswith(("error", "probe", "placed", "accuracy")))
    if maps.KEY in own:
        assert len(metrics[maps.KEY]) == 3 * 500


def test_a_perfect_model_has_no_error_and_covers_its_prior():
    """Of the measure alone: codes that are draws of the prior, and where their labels belong."""
    from types import SimpleNamespace

    from lprior.algorithms.aaeplane import Plane

    noise = torch.randn(2000, 2, generator=torch.Generator().manual_seed(5))
    prior, images = Plane("mixture"), torch.zeros(2000, 1, 1, 1, dtype=torch.uint8)
    test = Dataset("mnist", images, prior.part(noise).long(), "made")
    model = SimpleNamespace(
        encode=lambda images: prior(noise), autoencoder=SimpleNamespace(CG=prior), device="cpu",
        config=SimpleNamespace(seed=0),
    )  # fmt: skip
    found = planes.measure(model, test, test)
    covered, inside, itself = found["coverage_2k_test"]
    assert covered == pytest.approx(itself, abs=0.05) and inside == pytest.approx(itself, abs=0.05)
    assert found["placed_2k_test"] > 0.98
    model.encode = lambda images: torch.zeros(2000, 2)
    assert planes.measure(model, test, test)["coverage_2k_test"][0] < 0.01
