"""One run, from its configuration to its finished directory. The notebooks and the command line both call `run`."""

import os
import statistics
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import torch
from PIL.Image import Image

from lprior import config as configuration
from lprior import data, stored
from lprior.config import RunConfig
from lprior.device import choose_device, has_bfloat16, peak_memory_bytes
from lprior.errors import TrainingDiverged, UserError
from lprior.evaluation import measure
from lprior.evaluation.formulas import nearest
from lprior.evaluation.judges import Judge
from lprior.evaluation.measurement import GLANCE
from lprior.model import SHEET, Model
from lprior.provenance import code_note, code_sha256, git_commit, now, provenance
from lprior.results import DIVERGED, FEW, METRICS, RunFolder
from lprior.streams import followed
from lprior.training import memory
from lprior.training.engine import choose_engine
from lprior.training.loop import Training
from lprior.training.progress import Lines


def run(
    config: RunConfig,
    folder: str | Path,
    data_root: str | Path | None = None,
    device: str = "auto",
    engine: str = "auto",
    progress: Lines | None = None,
    force: bool = False,
    whole: bool = True,
) -> RunFolder:
    """Train until `config.epochs`, measure, and fill `folder` with everything that `results.py` lists.

    A folder that holds an unfinished run of the same configuration is taken up where it stopped; a finished one is
    only measured and drawn again. `engine`: see `engine.py`. `force` deletes what is there first. `whole`: see
    `evaluation.measure`; if not, glance.json has the metrics, and the run counts as unfinished. Raises UserError for
    what the user can mend.
    """
    target = choose_device(device)
    choose_engine(engine, target)  # refuses what is wrong before anything starts
    memory.check(config, target)
    train, test = data.split(config.dataset, data_root, config.images, config.validation)
    if len(train.images) < config.batch_size:
        raise UserError(f"batch_size {config.batch_size} exceeds the {len(train.images)} images to train on")
    training, first = start(config, target, engine), train.head(config.batch_size).padded(config.image_size)
    training.inputs(data.to_float(first.images).to(target), first.labels.to(target))  # refuses missing labels

    result = RunFolder(folder)
    with result.held():
        if force:
            result.clear()
        _fill(training, train, test, config, result, progress or Lines(), whole)
    return result


def _fill(
    training: Training, train: data.Dataset, test: data.Dataset, config: RunConfig, result: RunFolder, progress: Lines,
    whole: bool,
) -> None:  # fmt: skip
    """From what is in the folder on."""
    state = result.load_checkpoint(config, training.device)
    if state is None and (result / "metrics.json").exists():
        raise UserError(
            f"{result.path} holds a finished run without its checkpoint, and would be trained anew: "
            "name another results folder, or start over with --force"
        )
    if state is not None and len(state["log"]) > config.epochs:
        raise UserError(
            f"{result.path} holds {len(state['log'])} epochs, more than the {config.epochs} asked for: "
            "name another results folder, or start over with --force"
        )
    result.claim(config)
    if state is None:
        made = provenance(training.device, train, training.bfloat16, training.engine.name)
        record = made | {"started": now(), "resumed": [], "code_sha256": code_sha256()}
    else:
        record = _resume(training, state, config, result)
        state = None  # a GPU need not hold it twice
    if training.epoch < config.epochs:
        _put_aside(result)
    result.write_json("provenance.json", record)

    progress.begin(training.epoch, config.epochs)
    finished = False
    try:
        _train(training, train, test, config, result, progress)
        progress.measure()
        _finish(training, train, test, config, result, whole)
        finished = True
    except TrainingDiverged as error:
        said = f"{error}\n"
        result.write(DIVERGED, lambda path: path.write_text(said))  # for whoever started a process for this
        raise
    finally:
        progress.close(finished)
    for name in ("metrics.old.json", *([FEW] if whole else [])):
        (result / name).unlink(missing_ok=True)
    measured = {"code_sha256": record.get("code_sha256", {}) | {"evaluation": code_sha256()["evaluation"]}}
    result.write_json("provenance.json", record | measured | ({} if "finished" in record else _cost(training)))


def _resume(training: Training, state: dict, config: RunConfig, result: RunFolder) -> dict:
    """Load the state; the provenance of what it goes on from. Says so if that was made by other code."""
    path = result / "provenance.json"
    record = result.read_json(path.name)
    stored.need(path, record, {"resumed": list})
    if note := code_note(record):
        print(f"{result.path}: {note}; starting it over would mend this", flush=True)
    try:
        training.load_state_dict(state)
    except (KeyError, ValueError, RuntimeError) as error:
        raise UserError(
            f"the checkpoint in {result.path} does not fit the networks that this version builds "
            f"({stored.first_line(error)}): name another results folder, or start over with --force"
        ) from error
    if training.epoch < config.epochs:
        record.pop("finished", None)
        stop = {"epoch": training.epoch, "commit": git_commit(), "time": now()}
        record["resumed"].append(stop | {"code_sha256": code_sha256()["training"]})
    return record


def _put_aside(result: RunFolder) -> None:
    """What was said of the run before it trains on."""
    (result / DIVERGED).unlink(missing_ok=True)
    (result / FEW).unlink(missing_ok=True)
    if (result / "metrics.json").exists():
        os.replace(result / "metrics.json", result / "metrics.old.json")


def start(
    config: RunConfig, device: torch.device, engine: str = "auto", bfloat16: bool | None = None
) -> Training:
    """The state in which a run of this configuration begins. `bfloat16` None: where the device is faster with it."""
    torch.manual_seed(config.seed)
    algorithm = configuration.build(config)
    algorithm.to(device, memory_format=torch.channels_last)
    bfloat16 = has_bfloat16(device) if bfloat16 is None else bfloat16
    return Training(
        algorithm, config.seed, config.batch_size, config.ema_decay, bfloat16, falling=config.falling, engine=engine
    )


def _train(
    training: Training, train: data.Dataset, test: data.Dataset, config: RunConfig, result: RunFolder, progress: Lines
) -> None:
    from lprior import figures

    images = train.padded(config.image_size).images.to(training.device)
    model, count = Model(training.average, config), max(SHEET, min(GLANCE, config.samples))
    known, labels = data.known_labels(train.labels, config.labelled, config.seed)
    if training.epoch == 0:
        progress.picture(_save_frame(model.sample(), 0, result), "before training")
    judge = Judge(test, training.device)

    def watch(batches: Iterable, count: int, epoch: int) -> Iterator:
        """Between mini-batches, as `progress` wants; what is drawn for it changes nothing in training."""
        batches = followed(batches, known, config.seed, epoch)
        for number, batch in enumerate(progress.batches(batches, count, epoch)):
            if epoch == 1 and number and progress.every and number % progress.every == 0:
                progress.picture(figures.sheet(model.sample(), padding=0), f"epoch 1, mini-batch {number} of {count}")
            yield batch

    for row in training.epochs(images, config.epochs, watch, labels.to(training.device)):
        samples = model.sample(count)
        row |= judge.glance(data.crop(samples, test.images.shape[-1]))
        _save_frame(samples[:SHEET], training.epoch, result)
        result.save_checkpoint(config, training.state_dict())
        progress.epoch(row, config.epochs, result.frame(training.epoch))


def _save_frame(samples: torch.Tensor, epoch: int, result: RunFolder) -> Image:
    from lprior import figures

    sheet = figures.sheet(samples, padding=0)
    result.write(str(result.frame(epoch).relative_to(result.path)), sheet.save)
    return sheet


def _finish(
    training: Training, train: data.Dataset, test: data.Dataset, config: RunConfig, result: RunFolder, whole: bool
) -> None:
    import pandas as pd
    from safetensors.torch import save

    from lprior import figures

    model, size = Model(training.average, config), config.image_size
    samples, originals = model.sample(), test.padded(size).images[: min(50, len(test.images) // 10 * 10)]
    try:
        reconstructions = model.decode(model.encode(originals))
    except TrainingDiverged as error:
        print(f"{result.path}: {error}; its reconstructions are shown in black", flush=True)
        reconstructions = torch.zeros_like(originals)
    neighbours = train.padded(size).images[nearest(samples[:50], train.padded(size).images)]
    frames = _frames(samples[:SHEET], training.epoch, result)
    log = pd.DataFrame(training.log)

    result.write("log.csv", lambda path: log.to_csv(path, index=False))
    result.write("samples.png", figures.sheet(samples).save)
    result.write("reconstructions.png", figures.paired_sheet(originals, reconstructions).save)
    result.write("neighbours.png", figures.paired_sheet(samples[:50], neighbours).save)
    evolution = figures.evolution_figure(frames, size)
    result.write("evolution.png", lambda path: evolution.savefig(path, dpi=200))
    result.write("evolution.gif", lambda path: figures.save_evolution_gif(frames, path))
    weights = {name: tensor.cpu().contiguous() for name, tensor in training.average.state_dict().items()}
    result.write("model.safetensors", lambda path: path.write_bytes(save(weights)))
    result.write_json(METRICS if whole else FEW, measure(model, train, test, whole))


def _frames(last: torch.Tensor, epochs: int, result: RunFolder) -> dict[int, Path]:
    """The pictures of each epoch that are there and whole; of the last epoch, by `last`, in any case. Says which are
    left out."""
    from lprior import figures

    expected, found = figures.sheet(last, padding=0).size, {}
    for epoch in range(epochs + 1):
        with suppress(UserError):
            if stored.read_picture(result.frame(epoch)).size == expected:
                found[epoch] = result.frame(epoch)
    if epochs not in found:
        _save_frame(last, epochs, result)
        found[epochs] = result.frame(epochs)
    lost = [str(epoch) for epoch in range(epochs + 1) if epoch not in found]
    if lost:
        print(f"the evolution leaves out epoch {', '.join(lost)}: {result / 'frames'} has no whole picture", flush=True)
    return found


def _cost(training: Training) -> dict:
    seconds = [row["seconds"] for row in training.log]
    return {
        "seconds_per_epoch": statistics.median(seconds),
        "training_seconds": sum(seconds),
        "peak_memory_bytes": peak_memory_bytes(training.device),
        "engine": training.engine.name,  # once more: a graph may have turned out to be impossible
        "finished": now(),
    }
