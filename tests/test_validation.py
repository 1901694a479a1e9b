"""Images held out for choices: what is trained on, what is measured on, what keys say, and where such a run ends."""

import json

import pytest
import torch

from lprior import data
from lprior.config import from_dict, resolve
from lprior.errors import UserError
from lprior.evaluation.metrics import against, in_words
from lprior.publish import publish
from lprior.report.document import write_report
from lprior.results import RunFolder
from lprior.training.run import run

HELD_OUT = 300


def trial(**changes):
    return resolve("aae", "mnist5k", "smoke", images=128, epochs=1, validation=HELD_OUT, **changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run(trial(), tmp_path_factory.mktemp("trials") / "mnist5k-aae-s0", device="cpu").path


def test_the_two_parts_share_no_image_and_none_is_of_the_test_images():
    whole = data.load("mnist5k")
    train, held_out = data.split("mnist5k", validation=HELD_OUT)
    assert torch.equal(torch.cat([train.images, held_out.images]), whole.images)
    assert torch.equal(torch.cat([train.labels, held_out.labels]), whole.labels)
    assert (len(held_out.images), held_out.split) == (HELD_OUT, "val")


def test_the_first_images_never_reach_into_those_held_out():
    whole = len(data.load("mnist5k").images)
    train, _ = data.split("mnist5k", images=whole, validation=HELD_OUT)
    assert len(train.images) == whole - HELD_OUT


def test_without_them_the_test_images_are_measured_on():
    train, test = data.split("mnist5k", images=7)
    assert torch.equal(test.images, data.load("mnist5k", split="test").images)
    assert (len(train.images), test.split) == (7, "test")


def test_something_must_be_left_to_train_on():
    with pytest.raises(UserError, match="leaves none of the 4500 images"):
        data.split("mnist5k", validation=4500)


def test_keys_say_what_was_measured_on(folder):
    metrics = RunFolder(folder).read_json("metrics.json")
    assert {key for key in metrics if key.endswith("_test")} == set()
    assert {"reconstruction_mse_val", "fid_mnist_clf1_1k_val"} <= metrics.keys()
    assert "fid_mnist_clf1_1k_val" in RunFolder(folder).log().columns
    assert in_words("fid_mnist_clf1_2k_val") == "FID of 2,000 samples"


def test_only_the_split_in_a_key_is_changed():
    assert against("val", {"fid_x_test": 1, "score_x_10k": 2, "test_fid": 3}) == {
        "fid_x_val": 1, "score_x_10k": 2, "test_fid": 3
    }  # fmt: skip
    assert against("test", {"fid_x_test": 1}) == {"fid_x_test": 1}


def test_a_configuration_says_it_where_images_are_held_out_and_else_says_what_it_always_said():
    assert trial().to_dict()["validation"] == HELD_OUT
    assert from_dict(json.loads(json.dumps(trial().to_dict()))) == trial()
    plain = resolve("aae", "mnist5k", "smoke")
    assert "validation" not in plain.to_dict() and from_dict(plain.to_dict()) == plain


def test_such_a_run_is_neither_published_nor_reported(folder, tmp_path):
    with pytest.raises(UserError, match="is a trial"):
        publish(folder, tmp_path / "published")
    with pytest.raises(UserError, match="held out of the training"):
        write_report(folder.parent, tmp_path / "report", [])
    assert list(tmp_path.iterdir()) == []
