"""AAE and VAE/GAN as pythae trains them, against ours: same networks, mini-batches, images and number of updates.

pythae's trainers run their epochs over a dataset of floats in memory, and ours run ours. Left out are what each does
between epochs (copies of the best model, checkpoints) and pythae's progress bar. Its rule that skips updates is
switched off, so that both sides make the same number of them. For AAE it encodes each mini-batch once where ours, as
the paper, has two phases; "one encoding" is ours without the second, to see what it costs. Needs pythae: see the README
beside this file.
"""

import logging
import tempfile

import torch
from common import Contender, compare, configuration, epochs_of, images_for, ours, parser, report, run
from pythae_trainers import trainer_of  # first: it says what to do where pythae is missing
from torch import Tensor, nn

from pythae.models import VAEGAN, Adversarial_AE, Adversarial_AE_Config, VAEGANConfig  # isort: skip
from pythae.models.base.base_utils import ModelOutput  # isort: skip
from pythae.models.nn import BaseDecoder, BaseDiscriminator, BaseEncoder  # isort: skip

from lprior.algorithms.aae import AAE
from lprior.algorithms.objectives import feature_distance, log_D, log_one_minus_D
from lprior.algorithms.updates import update
from lprior.benchmark.timing import timed
from lprior.config import RunConfig, build
from lprior.device import choose_device, has_bfloat16
from lprior.runs import title_of
from lprior.training.loop import Training


class Encoder(BaseEncoder):
    def __init__(self, net: nn.Module, code: int):
        super().__init__()
        self.net, self.latent_dim = net, code

    def forward(self, x: Tensor) -> ModelOutput:
        out = self.net(x)  # the code, or mean and log-variance
        mean, log_variance = out.chunk(2, dim=1) if out.shape[1] > self.latent_dim else (out, torch.zeros_like(out))
        return ModelOutput(embedding=mean, log_covariance=log_variance)


class Decoder(BaseDecoder):
    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.net(z))


class CodeDiscriminator(BaseDiscriminator):
    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(embedding=torch.sigmoid(self.net(z)))


class ImageDiscriminator(BaseDiscriminator):
    depth = 1  # layers that pythae can ask for by number: here one, the features

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, output_layer_levels: list[int] | None = None) -> ModelOutput:
        features = self.net.trunk(x)
        if output_layer_levels:
            return ModelOutput(embedding_layer_1=features)
        return ModelOutput(embedding=torch.sigmoid(self.net.head(features)))


class OneEncoding(AAE):
    """A departure from the paper: the codes of which the images are reconstructed also fool the discriminator."""

    def train_step(self, x: Tensor, noise: Tensor) -> dict[str, Tensor]:
        z_x = self.enc(x)
        L_rec = feature_distance(x, self.dec(z_x))
        L_GAN_C = -(log_D(self.D_C(noise[0])) + log_one_minus_D(self.D_C(z_x.detach())))
        update((self.opt.D_C, L_GAN_C))
        L_fool_C = -log_D(self.D_C(z_x))
        update((self.opt.enc, L_rec, self.config.lam), (self.opt.dec, L_rec, self.config.lam), (self.opt.enc, L_fool_C))
        return {"L_rec": L_rec.detach(), "L_GAN_C": L_GAN_C.detach(), "L_fool_C": L_fool_C.detach()}


def one_encoding(config: RunConfig, images: Tensor, device: torch.device) -> Contender:
    """Ours on such a step, in the precision of a run."""
    torch.manual_seed(config.seed)
    nets = build(config)
    step = OneEncoding(config.settings, config.code, nets.enc, nets.dec, nets.D_C)
    step.to(device, memory_format=torch.channels_last)
    training = Training(step, config.seed, config.batch_size, config.ema_decay, has_bfloat16(device))
    return epochs_of(training, images.to(device))


def pythae_trainer(config: RunConfig, images: Tensor, device: torch.device, folder: str):
    """pythae's trainer of the same algorithm, on new networks of ours."""
    torch.manual_seed(config.seed)
    model, settings = build(config), config.settings
    shape, nets = tuple(images.shape[1:]), (Encoder(model.enc, config.code), Decoder(model.dec))
    if config.algorithm == "aae":
        described = Adversarial_AE_Config(input_dim=shape, latent_dim=config.code, deterministic_posterior=True)
        theirs = Adversarial_AE(described, *nets, CodeDiscriminator(model.D_C))
        rates = dict(autoencoder_learning_rate=settings.learning_rate)
    else:
        described = VAEGANConfig(input_dim=shape, latent_dim=config.code, margin=1e9)  # 1e9: no update is skipped
        theirs = VAEGAN(described, *nets, ImageDiscriminator(model.Dis))
        rates = dict(encoder_learning_rate=settings.learning_rate, decoder_learning_rate=settings.learning_rate)
    return trainer_of(
        config.algorithm, theirs, images, device, folder, per_device_train_batch_size=config.batch_size, num_epochs=1,
        discriminator_learning_rate=settings.learning_rate_D, **rates,
    )  # fmt: skip


def pythae_epochs(config: RunConfig, images: Tensor, device: torch.device, folder: str) -> Contender:
    trainer = pythae_trainer(config, images, device, folder)
    return lambda: timed(lambda: trainer.train_step(1), device) / len(images)


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__).parse_args(arguments)
    logging.disable(logging.INFO)
    device, rows = choose_device(options.device), []
    with tempfile.TemporaryDirectory() as folder:
        for algorithm in ("aae", "vaegan"):
            config = configuration(options, algorithm)
            images = images_for(options, config)
            contenders = {"pythae": pythae_epochs(config, images, device, folder), **ours(options, config, images)}
            if algorithm == "aae":
                contenders["one encoding, as in a run"] = one_encoding(config, images, device)
            found = compare(contenders, options)
            rows += [row | {"name": f"{title_of(algorithm)}: {row['name']}"} for row in found]
    report("pythae_side_by_side", rows, options)


if __name__ == "__main__":
    run(main)
