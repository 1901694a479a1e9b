import pickle
import tarfile
from dataclasses import replace

import pytest
import torch
from PIL import Image

from lprior.data import cifar10
from lprior.data.cifar10 import CLASSES, load_cifar10
from lprior.errors import DataUnavailable, UserError
from lprior.streams import generator


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def make_pictures(root, suffix=".png", train=3, test=2):
    """A picture's shade tells its class, split and number."""
    for split, count in (("train", train), ("test", test)):
        for label, name in enumerate(CLASSES):
            folder = root / "cifar10" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                shade = (20 * label, 10 * number, 200 if split == "train" else 0)
                Image.new("RGB", (32, 32), shade).save(folder / f"{number:04d}{suffix}")
    return root


def sorted_again(dataset):
    """In the order before it was shuffled."""
    order = torch.randperm(len(dataset.images), generator=generator(0, "cifar10", 0)).argsort()
    return replace(dataset, images=dataset.images[order], labels=dataset.labels[order])


def test_pictures_are_ordered_by_class_and_name_before_they_are_shuffled(tmp_path):
    root = make_pictures(tmp_path)
    dataset = sorted_again(load_cifar10(root, "train"))
    images, labels = dataset.images, dataset.labels
    assert images.shape == (30, 3, 32, 32) and images.dtype == torch.uint8
    assert labels.tolist() == [label for label in range(10) for _ in range(3)]
    assert images[:, 0, 0, 0].tolist() == [20 * label for label in labels.tolist()]
    assert images[:, 1, 0, 0].tolist() == [0, 10, 20] * 10
    assert (images[:, 2] == 200).all()
    assert dataset.title == "CIFAR-10 (image files)" and "cifar10" in dataset.source


def test_pictures_are_shuffled_and_keep_their_labels(tmp_path):
    dataset = load_cifar10(make_pictures(tmp_path), "train")
    assert dataset.images[:, 0, 0, 0].tolist() == [20 * label for label in dataset.labels.tolist()]
    assert len(dataset.labels[:10].unique()) >= 5


def test_the_test_split_has_its_own_pictures(tmp_path):
    dataset = load_cifar10(make_pictures(tmp_path), "test")
    assert len(dataset.images) == 20 and (dataset.images[:, 2] == 0).all()
    assert dataset.labels.bincount().tolist() == [2] * 10


def test_lossy_pictures_are_titled_so(tmp_path):
    assert load_cifar10(make_pictures(tmp_path, ".jpg"), "train").title == "CIFAR-10 (JPEG)"


def test_an_archive_gives_what_its_folder_gives(tmp_path):
    root = make_pictures(tmp_path / "folder", ".jpg")
    with tarfile.open(tmp_path / "cifar10-jpeg-imagefolder.tar.xz", "w:xz") as archive:
        for split in ("test", "train"):
            archive.add(root / "cifar10" / split, split)
    for split in ("train", "test"):
        from_folder, from_archive = load_cifar10(root, split), load_cifar10(tmp_path, split)
        assert torch.equal(from_folder.images, from_archive.images)
        assert torch.equal(from_folder.labels, from_archive.labels)
        assert from_archive.title == "CIFAR-10 (JPEG)"


def test_pictures_are_decoded_once(tmp_path, monkeypatch):
    root = make_pictures(tmp_path)
    first = load_cifar10(root, "train")
    monkeypatch.setattr(cifar10, "_decode", lambda *arguments: pytest.fail("decoded again"))
    assert torch.equal(load_cifar10(root, "train").images, first.images)


def test_a_changed_folder_is_decoded_again(tmp_path):
    root = make_pictures(tmp_path)
    load_cifar10(root, "train")
    Image.new("RGB", (32, 32), (255, 255, 255)).save(root / "cifar10" / "train" / "cat" / "0009.png")
    assert len(load_cifar10(root, "train").images) == 31


def test_a_picture_of_another_size_is_named(tmp_path):
    root = make_pictures(tmp_path)
    Image.new("RGB", (28, 32)).save(root / "cifar10" / "train" / "deer" / "0001.png")
    with pytest.raises(UserError, match=r"train/deer/0001.png has \(28, 32\) pixels"):
        load_cifar10(root, "train")


def test_a_corrupt_picture_is_named(tmp_path):
    root = make_pictures(tmp_path)
    (root / "cifar10" / "test" / "ship" / "0000.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match="test/ship/0000.png is corrupt"):
        load_cifar10(root, "test")


@pytest.mark.parametrize("change", ["unknown", "missing"])
def test_the_classes_must_be_those_of_cifar10(tmp_path, change):
    root = make_pictures(tmp_path)
    folder = root / "cifar10" / "train" / "frog"
    if change == "unknown":
        folder.rename(folder.with_name("toad"))
    else:
        for picture in folder.iterdir():
            picture.unlink()
    with pytest.raises(UserError, match="toad is not a class" if change == "unknown" else "no pictures of frog"):
        load_cifar10(root, "train")


def test_a_corrupt_archive_is_refused(tmp_path):
    (tmp_path / "cifar10-jpeg-imagefolder.tar.xz").write_bytes(b"no archive")
    with pytest.raises(UserError, match="cifar10-jpeg-imagefolder.tar.xz is corrupt"):
        load_cifar10(tmp_path, "train")


def test_a_damaged_official_archive_is_refused(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "data_batch_1").write_bytes(pickle.dumps({"data": b"", "labels": []}))
    with pytest.raises(UserError, match="missing files or corrupt"):
        load_cifar10(tmp_path, "train")


def test_without_files_and_network_the_choices_are_said(tmp_path, monkeypatch):
    from torchvision import datasets

    def no_network(self):
        raise OSError("no network")

    monkeypatch.setattr(datasets.CIFAR10, "download", no_network)
    with pytest.raises(DataUnavailable, match="cifar-10-python.tar.gz.*no network.*--data"):
        load_cifar10(tmp_path, "train")


@pytest.mark.parametrize("networks", ["compact", "paper", "strong"])
def test_a_run_on_colour_pictures_is_whole(tmp_path, networks):
    from lprior.config import resolve
    from lprior.model import load
    from lprior.training.run import run

    root = make_pictures(tmp_path, ".jpg", train=13, test=6)
    changes = {"images": 128, "epochs": 1, "samples": 120, "networks": networks, "width": 2}
    config = resolve("lpaae", "cifar10", "smoke", **changes)
    result = run(config, tmp_path / "run", data_root=root, device="cpu")
    assert Image.open(result / "samples.png").size == (342, 342)
    assert result.read_json("provenance.json")["data_title"] == "CIFAR-10 (JPEG)"
    metrics = result.read_json("metrics.json")
    assert {"fid_cifar10_clf1_120_test", "score_cifar10_clf1_120"} <= set(metrics)
    assert not [key for key in metrics if key.startswith("parzen")]
    assert load(tmp_path / "run").sample(3).shape == (3, 3, 32, 32)
