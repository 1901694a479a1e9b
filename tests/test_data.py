import errno
import gzip
import hashlib
import json
import os
import struct
import threading
from dataclasses import replace
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from torchvision import datasets

from lprior import __main__ as cli
from lprior import data
from lprior.config import resolve
from lprior.data import DATASETS, files, mnist, sums
from lprior.errors import DataUnavailable, UserError
from lprior.runs import parse_run
from lprior.streams import batches, generator

KIND = {"mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST}
COUNTS = {"train": 12, "t10k": 5}


def idx(values: torch.Tensor) -> bytes:
    """The IDX format of MNIST: two zeros, 8 for unsigned bytes, the number of dimensions, the sizes, the bytes."""
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    return header + values.to(torch.uint8).numpy().tobytes()


@pytest.fixture(params=KIND)
def name(request) -> str:
    return request.param


@pytest.fixture
def pixels() -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    return {split: torch.randint(256, (n, 28, 28), generator=random) for split, n in COUNTS.items()}


@pytest.fixture
def archives(name, pixels, tmp_path, monkeypatch) -> Path:
    """A root with the four archives of a data set, whose checksums torchvision is told; no network; an own cache."""
    folder = tmp_path / "root" / KIND[name].__name__ / "raw"
    folder.mkdir(parents=True)
    resources = []
    for split, n in COUNTS.items():
        for kind, values in (("images-idx3", pixels[split]), ("labels-idx1", torch.arange(n) % 10)):
            file, content = f"{split}-{kind}-ubyte.gz", gzip.compress(idx(values))
            (folder / file).write_bytes(content)
            resources.append((file, hashlib.md5(content).hexdigest()))
    monkeypatch.setattr(KIND[name], "resources", resources)
    monkeypatch.setattr(sums, "KNOWN", {})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    no_network(monkeypatch, RuntimeError("no network"))
    return folder


def no_network(monkeypatch, error: Exception) -> None:
    def download(self):
        raise error

    monkeypatch.setattr(datasets.MNIST, "download", download)


def unpack(folder: Path) -> None:
    for path in folder.glob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()


@pytest.mark.parametrize(("split", "stem"), [("train", "train"), ("test", "t10k")])
def test_archives_give_their_images_and_labels(name, archives, pixels, tmp_path, split, stem):
    dataset = data.load(name, tmp_path / "root", split)
    assert dataset.images.dtype == torch.uint8 and dataset.labels.dtype == torch.int64
    assert torch.equal(dataset.images, pixels[stem].unsqueeze(1).to(torch.uint8))
    assert torch.equal(dataset.labels, torch.arange(COUNTS[stem]) % 10)
    assert dataset.sha256 == hashlib.sha256(pixels[stem].to(torch.uint8).numpy().tobytes()).hexdigest()


def test_the_root_comes_from_the_environment_if_it_is_not_given(name, archives, tmp_path, monkeypatch):
    monkeypatch.setenv("LPRIOR_DATA", str(tmp_path / "root"))
    assert len(data.load(name).images) == COUNTS["train"]


def test_unpacked_files_are_enough(name, archives, pixels, tmp_path):
    unpack(archives)
    assert torch.equal(data.load(name, tmp_path / "root").images[:, 0], pixels["train"].to(torch.uint8))


def test_nothing_is_written_beside_the_archives(name, archives, tmp_path):
    before = sorted(archives.iterdir())
    archives.chmod(0o555)
    data.load(name, tmp_path / "root")
    assert sorted(archives.iterdir()) == before
    assert sorted((tmp_path / "root").rglob("*")) == [archives.parent, archives, *before]
    assert not (tmp_path / "cache").exists()


def test_a_corrupt_archive_is_named_with_both_checksums(name, archives, tmp_path):
    path = archives / "t10k-images-idx3-ubyte.gz"
    expected = hashlib.md5(path.read_bytes()).hexdigest()
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    found = hashlib.md5(path.read_bytes()).hexdigest()
    with pytest.raises(UserError) as caught:
        data.load(name, tmp_path / "root")
    assert all(word in str(caught.value) for word in (str(path), expected, found))
    assert "\n" not in str(caught.value)


def test_a_missing_sibling_is_named(name, archives, tmp_path):
    (archives / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(UserError, match="train-labels-idx1-ubyte.gz is missing"):
        data.load(name, tmp_path / "root")


def test_unpacked_files_with_other_pixels_are_refused(name, archives, tmp_path, monkeypatch):
    unpack(archives)
    monkeypatch.setattr(sums, "KNOWN", {(name, "train"): sums.Known("Digits", 12, images="0" * 64)})
    with pytest.raises(UserError, match=f"the train images are not .*expected {'0' * 64}, found [0-9a-f]{{64}}"):
        data.load(name, tmp_path / "root")


def test_labels_that_were_exchanged_are_refused(name, archives, tmp_path, monkeypatch):
    unpack(archives)
    right = data.load(name, tmp_path / "root")
    known = sums.Known("Digits", 12, right.sha256, right.labels_sha256)
    monkeypatch.setattr(sums, "KNOWN", {(name, "train"): known})
    assert data.load(name, tmp_path / "root").labels_sha256 == right.labels_sha256
    (archives / "train-labels-idx1-ubyte").write_bytes(idx(right.labels.roll(1)))
    with pytest.raises(UserError, match="the train labels are not those of Digits: SHA-256 expected"):
        data.load(name, tmp_path / "root")


@pytest.mark.parametrize("what", ["images", "labels"])
def test_another_data_set_in_the_folder_is_named(name, archives, tmp_path, monkeypatch, what):
    """As MNIST in the folder of Fashion-MNIST."""
    unpack(archives)
    found = data.load(name, tmp_path / "root")
    other = {"images": found.sha256, "labels": found.labels_sha256}[what]
    monkeypatch.setattr(sums, "KNOWN", {("others", "train"): sums.Known("Others", 12, **{what: other})})
    with pytest.raises(UserError, match=f"MNIST/raw: these are the train {what} of Others"):
        data.load(name, tmp_path / "root")


def test_fewer_images_than_the_data_set_has_are_refused(name, archives, tmp_path, monkeypatch):
    unpack(archives)
    monkeypatch.setattr(sums, "KNOWN", {(name, "test"): sums.Known("Digits", 10_000)})
    with pytest.raises(UserError, match="Digits has 10000 test images, not 5"):
        data.load(name, tmp_path / "root", "test")


def test_the_sums_of_every_data_set_that_can_be_known_are_known():
    rows = {("mnist", 60_000, 10_000), ("mnist5k", 4500, 500), ("cifar10-jpeg", 50_000, 10_000)}
    for name, *counts in rows:
        for split, count in zip(("train", "test"), counts, strict=True):
            known = sums.KNOWN[name, split]
            assert known.count == count and len(known.images) == len(known.labels) == 64
    hashes = [text for known in sums.KNOWN.values() for text in (known.images, known.labels) if text]
    assert len(set(hashes)) == len(hashes) == 12


ONES = torch.ones(12, 28, 28)
DAMAGE = {  # of unpacked files: which, what is in it, what is said of it
    "truncated": ("train-images-idx3-ubyte", idx(ONES)[:-1], "has 9423 bytes, but 9424 by its header"),
    "too long": ("train-images-idx3-ubyte", idx(ONES) + b"x", "has 9425 bytes, but 9424 by its header"),
    "empty": ("train-images-idx3-ubyte", b"", "is no IDX file of images"),
    "header alone": ("train-labels-idx1-ubyte", struct.pack(">BBBBI", 0, 0, 8, 1, 0), "is no IDX file of labels"),
    "floats": ("train-images-idx3-ubyte", b"\0\0\x0d" + idx(ONES)[3:], "is no IDX file of images"),
    "labels as images": ("train-images-idx3-ubyte", idx(torch.ones(12)), "is no IDX file of images"),
    "other size": ("train-images-idx3-ubyte", idx(torch.ones(12, 14, 56)), "has images of 14x56 pixels instead of"),
    "fewer labels": ("train-labels-idx1-ubyte", idx(torch.ones(11)), "12 images have 11 labels"),
    "wrong label": ("train-labels-idx1-ubyte", idx(torch.full((12,), 10)), "label 10 is out of range"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_named_with_what_is_wrong(name, archives, tmp_path, damage):
    unpack(archives)
    file, content, said = DAMAGE[damage]
    (archives / file).write_bytes(content)
    with pytest.raises(UserError) as caught:
        data.load(name, tmp_path / "root")
    assert said in str(caught.value) and str(archives) in str(caught.value) and "\n" not in str(caught.value)


def test_an_archive_that_is_none_is_named(name, archives, tmp_path, monkeypatch):
    """Even one that has its MD5 sum."""
    path = archives / "train-images-idx3-ubyte.gz"
    path.write_bytes(b"no archive")
    known = dict(KIND[name].resources) | {path.name: hashlib.md5(b"no archive").hexdigest()}
    monkeypatch.setattr(KIND[name], "resources", list(known.items()))
    with pytest.raises(UserError, match=f"{path} is no gzip file"):
        data.load(name, tmp_path / "root")


@pytest.mark.parametrize("packed", [True, False])
def test_a_folder_in_the_place_of_a_file_is_named(name, archives, tmp_path, packed):
    if not packed:
        unpack(archives)
    path = archives / ("train-images-idx3-ubyte" + ".gz" * packed)
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError, match=f"cannot read {path}: Is a directory"):
        data.load(name, tmp_path / "root")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read_is_named(name, archives, tmp_path):
    path = archives / "train-images-idx3-ubyte.gz"
    path.chmod(0)
    with pytest.raises(UserError, match=f"cannot read {path}: Permission denied"):
        data.load(name, tmp_path / "root")


def test_files_left_by_an_older_program_are_not_read_instead_of_the_archives(name, archives, pixels, tmp_path):
    """Unpacked or converted ones, of which nobody knows whether they are whole."""
    folder = tmp_path / "cache" / "lprior" / archives.parent.name
    for part in ("raw", "processed"):
        (folder / part).mkdir(parents=True)
    for file in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"):
        (folder / "raw" / file).write_bytes(b"half")
    wrong = torch.zeros(12, 28, 28, dtype=torch.uint8), torch.zeros(12, dtype=torch.int64)
    for file in ("training.pt", "test.pt"):
        torch.save(wrong, folder / "processed" / file)
    for root in (tmp_path / "root", tmp_path / "cache" / "lprior"):
        (root / archives.parent.name / "raw").mkdir(parents=True, exist_ok=True)
        for path in archives.iterdir():
            (root / archives.parent.name / "raw" / path.name).write_bytes(path.read_bytes())
        assert torch.equal(data.load(name, root).images[:, 0], pixels["train"].to(torch.uint8))


def test_what_is_downloaded_is_kept_whole(name, archives, pixels, tmp_path, monkeypatch):
    asked = []

    def fetch(self):
        asked.append(self.root)
        Path(self.raw_folder).mkdir(parents=True)
        for path in archives.iterdir():
            (Path(self.raw_folder) / path.name).write_bytes(path.read_bytes())
            (Path(self.raw_folder) / path.stem).write_bytes(gzip.decompress(path.read_bytes()))

    monkeypatch.setattr(datasets.MNIST, "download", fetch)
    for split, stem in (("train", "train"), ("test", "t10k")):
        found = data.load(name, tmp_path / "nowhere", split)
        assert torch.equal(found.images[:, 0], pixels[stem].to(torch.uint8)) and "downloaded" in found.source
    assert len(asked) == 1
    kept = [path for path in (tmp_path / "cache" / "lprior").rglob("*") if path.is_file()]
    assert {path.name for path in kept} == {path.name for path in archives.iterdir()}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_download_that_cannot_be_kept_is_no_missing_data(name, archives, tmp_path, monkeypatch, number):
    no_network(monkeypatch, OSError(number, "reason"))
    with pytest.raises(UserError, match="cannot write.*XDG_CACHE_HOME.*LPRIOR_DATA") as caught:
        data.load(name, tmp_path / "nowhere")
    assert not isinstance(caught.value, DataUnavailable) and "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [RuntimeError("no route"), URLError("no route"), ConnectionResetError()], ids=repr)
def test_missing_data_without_a_network_names_the_folder_and_the_ways_out(name, tmp_path, monkeypatch, error):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    no_network(monkeypatch, error)
    with pytest.raises(DataUnavailable) as caught:
        data.load(name, tmp_path / "nowhere")
    message = str(caught.value)
    folder = tmp_path / "nowhere" / KIND[name].__name__ / "raw"
    for word in (str(folder), "train-images-idx3-ubyte.gz", "--data", "$LPRIOR_DATA", "mnist5k"):
        assert word in message
    assert "\n" not in message


def test_an_unknown_data_set_is_an_error_that_lists_the_known_ones():
    with pytest.raises(UserError, match="'imagenet' is unknown.*mnist, fashion-mnist, mnist5k"):
        data.load("imagenet")
    with pytest.raises(UserError, match="'mnits' is unknown: did you mean 'mnist'"):
        data.load("mnits")


@pytest.mark.parametrize("name", DATASETS)
def test_a_row_of_the_table_is_loaded_by_its_name_with_its_title(name, tmp_path, monkeypatch):
    """Whatever the row is; what the loader says of the pixels goes before the row's own title."""
    spec, folders = DATASETS[name], []

    def loader(root, split):
        folders.append((root, split))
        images = torch.zeros(3, spec.channels, spec.size, spec.size, dtype=torch.uint8)
        return data.Dataset(name, images, torch.arange(3), "made here", title)

    monkeypatch.setitem(DATASETS, name, replace(spec, load=loader))
    for title, expected in (("", spec.title), ("from elsewhere", "from elsewhere")):
        assert data.load(name, tmp_path, "test").title == expected
    assert folders == [(tmp_path, "test")] * 2


def test_a_new_data_set_is_one_row(tmp_path, monkeypatch):
    def loader(root, split):
        return data.Dataset("dots", torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.arange(2), "made here")

    spec = data.Spec("Dots", 1, 4, ("no", "yes"), "digits", None, loader)
    monkeypatch.setitem(DATASETS, "dots", spec)
    assert data.load("dots").title == "Dots"
    assert parse_run("dots-aae-s0")["dataset"] == "dots"
    assert resolve("aae", "dots", "smoke").image_size == 4


@pytest.mark.parametrize(
    ("labels", "named"),
    [([0, 10], "label 10 is out of range: labels go from 0 to 9"), ([-1, 0], "label -1 is out of range"),
     ([0.0, 1.0], "labels must be whole numbers from 0 to 9, not torch.float32")],
    ids=str,
)  # fmt: skip
def test_labels_of_no_class_are_refused(labels, named):
    with pytest.raises(UserError, match=named):
        data.Dataset("mnist", torch.zeros(2, 1, 28, 28, dtype=torch.uint8), torch.tensor(labels), "made here")


@pytest.mark.parametrize(
    ("images", "labels", "named"),
    [(torch.zeros(3, 1, 4, 4, dtype=torch.uint8), torch.arange(2), "3 images have 2 labels"),
     (torch.zeros(2, 1, 4, 4), torch.arange(2), "images must be torch.uint8 in 4 dimensions, not torch.float32 in 4"),
     (torch.zeros(2, 4, 4, dtype=torch.uint8), torch.arange(2), "in 4 dimensions, not torch.uint8 in 3"),
     (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.arange(2).int(), "labels must be torch.int64")],
    ids=["numbers", "floats", "dimensions", "labels"],
)  # fmt: skip
def test_images_and_labels_that_do_not_belong_together_are_refused(images, labels, named):
    with pytest.raises(UserError, match=named):
        data.Dataset("mnist", images, labels, "made here")


def test_mnist5k_is_split_into_4500_and_500_balanced_and_disjoint():
    train, test = data.load("mnist5k"), data.load("mnist5k", split="test")
    assert (train.images.shape, test.images.shape) == ((4500, 1, 28, 28), (500, 1, 28, 28))
    assert train.labels.bincount().tolist() == [450] * 10
    assert test.labels.bincount().tolist() == [50] * 10
    together = torch.cat([train.images, test.images]).flatten(1)
    assert len(together.unique(dim=0)) == 5000


def test_the_first_images_of_mnist5k_are_a_mixture_of_classes():
    assert data.load("mnist5k").head(200).labels.bincount(minlength=10).min() >= 5


def test_mnist5k_is_the_same_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert data.load("mnist5k").sha256 == data.load("mnist5k").sha256
    assert [path.name for path in (tmp_path / "lprior").iterdir()] == ["mnist5k.pt"], "a part of a file was left"


@pytest.fixture(scope="module")
def embedded() -> tuple[torch.Tensor, torch.Tensor]:
    return mnist._embedded()


@pytest.fixture
def kept(embedded, tmp_path, monkeypatch) -> Path:
    """The cache file of mnist5k, which is there; decoding it is quick."""
    monkeypatch.setattr(mnist, "_embedded", lambda: embedded)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data.load("mnist5k")
    return tmp_path / "cache" / "lprior" / "mnist5k.pt"


def change(path: Path, **changes) -> None:
    torch.save(torch.load(path) | changes, path)


CACHES = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-1000]),
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(b"no tensors"),
    "a tensor": lambda path: torch.save(torch.zeros(3), path),
    "rolled labels": lambda path: change(path, labels=torch.load(path)["labels"].roll(1)),
    "a pixel": lambda path: change(path, images=torch.load(path)["images"].clamp(max=254)),
    "an older version": lambda path: torch.save({key: torch.load(path)[key] for key in ("images", "labels")}, path),
}


@pytest.mark.parametrize("damage", CACHES)
def test_a_damaged_cache_is_made_anew_with_a_line(kept, capsys, damage):
    CACHES[damage](kept)
    assert data.load("mnist5k").sha256 == sums.KNOWN["mnist5k", "train"].images
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and str(kept) in said[0] and "anew" in said[0]
    assert data.load("mnist5k", split="test").labels_sha256 == sums.KNOWN["mnist5k", "test"].labels
    assert capsys.readouterr() == ("", "")


def test_other_digits_than_the_known_ones_are_refused(kept, embedded, monkeypatch):
    kept.unlink()
    monkeypatch.setattr(mnist, "_embedded", lambda: (embedded[0], embedded[1].roll(500)))
    with pytest.raises(UserError, match="mnist5k.pt.*the train labels are not those of the embedded digits"):
        data.load("mnist5k")


def test_a_cache_file_of_a_killed_process_never_appears(kept, monkeypatch):
    kept.unlink()

    def half(path, content):
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", half)
        with pytest.raises(KeyboardInterrupt):
            data.load("mnist5k")
    assert not kept.exists()
    assert len(data.load("mnist5k").images) == 4500


def test_two_that_decode_at_once_both_succeed(kept, monkeypatch):
    """Here two threads, which have the same process id, as processes in two containers have."""
    kept.unlink()
    meet, replace_, found = threading.Barrier(2), files.os.replace, []

    def wait(*arguments):
        meet.wait(20)
        replace_(*arguments)

    monkeypatch.setattr(files.os, "replace", wait)
    threads = [threading.Thread(target=lambda: found.append(data.load("mnist5k").sha256)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [sums.KNOWN["mnist5k", "train"].images] * 2
    assert list(kept.parent.iterdir()) == [kept]


def test_a_cache_that_cannot_be_written_is_one_line_with_the_ways_out(kept, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(UserError) as caught:
        data.load("mnist5k")
    message = str(caught.value)
    assert all(word in message for word in (str(tmp_path / "file"), "$XDG_CACHE_HOME", "$LPRIOR_DATA"))
    assert "\n" not in message


def test_a_full_disk_is_one_line_that_names_the_file(kept, monkeypatch):
    kept.unlink()

    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match=f"cannot write {kept}: the disk is full") as caught:
        data.load("mnist5k")
    assert "\n" not in str(caught.value) and not list(kept.parent.iterdir())


def test_without_a_home_folder_the_way_out_is_named(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(UserError, match="XDG_CACHE_HOME"):
        data.load("mnist5k")


def test_the_command_tells_the_sums_of_pixels_and_labels(kept, capsys):
    assert cli.main(["data", "mnist5k"]) == 0
    description = json.loads(capsys.readouterr().out)
    for split in ("train", "test"):
        known = sums.KNOWN["mnist5k", split]
        assert description[split] == {
            "shape": [known.count, 1, 28, 28], "sha256": known.images, "labels_sha256": known.labels,
        }  # fmt: skip


def test_head_takes_the_first_images_and_none_takes_all():
    dataset = data.load("mnist5k", split="test")
    assert torch.equal(dataset.head(7).images, dataset.images[:7])
    assert torch.equal(dataset.head(7).labels, dataset.labels[:7])
    assert len(dataset.head(None).images) == 500


def test_padding_surrounds_the_image_with_zeros():
    dataset = data.load("mnist5k", split="test").head(3)
    padded = dataset.padded(32).images
    assert padded.shape == (3, 1, 32, 32)
    assert torch.equal(padded[..., 2:30, 2:30], dataset.images)
    assert padded.sum() == dataset.images.sum()
    assert torch.equal(dataset.padded(28).images, dataset.images)


@pytest.mark.parametrize("size", [28, 32])
def test_cropping_takes_padding_away(size):
    images = data.load("mnist5k", split="test").images[:3]
    padded = data.pad(images, size)
    assert padded.shape == (3, 1, size, size)
    assert torch.equal(data.crop(padded, 28), images)


def epoch(seed: int, number: int, count: int = 20, size: int = 6) -> torch.Tensor:
    return torch.stack(list(batches(count, size, seed, number)))


def test_batches_hold_each_index_at_most_once_and_drop_the_rest():
    order = epoch(0, 1)
    assert order.shape == (3, 6)
    assert len(order.unique()) == 18 and order.min() >= 0 and order.max() < 20
    assert epoch(0, 1, count=18).flatten().sort().values.tolist() == list(range(18))


def test_batches_depend_on_seed_and_epoch_alone():
    first = epoch(3, 1)
    torch.manual_seed(99)
    assert torch.equal(epoch(3, 1), first)
    assert not torch.equal(epoch(3, 2), first)
    assert not torch.equal(epoch(4, 1), first)


def test_random_streams_of_different_purposes_differ():
    draws = [torch.randn(4, generator=generator(0, purpose, i)) for purpose, i in (("a", 0), ("b", 0), ("a", 1))]
    assert len(torch.stack(draws).unique(dim=0)) == 3


def test_every_grey_value_survives_the_way_to_float_and_back():
    images = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    x = data.to_float(images)
    assert (x.dtype, x.min().item(), x.max().item()) == (torch.float32, -1, 1)
    assert torch.equal(data.to_uint8(x), images)


def test_values_outside_the_range_are_clamped():
    assert data.to_uint8(torch.tensor([-3.0, 3.0])).tolist() == [0, 255]
