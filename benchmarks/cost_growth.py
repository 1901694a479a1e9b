"""Whether the cost of training is flat over epochs and linear in the images: LP-AAE of the smoke preset, 50 epochs."""

import torch
from common import configuration, images_for, parser, report, run

from lprior.benchmark.step import EPOCH
from lprior.benchmark.timing import summary
from lprior.device import choose_device, peak_memory_bytes
from lprior.errors import UserError
from lprior.training.configured import start

PARTS = 5  # into which the epochs are divided


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__, updates=20, repeats=1, preset="smoke")
    options.add_argument("--epochs", type=int, default=50, help="divisible by 5 (default: 50)")
    options = options.parse_args(arguments)
    if options.epochs < PARTS or options.epochs % PARTS:
        raise UserError(f"--epochs must be divisible by {PARTS}, not {options.epochs}")
    config, device = configuration(options, "lpaae"), choose_device(options.device)
    images = images_for(options, config).to(device)

    rows, length = [], options.epochs // PARTS
    training = start(config, device)
    next(training.epochs(images, 1))  # which allocates and, on a GPU, captures
    for _ in range(PARTS):
        last = training.epoch + length
        seconds = [row["seconds"] / len(images) for row in training.epochs(images, last)]
        rows.append(describe(f"epochs {last - length} to {last - 1}", seconds, device))
    for share in (4, 2, 1):
        some = images[: len(images) // share]
        training = start(config, device)
        next(training.epochs(some, 1))
        seconds = [row["seconds"] / len(some) for row in training.epochs(some, 1 + length)]
        rows.append(describe(f"{len(some)} images", seconds, device))
    columns = {f"s per {EPOCH:,} images": ("seconds_per_epoch", ".2f"), "peak memory MB": ("memory_mb", ",.0f")}
    report("cost_growth", rows, options, columns)


def describe(name: str, seconds_per_image: list[float], device: torch.device) -> dict:
    return {
        "name": name,
        "seconds_per_epoch": summary([EPOCH * seconds for seconds in seconds_per_image]),
        "memory_mb": peak_memory_bytes(device) / 1e6,
    }


if __name__ == "__main__":
    run(main)
