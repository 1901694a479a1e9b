"""A run as a person in a notebook has it: what is made, what is shown as it is, what is said and on the screen."""

import json
import re
import shutil
import time

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from test_notebooks import TRAINING, write_notebook

from lprior import data
from lprior.device import choose_device
from lprior.errors import DataUnavailable, UserError
from lprior.evaluation.measurement import GLANCE
from lprior.notebooks import configuration, interactive
from lprior.provenance import code_sha256
from lprior.results import finished
from lprior.training.progress import Lines, Live

SMALL = "images=320, batch_size=2, width=2, samples=200"


def asked(epochs=1, algorithm="aae", dataset="mnist5k", more=SMALL):
    settings = f"{more}, device=cpu, live=False"
    return configuration.configure(algorithm, dataset, "smoke", "", 0, epochs, settings)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run of two epochs, measured on few samples."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    return interactive.obtain(asked(2), folder)


@pytest.fixture
def no_training(monkeypatch):
    monkeypatch.setattr(interactive, "run", lambda *_, **__: pytest.fail("it was made again"))


def test_the_first_measurement_is_short_and_counts_for_no_report(made):
    values = made.metrics()
    assert (made / "glance.json").exists() and not (made / "metrics.json").exists()
    assert "fid_mnist_clf1_200_test" in values and not any(re.match("gmm10|parzen", key) for key in values)
    assert finished(made.path.parent) == []


def test_the_first_measurement_takes_at_most_so_many_samples(tmp_path):
    result = interactive.obtain(asked(more="images=320, width=2, samples=2500"), tmp_path)
    assert GLANCE == 2000 and "fid_mnist_clf1_2k_test" in result.metrics()


def test_a_finished_run_is_shown_as_it_is(made, no_training):
    before = (made / "glance.json").stat().st_mtime_ns
    assert interactive.obtain(asked(2), made.path).path == made.path
    assert (made / "glance.json").stat().st_mtime_ns == before


def test_a_finished_run_answers_in_a_second(made, no_training):
    """Of a core, however busy the machine is; as in a new kernel, which has yet to sum up the code."""
    code_sha256.cache_clear()
    begin = time.process_time()
    assert interactive.obtain(asked(2), made.path).path == made.path
    assert time.process_time() - begin < 1


def test_fewer_epochs_than_there_are_show_the_run_with_a_note(made, no_training, capsys):
    assert interactive.obtain(asked(1), made.path).config().epochs == 2
    assert "of 2 epochs; epochs=1 needs force=True" in capsys.readouterr().out


@pytest.mark.parametrize("change", ["more epochs", "whole", "force", "code", "weights", "picture"])
def test_what_is_not_that_is_made(made, tmp_path, monkeypatch, change):
    calls = []
    monkeypatch.setattr(interactive, "run", lambda *_, **options: calls.append(options))
    folder = tmp_path / "run"
    folder.mkdir()
    for path in made.path.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    if change == "weights":
        (folder / "model.safetensors").write_bytes(b"0")
    if change == "picture":
        (folder / "evolution.png").unlink()
    if change == "code":
        monkeypatch.setattr(interactive, "code_note", lambda _: "made by other code")
    interactive.obtain(asked(3 if change == "more epochs" else 2), folder, change == "whole", change == "force")
    assert [(one["whole"], one["force"]) for one in calls] == [(change == "whole", change == "force")]


def test_all_is_measured_later_and_from_then_on(made, tmp_path):
    folder = tmp_path / "run"
    interactive.obtain(asked(1), folder)
    whole = interactive.obtain(asked(1), folder, whole=True)
    assert not (whole / "glance.json").exists() and "parzen_200_test" in whole.metrics()
    longer = interactive.obtain(asked(2), folder)  # which puts these metrics aside
    assert longer.config().epochs == 2 and "parzen_200_test" in longer.metrics()


def test_metrics_of_fewer_epochs_are_not_shown_of_more(tmp_path, monkeypatch):
    interactive.obtain(asked(1), tmp_path)
    monkeypatch.setattr("lprior.training.run.draw", lambda *_: pytest.fail("stopped"))
    with pytest.raises(pytest.fail.Exception):
        interactive.obtain(asked(2), tmp_path)
    assert not (tmp_path / "glance.json").exists()


def test_a_stopped_training_says_where_and_goes_on(tmp_path, monkeypatch, capsys):
    class Stopped(Lines):
        def epoch(self, row, last, frame):
            super().epoch(row, last, frame)
            if row["epoch"] == 2:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(interactive, "Lines", Stopped)
        with pytest.raises(UserError, match="^stopped after epoch 2 of 3; Run All goes on from there$"):
            interactive.obtain(asked(3), tmp_path)
    assert "going on" not in capsys.readouterr().out
    seen = []
    monkeypatch.setattr(Lines, "epoch", lambda self, row, *_: seen.append(row["epoch"]))
    interactive.obtain(asked(3), tmp_path)
    assert seen == [3] and capsys.readouterr().out == "going on after epoch 2 of 3\n"
    interactive.obtain(asked(3), tmp_path, whole=True)  # trained to its end, and only measured
    assert seen == [3] and capsys.readouterr().out == ""


# What is on the screen


class Watch(Lines):
    """What a person would see."""

    every = 100

    def __init__(self):
        self.seen = []

    def picture(self, sheet, caption):
        self.seen.append((caption, sheet.size))


def test_pictures_of_the_first_epoch_change_nothing_in_training(made, tmp_path, monkeypatch):
    watch = Watch()
    monkeypatch.setattr(interactive, "Lines", lambda: watch)
    other = interactive.obtain(asked(2), tmp_path)
    captions = [caption for caption, _ in watch.seen]
    assert captions == ["before training", "epoch 1, mini-batch 100 of 160"]
    assert {size for _, size in watch.seen} == {(280, 280)}
    assert (other / "model.safetensors").read_bytes() == (made / "model.safetensors").read_bytes()


def outputs_of(path, tmp_path) -> list:
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}, allow_errors=True)
    client.execute()
    return [cell.outputs for cell in notebook.cells]


HEAD = """\
from lprior.notebooks import configuration, interactive
settings = "images=320, batch_size=2, width=2, samples=200, device=cpu"
asked = configuration.configure("aae", "mnist5k", "smoke", "", 0, 2, settings)"""


def test_a_bar_and_a_picture_are_shown_once_and_go_in_the_end(tmp_path):
    """In a kernel. The display's last state is what is saved."""
    called = "from lprior.training import progress\nprogress.summary(dict(epoch=1, seconds=2.0, L_rec=3.0), 2)"
    notebook = write_notebook(tmp_path / "a.ipynb", "a: int = 1", f"{HEAD}\nr = interactive.obtain(asked, 'r')", called)
    _, shown, summary = outputs_of(notebook, tmp_path)
    assert summary[0].data["text/plain"] == "'epoch 1/2  L_rec 3  2.0 s'"
    assert not [one for one in shown if one.output_type == "error" or "epoch" in one.get("text", "")], shown
    pictures = [one for one in shown if "text/html" in one.get("data", {})]
    assert [one.data["text/html"] for one in pictures] == [""]


def test_errors_in_a_notebook_are_one_red_line_that_names_its_own_way(tmp_path):
    other = HEAD.replace("width=2", "width=3")
    sources = [f"{HEAD}\ninteractive.obtain(asked, 'r')", f"{other}\ninteractive.obtain(asked, 'r')", "display('on')"]
    *_, wrong, _ = outputs_of(write_notebook(tmp_path / "a.ipynb", "a: int = 1", *sources), tmp_path)
    (error,) = [one for one in wrong if one.output_type == "error"]
    (line,) = error.traceback
    assert line.startswith("\x1b[31m") and "width 2 -> 3" in line and "force=True" in line and "--force" not in line


def test_a_missing_gpu_is_said_without_an_option_of_the_command_line(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="use --device cpu or auto") as caught:
        choose_device("cuda")
    (line,) = caught.value._render_traceback_()
    assert "use device cpu or auto" in line and "--" not in line


def test_a_bar_goes_over_the_whole_run(tmp_path, capsys):
    live = Live()
    live.begin(1, 3)
    for epoch in (2, 3):
        assert list(live.batches(range(4), 4, epoch)) == [0, 1, 2, 3]
        assert live._bar.n == 4 * epoch and f"epoch {epoch}/3" in str(live._bar)
    assert live._bar.total == 12 and "left, then measuring" in str(live._bar)
    live.measure()
    assert "measuring" in str(live._bar) and "left" not in str(live._bar)
    live.measure("Parzen windows (4/5)")
    assert "measuring: Parzen windows (4/5)" in str(live._bar)
    live.close(True)
    assert "going on after epoch 1 of 3" in capsys.readouterr().out


def test_what_is_only_measured_has_a_bar_that_names_each_part(made, monkeypatch, tmp_path):
    folder, seen = shutil.copytree(made.path, tmp_path / "run"), []

    class Seen(Live):
        def measure(self, part=""):
            super().measure(part)
            seen.append(str(self._bar))

    monkeypatch.setattr(interactive, "Lines", Seen)
    interactive.obtain(asked(2), folder, whole=True)
    assert len(seen) == 6 and all("measuring" in bar and "left" not in bar for bar in seen)
    assert "measuring: second classifier (3/5)" in seen[3]


# Data that are nowhere


@pytest.fixture
def no_mnist(monkeypatch):
    original = data.load

    def load(name, *arguments, **options):
        if name != "mnist5k":
            raise DataUnavailable(f"{name} is nowhere: name another folder with --data or $LPRIOR_DATA")
        return original(name, *arguments, **options)

    monkeypatch.setattr(data, "load", load)


def test_embedded_digits_take_the_place_of_mnist_with_a_loud_line(no_mnist, capsys):
    assert configuration.at_hand("mnist") == "mnist5k"
    said = capsys.readouterr().err
    assert "GOING ON WITH mnist5k" in said and "another folder with $LPRIOR_DATA" in said
    assert configuration.at_hand("mnist5k") == "mnist5k" and capsys.readouterr().err == ""


@pytest.mark.parametrize(("dataset", "folder"), [("mnist", "results/a"), ("cifar10", None), ("fashion-mnist", None)])
def test_nothing_takes_the_place_of_others_or_of_what_a_folder_is_for(no_mnist, dataset, folder):
    with pytest.raises(DataUnavailable, match=f"{dataset} is nowhere"):
        configuration.at_hand(dataset, folder)


@pytest.mark.parametrize(
    ("settings", "device", "live"), [("", "auto", True), ("device=cpu, live=False, width=3", "cpu", False)]
)
def test_device_and_live_are_settings_of_how_not_of_what(settings, device, live):
    found = configuration.configure("aae", "mnist5k", "smoke", "", 0, None, settings)
    assert (found.device, found.live) == (device, live) and not {"device", "live"} & found.layers.keys()
    with pytest.raises(UserError, match="live must be bool, not 'no'"):
        configuration.configure("aae", "mnist5k", "smoke", "", 0, None, "live=no")


@pytest.mark.parametrize("path", TRAINING, ids=lambda path: path.stem)
def test_a_notebook_may_be_copied_so_that_git_sees_no_change(path, tmp_path):
    """my-notebooks/ is ignored (test_docs.py); nothing in a notebook depends on where it lies."""
    text = json.dumps(nbformat.read(path, as_version=4))
    assert not re.search(r"\.\./|results/(?!interactive)", text)
