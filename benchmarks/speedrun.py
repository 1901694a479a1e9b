"""Minutes to quality: seconds until LP-AAE, from nothing, passes a bar of FID and score on validation images.

The bar is of 10,000 samples against the last 5,000 training images, which the training does not see. It is asked after
each epoch; seconds are given with and without the asking. "-": not within the run's epochs, of which the last are
reached with falling learning rates where the run has such. `--set` tries other values; every row says which.
"""

import time
from statistics import median

from common import parser, report, run

from lprior import data
from lprior.config import resolve
from lprior.device import choose_device
from lprior.evaluation.judges import Judge
from lprior.evaluation.metrics import metric_of
from lprior.model import Model
from lprior.settings import parse_assignments
from lprior.training.run import start

HELD_OUT = 5000
SAMPLES = 10_000
BARS = {  # name -> data set, variant, FID at most, score at least
    "mnist": ("mnist", "", 1.0, 8.9),
    "cifar10": ("cifar10", "", 11.5, 3.7),
    "cifar10-labels": ("cifar10", "supervised", 6.2, 5.7),
}


def speedrun(
    bar: str, preset: str, seed: int, changes: dict, device: str, root: str | None = None, first: int = 1
) -> dict:
    """A row: how long it took, and the curve of FID and score. Asked from epoch `first` on."""
    dataset, variant, most, least = BARS[bar]
    config = resolve("lpaae", dataset, preset, variant, seed, validation=HELD_OUT, **changes)
    train, held_out = data.split(dataset, root, config.images, config.validation)
    target = choose_device(device)
    training = start(config, target)
    judge, images = Judge(held_out, target), train.padded(config.image_size).images.to(target)
    curve, passed, began = [], None, time.perf_counter()
    for row in training.epochs(images, config.epochs, labels=train.labels.to(target)):
        if training.epoch < first:
            continue
        samples = data.crop(Model(training.average, config).sample(SAMPLES), held_out.images.shape[-1])
        found = {metric_of(key).title: value for key, value in judge.glance(samples).items()}
        trained = sum(each["seconds"] for each in training.log)
        curve.append({"epoch": row["epoch"], **found, "seconds": trained, "all seconds": time.perf_counter() - began})
        print(f"seed {seed}  {'  '.join(f'{name} {value:.2f}' for name, value in curve[-1].items())}", flush=True)
        if found["FID"] <= most and found["score"] >= least:
            passed = curve[-1]
            break
    return {"name": f"{bar}, seed {seed}", "curve": curve, "passed": passed, "changes": changes}


def shown(rows: list[dict]) -> list[dict]:
    """The rows as a table shows them, and one of medians and ranges if there are several."""
    for row in rows:
        passed = row["passed"] or {}
        row |= {
            "epoch": str(passed.get("epoch", "-")),
            "training": f"{passed['seconds']:.0f} s" if passed else "-",
            "with asking": f"{passed['all seconds']:.0f} s" if passed else "-",
        }
    times = [row["passed"]["seconds"] for row in rows if row["passed"]]
    spread = f"{median(times):.0f} s ({min(times):.0f} to {max(times):.0f})" if times else "-"
    whole = {"name": f"median of {len(times)} of {len(rows)}", "epoch": "", "training": spread, "with asking": ""}
    return [*rows, whole] if len(rows) > 1 else rows


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("bar", choices=BARS)
    options.add_argument("--seeds", default="0 1 2 3 4")
    options.add_argument("--first", type=int, default=1, help="the first epoch after which the bar is asked")
    options.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="another value, to try it")
    options = options.parse_args(arguments)
    changes = parse_assignments(options.set, "--set")
    rows = [
        speedrun(options.bar, options.preset, int(seed), changes, options.device, options.data, options.first)
        for seed in options.seeds.split()
    ]
    columns = {name: (name, "") for name in ("epoch", "training", "with asking")}
    report(f"speedrun-{options.bar}", shown(rows), options, columns)


if __name__ == "__main__":
    run(main)
