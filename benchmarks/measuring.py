"""CPU seconds that measuring a trained run takes, part by part: time of the process, on one thread.

Each turn measures everything anew. A part's time is without that of the parts in it.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import sklearn.mixture  # noqa: F401  (here, so that no turn imports it, and the next)
import torch
import torch_fidelity  # noqa: F401
from common import report, run
from threadpoolctl import threadpool_limits

import lprior.report.studies  # noqa: F401  (which have metrics of their own)
from lprior import data
from lprior.benchmark.timing import summary
from lprior.evaluation import formulas, judges, measurement, recipes
from lprior.model import Model, load
from lprior.results import locate

PARTS = {  # part -> where its functions are
    "the two classifiers": (recipes.Evaluator, ["measure"]),
    "FID": (formulas, ["frechet_distance"]),
    "KID": (formulas, ["kernel_distance"]),
    "precision and recall": (formulas, ["precision_recall", "radii"]),
    "score": (formulas, ["classifier_score"]),
    "Parzen windows": (measurement, ["parzen"]),
    "mixture, fitted": (measurement, ["fitted_samples"]),
    "the model's networks": (Model, ["in_batches"]),
}


class Clock:
    """Seconds of the process's CPU time by part, each without what is counted for a part within it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.within = [0.0]  # of each part that is open: what is counted for others

    def counted(self, part: str, function: Callable) -> Callable:
        def timed(*arguments: Any, **options: Any) -> Any:
            self.within.append(0.0)
            started = time.process_time()
            try:
                return function(*arguments, **options)
            finally:
                took = time.process_time() - started
                self.seconds[part] += took - self.within.pop()
                self.within[-1] += took

        return timed


@contextmanager
def one_thread() -> Iterator[None]:
    """For torch, and for what scikit-learn and NumPy call."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(before)


def turn(run: str, train: data.Dataset, test: data.Dataset) -> dict[str, float]:
    """Seconds by part."""
    clock = Clock()
    with ExitStack() as stack:
        stack.enter_context(patch.dict(judges.REFERENCES, clear=True))  # as in a process of its own
        for part, (place, names) in PARTS.items():
            for name in names:
                stack.enter_context(patch.object(place, name, clock.counted(part, getattr(place, name))))
        clock.counted("the rest", measurement.measure)(load(run), train, test)
    print(f"{sum(clock.seconds.values()):.1f} s", flush=True)
    return {part: clock.seconds[part] for part in (*PARTS, "the rest")}


def main(arguments: list[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--run", default="mnist-lpaae-s0", help="its folder, or the name of a published one")
    options.add_argument("--data", help="folder of the data sets (default: $LPRIOR_DATA, else the user's cache)")
    options.add_argument("--repeats", type=int, default=3, help="turns (default: 3)")
    options.add_argument("--output", type=Path, default=Path(__file__).parent / "results", help="folder for the JSON")
    options = options.parse_args(arguments)
    options.device = "cpu"
    config = locate(options.run).config()
    train, test = data.split(config.dataset, options.data, config.images, config.validation)
    with one_thread():
        turns = [turn(options.run, train, test) for _ in range(options.repeats)]
        rows = [{"name": part, "seconds": summary([each[part] for each in turns])} for part in turns[0]]
        rows.append({"name": "all", "seconds": summary([sum(each.values()) for each in turns])})
        report("measuring", rows, options, {"CPU seconds": ("seconds", ".2f")})


if __name__ == "__main__":
    run(main)
