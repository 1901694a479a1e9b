"""Published sheets: what is read of them, and that the committed scores are whole."""

import pytest
import torch

from lprior import data
from lprior.errors import UserError
from lprior.evaluation.formulas import classifier_score
from lprior.evaluation.judges import load_evaluator, protocol
from lprior.figures import sheet
from lprior.report import sheets
from lprior.report.sheets import SHEETS, Sheet, prepared, published
from lprior.report.tables import sheets_table


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


def test_a_missing_sheet_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(sheets, "SHEETS", {"one": Sheet("one", "mnist5k", "none_*.png")})
    with pytest.raises(UserError, match=r"no sheet none_\*.png"):
        dict(sheets.score_sheets(tmp_path))


def test_the_committed_scores_are_of_all_sheets_and_by_the_present_judges():
    found = published()
    assert found.keys() == SHEETS.keys() and len(sheets_table().rows.splitlines()) == len(SHEETS)
    for key, row in found.items():
        assert row["title"] == SHEETS[key].title and row["files"]
        for name in ("first", "second"):
            assert row[name]["protocol"] == protocol(row["dataset"], second=name == "second")
            assert 1 <= row[name]["score"] <= 10 and row[name]["real"]["samples"] >= 62
