"""Published sheets: what is read of them, and that the committed scores are whole."""

import hashlib

import pytest
import torch
from PIL import Image
from test_studies import run_with

from lprior import data
from lprior.errors import UserError
from lprior.evaluation.formulas import classifier_score
from lprior.evaluation.judges import load_evaluator, protocol
from lprior.figures import sheet
from lprior.report import panels, sheets
from lprior.report.sheets import SHEETS, Sheet, prepared, published
from lprior.report.tables import sheets_table
from lprior.stored import read_picture


@pytest.fixture
def digits():
    return data.load("mnist5k", split="test").images[:100]


def grey_and_large(images):
    """As the authors' sheets and those of 2018: 32 pixels a side, less contrast, a grey background."""
    large = torch.nn.functional.interpolate(images.float(), (32, 32), mode="bilinear")
    return (60 + large * 0.5).round().to(torch.uint8).expand(-1, 3, -1, -1)


def test_a_sheet_is_scored_as_its_images_are(digits, tmp_path, monkeypatch):
    sheet(digits.expand(-1, 3, -1, -1)).save(tmp_path / "one.png")
    sheet(digits.flip(0).expand(-1, 3, -1, -1)).save(tmp_path / "two.png")
    of_both = {"one": Sheet("one", "mnist5k", "one.png", 28), "all": Sheet("all", "mnist5k", "*.png", 28)}
    monkeypatch.setattr(sheets, "SHEETS", of_both)
    found = dict(sheets.score_sheets(tmp_path))
    expected = classifier_score(load_evaluator("mnist5k").measure(digits)[1])
    assert found["one"]["first"]["score"] == pytest.approx(expected, abs=0.02)
    assert found["one"]["second"]["protocol"] == protocol("mnist5k", second=True)
    assert (found["one"]["grid"], found["one"]["images"], found["all"]["images"]) == ([10, 10], 100, 200)
    assert [found[key]["first"]["real"]["samples"] for key in of_both] == [5, 2]  # of 500 test images
    assert len(found["all"]["files"]) == 2 and all(len(value) == 64 for value in found["all"]["files"].values())


def test_digits_are_brought_to_size_and_their_background_to_black(digits):
    changed = prepared(grey_and_large(digits), "mnist")
    assert changed.shape == digits.shape and changed.dtype == torch.uint8
    assert changed.flatten(1).median() == 0 and (changed.flatten(1).max(dim=1).values == 255).all()
    assert (changed.float() - digits.float()).abs().mean() < 12
    judge = load_evaluator("mnist")
    classes = [judge.measure(images)[1].argmax(dim=1) for images in (digits, changed)]
    assert (classes[0] == classes[1]).float().mean() > 0.95


def test_pictures_in_colour_stay_as_they_are():
    images = torch.randint(256, (4, 3, 32, 32)).to(torch.uint8)
    assert prepared(images, "cifar10") is images


def test_contrast_is_told_within_images_and_between_them():
    flat = torch.tensor([0, 100], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 4, 4)
    striped = torch.tensor([0, 100], dtype=torch.uint8).repeat(8).view(1, 1, 4, 4).expand(2, 3, 4, 4)
    assert sheets.contrasts(flat) == [0, pytest.approx(70.71)]
    assert sheets.contrasts(striped) == [pytest.approx(50.53), 0]


def test_contrasts_are_those_of_a_run_s_sheet_beside_published_ones(tmp_path, monkeypatch):
    bright = torch.tensor([0, 100], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 32, 32)
    run = run_with(tmp_path, "lpaae", dataset="cifar10")
    sheet(bright).save(run / "samples.png")
    theirs = {"title": "theirs", "dataset": "cifar10", "contrasts": [7.0, 8.0], "real contrasts": [53.0, 32.0]}
    monkeypatch.setattr(sheets, "published", lambda: {"a": theirs})
    said = sheets.contrasts_in_words([run], "cifar10")
    assert "of 53 within a picture" in said and said.endswith("LP-AAE 0 and 71. On published ones: theirs 7 and 8.")
    assert sheets.contrasts_in_words([run], "mnist").endswith("not measured.")


def test_a_missing_sheet_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(sheets, "SHEETS", {"one": Sheet("one", "mnist5k", "none_*.png")})
    with pytest.raises(UserError, match=r"no sheet none_\*.png"):
        dict(sheets.score_sheets(tmp_path))


def test_the_report_shows_the_very_sheets_that_were_scored(digits, tmp_path, monkeypatch):
    sheet(digits.expand(-1, 3, -1, -1)).save(tmp_path / "one.png")
    sheet(digits[:20].expand(-1, 3, -1, -1)).save(tmp_path / "two.png")
    sums = {name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("one.png", "two.png")}
    of_both = {"a/one": Sheet("one", "mnist5k", "one.png", 28), "a/two": Sheet("two", "mnist5k", "two.png", 28)}
    scored = {key: {"files": {one.files: sums[one.files]}} for key, one in of_both.items()}
    epochs = {"a": ("two.png", sums["two.png"])}
    replaced = {"SHEETS": of_both, "OTHERS": tuple(of_both), "published": lambda: scored, "EVOLUTIONS": epochs}
    for name, value in replaced.items():
        monkeypatch.setattr(panels, name, value)
    (tmp_path / "out").mkdir()
    panels.write_others(tmp_path, tmp_path / "out")
    shown = {path.name: read_picture(path).width for path in (tmp_path / "out").iterdir()}
    whole = {"others-a-evolution.png": read_picture(tmp_path / "two.png").width}
    assert shown == {"others-a-one.png": 3 * (7 * 29 + 1), "others-a-two.png": 3 * (4 * 29 + 1)} | whole
    monkeypatch.setattr(panels, "EVOLUTIONS", {"a": ("one.png", sums["two.png"])})
    with pytest.raises(UserError, match="one.png is not the picture of epochs that the report shows"):
        panels.write_others(tmp_path, tmp_path / "out")
    monkeypatch.setattr(panels, "EVOLUTIONS", {})
    (tmp_path / "two.png").write_bytes((tmp_path / "one.png").read_bytes())
    with pytest.raises(UserError, match="two.png is not the sheet that report/sheets.json has the score of"):
        panels.write_others(tmp_path, tmp_path / "out")


def test_labels_left_of_an_evolution_are_cut_off(tmp_path):
    picture = Image.new("RGB", (100, 40), "white")
    picture.paste("black", (20, 5, 95, 35))
    picture.paste("black", (3, 10, 9, 16))  # a label
    picture.save(tmp_path / "one.png")
    assert panels.unlabelled(tmp_path / "one.png").size == (75, 30)


def test_the_committed_scores_are_of_all_sheets_and_by_the_present_judges():
    found = published()
    assert found.keys() == SHEETS.keys() and len(sheets_table().rows.splitlines()) == len(SHEETS)
    for key, row in found.items():
        assert row["title"] == SHEETS[key].title and row["files"]
        for name in ("first", "second"):
            assert row[name]["protocol"] == protocol(row["dataset"], second=name == "second")
            assert ("contrasts" in row) == (row["dataset"] == "cifar10")
            assert 1 <= row[name]["score"] <= 10 and row[name]["real"]["samples"] >= 62
