"""Seconds of training until LP-AAE's score of 2,000 samples passes 8 and 9: ours, and the tutorial's way.

Both train the same networks on the same images with the same moving average, and are judged after each epoch; seconds
count training alone. Ours can be read from the log of a finished run instead of being trained: `--run FOLDER`.
"-" means not within `--epochs`.
"""

from collections.abc import Iterator

import torch
from common import configuration, parser, report, run
from tutorial_loop import loader, tutorial

from lprior import data
from lprior.benchmark.timing import timed
from lprior.config import RunConfig
from lprior.device import choose_device
from lprior.errors import UserError
from lprior.evaluation.judges import Judge
from lprior.evaluation.measurement import GLANCE
from lprior.model import Model
from lprior.results import RunFolder
from lprior.training.configured import start
from lprior.training.loop import Training

GOALS = (8.0, 9.0)


def tutorial_epochs(config: RunConfig, train: data.Dataset, device: torch.device) -> Iterator[tuple[float, Training]]:
    """(seconds of training so far, training) after each epoch of the tutorial's loop."""
    model = tutorial(config, device)
    training = Training(model, config.seed, config.batch_size, config.ema_decay, engine="eager")
    batches, seconds = loader(train.images, config.batch_size), 0.0

    def epoch() -> None:
        for x in batches:
            training.train_step(x.to(device))["L_rec"].item()

    while True:
        seconds += timed(epoch, device)
        yield seconds, training


def our_epochs(config: RunConfig, train: data.Dataset, device: torch.device) -> Iterator[tuple[float, Training]]:
    """The same of ours."""
    training, seconds = start(config, device), 0.0
    for row in training.epochs(train.images.to(device), config.epochs):
        seconds += row["seconds"]
        yield seconds, training


def scores(
    epochs: Iterator[tuple[float, Training]], config: RunConfig, test: data.Dataset
) -> list[tuple[float, float]]:
    """(seconds, score) after each epoch, until the last goal is passed or the epochs are over."""
    found, judge = [], None
    for (seconds, training), _ in zip(epochs, range(config.epochs), strict=False):
        judge = judge or Judge(test, training.device)
        samples = Model(training.average, config).sample(GLANCE)
        measured = judge.glance(data.crop(samples, test.images.shape[-1]))
        found.append((seconds, next(value for key, value in measured.items() if key.startswith("score_"))))
        print(f"{seconds:.0f} s: score {found[-1][1]:.2f}", flush=True)
        if found[-1][1] >= max(GOALS):
            break
    return found


def scores_of_run(folder: str) -> list[tuple[float, float]]:
    """The same of a finished run, from its log."""
    import pandas as pd

    log = pd.read_csv(RunFolder(folder) / "log.csv")
    columns = [name for name in log.columns if name.startswith("score_") and name.endswith("_2k")]
    if not columns:
        raise UserError(f"the log of {folder} has no score of 2,000 samples: train with more samples")
    return list(zip(log["seconds"].cumsum().tolist(), log[columns[0]].tolist(), strict=True))


def row(name: str, found: list[tuple[float, float]]) -> dict:
    passed = {f"score {goal:g}": next((s for s, score in found if score >= goal), None) for goal in GOALS}
    return {"name": name, "curve": found, **{key: "-" if s is None else f"{s:.0f} s" for key, s in passed.items()}}


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.set_defaults(dataset="mnist")
    options.add_argument("--epochs", type=int, default=24, help="at most so many epochs (default: 24)")
    options.add_argument("--images", type=int, help="train on the first so many only")
    options.add_argument("--run", help="folder of a finished run of ours, to read instead of training")
    options = options.parse_args(arguments)
    config, device = configuration(options, "lpaae", epochs=options.epochs), choose_device(options.device)
    size = config.image_size
    train = data.load(config.dataset, options.data).head(options.images).padded(size)
    test = data.load(config.dataset, options.data, "test")

    fast = scores_of_run(options.run) if options.run else scores(our_epochs(config, train, device), config, test)
    plain = scores(tutorial_epochs(config, train, device), config, test)
    columns = {f"score {goal:g}": (f"score {goal:g}", "") for goal in GOALS}
    report("time_to_quality", [row("tutorial loop", plain), row("lprior", fast)], options, columns)


if __name__ == "__main__":
    run(main)
