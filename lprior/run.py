"""One run, from its configuration to its finished directory. The notebooks and the command line both call `run`."""

import re
import shutil
import statistics
from pathlib import Path

import torch

from lprior import data, evaluate, figures, presets
from lprior.errors import UserError
from lprior.networks import Autoencoder
from lprior.presets import RunConfig
from lprior.progress import Lines
from lprior.results import RunFolder, git_commit, now, peak_memory_bytes, provenance
from lprior.train import Training

SHEET = 100  # images on a sheet of samples


def run(
    config: RunConfig,
    folder: str | Path,
    data_root: str | Path | None = None,
    device: str = "auto",
    progress: Lines | None = None,
    force: bool = False,
) -> RunFolder:
    """Train until `config.epochs`, measure, and fill `folder` with everything that `results.py` lists.

    A folder that holds an unfinished run of the same configuration is taken up where it stopped; a finished one is
    only measured and drawn again. `force` deletes what is there first. Raises UserError for what the user can mend.
    """
    target = choose_device(device)
    train = data.load(config.dataset, data_root).head(config.images)
    test = data.load(config.dataset, data_root, "test")
    size = presets.IMAGE_SIZE[config.networks]
    if len(train.images) < config.batch_size:
        raise UserError(f"batch_size {config.batch_size} exceeds the {len(train.images)} images to train on")

    result = RunFolder(folder)
    if force:
        shutil.rmtree(result.path, ignore_errors=True)
    state = result.load_checkpoint(target)
    if state is not None and len(state["log"]) > config.epochs:
        raise UserError(
            f"{result.path} holds {len(state['log'])} epochs, more than the {config.epochs} asked for: "
            "name another results folder, or start over with --force"
        )
    result.claim(config)
    training = start(config, train.images.shape[1], target)
    if state is None:
        record = provenance(target, train.source, train.sha256, training.bfloat16) | {"started": now(), "resumed": []}
    else:
        training.load_state_dict(state)
        record = result.read_json("provenance.json")
        if training.epoch < config.epochs:
            record.pop("finished", None)
            record["resumed"].append({"epoch": training.epoch, "commit": git_commit(), "time": now()})
    result.write_json("provenance.json", record)

    images = train.padded(size).images.to(target)
    _train(training, images, config, result, progress or Lines())
    _finish(training, test.padded(size), config, result)
    if "finished" not in record:
        result.write_json("provenance.json", record | _cost(training))
    return result


def start(config: RunConfig, channels: int, device: torch.device) -> Training:
    """The state in which a run of this configuration begins."""
    torch.manual_seed(config.seed)
    algorithm = presets.build(config, channels).to(device, memory_format=torch.channels_last)
    return Training(
        algorithm, config.seed, config.batch_size, config.code, config.ema_decay, bfloat16=has_bfloat16(device)
    )


def choose_device(name: str) -> torch.device:
    """"auto" is CUDA where there is one, else the CPU. Raises UserError for CUDA where there is none."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise UserError(f"device {name!r} is unknown: choose auto, cpu or cuda")
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError("device cuda was asked for, but torch finds no CUDA device: use --device cpu or auto")
    return device


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 matrices in hardware, faster than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def _train(training: Training, images: torch.Tensor, config: RunConfig, result: RunFolder, progress: Lines) -> None:
    noise = sheet_noise(config).to(images.device)
    if training.epoch == 0:
        _save_frame(training, noise, result)
    for row in training.epochs(images, config.epochs, progress.batches):
        _save_frame(training, noise, result)
        result.save_checkpoint(training.state_dict())
        progress.epoch(row, config.epochs, result.frame(training.epoch))


def sheet_noise(config: RunConfig, count: int = SHEET) -> torch.Tensor:
    """The fixed noise (count, code) of a run's sample sheets; a larger count has the smaller one as its beginning."""
    # torch fills tensors of other sizes in another order, so that always the same size is drawn
    drawn = torch.randn(max(count, 10_000), config.code, generator=data.generator(config.seed, "samples", 0))
    return drawn[:count]


def _save_frame(training: Training, noise: torch.Tensor, result: RunFolder) -> None:
    picture = figures.sheet(evaluate.sample(training.average, noise), padding=0)
    result.write(result.frame(training.epoch).relative_to(result.path), picture.save)


def _finish(training: Training, test: data.Dataset, config: RunConfig, result: RunFolder) -> None:
    import pandas as pd
    from safetensors.torch import save_file

    model, noise = training.average, sheet_noise(config, config.samples)
    samples = evaluate.sample(model, noise.to(training.device))
    reconstructions = evaluate.reconstruct(model, test.images)
    frames = {epoch: result.frame(epoch) for epoch in range(training.epoch + 1)}
    log = pd.DataFrame(training.log)

    result.write("log.csv", lambda path: log.to_csv(path, index=False))
    result.write("samples.png", figures.sheet(samples[:SHEET]).save)
    result.write("reconstructions.png", figures.reconstruction_sheet(test.images[:50], reconstructions[:50]).save)
    evolution = figures.evolution_figure(frames, test.images.shape[-1])
    result.write("evolution.png", lambda path: evolution.savefig(path, dpi=200))
    result.write("evolution.gif", lambda path: figures.save_evolution_gif(frames, path))
    weights = {name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()}
    result.write("model.safetensors", lambda path: save_file(weights, path))
    result.write_json("metrics.json", evaluate.measure(samples, reconstructions, test))


def _cost(training: Training) -> dict:
    seconds = [row["seconds"] for row in training.log]
    return {
        "seconds_per_epoch": statistics.median(seconds),
        "training_seconds": sum(seconds),
        "peak_memory_bytes": peak_memory_bytes(training.device),
        "finished": now(),
    }


def load(folder: str | Path, device: str = "cpu") -> tuple[Autoencoder, RunConfig]:
    """The averaged autoencoder of a finished run, ready to sample, and the run's configuration."""
    from safetensors.torch import load_file

    result = RunFolder(folder)
    config = result.config()
    if not (result / "model.safetensors").exists():
        raise UserError(f"{result / 'model.safetensors'} does not exist: is {folder} a finished run?")
    model = presets.build(config, data.CHANNELS[config.dataset]).autoencoder()
    model.load_state_dict(load_file(result / "model.safetensors"))
    return model.eval().requires_grad_(False).to(choose_device(device)), config
