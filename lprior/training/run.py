"""One run, from its configuration to its finished directory. The notebooks and the command line both call `run`."""

import os
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from lprior import data, stored
from lprior.config import RunConfig
from lprior.device import choose_device, peak_memory_bytes
from lprior.errors import TrainingDiverged, UserError
from lprior.evaluation.judges import Judge
from lprior.evaluation.measurement import GLANCE
from lprior.evaluation.record import record
from lprior.model import SHEET, Model
from lprior.provenance import code_note, code_sha256, git_commit, now, provenance
from lprior.results import DIVERGED, LANGUAGE, MEASURED, MEASURED_BEFORE, MEASURED_FEW, RunFolder
from lprior.training import memory
from lprior.training.configured import epochs_of, start
from lprior.training.drawing import draw, save_frame
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
    unmeasured: bool = False,
) -> RunFolder:
    """Train until `config.epochs`, measure, and fill `folder` with everything that `results.py` lists.

    A folder that holds an unfinished run of the same configuration is taken up where it stopped; a finished one is
    only measured and drawn again. `engine`: see `engine.py`. `force` deletes what is there first. `whole`: see
    `evaluation.measure`; if not, glance.json has the metrics, and the run counts as unfinished. `unmeasured`: it ends
    when the run is trained and drawn; the same call without that, or `python -m lprior evaluate`, adds the metrics.
    Raises UserError for what the user can mend.
    """
    target = choose_device(device)
    choose_engine(engine, target)  # refuses what is wrong before anything starts
    memory.check(config, target)
    train, test = data.split(config.dataset, data_root, config.images, config.validation)
    if len(train.images) < config.batch_size:
        raise UserError(f"batch_size {config.batch_size} exceeds the {len(train.images)} images to train on")
    training, first = start(config, target, engine), train.head(config.batch_size).padded(config.image_size)
    training.inputs(data.to_float(first.images).to(target), first.labels.to(target))  # refuses missing labels

    language = data.language_of(config.dataset, data_root) if data.DATASETS[config.dataset].language else None
    model = Model(training.average, config, read=language)

    result = RunFolder(folder)
    with result.held():
        if force:
            result.clear()
        _fill(training, model, train, test, result, progress or Lines(), whole, unmeasured)
    return result


def _fill(
    training: Training, model: Model, train: data.Dataset, test: data.Dataset, result: RunFolder, progress: Lines,
    whole: bool, unmeasured: bool,
) -> None:  # fmt: skip
    """From what is in the folder on. `model`: of the average in `training`."""
    config = model.config
    state = result.load_checkpoint(config, training.device)
    _refuse(state, config, result)
    if state is not None and result.language() not in (None, model.read):
        raise UserError(f"{result.path} was trained on captions of other words: start over with --force")
    result.claim(config)
    if model.read:
        result.write_json(LANGUAGE, asdict(model.read))
    if state is None:
        made = provenance(training.device, train, training.bfloat16, training.engine.name)
        made |= {"started": now(), "resumed": [], "code_sha256": code_sha256()}
    else:
        made = _resume(training, state, config, result)
        state = None  # a GPU need not hold it twice
    if training.epoch < config.epochs:
        _put_aside(result)
    result.write_json("provenance.json", made)

    progress.begin(training.epoch, config.epochs)
    finished = False
    try:
        _train(training, model, train, test, result, progress)
        progress.measure()
        draw(training, model, train, test, result)
        if "finished" not in made:
            result.write_json("provenance.json", made | _cost(training))
        if not unmeasured:
            record(model, train, test, result, whole, progress.measure)
        finished = True
    except TrainingDiverged as error:
        said = f"{error}\n"
        result.write(DIVERGED, lambda path: path.write_text(said))  # for whoever started a process for this
        raise
    finally:
        progress.close(finished)


def _refuse(state: dict | None, config: RunConfig, result: RunFolder) -> None:
    """Raises UserError for a run of more epochs than are asked for, and for one that was trained to its end and has no
    checkpoint any more to go on from."""
    if state is not None:
        if len(state["log"]) > config.epochs:
            raise UserError(
                f"{result.path} holds {len(state['log'])} epochs, more than the {config.epochs} asked for: "
                "name another results folder, or start over with --force"
            )
        return
    if (result / MEASURED).exists():
        raise UserError(
            f"{result.path} holds a finished run without its checkpoint, and would be trained anew: "
            "name another results folder, or start over with --force"
        )
    if result.trained:
        raise UserError(
            f"{result.path} holds a trained run without its checkpoint, and would be trained anew: "
            f"measure it with python -m lprior evaluate {result.path}, or start over with --force"
        )


def _resume(training: Training, state: dict, config: RunConfig, result: RunFolder) -> dict:
    """Load the state; the provenance of what it goes on from. Says so if that was made by other code."""
    path = result / "provenance.json"
    made = result.read_json(path.name)
    stored.need(path, made, {"resumed": list})
    if note := code_note(made):
        print(f"{result.path}: {note}; starting it over would mend this", flush=True)
    try:
        training.load_state_dict(state)
    except (KeyError, ValueError, RuntimeError) as error:
        raise UserError(
            f"the checkpoint in {result.path} does not fit the networks that this version builds "
            f"({stored.first_line(error)}): name another results folder, or start over with --force"
        ) from error
    if training.epoch < config.epochs:
        made.pop("finished", None)
        stop = {"epoch": training.epoch, "commit": git_commit(), "time": now()}
        made["resumed"].append(stop | {"code_sha256": code_sha256()["training"]})
    return made


def _put_aside(result: RunFolder) -> None:
    """What was said of the run before it trains on."""
    (result / DIVERGED).unlink(missing_ok=True)
    (result / MEASURED_FEW).unlink(missing_ok=True)
    if (result / MEASURED).exists():
        os.replace(result / MEASURED, result / MEASURED_BEFORE)


def _train(
    training: Training, model: Model, train: data.Dataset, test: data.Dataset, result: RunFolder, progress: Lines
) -> None:
    from lprior import figures

    config, count = model.config, max(SHEET, min(GLANCE, model.config.samples))
    if training.epoch == 0:
        progress.picture(save_frame(model.sample(), 0, result), "before training")
    judge = Judge(test, training.device)

    def watch(batches: Iterable, count: int, epoch: int) -> Iterator:
        """Between mini-batches, as `progress` wants; what is drawn for it changes nothing in training."""
        for number, batch in enumerate(progress.batches(batches, count, epoch)):
            if epoch == 1 and number and progress.every and number % progress.every == 0:
                progress.picture(figures.sheet(model.sample(), padding=0), f"epoch 1, mini-batch {number} of {count}")
            yield batch

    for row in epochs_of(training, train, config, watch):
        samples = model.sample(count)
        row |= judge.glance(data.crop(samples, test.images.shape[-1]))
        save_frame(samples[:SHEET], training.epoch, result)
        result.save_checkpoint(config, training.state_dict())
        progress.epoch(row, config.epochs, result.frame(training.epoch))


def _cost(training: Training) -> dict:
    seconds = [row["seconds"] for row in training.log]
    return {
        "seconds_per_epoch": statistics.median(seconds),
        "training_seconds": sum(seconds),
        "peak_memory_bytes": peak_memory_bytes(training.device),
        "engine": training.engine.name,  # once more: a graph may have turned out to be impossible
        "finished": now(),
    }
