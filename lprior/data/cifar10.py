"""CIFAR-10: the verified archive, or a folder of pictures, decoded once into one tensor.

    <root>/cifar-10-python.tar.gz or cifar-10-batches-py/        the data set itself, which torchvision verifies
    <root>/cifar10/{train,test}/<class>/<picture>                pictures, such as PNG or JPEG files
    <root>/cifar10-*.tar.xz                                      the same folders as an archive

Pictures that were encoded with loss are not CIFAR-10 bit for bit, so that the data set's title says it.
"""

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from lprior.data.files import cache
from lprior.data.images import Dataset
from lprior.errors import DataUnavailable, UserError

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIZE = 32
JPEG_TITLE = "CIFAR-10 (JPEG)"
LOSSY = {".jpg", ".jpeg"}
PICTURES = LOSSY | {".png", ".bmp"}


def load_cifar10(root: Path, split: str) -> Dataset:
    """CIFAR-10 from one of the places above, else downloaded, in a fixed random order.

    Raises UserError for a corrupt or wrong file, DataUnavailable if there is nothing to load.
    """
    images, labels, source, title = _found(root, cache(), split)
    return Dataset("cifar10", images, labels, source, title).shuffled()


def _found(root: Path, cache: Path, split: str) -> tuple[Tensor, Tensor, str, str]:
    """Images uint8 (N, 3, 32, 32), labels int64 (N,), the source in words, and the title for captions."""
    from torchvision import datasets

    kind = datasets.CIFAR10
    if (root / kind.base_folder).exists() or (root / kind.filename).exists():
        return *_official(kind, root, cache, split), "files at hand, checksums verified", ""
    archives = sorted(root.glob("cifar10-*.tar.xz")) if root.is_dir() else []
    if (root / "cifar10").is_dir():
        return *_cached(root / "cifar10", cache, split), _title(root / "cifar10")
    if archives:
        return *_cached(archives[0], cache, split), _title(archives[0])
    try:
        kind(cache, download=True)
    except (RuntimeError, OSError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise DataUnavailable(
            f"CIFAR-10 is not in {root} ({kind.filename}, or pictures in cifar10/{{train,test}}/<class>/) and cannot "
            f"be downloaded ({reason}). Put the files there, or name another folder with --data or $LPRIOR_DATA"
        ) from error
    return *_official(kind, cache, cache, split), "downloaded by torchvision, checksums verified", ""


def _official(kind: type, root: Path, cache: Path, split: str) -> tuple[Tensor, Tensor]:
    try:
        if not (root / kind.base_folder).exists():  # an archive alone, perhaps in a folder that is read-only
            with tarfile.open(root / kind.filename) as archive:
                archive.extractall(cache, filter="data")
            root = cache
        contents = kind(root, train=split == "train")
    except (RuntimeError, tarfile.TarError, EOFError) as error:
        raise UserError(f"{root / kind.base_folder} is missing files or corrupt: delete or replace it") from error
    return torch.from_numpy(contents.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(contents.targets)


def _cached(source: Path, cache: Path, split: str) -> tuple[Tensor, Tensor, str]:
    """Decode the pictures of one split, or take them from the cache if these files were decoded before."""
    pictures = _in_archive if source.is_file() else _in_folder
    kept = cache / f"cifar10-{split}-{_identity(source)}.pt"
    if not kept.exists():
        tensors = _decode(pictures(source, split), source, split)
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(f".{os.getpid()}")
        torch.save(tensors, partial)
        os.replace(partial, kept)
    tensors = torch.load(kept, weights_only=True)
    return tensors["images"], tensors["labels"], f"pictures of {source.name}"


def _decode(pictures: Iterator[tuple[str, str, bytes]], source: Path, split: str) -> dict[str, Tensor]:
    """Images and labels, ordered by class and name."""
    from PIL import Image, UnidentifiedImageError
    from torchvision.transforms.functional import pil_to_tensor
    from tqdm.auto import tqdm

    found = []
    counted = tqdm(pictures, desc=f"decoding {source.name}, {split}", unit=" pictures", disable=None)
    for class_name, name, content in counted:
        if class_name not in CLASSES:
            raise UserError(f"{source}: {split}/{class_name} is not a class of CIFAR-10: {', '.join(CLASSES)}")
        this = f"{source}: the picture {split}/{class_name}/{name}"
        try:
            picture = Image.open(io.BytesIO(content)).convert("RGB")
        except (UnidentifiedImageError, OSError) as error:
            raise UserError(f"{this} is corrupt: delete or replace it") from error
        if picture.size != (SIZE, SIZE):
            raise UserError(f"{this} has {picture.size} pixels instead of 32x32")
        found.append((CLASSES.index(class_name), name, pil_to_tensor(picture)))
    if {label for label, *_ in found} != set(range(len(CLASSES))):
        missing = [name for i, name in enumerate(CLASSES) if i not in {label for label, *_ in found}]
        raise UserError(f"{source}: {split} has no pictures of {', '.join(missing)}")
    found.sort(key=lambda entry: entry[:2])
    return {
        "images": torch.stack([image for *_, image in found]),
        "labels": torch.tensor([label for label, *_ in found]),
    }


def _in_folder(folder: Path, split: str) -> Iterator[tuple[str, str, bytes]]:
    """Class, name and content of each picture."""
    for path in sorted((folder / split).glob("*/*")):
        if path.suffix.lower() in PICTURES:
            yield path.parent.name, path.name, path.read_bytes()


def _in_archive(archive: Path, split: str) -> Iterator[tuple[str, str, bytes]]:
    """The same, read in the order of the archive: seeking in a compressed file would unpack it again and again."""
    try:
        with tarfile.open(archive) as files:
            for member in files:
                parts = Path(member.name).parts
                if member.isfile() and parts[-3:-2] == (split,) and Path(member.name).suffix.lower() in PICTURES:
                    yield parts[-2], parts[-1], files.extractfile(member).read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UserError(f"{archive} is corrupt ({error}): delete or replace it") from error


def _identity(source: Path) -> str:
    """Changes when a picture is added, removed or replaced; the pixels themselves are hashed when they are loaded."""
    files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    stamps = [(str(path.relative_to(source.parent)), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr(stamps).encode()).hexdigest()[:16]


def _title(source: Path) -> str:
    """"CIFAR-10 (JPEG)" if the pictures were encoded with loss."""
    if source.is_file():
        lossy = "jpeg" in source.name
    else:
        lossy = any(path.suffix.lower() in LOSSY for path in source.rglob("*"))
    return JPEG_TITLE if lossy else "CIFAR-10 (image files)"
