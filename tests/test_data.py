import gzip
import hashlib
import struct
from dataclasses import replace
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from torchvision import datasets

from lprior import data
from lprior.config import resolve
from lprior.data import DATASETS, mnist
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
    monkeypatch.setattr(mnist, "PIXELS_SHA256", {})
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
    unpacked = tmp_path / "cache" / "lprior" / archives.parent.name / "raw"
    assert {path.name for path in unpacked.iterdir()} == {path.stem for path in before}


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
    monkeypatch.setattr(mnist, "PIXELS_SHA256", {(name, "train"): "0" * 64})
    with pytest.raises(UserError, match=f"expected {'0' * 64}, found [0-9a-f]{{64}}"):
        data.load(name, tmp_path / "root")


def test_the_checksums_of_mnist_itself_are_known():
    assert set(mnist.PIXELS_SHA256) >= {("mnist", "train"), ("mnist", "test")}


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
    with pytest.raises(UserError, match="'mnits' is unknown.*mnist, fashion-mnist, mnist5k"):
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
    assert not list(tmp_path.rglob("*.[0-9]*")), "a partly written file was left"


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
