"""Runs side by side, and pictures of codes."""

import io
from dataclasses import replace

import pytest
import torch
from PIL import Image, ImageChops

from lprior import data, figures
from lprior.config import resolve
from lprior.data import DATASETS
from lprior.errors import UserError
from lprior.model import load
from lprior.notebooks import comparison, latent
from lprior.results import RunFolder


@pytest.fixture(scope="module")
def test_images():
    return data.load("mnist5k", split="test")


def test_a_run_that_is_named_is_taken_as_it_is(finished):
    folder = finished / "mnist5k-lpaae-s0"
    before = (folder / "metrics.json").stat().st_mtime_ns
    assert comparison.obtain(folder, "mnist", "quick").config().dataset == "mnist5k"
    assert (folder / "metrics.json").stat().st_mtime_ns == before


def test_a_run_that_is_not_finished_is_refused(tmp_path):
    with pytest.raises(UserError, match="is .* a finished run"):
        comparison.obtain(tmp_path, "mnist", "quick")


def test_without_a_name_a_run_is_made(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(comparison.interactive, "scratch_folder", lambda config: tmp_path / config.name)
    monkeypatch.setattr(comparison.interactive, "run", lambda config, folder, **_: made.append((config, folder)))
    comparison.obtain(None, "mnist5k", "smoke", "supervised", epochs=1)
    ((config, folder),) = made
    assert config == resolve("lpaae", "mnist5k", "smoke", "supervised", epochs=1)


def test_a_published_run_is_taken_where_it_has_what_is_needed(monkeypatch):
    asked = []
    monkeypatch.setattr(comparison.interactive, "obtain", lambda one: asked.append(one.config))
    monkeypatch.setattr(comparison, "at_hand", lambda dataset: dataset)
    taken = comparison.obtain(None, "mnist", "quick", "fixed", needs="model.safetensors")
    assert taken.path == comparison.PUBLISHED / "mnist-lpaae-fixed-s0" and asked == []
    assert comparison.obtain(None, "mnist", "quick", "supervised").path.name == "mnist-lpaae-supervised-s0"
    for given in ({"epochs": 3}, {"needs": "absent"}, {"variant": "text"}):
        comparison.obtain(None, "mnist", "quick", **given)
    assert [one.epochs for one in asked] == [3, 20, 20]


def test_the_published_manifold_is_shown_where_it_is_of_what_was_asked_for(finished):
    assert latent.plane(None, "mnist", "quick", epochs=None).size == (280, 280)
    run = finished / "mnist5k-lpaae-code_2-s0"
    assert latent.plane(run, "mnist", "quick", epochs=None) == figures.sheet(latent.manifold(load(run)), padding=0)


def test_the_table_has_a_row_for_each_variant(finished, tmp_path):
    runs = comparison.runs_in(finished)["mnist5k", "smoke"]
    assert list(runs) == ["", "fixed", "supervised", "unsupervised", "code_2"]
    table = comparison.table(runs)
    assert list(table.index)[:2] == ["LP-AAE", "LP-AAE, fixed prior"] and len(table) == len(runs)
    assert set(table["n"]) == {1}
    words = ["FID of {}", "score of the sheet", "score of {}", "precision of {}", "recall of {}"]
    first = [word.format("1,000 samples") for word in words]
    assert list(table)[2:] == [*first, *(f"{word}, second classifier" for word in first)]
    assert not table.astype(str).apply(lambda column: column.str.contains("±")).any(axis=None)
    with pytest.raises(UserError, match="no finished run of lpaae"):
        comparison.runs_in(tmp_path)


def write_run(folder, config, **metrics):
    run = RunFolder(folder / config.name)
    run.path.mkdir()
    run.write_json("config.json", config.to_dict())
    run.write_json("metrics.json", metrics)


def test_runs_on_other_data_are_apart(tmp_path):
    for dataset, fid in (("cifar10", 9.0), ("mnist", 1.0)):
        write_run(tmp_path, resolve("lpaae", dataset, "smoke", "supervised"), fid_x=fid)
    runs = comparison.runs_in(tmp_path)
    assert list(runs) == [("mnist", "smoke"), ("cifar10", "smoke")]  # as `data.DATASETS` has them
    for dataset, fid in (("mnist", "1"), ("cifar10", "9")):
        table = comparison.table(runs[dataset, "smoke"])
        assert (list(table.index), table["fid_x"].tolist()) == (["LP-AAE, supervised"], [fid])
        assert table.columns.name == f"{DATASETS[dataset].title}, smoke"


def test_runs_of_a_study_are_apart_and_the_published_ablation_is_the_default(tmp_path):
    for preset in ("quick", "ablation"):
        config = resolve("lpaae", "mnist", preset, seed=len(preset))
        write_run(tmp_path, config, fid_x=1.0)
    assert list(comparison.runs_in(tmp_path)) == [("mnist", "ablation"), ("mnist", "quick")]
    assert list(comparison.runs_in(None)) == [("mnist", "ablation")]
    assert {len(members) for members in comparison.runs_in(None)["mnist", "ablation"].values()} == {3}


def test_the_table_gives_the_spread_over_seeds(tmp_path):
    for seed, fid in ((0, 1.0), (1, 3.0)):
        write_run(tmp_path, resolve("lpaae", "mnist5k", "smoke", "text", seed), fid_x=fid, histogram_x=[1.0])
    table = comparison.table(comparison.runs_in(tmp_path)["mnist5k", "smoke"])
    assert table.loc["LP-AAE, text"].to_dict() == {"n": 2, "epochs": "2", "fid_x": "2 ± 1.41"}


def test_what_only_one_seed_was_measured_by_has_no_spread(tmp_path):
    write_run(tmp_path, resolve("lpaae", "mnist5k", "smoke", seed=0), fid_x=1.0, score_x=5.0)
    write_run(tmp_path, resolve("lpaae", "mnist5k", "smoke", seed=1), fid_x=3.0)
    table = comparison.table(comparison.runs_in(tmp_path)["mnist5k", "smoke"])
    assert table.loc["LP-AAE"].to_dict() == {"n": 2, "epochs": "2", "fid_x": "2 ± 1.41", "score_x": "5"}


def test_columns_have_words_that_tell_them_apart(tmp_path):
    """By the key itself where it is another classifier of which there is no word."""
    keys = ["fid_mnist_clf1_2k_test", "fid_mnist_clf2_2k_test", "fid_mnist_resnet_clf1_2k_test", "score_inception_2k"]
    write_run(tmp_path, resolve("lpaae", "mnist5k", "smoke"), **dict.fromkeys(keys, 1.0))
    table = comparison.table(comparison.runs_in(tmp_path)["mnist5k", "smoke"])
    assert list(table)[2:] == [
        f"FID of 2,000 samples ({keys[0]})", f"FID of 2,000 samples ({keys[1]})",
        "FID of 2,000 samples, second classifier", "Inception Score of 2,000 samples",
    ]  # fmt: skip


def test_no_table_of_the_published_runs_has_a_nan_or_a_raw_key():
    tables = [comparison.table(runs) for runs in comparison.runs_in(None).values()]
    assert tables and not any("nan" in str(value) for table in tables for value in table.to_numpy().flat)
    assert not any("_" in head for table in tables for head in table)


def test_a_variant_that_is_no_more_goes_by_its_own_name(tmp_path):
    write_run(tmp_path, replace(resolve("lpaae", "mnist", "quick"), variant="withdrawn"), fid_x=1.0)
    assert list(comparison.table(comparison.runs_in(tmp_path)["mnist", "quick"]).index) == ["lpaae-withdrawn"]


def test_each_data_set_has_its_own_plot(tmp_path):
    for dataset in ("mnist", "cifar10"):
        for variant in ("", "fixed"):
            config = resolve("lpaae", dataset, "quick", variant)
            write_run(tmp_path, config, fid_x=1.0)
            (tmp_path / config.name / "log.csv").write_text("epoch,seconds,fid_x\n1,1.0,3.0\n2,1.0,2.0\n")
    plots = [comparison.curves_figure(runs).axes for runs in comparison.runs_in(tmp_path).values()]
    assert [(axes.get_title(), len(axes.lines)) for (axes,) in plots] == [("MNIST, quick", 2), ("CIFAR-10, quick", 2)]


def test_curves_have_a_line_for_each_run(finished):
    (axes,) = comparison.curves_figure(comparison.runs_in(finished)["mnist5k", "smoke"], "score").axes
    assert [line.get_label() for line in axes.lines][:2] == ["LP-AAE", "LP-AAE, fixed prior"] and len(axes.lines) == 5


def test_a_picture_is_shown_at_twice_its_size_and_saved_where_it_is_asked_for(finished, tmp_path):
    path = finished / "mnist5k-lpaae-s0" / "samples.png"
    assert figures.show(path).width == 604
    figures.show(path, "sheet", tmp_path / "figures")
    assert (tmp_path / "figures" / "sheet.png").exists()


def test_the_map_shows_test_codes_beside_codes_of_the_prior(finished, test_images):
    model = load(finished / "mnist5k-lpaae-s0")
    figure = latent.prior_map(model, test_images, count=50)
    clouds = [axes.collections[0].get_offsets() for axes in figure.axes[:2]]
    assert [cloud.shape for cloud in clouds] == [(50, 2), (50, 2)]


def test_a_projection_is_common_to_all_parts():
    first, second = torch.randn(20, 5), torch.randn(30, 5)
    one, two = latent.flatten([first, second])
    again = latent.flatten([torch.cat([first, second])])[0]
    assert one.shape == (20, 2) and two.shape == (30, 2)
    assert (again[:20] == one).all() and (again[20:] == two).all()
    with pytest.raises(UserError, match="'umap'"):
        latent.flatten([first], "umap")


def test_a_walk_begins_and_ends_with_reconstructions(finished, test_images):
    model = load(finished / "mnist5k-lpaae-s0")
    images, partners = test_images.images[:3], test_images.images[3:6]
    rows = latent.walks(model, images, partners).unflatten(0, (3, figures.COLUMNS))
    for column, ends in ((0, images), (-1, partners)):
        difference = rows[:, column].int() - model.decode(model.encode(ends)).int()
        assert difference.abs().max() <= 1


def test_the_manifold_is_of_two_entries_only(finished):
    assert latent.manifold(load(finished / "mnist5k-lpaae-code_2-s0")).shape == (100, 1, 28, 28)
    with pytest.raises(UserError, match="noise of 2 entries, and this model has 8"):
        latent.manifold(load(finished / "mnist5k-lpaae-s0"))


def alike(one: Image.Image, other: Image.Image) -> bool:
    """Up to rounding, which may differ between batches of different sizes."""
    return max(most for _, most in ImageChops.difference(one, other).getextrema()) <= 1


@pytest.mark.parametrize("variant", ["code_2", "supervised"])
def test_sliders_move_the_picture_and_a_button_draws_the_noise(finished, variant):
    model = load(finished / f"mnist5k-lpaae-{variant}-s0")
    left, right = latent.sliders(model, size=56).children
    (button, *sliders), (picture, _, _) = left.children, right.children
    named = {slider.description: slider for slider in sliders}
    assert set(named) == {f"z{i}" for i in range(model.config.code)} | ({"s"} if variant == "supervised" else set())
    shown = [picture.value]
    for act in (lambda: setattr(named["z1"], "value", 2.5), button.click, lambda: setattr(named["z0"], "value", -3.0)):
        act()
        shown.append(picture.value)
    assert len(set(shown)) == 4 and named["z1"].value != 2.5
    assert Image.open(io.BytesIO(shown[0])).size == (56, 56)


def test_below_the_picture_are_its_neighbours_along_the_slider_that_was_moved(finished):
    """Nine of them, whatever the moved slider says, until another one is moved; the first and the last are the slider's
    ends. s and the button change them all."""
    model = load(finished / "mnist5k-lpaae-supervised-s0")
    left, right = latent.sliders(model, size=28 * latent.STRIP).children  # so that the strip is not resized
    (button, s, z0, z1, *_), (_, strip, along) = left.children, right.children

    def tiles():
        row = Image.open(io.BytesIO(strip.value))
        assert row.size == (28 * latent.STRIP, 28)
        return [row.crop((28 * i, 0, 28 * i + 28, 28)) for i in range(latent.STRIP)]

    def drawn(entry: int, value: float):
        noise = model.noise(1, s=s.value)
        noise[:, : model.config.code] = torch.tensor([one.value for one in left.children[2:]])
        noise[:, entry] = value
        return figures.sheet(model.generate(noise), padding=0)

    assert along.value == "z0 from -3 to 3" and alike(tiles()[0], drawn(0, -3)) and tiles()[0] != tiles()[-1]
    z1.value = 2.5
    before = tiles()
    assert along.value == "z1 from -3 to 3"
    assert all(map(alike, (before[0], before[4], before[-1]), (drawn(1, z) for z in (-3, 0, 3))))
    z1.value = -1.0
    assert tiles() == before
    s.value = 4
    assert along.value == "z1 from -3 to 3" and tiles() != before and alike(tiles()[-1], drawn(1, 3))
    before = tiles()
    button.click()
    assert along.value == "z1 from -3 to 3" and tiles() != before and alike(tiles()[-1], drawn(1, 3))
    z0.value = 3.0
    assert along.value == "z0 from -3 to 3" and alike(tiles()[0], drawn(0, -3))


def test_only_the_first_entries_have_sliders(finished):
    left, _ = latent.sliders(load(finished / "mnist5k-lpaae-s0"), most=3).children
    assert [child.description for child in left.children] == ["random", "z0", "z1", "z2"]
