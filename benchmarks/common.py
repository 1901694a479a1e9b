"""What the comparisons share: their options, the turns that the contenders take, the table and the file they leave."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from lprior import data
from lprior.benchmark.step import EPOCH
from lprior.benchmark.timing import alternate, cell, machine, markdown, ratios, summary
from lprior.config import RunConfig, resolve
from lprior.device import choose_device
from lprior.errors import UserError
from lprior.training.configured import start
from lprior.training.loop import Training

Contender = Callable[[], float]  # trains once over some images, and returns the seconds that one image took


def parser(description: str, updates: int = 40, repeats: int = 5, preset: str = "quick") -> argparse.ArgumentParser:
    """With the options that all comparisons have."""
    options = argparse.ArgumentParser(description=description.splitlines()[0])
    options.add_argument("--dataset", default="mnist5k", help="mnist5k (embedded), mnist or fashion-mnist")
    options.add_argument("--data", help="folder of the data sets (default: $LPRIOR_DATA, else the user's cache)")
    options.add_argument("--device", default="auto", help="auto (default), cpu or cuda")
    options.add_argument("--preset", default=preset, help=f"whose networks and batch size (default: {preset})")
    options.add_argument("--width", type=int, help="channels of the first convolution (default: the preset's)")
    options.add_argument("--updates", type=int, default=updates, help=f"mini-batches in a turn (default: {updates})")
    options.add_argument("--repeats", type=int, default=repeats, help=f"measurements of each (default: {repeats})")
    options.add_argument("--output", type=Path, default=Path(__file__).parent / "results", help="folder for the JSON")
    return options


def configuration(options: argparse.Namespace, algorithm: str, **changes) -> RunConfig:
    """The preset's, with what the options and `changes` say."""
    return resolve(algorithm, options.dataset, options.preset, width=options.width, **changes)


def images_for(options: argparse.Namespace, config: RunConfig) -> Tensor:
    """The first uint8 images (N, C, H, W) of the data set, on the CPU: as many as `--updates` mini-batches take."""
    found = data.load(config.dataset, options.data).padded(config.image_size).images
    return found[: min(options.updates, len(found) // config.batch_size) * config.batch_size]


def ours(options: argparse.Namespace, config: RunConfig, images: Tensor) -> dict[str, Contender]:
    """Our loop in float32 and, where that is another, in the precision that a run on this device has."""
    device = choose_device(options.device)
    trainings = {
        "lprior, float32": start(config, device, bfloat16=False),
        "lprior, as in a run": start(config, device),
    }
    if not trainings["lprior, as in a run"].bfloat16:
        del trainings["lprior, as in a run"]
    return {name: epochs_of(training, images.to(device)) for name, training in trainings.items()}


def epochs_of(training: Training, images: Tensor) -> Contender:
    """Each call trains for one more epoch."""

    def contender() -> float:
        return next(training.epochs(images, training.epoch + 1))["seconds"] / len(images)

    return contender


def compare(contenders: dict[str, Contender], options: argparse.Namespace, warm_up: bool = True) -> list[dict]:
    """One row for each contender, all compared with the first one. The first turn is not measured."""
    if warm_up:
        alternate(contenders, 1)
    times = alternate(contenders, options.repeats)
    first = next(iter(times.values()))
    return [
        {
            "name": name,
            "seconds_per_epoch": summary([EPOCH * t for t in values]),
            "images_per_second": summary([1 / t for t in values]),
            "times_faster": ratios(first, values),
        }
        for name, values in times.items()
    ]


def report(name: str, rows: list[dict], options: argparse.Namespace, columns: dict[str, tuple] | None = None) -> None:
    """Print the rows as a Markdown table and write them, with the machine and the options, as <output>/<name>.json.

    `columns`: title -> (key, format).
    """
    columns = columns or {
        f"s per {EPOCH:,} images": ("seconds_per_epoch", ".2f"),
        "images/s": ("images_per_second", ",.0f"),
        "times faster": ("times_faster", ".2f"),
    }
    lines = [[row["name"], *(cell(row[key], form) for key, form in columns.values())] for row in rows]
    where = machine(choose_device(options.device))
    settings = {key: value for key, value in vars(options).items() if not isinstance(value, Path) and key != "data"}
    print(f"{markdown([name, *columns], lines)}\n\n{', '.join(f'{key} {value}' for key, value in where.items())}")
    options.output.mkdir(parents=True, exist_ok=True)
    content = {"machine": where, "options": settings, "rows": rows}
    (options.output / f"{name}.json").write_text(json.dumps(content, indent=2, default=str) + "\n")


def run(main: Callable[[], None]) -> None:
    """`main()`, with what the user can mend told in one line."""
    try:
        main()
    except UserError as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")
