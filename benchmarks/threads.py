"""How far metrics move with the number of threads, for each seed alone: LP-AAE, 4 epochs of the preset quick."""

import statistics
import tempfile
from pathlib import Path

import torch
from common import configuration, parser, report, run

from lprior.benchmark.timing import summary
from lprior.training.progress import Lines
from lprior.training.run import run as train

METRICS = {"FID": "fid_", "score": "score_"}  # title -> how the key of the main protocol begins


class Silent(Lines):
    def epoch(self, row: dict, last: int, frame: Path) -> None:
        pass


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--epochs", type=int, default=4)
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument(
        "--threads", type=int, nargs="+", default=[1, 2], help="the first is compared with (default: 1 2)"
    )
    options = options.parse_args(arguments)
    found = {threads: [metrics(options, threads, seed) for seed in options.seeds] for threads in options.threads}
    first, rows = found[options.threads[0]], []
    for threads, values in found.items():
        row = {"name": f"{threads} threads"}
        for title in METRICS:
            moved = [abs(ours[title] - theirs[title]) for ours, theirs in zip(values, first, strict=True)]
            row |= {title: summary([each[title] for each in values]), f"{title} moved": summary(moved)}
            text = f"moved by {statistics.mean(moved):.4f} on average, {max(moved):.4f} at most"
            print(f"{row['name']}, {title}: {text}", flush=True)
        rows.append(row)
    report("threads", rows, options, {title: (title, ".3f") for title in rows[0] if title != "name"})


def metrics(options, threads: int, seed: int) -> dict[str, float]:
    """Of one run."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    config = configuration(options, "lpaae", seed=seed, epochs=options.epochs)
    with tempfile.TemporaryDirectory() as folder:
        values = train(config, folder, options.data, options.device, progress=Silent()).read_json("metrics.json")
    torch.set_num_threads(before)
    found = {
        title: next(value for key, value in values.items() if key.startswith(begin)) for title, begin in METRICS.items()
    }
    print(f"{threads} threads, seed {seed}: {found}", flush=True)
    return found


if __name__ == "__main__":
    run(main)
