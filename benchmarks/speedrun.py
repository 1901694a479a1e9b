"""Minutes to quality: seconds until LP-AAE, from nothing, passes bars of FID and score on validation images.

A bar is of 10,000 samples against the last 5,000 training images, which the training does not see. It is asked after
each epoch; a cell has seconds of training, its CPU seconds in brackets (of a thread, which others at work disturb
less), and the epoch. "-": not within the epochs, of which the last are reached with falling learning rates where the
run has such. `--set` tries other values; the file, which is written anew after each seed, says which, and has the time
with the asking, too.
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
from lprior.training.configured import start

HELD_OUT = 5000
SAMPLES = 10_000
BARS = {  # name -> data set, variant, and from easy to hard: FID at most, score at least
    "mnist": ("mnist", "", [(2.0, 8.5), (1.5, 8.7), (1.0, 8.9)]),
    "cifar10": ("cifar10", "", [(20.0, 3.0), (15.0, 3.4), (11.5, 3.7)]),
    "cifar10-labels": ("cifar10", "supervised", [(15.0, 4.5), (10.0, 5.2), (6.2, 5.7)]),
}


def title(most: float, least: float) -> str:
    """What a bar is called."""
    return f"FID {most:g}, score {least:g}"


def speedrun(
    name: str, preset: str, seed: int, changes: dict, device: str, root: str | None = None, first: int = 1
) -> dict:
    """A row: when each bar was first passed, and the curve of FID and score. Asked from epoch `first` on."""
    dataset, variant, bars = BARS[name]
    config = resolve("lpaae", dataset, preset, variant, seed, validation=HELD_OUT, **changes)
    train, held_out = data.split(dataset, root, config.images, config.validation)
    target = choose_device(device)
    training = start(config, target)
    judge, images = Judge(held_out, target), train.padded(config.image_size).images.to(target)
    curve, passed, began = [], {}, time.perf_counter()
    asked = 0.0  # CPU seconds
    before = time.process_time()
    for row in training.epochs(images, config.epochs, labels=train.labels.to(target)):
        trained = time.process_time()
        if training.epoch < first:
            continue
        samples = data.crop(Model(training.average, config).sample(SAMPLES), held_out.images.shape[-1])
        found = {metric_of(key).title: value for key, value in judge.glance(samples).items()}
        curve.append({
            "epoch": row["epoch"], **found, "seconds": sum(each["seconds"] for each in training.log),
            "CPU seconds": trained - before - asked, "all seconds": time.perf_counter() - began,
        })  # fmt: skip
        asked += time.process_time() - trained
        print(f"seed {seed}  {'  '.join(f'{name} {value:.2f}' for name, value in curve[-1].items())}", flush=True)
        for most, least in bars:
            if found["FID"] <= most and found["score"] >= least:
                passed.setdefault(title(most, least), curve[-1])
        if title(*bars[-1]) in passed:
            break
    return {"name": f"{name}, seed {seed}", "curve": curve, "passed": passed, "changes": changes}


def shown(rows: list[dict], bars: list[str]) -> list[dict]:
    """The rows as a table shows them, and one of medians and ranges if there are several."""
    cells = [
        row | {
            bar: f"{at['seconds']:.0f} s ({at['CPU seconds']:.0f}), epoch {at['epoch']}" if at else "-"
            for bar in bars
            for at in [row["passed"].get(bar)]
        }
        for row in rows
    ]  # fmt: skip
    whole = {"name": "median"}
    for bar in bars:
        at = [row["passed"][bar] for row in rows if bar in row["passed"]]
        seconds, cpu, epoch = (
            median(each[key] for each in at) if at else 0 for key in ("seconds", "CPU seconds", "epoch")
        )
        whole[bar] = f"{seconds:.0f} s ({cpu:.0f}), epoch {epoch:g}; {len(at)} of {len(rows)}" if at else "-"
    return [*cells, whole] if len(rows) > 1 else cells


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("name", choices=BARS)
    options.add_argument("--seeds", default="0 1 2 3 4")
    options.add_argument("--first", type=int, default=1, help="the first epoch after which the bars are asked")
    options.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="another value, to try it")
    options = options.parse_args(arguments)
    changes = parse_assignments(options.set, "--set")
    bars, rows = [title(*bar) for bar in BARS[options.name][-1]], []
    for seed in options.seeds.split():
        rows.append(
            speedrun(options.name, options.preset, int(seed), changes, options.device, options.data, options.first)
        )
        report(f"speedrun-{options.name}", shown(rows, bars), options, {bar: (bar, "") for bar in bars})


if __name__ == "__main__":
    run(main)
