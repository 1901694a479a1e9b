import json
import math
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from conftest import build_algorithm
from PIL import Image, ImageChops, ImageOps, ImageStat
from safetensors.torch import load_file

from lprior import __main__ as cli
from lprior import data, figures, results
from lprior.algorithms import ALGORITHMS
from lprior.config import build, resolve
from lprior.device import choose_device
from lprior.errors import TrainingDiverged, UserError
from lprior.evaluation.verify import Check
from lprior.model import SHEET, Model, load
from lprior.results import RunFolder
from lprior.training.configured import start
from lprior.training.progress import Lines
from lprior.training.run import run

EPOCHS = 2
MAIN = [name for name, algorithm in ALGORITHMS.items() if algorithm.main]
FILES = {
    "config.json", "provenance.json", "log.csv", "metrics.json", "samples.png", "evolution.png", "evolution.gif",
    "reconstructions.png", "neighbours.png", "mixture.png", "model.safetensors",
}  # fmt: skip


def configuration(algorithm="lpaae", **changes):
    changes = {"images": 128, "epochs": EPOCHS, "samples": 200} | changes
    return resolve(algorithm, "mnist5k", "smoke", **changes)


class Silent(Lines):
    """Counts the epochs, and can interrupt one as a person does."""

    def __init__(self, after_epoch=None, amid_epoch=None):
        self.after_epoch, self.amid_epoch, self.rows = after_epoch, amid_epoch, []

    def batches(self, batches, count, epoch):
        for number, batch in enumerate(batches):
            if number == 1 and epoch == self.amid_epoch:
                raise KeyboardInterrupt
            yield batch

    def epoch(self, row, last, frame):
        self.rows.append(row)
        assert frame.exists()
        if row["epoch"] == self.after_epoch:
            raise KeyboardInterrupt


def train(config, folder, **options):
    return run(config, folder, device="cpu", **{"progress": Silent()} | options)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return train(configuration(), tmp_path_factory.mktemp("run") / "uninterrupted")


def assert_same_result(one, two):
    assert (one / "samples.png").read_bytes() == (two / "samples.png").read_bytes()
    ours, theirs = load_file(one / "model.safetensors"), load_file(two / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert one.read_json("metrics.json") == two.read_json("metrics.json")


@pytest.mark.parametrize("algorithm", MAIN)
def test_a_run_leaves_every_file_of_the_contract(finished, algorithm):
    folder = finished / f"mnist5k-{algorithm}-s0"
    assert FILES <= {path.name for path in folder.iterdir()}
    beside = {"config.json", "provenance.json", results.MIXTURE_SHEET}
    assert set(results.OUTPUTS) == FILES - beside | {"notebook.ipynb"}
    assert not list(folder.rglob(".writing-*"))


@pytest.mark.parametrize("algorithm", MAIN)
def test_metrics_are_finite_and_carry_their_protocol(finished, algorithm):
    metrics = RunFolder(finished / f"mnist5k-{algorithm}-s0").read_json("metrics.json")
    assert {"fid_mnist_clf1_1k_test", "score_mnist_clf1_1k", "score_mnist_clf1_sheet100", "entropy_mnist_clf1_1k",
            "histogram_mnist_clf1_1k", "reconstruction_mse_test"} <= set(metrics)  # fmt: skip
    flat = [number for value in metrics.values() for number in (value if isinstance(value, list) else [value])]
    assert all(math.isfinite(number) for number in flat)
    assert sum(metrics["histogram_mnist_clf1_1k"]) == pytest.approx(1)


def test_the_log_has_a_row_per_epoch(uninterrupted):
    log = pd.read_csv(uninterrupted / "log.csv")
    assert log["epoch"].tolist() == [1, 2]
    assert {"L_GAN_C", "L_rec", "L_GAN_I", "seconds", "images_per_second"} <= set(log.columns)


def test_the_log_ends_with_the_metrics_of_the_finished_run(uninterrupted):
    log, metrics = pd.read_csv(uninterrupted / "log.csv"), uninterrupted.read_json("metrics.json")
    for key in ("fid_mnist_clf1_200_test", "score_mnist_clf1_200"):
        assert log[key].notna().all()
        assert log[key].iloc[-1] == pytest.approx(metrics[key], rel=1e-6)


def test_provenance_says_where_and_from_what(uninterrupted):
    made = uninterrupted.read_json("provenance.json")
    assert made["engine"] == "eager"
    assert {"commit", "packages", "device", "threads", "precision", "data", "data_sha256", "seconds_per_epoch",
            "peak_memory_bytes", "started", "finished"} <= set(made)  # fmt: skip
    assert made["data_sha256"] == data.load("mnist5k").head(128).sha256
    assert made["packages"]["torch"] == torch.__version__.partition("+")[0]
    assert 1e7 < made["peak_memory_bytes"] < 1e11


def test_the_configuration_survives_the_way_through_json(uninterrupted):
    assert uninterrupted.config() == configuration()


@pytest.mark.parametrize(("networks", "pixels"), [("compact", 302), ("paper", 342)])
def test_sheets_of_samples_have_native_pixels(tmp_path, networks, pixels):
    result = train(configuration(networks=networks, width=2, epochs=1), tmp_path / "run")
    assert Image.open(result / "samples.png").size == (pixels, pixels)


def test_the_evolution_starts_before_training_and_has_every_epoch(uninterrupted):
    assert [uninterrupted.frame(epoch).exists() for epoch in range(EPOCHS + 2)] == [True] * (EPOCHS + 1) + [False]
    assert Image.open(uninterrupted / "evolution.gif").n_frames == EPOCHS + 1


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_the_animation_is_twice_as_large_and_has_the_colours_of_the_samples(tmp_path, mode):
    """Not dithered into those of a fixed palette."""
    grey = Image.linear_gradient("L").resize((280, 280))
    coarse = grey.point(lambda value: value // 32 * 32)
    picture = grey if mode == "L" else Image.merge("RGB", [coarse, coarse.rotate(90), coarse])
    picture.save(tmp_path / "frame.png")
    frames = dict.fromkeys(range(figures.MOST_FRAMES + 9), tmp_path / "frame.png")
    figures.save_evolution(frames, tmp_path / "evolution.gif")
    shown = Image.open(tmp_path / "evolution.gif")
    assert (shown.n_frames, shown.size) == (figures.MOST_FRAMES, (560, 588))
    shown.seek(figures.MOST_FRAMES - 1)
    expected = ImageOps.scale(picture.convert("RGB"), 2, Image.Resampling.NEAREST)
    assert ImageChops.difference(shown.convert("RGB").crop((0, 28, 560, 588)), expected).getbbox() is None


def test_of_colours_there_is_a_second_animation_with_all_of_them(tmp_path):
    gradient = Image.linear_gradient("L").resize((320, 320))
    picture = Image.merge("RGB", [gradient, gradient.rotate(90), gradient.rotate(180)])
    picture.save(tmp_path / "frame.png")
    off = {}
    for name in ("evolution.gif", "animation.webp"):
        figures.save_evolution({0: tmp_path / "frame.png", 1: tmp_path / "frame.png"}, tmp_path / name)
        shown = Image.open(tmp_path / name)
        assert (shown.n_frames, shown.size) == (2, (640, 668))
        expected = ImageOps.scale(picture, 2, Image.Resampling.NEAREST)
        difference = ImageChops.difference(shown.convert("RGB").crop((0, 28, 640, 668)), expected)
        off[name] = max(ImageStat.Stat(difference).mean)
    assert off["animation.webp"] < 2 < off["evolution.gif"]


def test_the_last_frame_of_the_evolution_shows_the_samples(uninterrupted):
    samples = Image.open(uninterrupted / "samples.png").convert("L")
    tile = samples.crop((2, 2, 30, 30))
    frame = Image.open(uninterrupted.frame(EPOCHS)).convert("L").crop((0, 0, 28, 28))
    assert ImageChops.difference(tile, frame).getextrema()[1] <= 1  # other batch sizes, other rounding


@pytest.mark.parametrize("code", [2, 8, 10])
def test_a_larger_sheet_of_noise_begins_with_the_smaller_one(code):
    """So that the frames of the evolution and the sheet of samples show the same noise."""
    config = configuration(code=code)
    model = Model(build(config).autoencoder(), config)
    assert torch.equal(model.noise(1000)[:SHEET], model.noise(SHEET))
    assert model.noise(SHEET).shape == (SHEET, code)


def test_running_again_trains_nothing_and_keeps_the_checkpoint(tmp_path):
    first = train(configuration(), tmp_path)
    before = [(first / name).read_bytes() for name in ("checkpoint.pt", "samples.png")]
    started = first.read_json("provenance.json")["started"]
    silent = Silent()
    second = train(configuration(), tmp_path, progress=silent)
    assert silent.rows == []
    assert [(second / name).read_bytes() for name in ("checkpoint.pt", "samples.png")] == before
    assert second.read_json("provenance.json")["started"] == started


@pytest.mark.parametrize("moment", ["after_epoch", "amid_epoch"])
@pytest.mark.parametrize("epoch", [1, 2])
def test_a_killed_run_that_is_started_again_ends_with_the_same_bits(uninterrupted, tmp_path, moment, epoch):
    with pytest.raises(KeyboardInterrupt):
        train(configuration(), tmp_path, progress=Silent(**{moment: epoch}))
    assert not (tmp_path / "metrics.json").exists()
    torch.manual_seed(99)
    assert_same_result(train(configuration(), tmp_path), uninterrupted)


def test_a_damaged_checkpoint_falls_back_to_the_previous_one(uninterrupted, tmp_path, capsys):
    train(configuration(), tmp_path)
    checkpoint = tmp_path / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    silent = Silent()
    result = train(configuration(), tmp_path, progress=silent)
    assert f"{checkpoint} is damaged" in capsys.readouterr().out
    assert [row["epoch"] for row in silent.rows] == [2]
    assert_same_result(result, uninterrupted)


def test_a_kill_while_the_checkpoint_is_written_loses_one_epoch_at_most(uninterrupted, tmp_path, monkeypatch):
    def killed(state, path):
        raise KeyboardInterrupt

    train(configuration(epochs=1), tmp_path)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(torch, "save", killed)
        train(configuration(), tmp_path)
    silent = Silent()
    result = train(configuration(), tmp_path, progress=silent)
    assert [row["epoch"] for row in silent.rows] == [2]
    assert_same_result(result, uninterrupted)


def test_more_epochs_continue_a_finished_run(uninterrupted, tmp_path):
    train(configuration(epochs=1), tmp_path)
    silent = Silent()
    result = train(configuration(), tmp_path, progress=silent)
    assert [row["epoch"] for row in silent.rows] == [2]
    assert result.config().epochs == 2
    assert [stop["epoch"] for stop in result.read_json("provenance.json")["resumed"]] == [1]
    assert uninterrupted.read_json("provenance.json")["resumed"] == []
    assert_same_result(result, uninterrupted)


def test_the_cost_of_a_continued_run_is_that_of_all_its_epochs(tmp_path):
    """Also if it is killed between its last epoch and its measurement."""
    train(configuration(epochs=1), tmp_path)
    with pytest.raises(KeyboardInterrupt):
        train(configuration(), tmp_path, progress=Silent(after_epoch=2))
    result = train(configuration(), tmp_path)
    seconds = pd.read_csv(result / "log.csv")["seconds"].sum()
    assert result.read_json("provenance.json")["training_seconds"] == pytest.approx(seconds)


def test_an_unmeasured_run_is_whole_but_for_its_metrics(uninterrupted, tmp_path):
    result = train(configuration(), tmp_path, unmeasured=True)
    made = result.read_json("provenance.json")
    assert result.trained and not (tmp_path / "metrics.json").exists()
    assert FILES - {"metrics.json", results.MIXTURE_SHEET} <= {path.name for path in tmp_path.iterdir()}
    assert {"seconds_per_epoch", "training_seconds", "peak_memory_bytes", "engine", "finished"} <= set(made)
    train(configuration(), tmp_path)
    assert_same_result(result, uninterrupted)
    assert result.read_json("provenance.json") == made


def test_an_unmeasured_run_is_measured_from_its_weights_and_never_trained_anew(uninterrupted, tmp_path):
    result = train(configuration(), tmp_path, unmeasured=True)
    made = result.read_json("provenance.json")
    for path in tmp_path.glob("checkpoint*.pt"):  # as after the way home from another machine
        path.unlink()
    with pytest.raises(UserError, match="without its checkpoint.* python -m lprior evaluate"):
        train(configuration(), tmp_path)
    trained = (tmp_path / "model.safetensors").read_bytes()
    assert cli.main(["evaluate", str(tmp_path)]) == 0
    assert (tmp_path / "model.safetensors").read_bytes() == trained
    found, expected = result.read_json("metrics.json"), uninterrupted.read_json("metrics.json")
    assert found.keys() == expected.keys()  # by weights in another order in memory, and so by another rounding
    assert all(Check(key, value, found[key]).matches for key, value in expected.items())
    assert result.read_json("provenance.json") == made


def test_what_is_not_trained_to_its_end_is_not_measured(tmp_path, capsys):
    train(configuration(epochs=1), tmp_path)
    with pytest.raises(KeyboardInterrupt):
        train(configuration(), tmp_path, progress=Silent(amid_epoch=2))
    assert not RunFolder(tmp_path).trained
    assert cli.main(["evaluate", str(tmp_path)]) == UserError.exit_code
    assert "is not trained to its end" in capsys.readouterr().err and not (tmp_path / "metrics.json").exists()


def test_more_epochs_that_are_not_measured_leave_no_old_metrics(tmp_path):
    train(configuration(epochs=1), tmp_path)
    train(configuration(), tmp_path, unmeasured=True)
    assert (tmp_path / "metrics.old.json").exists() and not (tmp_path / "metrics.json").exists()
    assert cli.main(["evaluate", str(tmp_path)]) == 0
    assert not (tmp_path / "metrics.old.json").exists() and (tmp_path / "metrics.json").exists()


def test_a_run_on_other_images_is_not_measured(uninterrupted, tmp_path, capsys):
    folder = Path(shutil.copytree(uninterrupted.path, tmp_path / "run"))
    made = RunFolder(folder).read_json("provenance.json")
    RunFolder(folder).write_json("provenance.json", made | {"data_sha256": "0" * 64})
    before = (folder / "metrics.json").read_bytes()
    assert cli.main(["evaluate", str(folder)]) == UserError.exit_code
    assert "trained on other images" in capsys.readouterr().err and (folder / "metrics.json").read_bytes() == before


def test_fewer_epochs_do_not_make_the_folder_lie_about_its_training(tmp_path):
    """Either the wish is refused, or the configuration goes on to say how long the model was trained."""
    result = train(configuration(), tmp_path)
    try:
        train(configuration(epochs=1), tmp_path)
    except UserError as error:
        assert "epochs" in str(error)
    assert result.config().epochs == len(pd.read_csv(result / "log.csv"))


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"lam": 7.0}, "lam 50.0 -> 7.0"), ({"code": 4}, "code 8 -> 4"), ({"seed": 1}, "seed 0 -> 1"),
     ({"algorithm": "vaegan"}, "algorithm lpaae -> vaegan")],
    ids=str,
)  # fmt: skip
def test_a_folder_with_other_settings_is_refused(uninterrupted, changes, named):
    before = (uninterrupted / "config.json").read_text()
    with pytest.raises(UserError) as caught:
        train(configuration(**changes), uninterrupted.path)
    assert named in str(caught.value) and str(uninterrupted.path) in str(caught.value)
    assert (uninterrupted / "config.json").read_text() == before


def test_force_starts_over(tmp_path):
    train(configuration(epochs=1), tmp_path / "run")
    silent = Silent()
    result = train(configuration(epochs=1, lam=7.0), tmp_path / "run", progress=silent, force=True)
    assert [row["epoch"] for row in silent.rows] == [1]
    assert result.config().settings.lam == 7.0


def weights(training):
    return torch.cat([p.flatten() for p in training.algorithm.parameters()])


def test_the_first_weights_depend_on_the_seed_alone():
    first = weights(start(configuration(), torch.device("cpu")))
    torch.manual_seed(99)
    assert torch.equal(weights(start(configuration(), torch.device("cpu"))), first)
    assert not torch.equal(weights(start(configuration(seed=1), torch.device("cpu"))), first)


def test_seeds_give_different_models(uninterrupted, tmp_path):
    other = train(configuration(seed=1), tmp_path)
    ours, theirs = load_file(uninterrupted / "model.safetensors"), load_file(other / "model.safetensors")
    assert not any(torch.equal(ours[name], theirs[name]) for name in ours if name.endswith("weight"))
    assert (other / "samples.png").read_bytes() != (uninterrupted / "samples.png").read_bytes()


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_results_folder_that_cannot_be_written_is_an_error_that_names_it(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=f"cannot write.*{tmp_path / place}"):
        train(configuration(), tmp_path / place)


def test_too_few_images_for_a_batch_are_an_error(tmp_path):
    with pytest.raises(UserError, match="batch_size 64 exceeds the 30 images"):
        train(configuration(images=30), tmp_path / "run")


def test_a_divergence_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    train(configuration(epochs=1), tmp_path)
    good = (tmp_path / "checkpoint.pt").read_bytes()
    monkeypatch.setattr("lprior.training.loop.to_float", lambda images: images.float() * math.nan)
    with pytest.raises(TrainingDiverged, match="in epoch 2"):
        train(configuration(), tmp_path)
    assert (tmp_path / "checkpoint.pt").read_bytes() == good


def test_cuda_where_there_is_none_is_an_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    with pytest.raises(UserError, match="device cuda.*--device cpu or auto"):
        choose_device("cuda")


@pytest.mark.parametrize("name", ["gpu", "meta"])
def test_a_device_that_is_not_offered_is_an_error(name):
    with pytest.raises(UserError, match=f"device '{name}' .*choose auto, cpu or cuda"):
        choose_device(name)


def test_a_step_that_cannot_be_captured_ends_the_run_which_goes_on_without_a_graph(tmp_path, monkeypatch):
    """The device is a CPU here."""

    def fail(*arguments):
        raise RuntimeError("no graph")

    with monkeypatch.context() as patch:
        patch.setattr("lprior.training.engine.choose_engine", lambda wanted, device: "graph")
        patch.setattr("lprior.training.engine.Engine._capture", fail)
        with pytest.raises(UserError, match=r"cannot be captured .*\(no graph\): use --engine eager"):
            train(configuration(epochs=1), tmp_path, progress=Silent())
    result = train(configuration(epochs=1), tmp_path, engine="eager", progress=Silent())
    assert result.read_json("provenance.json")["engine"] == "eager"


@pytest.mark.cuda
def test_a_run_on_a_gpu_has_finite_metrics(tmp_path):
    result = run(configuration(), tmp_path, device="cuda", progress=Silent())
    assert result.read_json("provenance.json")["engine"] == "graph"
    assert math.isfinite(result.read_json("metrics.json")["fid_mnist_clf1_200_test"])
    assert load(tmp_path).autoencoder.dec[0].weight.device.type == "cpu"


def test_a_loaded_model_draws_the_samples_of_its_run(uninterrupted):
    model = load(uninterrupted.path)
    assert model.config == configuration()
    saved = Image.open(uninterrupted / "samples.png")
    assert ImageChops.difference(figures.sheet(model.sample(100)).convert("L"), saved.convert("L")).getextrema()[1] <= 1


def test_a_loaded_model_draws_other_samples_for_another_seed(uninterrupted):
    model = load(uninterrupted.path)
    one, two = model.sample(5, seed=1), model.sample(5, seed=2)
    assert one.shape == (5, 1, 28, 28) and one.dtype == torch.uint8
    assert torch.equal(one, model.sample(5, seed=1)) and not torch.equal(one, two)


def test_a_loaded_model_encodes_and_decodes(uninterrupted):
    images = data.load("mnist5k", split="test").images[:7]
    model = load(uninterrupted.path)
    codes = model.encode(images)
    assert codes.shape == (7, model.config.code) and model.decode(codes).shape == images.shape


def test_a_loaded_model_is_frozen(uninterrupted):
    model = load(uninterrupted.path).autoencoder
    assert not model.training and not any(p.requires_grad for p in model.parameters())


def test_loading_what_is_not_a_finished_run_is_an_error(tmp_path):
    with pytest.raises(UserError, match="is .* a finished run?"):
        load(tmp_path / "nothing")
    (tmp_path / "config.json").write_text(json.dumps(configuration().to_dict()))
    with pytest.raises(UserError, match="model.safetensors does not exist"):
        load(tmp_path)


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write("a.txt", lambda path: path.write_text("old"))

    def fail(path):
        path.write_text("ne")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        folder.write("a.txt", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"] and (tmp_path / "a.txt").read_text() == "old"


def test_a_person_s_runs_are_kept_apart_by_their_settings():
    one, two, longer = (results.scratch_folder(configuration(**c)) for c in ({}, {"lam": 7.0}, {"epochs": 9}))
    assert one != two and one == longer


def test_weights_of_the_sampling_model_hold_no_discriminator(uninterrupted):
    names = {name.partition(".")[0] for name in load_file(uninterrupted / "model.safetensors")}
    assert names == {name for name, _ in build_algorithm("lpaae-tuned").autoencoder().named_children()}
