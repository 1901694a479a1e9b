"""What the update scheme of the 2018 report costs, against ours: LP-AAE on the paper's networks, mini-batches of 64.

The scheme, re-expressed with this package's networks and losses: for each mini-batch four updates of the
encoder-decoder (enc, dec and CG), each with a fresh forward pass and three separate backward passes, one for each of
its losses, and then one update of each discriminator. Parameters are not frozen before the forward pass, so that every
backward pass goes through every network that the loss depends on. An epoch is extrapolated from single iterations.
"""

from types import SimpleNamespace

import torch
from common import compare, configuration, images_for, ours, parser, report, run
from torch import Tensor

from lprior.algorithms.lpaae_tuned import TunedLPAAE
from lprior.benchmark.timing import timed
from lprior.config import build
from lprior.data import to_float
from lprior.device import choose_device

ENCODER_DECODER_UPDATES = 4


class Scheme2018(TunedLPAAE):
    """LP-AAE on given networks, updated as in 2018."""

    def __init__(self, model: TunedLPAAE):
        super().__init__(model.config, model.noise, model.enc, model.dec, model.CG, model.D_C, model.D_I)
        names = ("enc", "dec", "CG", "D_C", "D_I")
        self.opt = SimpleNamespace(**{name: torch.optim.Adam(getattr(self, name).parameters()) for name in names})

    def train_step(self, x: Tensor, noise: Tensor) -> dict[str, Tensor]:
        for _ in range(ENCODER_DECODER_UPDATES):
            L = self.losses(self.forward(x, noise[0]))
            self.zero_grad()
            for loss in (L.rec, L.fool_C, L.fool_I):
                loss.backward(retain_graph=True)
            for optimizer in (self.opt.enc, self.opt.dec, self.opt.CG):
                optimizer.step()
        L = self.losses(self.forward(x, noise[0]))
        self.zero_grad()
        for loss in (L.GAN_C, L.GAN_I):
            loss.backward(retain_graph=True)
        for optimizer in (self.opt.D_C, self.opt.D_I):
            optimizer.step()
        return {"L_GAN_C": L.GAN_C.detach(), "L_rec": L.rec.detach(), "L_GAN_I": L.GAN_I.detach()}


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__, updates=1, repeats=2, preset="full").parse_args(arguments)
    config, device = configuration(options, "lpaae"), choose_device(options.device)
    images = images_for(options, config)
    torch.manual_seed(config.seed)
    model = Scheme2018(build(config).to(device))
    x = to_float(images[: config.batch_size]).contiguous().to(device)
    noise = torch.randn(1, len(x), model.noise, device=device)

    contenders = {
        "2018 scheme": lambda: timed(lambda: model.train_step(x, noise)["L_rec"].item(), device) / len(x),
        **ours(options, config, images),
    }
    # On a CPU a turn takes a minute, and what a first one costs in addition does not show.
    report("scheme_2018", compare(contenders, options, warm_up=device.type == "cuda"), options)


if __name__ == "__main__":
    run(main)
