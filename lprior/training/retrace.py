"""A finished run's first epochs once more, beside its log: does the code of now still train what was published?"""

from collections.abc import Iterator
from dataclasses import dataclass

from lprior import data
from lprior.device import choose_device
from lprior.errors import UserError
from lprior.results import RunFolder
from lprior.streams import followed
from lprior.training.run import start

UNCOMPARED = ("epoch", "seconds", "images_per_second")


@dataclass(frozen=True)
class Retraced:
    """An epoch: the losses that were compared, and the largest relative difference between two of them."""

    epoch: int
    losses: int
    difference: float

    def __str__(self) -> str:
        how = "equal to the last digit" if self.difference == 0 else f"within {self.difference:.1e} of their values"
        return f"epoch {self.epoch}: {self.losses} losses {how}"


def retrace(run: RunFolder, epochs: int, data_root: str | None = None, device: str = "auto") -> Iterator[Retraced]:
    """Train the configuration of `run` anew for its first `epochs`, and compare each with its log. Writes nothing.

    The same bits are to be had on the same kind of machine, with the same threads, precision and engine alone. Raises
    UserError if the run has fewer epochs, or was made of other images than those that are here.
    """
    config, log, made = run.config(), run.log(), run.read_json("provenance.json")
    if not 1 <= epochs <= len(log):
        raise UserError(f"{run.path} has {len(log)} epochs: from 1 to {len(log)} can be retraced, not {epochs}")
    train, _ = data.split(config.dataset, data_root, config.images, config.validation)
    if train.sha256 != made["data_sha256"]:
        raise UserError(f"{run.path} was trained on other images than {config.dataset} here ({train.source})")
    training = start(config, choose_device(device))
    images = train.padded(config.image_size).images.to(training.device)
    known, labels = data.known_labels(train.labels, config.labelled, config.seed)
    rows = training.epochs(
        images, epochs, lambda batches, count, epoch: followed(batches, known, config.seed, epoch),
        labels.to(training.device),
    )  # fmt: skip
    for row in rows:
        logged = log.iloc[row["epoch"] - 1]
        pairs = [(row[name], float(logged[name])) for name in row if name in log.columns and name not in UNCOMPARED]
        far = max(abs(new - old) / max(abs(old), 1e-12) for new, old in pairs)
        yield Retraced(int(row["epoch"]), len(pairs), far)
