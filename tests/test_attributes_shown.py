"""What the report and the notebooks show of attributes that were measured."""

import shutil

import pytest
from latex import arguments
from test_studies import cells, run_with

from lprior import data
from lprior.errors import UserError
from lprior.evaluation.attributes import RULERS
from lprior.evaluation.judges import evaluator_description
from lprior.model import load
from lprior.notebooks import attributes as shown
from lprior.notebooks import comparison, words
from lprior.report import attributes
from lprior.report.claims import CLAIMS
from lprior.report.frame import table_of
from lprior.report.latex import MISSING
from lprior.report.rules import reach_real
from lprior.results import RunFolder
from lprior.runs import STUDIES
from lprior.stored import read_picture

PCA = {"pcamoved_r_500_test": [0.5, 0.9, 0.1, 0.7], "pcamoved_slope_500_test": [0.4] * 4,
       "pcamoved_class_mnist_clf1_500_test": [0.8] * 4}  # fmt: skip
OF_S = {
    "kept_r_2k": [0.2, 0.6, 0.1, 0.3], "kept_chance_2k": [0.0] * 4, "swapped_r_1k_test": [0.1, 0.5, 0.1, 0.2],
    "swapped_own_1k_test": [0.5, 0.8, 0.6, 0.7], "swapped_class_mnist_clf1_1k_test": 0.98,
}  # fmt: skip
PROBES = {"probe_linear_test": 0.17, "probe_neighbours_test": 0.42, "probe_chance_test": 0.126}


def moved(*r):
    return PCA | PROBES | {
        "moved_r_500_test": list(r), "moved_slope_500_test": [0.5] * 4, "moved_class_mnist_clf1_500_test": [0.75] * 4,
    }  # fmt: skip


@pytest.fixture
def runs(tmp_path):
    """Three seeds of VAE/GAN and of AAE, one of LP-AAE, with s too, and one that was not measured."""
    found = []
    for seed, more in enumerate((0.0, 0.01, 0.02)):
        found.append(run_with(tmp_path, "vaegan", seed, **moved(0.7 + more, 0.8 + more, 0.1, 0.7 + more - 0.01)))
        found.append(run_with(tmp_path, "aae", seed, **moved(0.3 + more, 0.95 + more, 0.1, 0.7 + more - 0.01)))
    found.append(run_with(tmp_path, "lpaae", **moved(0.9, 0.9, 0.9, 0.9)))
    found.append(run_with(tmp_path, "lpaae-supervised", **moved(0.9, 0.9, 0.9, 0.9), **OF_S))
    return [*found, run_with(tmp_path, "lpaae-fixed", fid_x=1.0)]


@pytest.fixture
def output(tmp_path):
    (tmp_path / "out" / "tables").mkdir(parents=True)
    return tmp_path / "out"


def test_the_control_stands_first_and_models_in_their_order(runs, output):
    labels, _ = attributes.write(runs, [], output)
    assert labels == {
        "attributes": ["tab:attributes", "tab:attributes-class"],
        "disentanglement": ["tab:disentanglement"],
    }
    table = cells((output / "tables" / "attributes.tex").read_text())
    assert [row[0] for row in table] == ["Principal components", "AAE", "VAE/GAN", "LP-AAE"]
    assert table[0][3:7] == ["0.50", "0.90", "0.10", "0.70"] and table[0][7:] == ["0.40"] * 4
    assert table[2][1:5] == ["3", "24", r"$0.71 \pm 0.01$", r"$0.81 \pm 0.01$"]
    of_class = cells((output / "tables" / "attributes-class.tex").read_text())
    assert of_class[0][3] == "80.0" and of_class[-1][3:] == ["75.0"] * 4


def test_a_study_of_equal_networks_has_a_table_of_its_own_once_a_run_was_measured(tmp_path):
    vae = run_with(tmp_path, "vae", preset="similarity", fid_x=1.0)
    assert set(STUDIES["similarity"].render([vae]).tables) == {"similarity"}
    measured = run_with(tmp_path, "vaedis", preset="similarity", **moved(0.6, 0.7, 0.1, 0.2))
    shown = STUDIES["similarity"].render([vae, measured])
    rows = cells(shown.tables["similarity-attributes"].rows)
    assert [row[0] for row in rows] == ["Principal components", "VAE in features"]
    assert rows[1][3:5] == ["0.60", "0.70"] and set(shown.captions) == {"similarity-attributes"}


def test_who_is_behind_the_control_is_said_first_and_one_seed_is_shown_and_not_tested(runs, output):
    said = attributes.write(runs, [], output)[1]["attributes/control"]
    assert "Thickness (0.50), behind: AAE; ahead: VAE/GAN; of too few seeds to test: LP-AAE (" in said
    assert "Slant (0.90), behind: VAE/GAN; ahead: AAE; of too few seeds to test: LP-AAE (" in said
    assert "height" not in said


def test_disentanglement_is_between_its_bounds_in_the_table(runs, output, tmp_path):
    beside = [run_with(tmp_path / "study", "lpaae-supervised_fixed", **moved(0.1, 0.2, 0.3, 0.4), **OF_S)]
    attributes.write(runs, beside, output)
    table = cells((output / "tables" / "disentanglement.tex").read_text())
    titles = ["Real digits", "LP-AAE, supervised", r"\quad shuffled z; own s", "LP-AAE, supervised, fixed prior",
              r"\quad shuffled z; own s", "AAE"]  # fmt: skip
    assert [row[0] for row in table] == titles
    assert table[1][3:] == ["17.0", "42.0", "0.20", "0.60", "0.10", "0.10", "0.50", "0.10", "98.0"]
    assert table[2][5:] == ["0.00"] * 3 + ["0.50", "0.80", "0.60", ""]
    assert table[5][3:] == [r"$17.0 \pm 0.0$", r"$42.0 \pm 0.0$", *[""] * 7]
    assert len({len(row) for row in table}) == 1


def test_other_data_have_no_row_of_real_mnist_and_no_claim_against_it(tmp_path):
    own = evaluator_description("mnist")["data_sha256_train"]
    found = {}
    for dataset, sum_of_data in (("mnist", own), ("mnist", "0"), ("mnist5k", "0")):
        folder = tmp_path / f"{dataset}-{sum_of_data[:4]}"
        runs = [
            run_with(folder, "lpaae-unsupervised", seed, dataset, **moved(0.9, 0.9, 0.9, 0.9), **OF_S)
            for seed in range(3)
        ]
        for run in runs:
            run.write_json("provenance.json", run.read_json("provenance.json") | {"data_sha256": sum_of_data})
        table = table_of(runs)
        first = cells(attributes.disentanglement_table(table, table.iloc[:0]).rows)[0]
        verdict = reach_real("lpaae-unsupervised", "nearest neighbours")(table)[1]
        found[folder.name] = first[0], first[3] != MISSING, verdict
    row = "Real digits"
    real = found.pop(f"mnist-{own[:4]}")
    assert real[:2] == (row, True) and real[2] != "not tested"
    assert found == {name: (row, False, "not tested") for name in ("mnist-0", "mnist5k-0")}


def of_colours(before, r):
    return {f"{before}colourmoved_r_500_test": r, f"{before}colourmoved_slope_500_test": [0.5, 0.6, 0.7],
            f"{before}colourmoved_class_cifar10_clf1_500_test": [0.2, 0.3, 0.4]}  # fmt: skip


def test_colours_of_pictures_have_a_table_of_their_own(output, tmp_path):
    found = of_colours("", [0.9, 0.8, 0.7]) | of_colours("pca", [0.95, 0.85, 0.75])
    pictures = [run_with(tmp_path, model, dataset="cifar10", **found) for model in ("lpaae", "lpaae-fixed")]
    labels, said = attributes.write(pictures, [], output)
    assert labels == {"attributes-colours": ["tab:attributes-colours"]}
    table = cells((output / "tables" / "attributes-colours.tex").read_text())
    assert [row[0] for row in table] == ["Principal components", "LP-AAE, fixed prior", "LP-AAE"]
    assert table[0][3:6] == ["0.95", "0.85", "0.75"] and table[1][3:] == [
        "0.90", "0.80", "0.70", "0.50", "0.60", "0.70", "20.0", "30.0", "40.0"
    ]  # fmt: skip
    few = "of too few seeds to test: LP-AAE with a fixed prior (0.90) and LP-AAE (0.90)"
    assert f"Brightness (0.95), {few}. Warmth" in said["attributes-colours/control"]


def test_of_runs_that_were_not_measured_nothing_is_shown(runs, output, tmp_path):
    assert attributes.write(runs[-1:], [], output) == ({}, {})
    pictures = run_with(tmp_path, "lpaae", dataset="cifar10", fid_x=1.0)
    assert attributes.write([pictures], [], output) == ({}, {}) and not any((output / "tables").iterdir())


def claim(words):
    (found,) = (one for one in CLAIMS if words in one.text)
    return found


def test_a_claim_against_the_control_takes_it_from_the_runs_themselves(runs):
    text, verdict = claim("principal components, the control").ours.judge(table_of(runs[:6]))
    assert "thickness r $0.71 \\pm 0.01$ against $0.50 \\pm 0.00$" in text and verdict == "mixed"


def test_a_claim_on_disentanglement_needs_more_than_one_seed(runs):
    table = table_of([runs[-2]])
    assert claim("disentangles $s$ and style").ours.judge(table)[1] == "not tested"


def test_the_text_s_tables_are_those_that_are_written(runs, output, tmp_path):
    text = (attributes.Path(__file__).parents[1] / "report" / "sections" / "attributes.tex").read_text()
    found = of_colours("", [0.9, 0.8, 0.7]) | of_colours("pca", [0.95, 0.85, 0.75])
    pictures = run_with(tmp_path, "lpaae", dataset="cifar10", **found)
    labels, said = attributes.write([*runs, pictures], [], output)
    assert len(labels) == 3
    assert {label for found in labels.values() for label in found} <= arguments("label", text)
    assert set(said) <= arguments("res", text) and set(labels) <= arguments("ifrun", text)


def test_attributes_in_words_have_units_and_the_control_is_first():
    table = shown.arithmetic_in_words({"VAE/GAN": shown.titled(moved(0.7, 0.8, 0.1, 0.6))}, "mnist")
    assert list(table.index) == ["stroke width, px", "slant, degrees", "height, px", "width, px"]
    assert table.columns[0] == ("principal components", "correlation")
    assert table.loc["slant, degrees", ("VAE/GAN", "correlation")] == 0.8
    assert table.loc["slant, degrees", ("VAE/GAN", "class stays, %")] == 75.0


def test_disentanglement_in_words_has_no_raw_key_and_real_images_beside():
    table = shown.disentanglement_in_words({"supervised": shown.titled(PROBES | OF_S)}, "mnist")
    assert list(table.columns) == ["real images", "supervised"] and not table.index.str.contains("_").any()
    assert table.loc["by ten nearest neighbours, %", "supervised"] == 42.0
    assert table.loc["slant kept when s changes, correlation", "supervised"] == 0.6
    assert table.loc["class of the other image's s, %", "supervised"] == 98.0


def test_the_metrics_of_s_are_in_words(tmp_path):
    run = run_with(tmp_path, "lpaae-unsupervised", accuracy_given_s_x=0.5, kept_r_2k=[0.1] * 4)
    assert dict(words.of_kinds(run, "accuracy", "kept")) == {"images of s as s % (more is better)": "50.0"}


def test_swaps_are_rows_of_one_s_below_a_row_of_images(finished):
    model = load(finished / "mnist5k-lpaae-supervised-s0")
    test = data.load("mnist5k", split="test")
    found = shown.swaps(model, test)
    assert found.shape == (110, 1, 28, 28) and (found[:10] == test.images[:10]).all()


def test_without_published_weights_there_is_what_trains_them(finished, tmp_path, monkeypatch, capsys):
    test, made = data.load("mnist5k", split="test"), finished / "mnist5k-lpaae-supervised-s0"
    run = RunFolder(shutil.copytree(made, tmp_path / made.name))
    assert shown.swapped(run, test).width == 2 * 302 and capsys.readouterr().out == ""
    (run / "model.safetensors").unlink()
    with pytest.raises(UserError, match="model.safetensors"):
        shown.swapped(run, test)
    monkeypatch.setattr("lprior.results.PUBLISHED", tmp_path)
    assert shown.swapped(run, test) == read_picture(run / "evolution.png")
    said = capsys.readouterr().out
    assert "published without its weights: docs/weights.md" in said
    assert f"`python -m lprior run {made.name} --preset smoke` trains it" in said


def test_the_cost_of_information_is_a_curve_for_each_run_and_a_line_for_knowing_nothing(finished):
    """Each as long as its run, in whole epochs; no key of a log is on it."""
    runs = {name: RunFolder(comparison.PUBLISHED / f"mnist-lpaae-{name}-s0") for name in ("supervised", "unsupervised")}
    figure = shown.information_figure(runs)
    (axes,), logs = figure.axes, [run.log() for run in runs.values()]
    *curves, line = axes.lines
    assert [list(one.get_xdata()) for one in curves] == [list(log["epoch"]) for log in logs]
    assert [list(one.get_ydata()) for one in curves] == [list(log["L_info"]) for log in logs]
    assert list(line.get_ydata()) == pytest.approx([2.3026] * 2, abs=1e-4)
    figure.draw_without_rendering()
    assert all(float(tick) == int(float(tick)) for tick in axes.get_xticks())
    said = [axes.get_title(), axes.get_xlabel(), axes.get_ylabel(), *(text.get_text() for text in axes.legend_.texts)]
    assert said[3:] == ["supervised", "unsupervised", "knowing nothing: log 10"] and "_" not in "".join(said)
    with pytest.raises(UserError, match="has no L_info"):
        shown.information_figure({"": RunFolder(finished / "mnist5k-lpaae-s0")})


def test_the_ruler_s_figure_names_every_attribute():
    figure = shown.measures_figure(data.load("mnist5k", split="test").images[:3], RULERS["digits"])
    assert figure.axes[0].texts[0].get_text().splitlines() == [
        "stroke width, px", "slant, degrees", "height, px", "width, px"
    ]  # fmt: skip
    assert all(len(axes.get_xlabel().splitlines()) == 4 for axes in figure.axes)
