"""pythae's trainers of AAE and VAE/GAN, which two comparisons share. Needs pythae: see the README beside this file."""

import sys

import torch
from torch import Tensor

from lprior.data import to_float

try:
    from pythae.data.datasets import BaseDataset
    from pythae.trainers import (
        AdversarialTrainer,
        AdversarialTrainerConfig,
        CoupledOptimizerAdversarialTrainer,
        CoupledOptimizerAdversarialTrainerConfig,
    )
except ImportError:
    sys.exit("pythae is missing: python -m pip install '.[benchmarks]'")

TRAINERS = {
    "aae": (AdversarialTrainer, AdversarialTrainerConfig),
    "vaegan": (CoupledOptimizerAdversarialTrainer, CoupledOptimizerAdversarialTrainerConfig),
}


def dataset_of(images: Tensor) -> BaseDataset:
    """uint8 images (N, C, H, W) as pythae takes them."""
    return BaseDataset(to_float(images).contiguous(), torch.zeros(len(images)))


def trainer_of(algorithm: str, model, images: Tensor, device: torch.device, folder: str, **settings):
    """pythae's trainer of one of its models, ready for `train_step`, without progress bars. `settings`: its own."""
    kind, configuration = TRAINERS[algorithm]
    training = configuration(output_dir=folder, no_cuda=device.type != "cuda", **settings)
    trainer = kind(model, dataset_of(images), training_config=training)
    trainer.prepare_training()
    trainer.callback_handler.callbacks.clear()
    return trainer
