"""FID, KID and Inception Score on torch-fidelity's Inception network, for who has its weights or can download them."""

from pathlib import Path
from urllib.error import URLError

import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from lprior.data import Dataset
from lprior.errors import DataUnavailable, UserError
from lprior.evaluation.metrics import thousands

FIRST = "Conv2d_1a_3x3.conv.weight"  # of torch-fidelity's network


def check_weights(path: str | Path) -> None:
    """Raises UserError for a file that cannot be these weights, without running what it may hold."""
    if not Path(path).is_file():
        raise UserError(f"the Inception weights {path} do not exist")
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # torch names no common class for what a damaged file may raise
        raise UserError(f"{path} does not hold weights: torch cannot read it") from error
    if not isinstance(weights, dict) or FIRST not in weights:
        raise UserError(f"{path} does not hold the weights of torch-fidelity's Inception")


def inception_metrics(samples: Tensor, test: Dataset, weights: str | Path | None = None) -> dict:
    """Metrics of uint8 samples (N, C, H, W) against all test images, with `inception` in each key.

    `weights`: the file of torch-fidelity's Inception; downloaded if None. Grey images are made RGB. Raises UserError
    for a file that is not these weights, DataUnavailable if they cannot be downloaded.
    """
    from torch_fidelity import calculate_metrics

    if weights is not None:
        check_weights(weights)
    count = min(1000, len(samples), len(test.images))
    try:
        found = calculate_metrics(
            input1=_Rgb(samples), input2=_Rgb(test.images), isc=True, fid=True, kid=True, kid_subset_size=count,
            isc_splits=1, batch_size=50, cuda=False, verbose=False, cache=False, save_cpu_ram=True,
            feature_extractor_weights_path=None if weights is None else str(weights),
        )  # fmt: skip
    except URLError as error:
        raise DataUnavailable(
            f"Inception metrics are not available: the weights cannot be downloaded ({error.reason}); "
            "give the file with --inception"
        ) from error
    except (RuntimeError, KeyError) as error:
        raise UserError(f"{weights} does not hold the weights of torch-fidelity's Inception") from error
    number = thousands(len(samples))
    return {
        f"fid_inception_{number}_test": found["frechet_inception_distance"],
        f"kid_inception_{number}_test": found["kernel_inception_distance_mean"],
        f"score_inception_{number}": found["inception_score_mean"],
    }


class _Rgb(TorchDataset):
    """uint8 images (3, H, W), as torch-fidelity takes them."""

    def __init__(self, images: Tensor):
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index].expand(3, -1, -1)
