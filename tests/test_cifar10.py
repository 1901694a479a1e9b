import hashlib
import io
import lzma
import pickle
import tarfile
from dataclasses import replace

import pytest
import torch
from PIL import Image

from lprior import data
from lprior.data import cifar10, sums
from lprior.data.cifar10 import load_cifar10
from lprior.data.pictures import CLASSES
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


def pack(root, target):
    """The archive of the pictures in `root`."""
    path = target / "cifar10-jpeg-imagefolder.tar.xz"
    with tarfile.open(path, "w:xz") as archive:
        for split in ("test", "train"):
            archive.add(root / "cifar10" / split, split)
    return path


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
    pack(root, tmp_path)
    for split in ("train", "test"):
        from_folder, from_archive = load_cifar10(root, split), load_cifar10(tmp_path, split)
        assert torch.equal(from_folder.images, from_archive.images)
        assert torch.equal(from_folder.labels, from_archive.labels)
        assert from_archive.title == "CIFAR-10 (JPEG)"


def test_pictures_are_decoded_once(tmp_path, monkeypatch):
    root = make_pictures(tmp_path)
    first = load_cifar10(root, "train")
    monkeypatch.setattr(cifar10, "decode", lambda *arguments: pytest.fail("decoded again"))
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


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1"])
def test_a_picture_of_another_mode_is_named(tmp_path, mode):
    root = make_pictures(tmp_path)
    Image.new(mode, (32, 32)).save(root / "cifar10" / "train" / "deer" / "0001.png")
    with pytest.raises(UserError, match=f"train/deer/0001.png is of mode {mode} instead of RGB"):
        load_cifar10(root, "train")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp"])
def test_a_truncated_picture_is_named(tmp_path, suffix):
    root = make_pictures(tmp_path, suffix)
    picture = root / "cifar10" / "train" / "cat" / f"0002{suffix}"
    content = picture.read_bytes()
    for length in range(0, len(content) - 12, 1 + len(content) // 50):  # the end of a PNG file is 12 bytes
        picture.write_bytes(content[:length])
        with pytest.raises(UserError, match=f"train/cat/0002{suffix} (is corrupt|has .* pixels)") as caught:
            load_cifar10(root, "train")
        assert "\n" not in str(caught.value)


def test_a_picture_that_is_a_folder_is_named(tmp_path):
    (make_pictures(tmp_path) / "cifar10" / "train" / "cat" / "0009.png").mkdir()
    with pytest.raises(UserError, match="cannot read .*cat/0009.png: Is a directory"):
        data.load("cifar10", tmp_path)


@pytest.mark.parametrize(
    ("name", "is_folder", "said"),
    [("cifar10", True, "train has no pictures of airplane, "), ("cifar10", False, "is not a folder of pictures"),
     ("cifar10-jpeg.tar.xz", True, "Is a directory"), ("cifar10-jpeg.tar.xz", False, "is corrupt"),
     ("cifar-10-python.tar.gz", True, "Is a directory"), ("cifar-10-python.tar.gz", False, "is corrupt: MD5 expected"),
     ("cifar-10-batches-py", True, "is missing files"), ("cifar-10-batches-py", False, "is missing files")],
)  # fmt: skip
def test_nothing_in_the_place_of_something_is_named(tmp_path, name, is_folder, said):
    (tmp_path / name).mkdir() if is_folder else (tmp_path / name).touch()
    with pytest.raises(UserError, match=said) as caught:
        data.load("cifar10", tmp_path)
    assert str(tmp_path / name) in str(caught.value) and "\n" not in str(caught.value)


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


def test_an_archive_that_is_damaged_anywhere_is_refused(tmp_path):
    path = pack(make_pictures(tmp_path / "folder", ".jpg"), tmp_path)
    content = path.read_bytes()
    for place in range(0, len(content), len(content) // 20):
        flipped, end = bytes([content[place] ^ 1]), content[place + 1 :]
        for damaged in (content[:place], content[:place] + bytes(64) + end[63:], content[:place] + flipped + end):
            path.write_bytes(damaged)
            with pytest.raises(UserError, match=f"{path}.* is corrupt") as caught:
                load_cifar10(tmp_path, "train")
            assert "\n" not in str(caught.value)


def test_an_archive_that_seems_to_end_early_is_refused(tmp_path):
    """A whole xz file of a tar file with a damaged header, at which tarfile stops as if nothing came after it."""
    path = pack(make_pictures(tmp_path / "folder", ".jpg"), tmp_path)
    content = lzma.decompress(path.read_bytes())
    place = content.rindex(b"././@PaxHeader")  # of the last picture
    path.write_bytes(lzma.compress(content[:place] + b"X" + content[place + 1 :]))
    with pytest.raises(UserError, match=f"{path} is corrupt .pictures are behind its end"):
        load_cifar10(tmp_path, "train")


def test_an_archive_that_holds_a_picture_twice_is_refused(tmp_path):
    folder = make_pictures(tmp_path / "folder", ".jpg") / "cifar10"
    with tarfile.open(tmp_path / "cifar10-jpeg.tar.xz", "w:xz") as archive:
        for name in ("train", "other/train"):
            archive.add(folder / "train", name)
    with pytest.raises(UserError, match=r"train/airplane/0000.jpg is there twice"):
        load_cifar10(tmp_path, "train")


def test_the_known_archive_has_the_known_pixels_and_labels(tmp_path, monkeypatch):
    path = pack(make_pictures(tmp_path / "folder", ".jpg"), tmp_path)
    found = load_cifar10(tmp_path, "train")
    known = sums.Known("the pictures", 30, found.sha256, found.labels_sha256)
    monkeypatch.setattr(cifar10, "JPEG_ARCHIVE", hashlib.sha256(path.read_bytes()).hexdigest())
    for changes, said in (
        ({}, None), ({"count": 31}, "has 31 train images, not 30"),
        ({"images": "0" * 64}, "train images are not those"), ({"labels": "0" * 64}, "train labels are not those"),
    ):  # fmt: skip
        monkeypatch.setattr(sums, "KNOWN", {("cifar10-jpeg", "train"): replace(known, **changes)})
        if said is None:
            assert load_cifar10(tmp_path, "train").sha256 == known.images
        else:
            with pytest.raises(UserError, match=said):
                load_cifar10(tmp_path, "train")


def test_pictures_for_training_are_not_those_for_testing(tmp_path, monkeypatch):
    root = make_pictures(tmp_path)
    found = load_cifar10(root, "test")
    known = sums.Known("the pictures", 20, found.sha256, found.labels_sha256)
    monkeypatch.setattr(sums, "KNOWN", {("cifar10-jpeg", "train"): known})
    with pytest.raises(UserError, match="these are the train images of the pictures"):
        load_cifar10(root, "test")


DAMAGE = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-1000]),
    "empty": lambda path: path.write_bytes(b""),
    "rolled labels": lambda path: torch.save(
        (kept := torch.load(path)) | {"labels": kept["labels"].roll(1)}, path
    ),
    "an older version": lambda path: torch.save({key: torch.load(path)[key] for key in ("images", "labels")}, path),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_decoded_pictures_are_decoded_anew_with_a_line(tmp_path, capsys, damage):
    root = make_pictures(tmp_path)
    first = load_cifar10(root, "train")
    (kept,) = (tmp_path / "cache" / "lprior").iterdir()
    DAMAGE[damage](kept)
    capsys.readouterr()
    again = load_cifar10(root, "train")
    assert (again.sha256, again.labels_sha256) == (first.sha256, first.labels_sha256)
    said = [line for line in capsys.readouterr().err.splitlines() if "decoding" not in line]
    assert len(said) == 1 and str(kept) in said[0] and "anew" in said[0]


@pytest.fixture
def official(tmp_path, monkeypatch):
    """The archive of CIFAR-10 itself, of few random pictures, whose sums torchvision is told."""
    from torchvision.datasets import CIFAR10

    random, lists = torch.Generator().manual_seed(0), {"train_list": [], "test_list": []}
    contents = {"batches.meta": {"label_names": list(CLASSES)}}
    for name, which in (("data_batch_1", "train_list"), ("data_batch_2", "train_list"), ("test_batch", "test_list")):
        pixels = torch.randint(256, (10, 3072), generator=random, dtype=torch.uint8).numpy()
        contents[name] = {"data": pixels, "labels": list(range(10))}
        lists[which].append([name, hashlib.md5(pickle.dumps(contents[name])).hexdigest()])
    path = tmp_path / "root" / CIFAR10.filename
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as archive:
        for name, content in contents.items():
            entry = tarfile.TarInfo(f"{CIFAR10.base_folder}/{name}")
            entry.size = len(pickle.dumps(content))
            archive.addfile(entry, io.BytesIO(pickle.dumps(content)))
    meta = CIFAR10.meta | {"md5": hashlib.md5(pickle.dumps(contents["batches.meta"])).hexdigest()}
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    for name, value in (lists | {"meta": meta, "tgz_md5": md5}).items():
        monkeypatch.setattr(CIFAR10, name, value)
    monkeypatch.setattr(sums, "KNOWN", {})
    monkeypatch.setattr(CIFAR10, "download", lambda self: pytest.fail("downloaded"))
    return path


def test_the_official_archive_is_read_and_unpacked_once(official, tmp_path, capsys):
    before = official.stat()
    dataset = load_cifar10(official.parent, "train")
    assert dataset.images.shape == (20, 3, 32, 32) and dataset.labels.bincount().tolist() == [2] * 10
    assert (dataset.title, dataset.source) == ("", "files at hand, checksums verified")
    unpacked = tmp_path / "cache" / "lprior" / "cifar-10-batches-py"
    times = {path: path.stat().st_mtime_ns for path in unpacked.iterdir()}
    assert len(times) == 4 and len(load_cifar10(official.parent, "test").images) == 10
    assert {path: path.stat().st_mtime_ns for path in unpacked.iterdir()} == times
    assert (list(official.parent.iterdir()), official.stat().st_mtime_ns) == ([official], before.st_mtime_ns)
    assert capsys.readouterr().err == ""


def test_a_damaged_unpacked_archive_in_the_cache_is_made_anew_with_a_line(official, tmp_path, capsys):
    first = load_cifar10(official.parent, "train")
    path = tmp_path / "cache" / "lprior" / "cifar-10-batches-py" / "data_batch_2"
    path.write_bytes(path.read_bytes()[:-10])
    assert load_cifar10(official.parent, "train").sha256 == first.sha256
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and str(path.parent) in said[0] and "anew" in said[0]


def test_a_damaged_official_archive_is_not_unpacked(official, tmp_path):
    official.write_bytes(official.read_bytes()[:-10])
    with pytest.raises(UserError, match=f"{official} is corrupt: MD5 expected [0-9a-f]{{32}}, found [0-9a-f]{{32}}"):
        load_cifar10(official.parent, "train")
    assert not (tmp_path / "cache").exists()


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
