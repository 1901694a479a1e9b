"""Finished runs' first epochs once more, beside their logs: does the code of now still train what was published?"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pandas as pd
import torch

from lprior import data
from lprior.device import choose_device
from lprior.errors import UserError
from lprior.outputs import replace_file
from lprior.provenance import code_sha256, git_commit
from lprior.results import RunFolder
from lprior.training.configured import epochs_of, start

EQUAL = "equal to the last digit"
UNCOMPARED = ("epoch", "seconds", "images_per_second")
COLUMNS = ("run", "trained by", "on", "retraced by", "code", "epochs", "losses", "outcome")


@dataclass(frozen=True)
class Retraced:
    """An epoch: the losses that were compared, and the largest relative difference between two of them."""

    epoch: int
    losses: int
    difference: float

    @property
    def outcome(self) -> str:
        return EQUAL if self.difference == 0 else f"within {self.difference:.1e} of their values"

    def __str__(self) -> str:
        return f"epoch {self.epoch}: {self.losses} losses {self.outcome}"


def retrace(run: RunFolder, epochs: int, data_root: str | None = None, device: str = "auto") -> Iterator[Retraced]:
    """Train the configuration of `run` anew for its first `epochs`, with as many threads, and compare each with its
    log. Writes nothing.

    The same bits are to be had on the same kind of machine, with the same precision and engine alone. Raises
    UserError if the run has fewer epochs, or was made of other images than those that are here.
    """
    config, log, made = run.config(), run.log(), run.read_json("provenance.json")
    if not 1 <= epochs <= len(log):
        raise UserError(f"{run.path} has {len(log)} epochs: from 1 to {len(log)} can be retraced, not {epochs}")
    train, _ = data.split(config.dataset, data_root, config.images, config.validation)
    if train.sha256 != made["data_sha256"]:
        raise UserError(f"{run.path} was trained on other images than {config.dataset} here ({train.source})")
    threads = torch.get_num_threads()
    torch.set_num_threads(made["threads"])
    try:
        for row in islice(epochs_of(start(config, choose_device(device)), train, config), epochs):
            logged = log.iloc[row["epoch"] - 1]
            pairs = [(row[name], float(logged[name])) for name in row if name in log.columns and name not in UNCOMPARED]
            far = max(abs(new - old) / max(abs(old), 1e-12) for new, old in pairs)
            yield Retraced(int(row["epoch"]), len(pairs), far)
    finally:
        torch.set_num_threads(threads)


def row_of(run: RunFolder, epochs: list[Retraced]) -> dict[str, str]:
    """What `record` keeps of a run and its retraced epochs: the outcome is that of the worst."""
    made, worst = run.read_json("provenance.json"), max(epochs, key=lambda epoch: epoch.difference)
    values = (
        run.path.as_posix(), made["commit"], made["device"], git_commit(), _code(), len(epochs),
        worst.losses, worst.outcome,
    )  # fmt: skip
    return dict(zip(COLUMNS, map(str, values), strict=True))


def record(file: Path, row: dict[str, str]) -> None:
    """Put a row into `file`, in the order of runs, in the place of what it said of that run before."""
    rows = {one["run"]: one for one in read(file)} | {row["run"]: row}
    table = pd.DataFrame([rows[name] for name in sorted(rows)], columns=COLUMNS)
    replace_file(file, table.to_csv(index=False).encode())


def read(file: Path) -> list[dict[str, str]]:
    """The rows; none if there is no file yet. Raises UserError for another file."""
    try:
        table = pd.read_csv(file, dtype=str) if file.exists() else pd.DataFrame(columns=COLUMNS)
    except (ValueError, OSError):
        table = pd.DataFrame()
    if tuple(table.columns) != COLUMNS:
        raise UserError(f"{file} is no record of retraced runs: its columns should be {', '.join(COLUMNS)}")
    return table.to_dict("records")


def is_known(file: Path, run: RunFolder, epochs: int) -> bool:
    """Whether `file` has so many epochs of this run, as it is, by the training code of now."""
    wanted = {
        "run": run.path.as_posix(), "trained by": run.read_json("provenance.json")["commit"],
        "code": _code(), "epochs": str(epochs),
    }  # fmt: skip
    return any(wanted.items() <= row.items() for row in read(file))


def _code() -> str:
    """The beginning of the sum over the code that trains."""
    return code_sha256()["training"][:12]
