"""SVHN's files, made here in small: what they hold, what is wrong with them, and a run on them."""

import hashlib

import numpy as np
import pytest
from scipy.io import savemat
from torchvision import datasets

from lprior import data
from lprior.config import resolve
from lprior.data import sums
from lprior.data.svhn import load_svhn
from lprior.errors import DataUnavailable, UserError
from lprior.training.run import run

COUNTS = {"train": 130, "test": 20}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder with both files; their sums and counts take the place of the real ones."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    known = {}
    for split, count in COUNTS.items():
        path = tmp_path / f"{split}_32x32.mat"
        pixels = np.random.default_rng(count).integers(0, 256, (32, 32, 3, count), dtype=np.uint8)
        savemat(path, {"X": pixels, "y": np.arange(count, dtype=np.uint8)[:, None] % 10 + 1})
        known[split] = ["http://nowhere", path.name, hashlib.md5(path.read_bytes()).hexdigest()]
        monkeypatch.setitem(sums.KNOWN, ("svhn", split), sums.Known("SVHN", count))
    monkeypatch.setattr(datasets.SVHN, "split_list", known)
    return tmp_path


def test_pixels_are_in_our_order_and_ten_is_the_digit_zero(files):
    from scipy.io import loadmat

    found, kept = data.load("svhn", files, "test"), loadmat(files / "test_32x32.mat")
    assert found.images.shape == (20, 3, 32, 32) and found.title == "SVHN" and "at hand" in found.source
    assert found.images[7, 2, 3, 5] == kept["X"][3, 5, 2, 7]
    assert found.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0] * 2


def test_a_damaged_file_is_named_with_its_sum(files):
    path = files / "train_32x32.mat"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UserError, match=f"{path} is corrupt: MD5 expected [0-9a-f]{{32}}, found [0-9a-f]{{32}}"):
        load_svhn(files, "train")


def test_what_is_downloaded_is_kept_and_said(files, tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    monkeypatch.setattr(
        datasets.SVHN, "download", lambda self: (files / self.filename).rename(f"{self.root}/{self.filename}")
    )
    first = load_svhn(empty, "train")
    assert "downloaded" in first.source and load_svhn(empty, "train").sha256 == first.sha256


def test_without_files_and_network_the_choices_are_said(files, tmp_path, monkeypatch):
    def no_network(self):
        raise OSError("no network")

    monkeypatch.setattr(datasets.SVHN, "download", no_network)
    with pytest.raises(DataUnavailable, match="SVHN is not in .*train_32x32.mat.*no network.*--data"):
        load_svhn(tmp_path / "empty", "train")


def test_lpaae_with_labels_trains_on_it(files):
    config = resolve("lpaae", "svhn", "smoke", "supervised", images=128, epochs=1, samples=100, width=2)
    result = run(config, files / "run", data_root=files, device="cpu")
    assert result.read_json("provenance.json")["data_title"] == "SVHN" and (result / "samples.png").exists()
    assert 0 <= result.read_json("metrics.json")["accuracy_q_test"] <= 1
