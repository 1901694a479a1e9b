"""LP-AAE as tutorials write a training loop, against ours: same networks, mini-batches and images.

The tutorial's way: a Dataset that transforms image by image, a DataLoader, and for each network in turn a fresh forward
pass, zero_grad, backward and step; labels of ones and zeros, float32, torch's default memory format and Adam. Like ours
it updates each network once per mini-batch and decodes reconstructions and samples as one batch.
"""

from types import SimpleNamespace

import torch
from common import compare, configuration, images_for, ours, parser, report, run
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from lprior.algorithms.lpaae import LPAAE
from lprior.benchmark.timing import timed
from lprior.config import RunConfig, build
from lprior.device import choose_device


class Digits(Dataset):
    """Images as torchvision's datasets give them: PIL, transformed one by one."""

    def __init__(self, images: Tensor):
        self.images = images.squeeze(1).numpy()
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.transform(Image.fromarray(self.images[index]))


def loader(images: Tensor, batch_size: int) -> DataLoader:
    """Shuffled mini-batches of uint8 images (N, 1, H, W)."""
    return DataLoader(Digits(images), batch_size, shuffle=True, drop_last=True)


class Tutorial(LPAAE):
    """LP-AAE ("tuned", learned prior), a network at a time."""

    def __init__(self, model: LPAAE):
        super().__init__(model.config, model.noise, model.enc, model.dec, model.CG, model.D_C, model.D_I)
        rates = {"enc": self.config.learning_rate, "dec": self.config.learning_rate, "CG": self.config.learning_rate,
                 "D_C": self.config.learning_rate_D, "D_I": self.config.learning_rate_D}  # fmt: skip
        Adam, betas = torch.optim.Adam, self.config.betas
        adams = {name: Adam(getattr(self, name).parameters(), lr, betas) for name, lr in rates.items()}
        self.opt = SimpleNamespace(**adams)
        self.bce, self.mse = nn.BCEWithLogitsLoss(), nn.MSELoss()

    def decode(self, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        x_rec, x_noise = self.dec(torch.cat([self.enc(x), self.CG(z)])).chunk(2)
        return x_rec, x_noise

    def train_step(self, x: Tensor, noise: Tensor) -> dict[str, Tensor]:
        z = noise[0]
        ones, zeros = torch.ones(len(x), 1, device=x.device), torch.zeros(len(x), 1, device=x.device)

        self.opt.D_C.zero_grad()
        L_GAN_C = self.bce(self.D_C(self.CG(z).detach()), ones) + self.bce(self.D_C(self.enc(x).detach()), zeros)
        L_GAN_C.backward()
        self.opt.D_C.step()

        self.opt.D_I.zero_grad()
        x_noise = self.decode(x, z)[1].detach()
        L_GAN_I = self.bce(self.D_I(x)[0], ones) + self.bce(self.D_I(x_noise)[0], zeros)
        L_GAN_I.backward()
        self.opt.D_I.step()

        self.opt.enc.zero_grad()
        L_rec = self.mse(self.D_I(self.decode(x, z)[0])[1], self.D_I(x)[1])
        loss = L_rec + self.config.lam_C * self.bce(self.D_C(self.enc(x)), ones)
        loss.backward()
        self.opt.enc.step()

        self.opt.dec.zero_grad()
        x_rec, x_noise = self.decode(x, z)
        L_rec = self.mse(self.D_I(x_rec)[1], self.D_I(x)[1])
        loss = self.config.lam * L_rec + self.bce(self.D_I(x_noise)[0], ones)
        loss.backward()
        self.opt.dec.step()

        self.opt.CG.zero_grad()
        loss = self.bce(self.D_I(self.decode(x, z)[1])[0], ones)
        loss = loss + self.config.lam_CG * self.bce(self.D_C(self.CG(z)), zeros)
        loss.backward()
        self.opt.CG.step()
        return {"L_GAN_C": L_GAN_C.detach(), "L_rec": L_rec.detach(), "L_GAN_I": L_GAN_I.detach()}


def tutorial(config: RunConfig, device: torch.device) -> Tutorial:
    """On new networks."""
    torch.manual_seed(config.seed)
    return Tutorial(build(config).to(device))


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__).parse_args(arguments)
    config, device = configuration(options, "lpaae"), choose_device(options.device)
    images = images_for(options, config)
    model, batches = tutorial(config, device), loader(images, config.batch_size)

    def epoch() -> None:
        total = 0.0
        for x in batches:
            losses = model.train_step(x.to(device), torch.randn(1, len(x), model.noise, device=device))
            total += losses["L_rec"].item()

    contenders = {"tutorial loop": lambda: timed(epoch, device) / len(images), **ours(options, config, images)}
    report("tutorial_loop", compare(contenders, options), options)


if __name__ == "__main__":
    run(main)
