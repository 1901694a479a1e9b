"""Quality at equal time: pythae's AAE and VAE/GAN by its own examples, and ours by `quick`.

pythae has its convolutional networks for MNIST, the settings of its examples (16 entries, mini-batches of 100, weights
of losses), its default rates, and its normal sampler, and trains for as long as ours did, whose log is read. Both are
judged by our classifier, on 2,000 samples against the test images: pythae after every 10,000 images (its examples see
60,000 a hundred times), ours after each epoch. A row has when ours was first as good. Needs pythae: see the README
beside this file.
"""

import logging
import tempfile
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pandas as pd
import torch
from common import parser, report, run
from pythae_trainers import dataset_of, trainer_of  # first: it says what to do where pythae is missing
from torch import Tensor

from pythae.models import VAEGAN, Adversarial_AE, Adversarial_AE_Config, VAEGANConfig  # isort: skip
from pythae.models.nn.benchmarks.mnist import (  # isort: skip
    Decoder_Conv_AE_MNIST,
    Discriminator_Conv_MNIST,
    Encoder_Conv_VAE_MNIST,
)
from pythae.samplers import NormalSampler  # isort: skip

from lprior import data
from lprior.benchmark.timing import timed
from lprior.device import choose_device
from lprior.evaluation.judges import Judge
from lprior.evaluation.metrics import metric_of
from lprior.results import RunFolder
from lprior.training.run import GLANCE

IMAGES = 10_000  # between two looks at the samples
PUBLISHED = Path(__file__).parent.parent / "results" / "published"


def pythae_trainer(algorithm: str, images: Tensor, device: torch.device, folder: str):
    """pythae's trainer of uint8 images (N, C, H, W), as its examples for MNIST make it."""
    shape = dict(input_dim=tuple(images.shape[1:]), latent_dim=16, reconstruction_loss="mse")
    if algorithm == "aae":
        described = Adversarial_AE_Config(**shape, adversarial_loss_scale=0.5)
        model = Adversarial_AE(described, Encoder_Conv_VAE_MNIST(described), Decoder_Conv_AE_MNIST(described))
    else:
        described = VAEGANConfig(
            **shape, adversarial_loss_scale=0.8, reconstruction_layer=3, margin=0.4, equilibrium=0.68
        )
        model = VAEGAN(
            described, Encoder_Conv_VAE_MNIST(described), Decoder_Conv_AE_MNIST(described),
            Discriminator_Conv_MNIST(described),
        )  # fmt: skip
    return trainer_of(algorithm, model, images, device, folder, per_device_train_batch_size=100, num_epochs=100)


def points(trainer, images: Tensor, judge: Judge, limit: float, device: torch.device) -> Iterator[dict]:
    """After every `IMAGES`: images and seconds of training so far, FID and score of samples; until past `limit` s."""
    seconds, seen = 0.0, 0
    for part in cycle(images.split(IMAGES)):
        trainer.train_loader = trainer.get_train_dataloader(dataset_of(part))
        seconds, seen = seconds + timed(lambda: trainer.train_step(1), device), seen + len(part)
        trainer.model.eval()
        with torch.no_grad():
            samples = NormalSampler(trainer.model).sample(GLANCE)
        samples = samples.clamp(0, 1).mul(255).round().to(torch.uint8)
        found = {metric_of(key).title: value for key, value in judge.glance(samples).items()}
        yield {"images": seen, "seconds": seconds, **found}
        if seconds >= limit:
            return


def ours(folder: Path) -> list[dict]:
    """The same of a finished run, from its log."""
    log = pd.read_csv(RunFolder(folder) / "log.csv")
    fid, score = (next(name for name in log.columns if name.startswith(kind)) for kind in ("fid_", "score_"))
    log["seconds"] = log["seconds"].cumsum()
    return log.rename(columns={fid: "FID", score: "score"})[["epoch", "seconds", "FID", "score"]].to_dict("records")


def row(title: str, point: dict, log: list[dict]) -> dict:
    """A point of pythae's, and when ours was first as good, or how good it was at its end."""
    first = next((each for each in log if each["FID"] <= point["FID"]), None)
    same = f"{first['seconds']:.0f} s" if first else f"not in {log[-1]['seconds']:.0f} s ({log[-1]['FID']:.2f})"
    return {"name": f"pythae's {title}, {point['images']:,} images", **point, "ours": same}


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.set_defaults(dataset="mnist")
    options.add_argument("--seconds", type=float, help="of pythae's training (default: as many as ours took)")
    options.add_argument("--runs", type=Path, default=PUBLISHED, help="folder with mnist-aae-s0 and mnist-vaegan-s0")
    options = options.parse_args(arguments)
    logging.disable(logging.INFO)
    torch.manual_seed(0)
    device, rows = choose_device(options.device), []
    images = data.load(options.dataset, options.data).images
    judge = Judge(data.load(options.dataset, options.data, "test"), device)
    columns = {
        "seconds": ("seconds", ".0f"), "FID": ("FID", ".2f"), "score": ("score", ".2f"),
        "ours at that FID": ("ours", ""),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for algorithm, title in {"aae": "AAE", "vaegan": "VAE/GAN"}.items():
            trainer, log = (
                pythae_trainer(algorithm, images, device, folder),
                ours(options.runs / f"mnist-{algorithm}-s0"),
            )
            limit = log[-1]["seconds"] if options.seconds is None else options.seconds
            for point in points(trainer, images, judge, limit, device):
                rows.append(row(title, point, log))
                report("pythae_quality", rows, options, columns)


if __name__ == "__main__":
    run(main)
