"""Folders and archives of pictures, {train,test}/<class>/<picture>, as tensors."""

import hashlib
import io
import lzma
import tarfile
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from lprior.errors import UserError

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIZE = 32
LOSSY = {".jpg", ".jpeg"}
PICTURES = LOSSY | {".png", ".bmp"}


def decode(source: Path, split: str) -> tuple[Tensor, Tensor]:
    """Images uint8 (N, 3, 32, 32) and labels int64 (N,), ordered by class and name.

    Raises UserError for a picture that is corrupt, of another size or not RGB, and for other classes than `CLASSES`.
    """
    from torchvision.transforms.functional import pil_to_tensor
    from tqdm.auto import tqdm

    pictures, found = _in_archive if is_archive(source) else _in_folder, {}
    counted = tqdm(pictures(source, split), desc=f"decoding {source.name}, {split}", unit=" pictures", disable=None)
    for class_name, name, content in counted:
        if class_name not in CLASSES:
            raise UserError(f"{source}: {split}/{class_name} is not a class of CIFAR-10: {', '.join(CLASSES)}")
        this = f"{source}: the picture {split}/{class_name}/{name}"
        key = CLASSES.index(class_name), name
        if key in found:
            raise UserError(f"{this} is there twice: delete one of them")
        found[key] = pil_to_tensor(_opened(content, this))
    present = {label for label, _ in found}
    if missing := [name for label, name in enumerate(CLASSES) if label not in present]:
        raise UserError(f"{source}: {split} has no pictures of {', '.join(missing)}")
    order = sorted(found)
    return torch.stack([found[key] for key in order]), torch.tensor([label for label, _ in order])


def _opened(content: bytes, this: str):
    """The picture that `this` names. Raises UserError if it is not one of 32x32 pixels in RGB."""
    from PIL import Image

    try:
        Image.open(io.BytesIO(content)).verify()  # the sums that a PNG file has
        picture = Image.open(io.BytesIO(content))
        if picture.size == (SIZE, SIZE):
            picture.load()
    except Exception as error:  # PIL names no common class for what a damaged file may raise
        raise UserError(f"{this} is corrupt: delete or replace it") from error
    if picture.size != (SIZE, SIZE):
        raise UserError(f"{this} has {picture.size} pixels instead of 32x32")
    if picture.mode != "RGB":
        raise UserError(f"{this} is of mode {picture.mode} instead of RGB: convert or replace it")
    return picture


def _in_folder(folder: Path, split: str) -> Iterator[tuple[str, str, bytes]]:
    """Class, name and content of each picture."""
    for path in sorted((folder / split).glob("*/*")):
        if path.suffix.lower() in PICTURES:
            yield path.parent.name, path.name, path.read_bytes()


def _in_archive(archive: Path, split: str) -> Iterator[tuple[str, str, bytes]]:
    """The same, read in the order of the archive: seeking in a compressed file would unpack it again and again."""
    try:
        with tarfile.open(archive, "r:xz") as files:
            for member in files:
                parts = Path(member.name).parts
                if member.isfile() and parts[-3:-2] == (split,) and Path(member.name).suffix.lower() in PICTURES:
                    yield parts[-2], parts[-1], files.extractfile(member).read()
            while rest := files.fileobj.read(1 << 20):  # up to the sum of the whole, which is at the end
                if rest.strip(b"\0"):  # a damaged header looks to tarfile like the end
                    raise tarfile.ReadError("pictures are behind its end")
    except (tarfile.TarError, EOFError, OSError, lzma.LZMAError) as error:
        raise UserError(f"{archive} is corrupt ({error}): delete or replace it") from error


def is_archive(source: Path) -> bool:
    return source.name.endswith(".tar.xz")


def identity(source: Path) -> str:
    """A sum that changes when a picture is added, removed or replaced: of the archive, or of the files' names, sizes
    and times. Raises UserError if a file is where the folder should be."""
    if is_archive(source):
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if not source.is_dir():
        raise UserError(f"{source} is not a folder of pictures. Delete or replace it")
    files = sorted(path for path in source.rglob("*") if path.is_file())
    stamps = [(str(path.relative_to(source.parent)), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr(stamps).encode()).hexdigest()


def lossy(source: Path) -> bool:
    """Whether pictures were encoded with loss."""
    if is_archive(source):
        return "jpeg" in source.name
    return any(path.suffix.lower() in LOSSY for path in source.rglob("*"))
