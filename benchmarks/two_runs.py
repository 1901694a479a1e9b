"""Two runs side by side, in processes of their own with a thread each, against one alone: LP-AAE's training.

"times faster" is what both make together over what one makes alone: 2 where neither is in the other's way. The turns
begin when all processes of one have built their networks and taken their first steps.
"""

import argparse
import multiprocessing
from multiprocessing.connection import Connection

import torch
from common import Contender, compare, configuration, epochs_of, images_for, parser, report, run

from lprior.device import choose_device
from lprior.training.configured import start


def trained(options: argparse.Namespace, barrier, answer: Connection) -> None:
    """Send the images per second of one turn, which begins when all others are ready for theirs."""
    torch.set_num_threads(1)
    config, device = configuration(options, "lpaae"), choose_device(options.device)
    epoch = epochs_of(start(config, device), images_for(options, config).to(device))
    epoch()
    barrier.wait(600)  # seconds: another one may have failed
    answer.send(1 / epoch())


def runs(options: argparse.Namespace, count: int) -> Contender:
    """So many at once."""

    def contender() -> float:
        context = multiprocessing.get_context("spawn")
        barrier, (answers, answer) = context.Barrier(count), context.Pipe(duplex=False)
        processes = [context.Process(target=trained, args=(options, barrier, answer)) for _ in range(count)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        if any(process.exitcode for process in processes):
            raise RuntimeError("a run has failed")
        return 1 / sum(answers.recv() for _ in processes)

    return contender


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__, updates=200, repeats=3).parse_args(arguments)
    found = compare({"1 run": runs(options, 1), "2 runs": runs(options, 2)}, options, warm_up=False)
    report("two_runs", found, options)


if __name__ == "__main__":
    run(main)
