"""A trained model, as anyone uses it: three lines from a folder to images.

    import lprior
    model = lprior.load("results/published/mnist-lpaae-s0")
    images = model.sample(100)
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lprior import condition, data, disentangle, evaluate, presets
from lprior.errors import UserError
from lprior.networks import Autoencoder
from lprior.presets import RunConfig
from lprior.results import RunFolder

SHEET = 100  # images on a sheet of samples


@dataclass(frozen=True)
class Model:
    """The averaged autoencoder of a finished run, and the run's configuration."""

    autoencoder: Autoencoder
    config: RunConfig

    def sample(self, count: int = SHEET, seed: int | None = None, s: int | None = None) -> Tensor:
        """uint8 images (count, C, H, W). Without a seed, those of the run's own sheet and metrics come first.

        Of a conditional model, s counts from 0 to 9 along rows of ten images that share z; or all images are of one s.
        """
        return evaluate.sample(self.autoencoder, self.noise(count, seed, s))

    def noise(self, count: int, seed: int | None = None, s: int | None = None) -> Tensor:
        """What `sample` makes images from: z (count, code), or [z, s] (count, code + 10) of a conditional model."""
        if count < 1:
            raise UserError(f"the count of samples must be at least 1, not {count}")
        if s is not None and self.config.condition == "none":
            raise UserError(f"this model has no conditional variable: it cannot sample for s = {s}")
        z = _sheet_z(self.config, count)
        if seed is not None:
            z = torch.randn(count, self.config.code, generator=data.generator(seed, "sample", 0))
        if s is not None:
            condition.check_labels(torch.tensor([s]))
            noise = condition.with_s(z, torch.full((count,), s))
        else:
            noise = z if self.config.condition == "none" else condition.grid(z)
        return noise.to(next(self.autoencoder.parameters()).device)

    def measure(self, train: data.Dataset, test: data.Dataset) -> dict:
        """The metrics of a run: `evaluate.measure` and, of a conditional model, `disentangle.measure`."""
        config = self.config
        noise, size = self.noise(config.samples), config.image_size
        values = evaluate.measure(self.autoencoder, noise, train, test, size, config.seed)
        if config.condition != "none":
            values |= disentangle.measure(self.autoencoder, noise, test, size, config.condition, config.seed)
        return values

    def encode(self, images: Tensor) -> Tensor:
        """Codes (N, code) of uint8 images (N, C, H, W), which are zero-padded to the networks' size."""
        return evaluate.encode(self.autoencoder, data.pad(images, self.config.image_size))

    def decode(self, codes: Tensor) -> Tensor:
        """uint8 images (N, C, H, W) of codes (N, code)."""
        return evaluate.decode(self.autoencoder, codes)


def load(folder: str | Path, device: str = "cpu") -> Model:
    """The model of a finished run. Raises UserError if there is none in the folder."""
    from safetensors.torch import load_file

    result = RunFolder(folder)
    config = result.config()
    if not (result / "model.safetensors").exists():
        raise UserError(f"{result / 'model.safetensors'} does not exist: is {folder} a finished run?")
    autoencoder = presets.build(config, data.CHANNELS[config.dataset]).autoencoder()
    weights = load_file(result / "model.safetensors")  # published ones have half precision
    autoencoder.load_state_dict({key: v.float() if v.is_floating_point() else v for key, v in weights.items()})
    return Model(autoencoder.eval().requires_grad_(False).to(choose_device(device)), config)


def sheet_noise(config: RunConfig, count: int = SHEET) -> Tensor:
    """The fixed noise (count, code) of a run's sample sheets; a larger count has the smaller one as its beginning.

    Of a conditional model (count, code + 10): columns of the sheet are values of s, rows share z.
    """
    z = _sheet_z(config, count)
    return z if config.condition == "none" else condition.grid(z)


def _sheet_z(config: RunConfig, count: int) -> Tensor:
    # torch fills tensors of other sizes in another order, so that always the same size is drawn
    drawn = torch.randn(max(count, 10_000), config.code, generator=data.generator(config.seed, "samples", 0))
    return drawn[:count]


def choose_device(name: str) -> torch.device:
    """"auto" is CUDA where there is one, else the CPU. Raises UserError for CUDA where there is none."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise UserError(f"device {name!r} is unknown: choose auto, cpu or cuda")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError("device cuda was asked for, but torch finds no CUDA device: use --device cpu or auto")
    return device
