"""SVHN: digits of house numbers, in colour, 32x32 pixels (Netzer et al. 2011), in torchvision's files of that format.

<root>/train_32x32.mat, <root>/test_32x32.mat    MATLAB files, verified by the MD5 sums that torchvision knows
"""

from functools import partial
from pathlib import Path

import torch

from lprior.data.files import cache, download, verify
from lprior.data.images import Dataset
from lprior.data.sums import check


def load_svhn(root: Path, split: str) -> Dataset:
    """One split of SVHN from `root`, else downloaded; the 531,131 easier images of its "extra" part are not used.

    Raises UserError for a corrupt file, DataUnavailable if there is nothing to load.
    """
    from torchvision import datasets

    kind = partial(datasets.SVHN, split=split)
    _, file, md5 = datasets.SVHN.split_list[split]
    folder, source = root, "files at hand, checksums verified"
    if not (root / file).exists():
        folder, source = cache(), "downloaded by torchvision, checksums verified"
        if not (folder / file).exists():
            advice = "Put the files there, or name another folder with --data or $LPRIOR_DATA"
            download(kind, [file], f"SVHN is not in {root} ({file})", advice)
    verify(folder / file, md5)
    contents = kind(folder)
    images, labels = torch.from_numpy(contents.data).contiguous(), torch.from_numpy(contents.labels)
    return check(Dataset("svhn", images, labels, source), "svhn", split, folder / file)
