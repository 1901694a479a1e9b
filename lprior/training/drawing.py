"""What a trained run leaves beside its metrics: the log, pictures, and the weights."""

from contextlib import suppress
from pathlib import Path

import torch
from PIL.Image import Image

from lprior import data, stored
from lprior.errors import TrainingDiverged, UserError
from lprior.evaluation.formulas import nearest
from lprior.model import SHEET, Model
from lprior.results import RunFolder
from lprior.training.loop import Training


def save_frame(samples: torch.Tensor, epoch: int, result: RunFolder) -> Image:
    """The sheet of uint8 samples (N, C, H, W), which is also kept as the run's picture of that epoch."""
    from lprior import figures

    sheet = figures.sheet(samples, padding=0)
    result.write(str(result.frame(epoch).relative_to(result.path)), sheet.save)
    return sheet


def draw(training: Training, model: Model, train: data.Dataset, test: data.Dataset, result: RunFolder) -> None:
    """Write log, pictures and weights of a run that is trained, which `model` is the average of."""
    import pandas as pd
    from safetensors.torch import save

    from lprior import figures

    size = model.config.image_size
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
    result.write("evolution.gif", lambda path: figures.save_evolution(frames, path))
    if samples.shape[1] > 1:
        result.write("animation.webp", lambda path: figures.save_evolution(frames, path))
    weights = {name: tensor.cpu().contiguous() for name, tensor in training.average.state_dict().items()}
    result.write("model.safetensors", lambda path: path.write_bytes(save(weights)))


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
        save_frame(last, epochs, result)
        found[epochs] = result.frame(epochs)
    lost = [str(epoch) for epoch in range(epochs + 1) if epoch not in found]
    if lost:
        print(f"the evolution leaves out epoch {', '.join(lost)}: {result / 'frames'} has no whole picture", flush=True)
    return found
