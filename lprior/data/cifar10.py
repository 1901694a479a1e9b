"""CIFAR-10: the verified archive, or a folder of pictures, decoded once into one tensor.

    <root>/cifar-10-python.tar.gz or cifar-10-batches-py/        the data set itself, which torchvision verifies
    <root>/cifar10/{train,test}/<class>/<picture>                pictures, such as PNG or JPEG files
    <root>/cifar10-*.tar.xz                                      the same folders as an archive

Pictures that were encoded with loss are not CIFAR-10 bit for bit, so that the data set's title says it.
"""

import tarfile
import zlib
from pathlib import Path

import torch

from lprior.data.files import cache, decoded, download, say, verify, write
from lprior.data.images import Dataset
from lprior.data.pictures import decode, identity, lossy
from lprior.data.sums import check
from lprior.errors import UserError

JPEG_TITLE = "CIFAR-10 (JPEG)"
# The archive whose pixels and labels `sums.KNOWN` has; others' pictures are verified by what their cache file says.
JPEG_ARCHIVE = "5d146434035a824b34c6d663a559ee70caa786d3697795adfaaab8fbc15cc05f"


def load_cifar10(root: Path, split: str) -> Dataset:
    """CIFAR-10 from one of the places above, else downloaded, in a fixed random order.

    Raises UserError for a corrupt or wrong file, DataUnavailable if there is nothing to load.
    """
    from torchvision import datasets

    kind = datasets.CIFAR10
    if _is_there(kind, root):
        return _official(kind, root, split, "files at hand, checksums verified")
    for pictures in (root / "cifar10", *sorted(root.glob("cifar10-*.tar.xz"))):
        if pictures.exists():
            return _pictures(pictures, split)
    if not _is_there(kind, cache()):
        lack = f"CIFAR-10 is not in {root} ({kind.filename}, or pictures in cifar10/{{train,test}}/<class>/)"
        advice = "Put the files there, or name another folder with --data or $LPRIOR_DATA"
        download(kind, [kind.filename], lack, advice)
    return _official(kind, cache(), split, "downloaded by torchvision, checksums verified")


def _is_there(kind: type, root: Path) -> bool:
    return (root / kind.base_folder).exists() or (root / kind.filename).exists()


def _official(kind: type, root: Path, split: str, source: str) -> Dataset:
    """Of the unpacked archive in `root`, else of the archive, which is unpacked into the cache."""
    folder, archive = root / kind.base_folder, root / kind.filename
    if archive.exists() and (root == cache() or not folder.exists()):
        folder = cache() / kind.base_folder
        _unpack(kind, archive, folder)
    if damaged := _damaged(kind, folder):
        raise UserError(f"{folder} is missing files or corrupt ({', '.join(damaged)}): delete or replace it")
    contents = kind(folder.parent, train=split == "train")
    images = torch.from_numpy(contents.data).permute(0, 3, 1, 2).contiguous()
    dataset = Dataset("cifar10", images, torch.tensor(contents.targets), source).shuffled()
    return check(dataset, "cifar10", split, folder)


def _damaged(kind: type, folder: Path) -> list[str]:
    """The files of the unpacked archive that are missing, or do not have the MD5 sums that torchvision knows."""
    from torchvision.datasets.utils import check_integrity

    expected = [*kind.train_list, *kind.test_list, (kind.meta["filename"], kind.meta["md5"])]
    return [name for name, md5 in expected if not check_integrity(folder / name, md5)]


def _unpack(kind: type, archive: Path, target: Path) -> None:
    """Those files that are not yet in the folder `target` of the cache. Raises UserError for a corrupt archive."""
    verify(archive, kind.tgz_md5)
    damaged = _damaged(kind, target)
    if any((target / name).exists() for name in damaged):
        say(f"{target} is damaged: unpacking it anew")
    if damaged:
        try:
            with tarfile.open(archive) as files:
                for name in damaged:
                    write(target / name, files.extractfile(f"{kind.base_folder}/{name}").read())
        except (tarfile.TarError, EOFError, zlib.error, KeyError) as error:
            raise UserError(f"{archive} is corrupt ({error}). Delete or replace it") from error


def _pictures(source: Path, split: str) -> Dataset:
    """One split of a folder or an archive, decoded, or from the cache if these files were decoded before."""
    sum_of_files = identity(source)
    images, labels = decoded(cache() / f"cifar10-{split}-{sum_of_files[:16]}.pt", lambda: decode(source, split))
    title = JPEG_TITLE if lossy(source) else "CIFAR-10 (image files)"
    dataset = Dataset("cifar10", images, labels, f"pictures of {source.name}", title).shuffled()
    return check(dataset, "cifar10-jpeg", split, f"{source}, as Pillow decodes it", exact=sum_of_files == JPEG_ARCHIVE)
