"""What a configuration makes of the training loop: the state in which a run begins, and the epochs that follow."""

from collections.abc import Callable, Iterable, Iterator

import torch

from lprior import config as configuration
from lprior import data
from lprior.config import RunConfig
from lprior.device import has_bfloat16
from lprior.streams import followed
from lprior.training.loop import Training


def start(config: RunConfig, device: torch.device, engine: str = "auto", bfloat16: bool | None = None) -> Training:
    """The state in which a run of this configuration begins. `bfloat16` None: where the device is faster with it."""
    torch.manual_seed(config.seed)
    algorithm = configuration.build(config)
    algorithm.to(device, memory_format=torch.channels_last)
    bfloat16 = has_bfloat16(device) if bfloat16 is None else bfloat16
    return Training(
        algorithm, config.seed, config.batch_size, config.ema_decay, bfloat16, falling=config.falling, engine=engine
    )


def epochs_of(
    training: Training, train: data.Dataset, config: RunConfig, watch: Callable | None = None
) -> Iterator[dict]:
    """The rows of the log that are still to come, as a run of this configuration on `train` has them. `watch`: what
    `Training.epochs` wants."""
    known, labels = data.known_labels(train.labels, config.labelled, config.seed)

    def batches_of(batches: Iterable, count: int, epoch: int) -> Iterable:
        batches = followed(batches, known, config.seed, epoch)
        return batches if watch is None else watch(batches, count, epoch)

    images = train.padded(config.image_size).images.to(training.device)
    yield from training.epochs(images, config.epochs, batches_of, labels.to(training.device))
