"""Pages on a folder of runs: what they hold, that they hold it without a network, and what they do in a browser."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from sandbox import refused
from torchvision.transforms.functional import pil_to_tensor

import lprior.report.studies  # noqa: F401  (which fill the table of presets)
from lprior import __main__ as cli
from lprior import config as configuration
from lprior import curves, figures
from lprior.config import resolve
from lprior.model import load
from lprior.plane import SIDE, SIDE_WITH_S
from lprior.report.commands import command
from lprior.report.cover import GAP, LINE
from lprior.report.departures import departures, in_words
from lprior.report.gallery import write_gallery
from lprior.report.html import in_mathml
from lprior.results import RunFolder
from lprior.runs import STUDIES, title_of

PUBLISHED = Path(__file__).parents[1] / "results" / "published"
CONDITIONAL = "mnist-lpaae-supervised-s0"
RUNS = ("mnist-aae-s0", "mnist-lpaae-s0", "mnist-lpaae-s1", "cifar10-lpaae-s0", CONDITIONAL)
LINKS = {"href", "src", "srcset", "action", "poster", "data-picture"}


@pytest.fixture(scope="module")
def gallery(tmp_path_factory) -> Path:
    """A folder of published runs with its pages; one of them has frames, and one a conditional variable and weights."""
    folder = tmp_path_factory.mktemp("results")
    for name in (*RUNS, "latent_space"):
        shutil.copytree(PUBLISHED / name, folder / name)
    (folder / "mnist-aae-s0" / "frames").mkdir()
    for epoch in (0, 3, 32):
        Image.new("L", (280, 280), epoch).save(folder / "mnist-aae-s0" / "frames" / f"epoch-{epoch:04d}.png")
    shutil.copy(PUBLISHED / "weights.json", folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = configuration.build(RunFolder(folder / CONDITIONAL).config()).autoencoder()
    save_file(networks.state_dict(), folder / CONDITIONAL / "model.safetensors")
    assert write_gallery(folder) == folder / "index.html"
    return folder


class Page(HTMLParser):
    """The elements of a page: (tag, attributes)."""

    def __init__(self, path: Path):
        super().__init__()
        self.text, self.elements = path.read_text(), []
        self.feed(self.text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def of_class(self, name: str) -> list[dict]:
        return [attributes for _, attributes in self.elements if name in (attributes.get("class") or "").split()]


def pages(folder: Path) -> list[Path]:
    return [folder / "index.html", *sorted((folder / "gallery").rglob("*.html"))]


def test_the_index_has_a_card_for_each_model_in_rows_by_data_set(gallery):
    page = Page(gallery / "index.html")
    cards = [(card["data-dataset"], card["data-model"], card["data-variant"]) for card in page.of_class("card")]
    assert cards == [
        ("MNIST", "AAE", "none"), ("MNIST", "LP-AAE", "none"), ("MNIST", "LP-AAE", "supervised"),
        ("CIFAR-10 (JPEG)", "LP-AAE", "none"),
    ]  # fmt: skip
    metrics = [RunFolder(gallery / f"mnist-lpaae-s{seed}").read_json("metrics.json") for seed in (0, 1)]
    mean = sum(one["fid_mnist_clf1_10k_test"] for one in metrics) / 2
    assert f"<dd>{mean:.2f} ± " in page.text and title_of("lpaae-supervised") in page.text
    assert {attributes.get("data-filter") for tag, attributes in page.elements if tag == "select"} == {
        "dataset", "model", "variant"
    }  # fmt: skip


def test_each_run_has_a_page_that_holds_what_the_run_has(gallery):
    for name in RUNS:
        page = Page(gallery / "gallery" / f"{name}.html")
        assert f"python -m lprior run {name} --preset quick" in page.text
        has_weights = (gallery / name / "model.safetensors").exists()
        assert len(page.of_class("plane")) == (has_weights or (gallery / name / "plane.webp").exists())
        assert (f'href="../{name}/model.safetensors"' in page.text) == has_weights
        assert (f'href="{name}/notebook.html"' in page.text) == (gallery / name / "notebook.ipynb").exists()
        assert f'src="{name}/losses.svg"' in page.text


def test_a_page_without_weights_says_how_to_get_them(gallery, tmp_path):
    page = (gallery / "gallery" / "mnist-lpaae-s1.html").read_text()
    assert "Its weights are not here" in page and "python -m lprior fetch FILE" in page
    shutil.copytree(PUBLISHED / "mnist-lpaae-s1", tmp_path / "mnist-lpaae-s1")  # without the sums of an archive
    write_gallery(tmp_path)
    page = (tmp_path / "gallery" / "mnist-lpaae-s1.html").read_text()
    assert "Its weights are not here" in page and "fetch" not in page
    assert "python -m lprior run mnist-lpaae-s1 --preset quick" in page


@pytest.mark.parametrize(
    ("name", "epochs"),
    [("mnist-aae-s0", [0, 3, 32]), ("mnist-lpaae-s0", list(range(0, 21, 2))), ("cifar10-lpaae-s0", list(range(11)))],
)
def test_the_slider_has_the_epochs_of_the_frames_or_the_animation_or_the_evolution(gallery, name, epochs):
    page = Page(gallery / "gallery" / f"{name}.html")
    (section,) = page.of_class("animation")
    frames = json.loads(section["data-frames"])
    assert [frame["epoch"] for frame in frames] == epochs
    (slider,) = [attributes for tag, attributes in page.elements if attributes.get("type") == "range"]
    assert slider["max"] == str(len(epochs) - 1)
    for frame in frames:
        assert (gallery / "gallery" / frame["picture"]).exists()
    assert Page(gallery / "gallery" / "mnist-lpaae-s1.html").of_class("animation") == []


def test_every_reference_is_relative_and_there(gallery):
    for path in pages(gallery):
        base = next((found["href"] for tag, found in Page(path).elements if tag == "base"), "")
        for tag, attributes in Page(path).elements:
            for name in LINKS & attributes.keys():
                address = attributes[name]
                if address.startswith(("data:image", "#")) or tag == "base":
                    continue
                if address.startswith("https://"):  # a reader may follow it; a page does without
                    assert tag == "a" and "notebook.html" in path.name, (path, address)
                    continue
                there = path.parent / base / unquote(address.partition("#")[0])
                assert not Path(address).is_absolute() and ":" not in address and there.exists(), (path, address)
                assert there.resolve().is_relative_to(gallery.resolve())


def test_no_page_asks_a_network_or_names_this_machine(gallery):
    for path in [*pages(gallery), *(gallery / "gallery").glob("*.css"), *(gallery / "gallery").glob("*.js")]:
        text = path.read_text()
        assert not re.search(r"(?i)@import|\bfetch\(|XMLHttpRequest|url\(['\"]?(https?:)?//|<iframe", text), path
        assert path.parent.parent.name != "gallery" or "<script" not in text, path  # of notebooks
        assert not re.search(r"<(script|link|img)[^>]*(https?:)?//", re.sub(r"data:[^\"]*", "", text)), path
        assert str(gallery) not in text and str(PUBLISHED.parents[1]) not in text


def test_the_plane_shows_what_the_model_makes_of_the_noise(gallery):
    model = load(gallery / "mnist-lpaae-s0")
    with Image.open(gallery / "gallery" / "mnist-lpaae-s0" / "plane.webp") as picture:
        assert picture.size == (SIDE * 28, SIDE * 28)
        (tile,) = pil_to_tensor(picture.convert("L").crop((0, 0, 28, 28)))
    corner = torch.special.ndtri(torch.tensor([0.5 / SIDE, 1 - 0.5 / SIDE])) * (model.config.code / 2) ** 0.5
    noise = torch.zeros(1, model.config.code)
    noise[0, :2] = corner
    assert (model.generate(noise)[0, 0] - tile.float()).abs().mean() < 8  # WebP is with loss
    with Image.open(gallery / "gallery" / CONDITIONAL / "plane.webp") as picture:
        assert picture.size == (10 * SIDE_WITH_S * 28, SIDE_WITH_S * 28)


def test_the_configuration_is_told_as_the_difference_from_the_preset():
    config = resolve("lpaae", "mnist", "quick", "supervised", seed=1, epochs=3, lam=20.0)
    assert {name: (before, after) for name, before, after in departures(config, "")} == {
        "epochs": (20, 3), "condition": ("none", "supervised"), "lam": (50.0, 20.0),
        "lam_info": (1.0, 0.2),
    }  # fmt: skip
    assert command(config) == (
        "python -m lprior run mnist-lpaae-supervised-s1 --preset quick --set epochs=3 --set lam=20.0"
    )
    assert departures(resolve("aae", "mnist", "quick"), "") == []


def test_runs_of_values_that_their_preset_no_longer_has_are_named():
    now = resolve("lpaae", "cifar10", "quick", "supervised")
    assert in_words([now, resolve("lpaae", "cifar10", "quick")]) == ""
    before = [resolve("lpaae", "cifar10", "quick", variant, lam=0.5) for variant in ("", "fixed", "fixed")]
    assert in_words([now, *before]) == (
        r"Trained with \texttt{lam=0.5}, where the preset has 1.0 by now: LP-AAE; LP-AAE, fixed prior."
    )


def test_the_same_runs_give_the_same_pages(gallery, tmp_path):
    again = tmp_path / gallery.name
    shutil.copytree(gallery, again)
    (again / "gallery" / "left.html").touch()
    write_gallery(again)
    files = [sorted(path.relative_to(folder) for path in folder.rglob("*")) for folder in (gallery, again)]
    assert files[0] == files[1]
    for path in files[0]:
        if path.suffix in (".html", ".svg", ".webp"):
            assert (gallery / path).read_bytes() == (again / path).read_bytes(), path


def test_curves_drawn_again_are_those_drawn_anew(tmp_path):
    logs = [RunFolder(PUBLISHED / name).log() for name in ("cifar10-aae-s0", "mnist-aae-s0", "mnist-aae-s1")]
    logs[0] = logs[0].set_axis(logs[1].columns, axis=1)  # other epochs, minutes and ranges
    for make in (curves.loss_figure, curves.metrics_figure):
        again = make(logs[0])
        for log in logs[1:]:
            curves.redraw(again, log)
            for name, figure in (("again", again), ("anew", make(log))):
                figures.save_svg(figure, tmp_path / f"{name}.svg")
            assert (tmp_path / "again.svg").read_bytes() == (tmp_path / "anew.svg").read_bytes()


def test_formulas_become_mathml_and_code_stays():
    assert "<msub>" in in_mathml("weights $D_C$ and $$x$$") and 'display="block"' in in_mathml("$$x$$")
    assert in_mathml("`echo $A $B` and\n\n```\n$x$\n```") == "`echo $A $B` and\n\n```\n$x$\n```"


def test_a_study_has_cards_without_pictures(tmp_path):
    shutil.copytree(PUBLISHED / "codes", tmp_path / "codes")
    page = Page(write_gallery(tmp_path / "codes"))
    assert len(page.of_class("card")) == len(STUDIES["codes"].models) and "numbers only" in page.text


def test_folders_of_runs_within_have_pages_and_a_link(tmp_path):
    shutil.copytree(PUBLISHED / "mnist-lpaae-s1", tmp_path / "mnist-lpaae-s1")
    shutil.copytree(PUBLISHED / "codes", tmp_path / "codes")
    page = Page(write_gallery(tmp_path))
    assert ("a", {"class": "button", "href": "codes/index.html"}) in page.elements
    assert len(page.of_class("card")) == 1
    assert len(Page(tmp_path / "codes" / "index.html").of_class("card")) == len(STUDIES["codes"].models)


def test_a_folder_without_runs_is_refused(tmp_path, capsys):
    assert "holds no finished run to show" in refused(capsys, ["gallery", tmp_path])
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "results" / "published").mkdir(parents=True)
    (tmp_path / "file").touch()
    said = refused(capsys, ["gallery", tmp_path / "resluts" / "published"])
    assert said.endswith(f"published does not exist: did you mean '{tmp_path / 'results' / 'published'}'?")
    assert refused(capsys, ["gallery", tmp_path / "xyz"]).endswith("xyz does not exist: is its name right?")
    assert "is no folder" in refused(capsys, ["gallery", tmp_path / "file"])


@pytest.mark.parametrize("name", ["index.html", "gallery/mine.txt"])
def test_what_is_not_of_a_gallery_is_not_lost(tmp_path, capsys, name):
    shutil.copytree(PUBLISHED / "mnist-lpaae-s1", tmp_path / "mnist-lpaae-s1")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    assert "of something else" in refused(capsys, ["gallery", tmp_path])
    assert (tmp_path / name).read_text() == "mine"


def test_the_command_says_what_to_open(tmp_path, capsys):
    shutil.copytree(PUBLISHED / "mnist-lpaae-s1", tmp_path / "mnist-lpaae-s1")
    assert cli.main(["gallery", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"open {tmp_path / 'index.html'} in a browser\n"


@pytest.mark.parametrize(("dataset", "size"), [("mnist", 203), ("cifar10", 231)])
def test_the_cover_shows_three_models_the_control_and_real_images(tmp_path, dataset, size):
    output = tmp_path / "cover.png"
    assert cli.main(["cover", str(PUBLISHED), str(output), "--dataset", dataset]) == 0
    with Image.open(output) as picture:
        assert picture.size == (5 * 2 * (size + 1) + 4 * GAP, 2 * (size + 1) + 2 * LINE)
        first = picture.convert("L").crop((2, LINE + 2, 2 + 56, LINE + 2 + 56)).resize((28, 28), 0)
    if dataset == "mnist":
        sample = load(PUBLISHED / "mnist-aae-s0").sample(1)[0].float()
        assert (sample - pil_to_tensor(first).float()).abs().max() <= 32  # in 16 shades


def test_a_cover_names_the_models_without_runs(tmp_path, capsys):
    shutil.copytree(PUBLISHED / "mnist-aae-s0", tmp_path / "mnist-aae-s0")
    assert "no finished run on mnist of LP-AAE, fixed prior, LP-AAE" in refused(
        capsys, ["cover", tmp_path, tmp_path / "cover.png"]
    )


DESK = {"viewport": {"width": 1200, "height": 900}, "color_scheme": "light"}
PHONE_AT_NIGHT = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}
GROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 22, 26)"}  # as gallery.css has it


@pytest.fixture
def browse(browser, gallery):
    """Opens a page of the gallery from disk; at the end, no script of it may have failed."""
    opened, errors = [], []

    def open_(address: str, look: dict = DESK):
        page = browser.new_page(**look)
        opened.append(page)
        page.on("pageerror", lambda error: errors.append(error))
        page.goto(f"{gallery.as_uri()}/{address}")
        return page

    yield open_
    for page in opened:
        page.close()
    assert errors == []


@pytest.mark.parametrize("look", [DESK, PHONE_AT_NIGHT], ids=["desk", "phone_at_night"])
@pytest.mark.parametrize(
    "address",
    ["index.html", "gallery/compare.html", f"gallery/{CONDITIONAL}.html", "gallery/cifar10-lpaae-s0.html",
     "gallery/latent_space/notebook.html"],
)  # fmt: skip
def test_in_a_browser_a_page_fits_the_window_by_day_and_night(browse, address, look):
    page = browse(address, look)
    assert page.evaluate("document.documentElement.scrollWidth") <= look["viewport"]["width"]
    ground, ink = page.evaluate(
        "(({ backgroundColor, color }) => [backgroundColor, color])(getComputedStyle(document.body))"
    )
    assert ground == GROUND[look["color_scheme"]] and lightness(ink) * lightness(ground) < 0


def lightness(colour: str) -> float:
    """From -1 to 1 for "rgb(0, 0, 0)" to "rgb(255, 255, 255)"."""
    return sum(map(int, re.findall(r"\d+", colour))) / 3 / 127.5 - 1


@pytest.mark.parametrize("look", [DESK, PHONE_AT_NIGHT], ids=["desk", "phone_at_night"])
def test_in_a_browser_the_filter_hides_other_cards(browse, look):
    page = browse("index.html", look)
    shown = page.locator(".card:visible")
    counts = [shown.count()]
    for name, value in (("data set", "MNIST"), ("model", "AAE"), ("variant", "supervised")):
        page.get_by_label(name).select_option(value)
        counts.append(shown.count())
    assert counts == [4, 3, 1, 0] and page.get_by_text("No model has all of these.").is_visible()


@pytest.mark.parametrize("look", [DESK, PHONE_AT_NIGHT], ids=["desk", "phone_at_night"])
def test_in_a_browser_the_slider_chooses_the_frame_and_the_pointer_the_tile(browse, look):
    page = browse("gallery/mnist-lpaae-s0.html", look)
    slider, said, frame = (
        page.get_by_label("epoch", exact=True),
        page.locator(".animation output"),
        page.locator(".frame"),
    )
    assert said.inner_text() == "epoch 20"
    slider.press("Home")
    slider.press("ArrowRight")
    assert said.inner_text() == "epoch 2" and "mnist-lpaae-s0/epoch-0002.png" in frame.get_attribute("style")
    pad, tile = page.locator(".pad"), page.locator(".tile")
    at = "element => element.style.backgroundPosition"
    pad.hover(position={"x": 1, "y": pad.bounding_box()["height"] - 1})
    assert tile.evaluate(at) == "0% 100%"
    pad.press("ArrowUp")
    assert tile.evaluate(at) == f"0% {100 * (SIDE - 2) / (SIDE - 1):g}%"


def test_in_a_browser_two_runs_stand_side_by_side(browse, gallery):
    page, pair = browse("gallery/compare.html#cifar10-lpaae-s0,mnist-lpaae-s1"), ("cifar10-lpaae-s0", "mnist-lpaae-s1")
    metrics = [RunFolder(gallery / name).read_json("metrics.json") for name in pair]
    fid = [f"{next(value for key, value in one.items() if key.startswith('fid_')):.2f}" for one in metrics]
    for side, name, value, pictures in zip(page.locator(".side").all(), pair, fid, (5, 1), strict=True):
        assert side.locator("select").input_value() == name
        assert side.locator("td").nth(1).inner_text() == value and side.locator(".pictures img").count() == pictures
