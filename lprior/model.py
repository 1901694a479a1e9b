"""A trained model, as anyone uses it: three lines from a folder to images.

    import lprior
    model = lprior.load("mnist-lpaae-s0")
    images = model.sample(100)
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from os import PathLike

import torch
from torch import Tensor

from lprior import config as configuration
from lprior import data, stored
from lprior.algorithms.autoencoder import Autoencoder
from lprior.algorithms.captions import Captions
from lprior.algorithms.conditions import with_s
from lprior.config import RunConfig
from lprior.data import to_float, to_uint8
from lprior.data.sentences import Language, tokens
from lprior.device import choose_device, convolutions
from lprior.errors import TrainingDiverged, UserError
from lprior.results import locate, unpublished_weights
from lprior.runs import title_of
from lprior.streams import generator

SHEET = 100  # images on a sheet of samples
BATCH = 500  # images, codes or noise that pass the networks at once


@dataclass(frozen=True, repr=False)
class Model:
    """The averaged autoencoder of a run, and the run's configuration. `lprior.evaluation.measure` measures it. `read`:
    the language of the captions that it was trained on, None for those at hand."""

    autoencoder: Autoencoder
    config: RunConfig
    read: Language | None = field(default=None, kw_only=True)

    def __repr__(self) -> str:
        of, title = self.config, data.DATASETS[self.config.dataset].title
        made = f"{title_of(of.model)} on {title}, {of.epochs} epochs, code of {of.code}"
        return f"<Model {of.name}: {made}, on {self.device}>"

    def _repr_png_(self) -> bytes:
        """What a notebook shows: the run's own sheet of samples."""
        from lprior.tiles import png, sheet

        return png(sheet(self.sample()))

    def sample(self, count: int = SHEET, seed: int | None = None, s: int | str | None = None) -> Tensor:
        """uint8 images (count, C, H, W). Without a seed, those of the run's own sheet and metrics come first.

        Of a conditional model, s counts from 0 to 9 along rows of ten images that share z; or all images are of one s.
        Of a model that reads, s is a sentence, or goes through ten of them.
        """
        return self.generate(self.noise(count, seed, s))

    def noise(self, count: int, seed: int | None = None, s: int | str | None = None) -> Tensor:
        """What `sample` makes images from: z (count, noise), or [z, s] (count, noise + 10) of a conditional model; of
        one that reads [z, tokens]. Raises UserError for an s that the model has not, such as a word unknown to it."""
        if count < 1:
            raise UserError(f"the count of samples must be at least 1, not {count}")
        # torch fills tensors of other sizes in another order, so that always the same size is drawn
        drawn = max(count, 10_000) if seed is None else count
        purpose = (self.config.seed, "samples", 0) if seed is None else (seed, "sample", 0)
        z = torch.randn(drawn, self.config.noise, generator=generator(*purpose))[:count]
        if isinstance(self.autoencoder.s, Captions):
            return self.autoencoder.s.grid(z, self._tokens(s)).to(self.device)
        if s is None:
            return self.autoencoder.s.grid(z).to(self.device)
        if isinstance(s, str):
            raise UserError("this model reads no sentences: a run of the algorithm lptext does")
        values = self.autoencoder.s.values
        if not 0 <= s < values:
            has = f"values from 0 to {values - 1}" if values else "no conditional variable"
            raise UserError(f"this model has {has}: it cannot sample for s = {s}")
        return with_s(z, torch.full((count,), s)).to(self.device)

    @property
    def language(self) -> Language:
        """The words that it knows, and examples. Raises UserError for a model that reads no sentences."""
        return self.read or data.language_of(self.config.dataset)

    def _tokens(self, s: int | str | None) -> Tensor:
        """Of a sentence, or of the data set's examples: int64 (1, L) or (10, L)."""
        if isinstance(s, int):
            raise UserError(f"this model reads sentences: s cannot be {s}")
        sentences = self.language.examples if s is None else (s,)
        return torch.stack([tokens(one, self.language.vocabulary, self.autoencoder.s.length) for one in sentences])

    def generate(self, noise: Tensor) -> Tensor:
        """uint8 images (N, C, H, W), on the CPU, of noise (N, noise), or with s (N, noise + 10)."""
        return self.in_batches(lambda part: to_uint8(_finite(self.autoencoder(part), "samples")), noise)

    def encode(self, images: Tensor) -> Tensor:
        """Codes (N, code), on the CPU, of uint8 images (N, C, H, W), which are zero-padded to the networks' size."""
        padded = data.pad(images, self.config.image_size)
        return self.in_batches(lambda part: _finite(self.autoencoder.encode(to_float(part)), "codes"), padded)

    def decode(self, codes: Tensor) -> Tensor:
        """uint8 images (N, C, H, W), on the CPU, of codes (N, code)."""
        return self.in_batches(lambda part: to_uint8(_finite(self.autoencoder.dec(part), "images")), codes)

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.autoencoder.parameters()).device

    @torch.no_grad()
    def in_batches(self, function: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
        """`function` of `rows`, `BATCH` at a time on the model's device; the answers on the CPU."""
        with convolutions(self.device, tf32=False):
            return torch.cat([function(part.to(self.device)).cpu() for part in rows.split(BATCH)])


def _finite(values: Tensor, what: str) -> Tensor:
    """Raises TrainingDiverged if they are not: as pixels they would be black."""
    if not values.isfinite().all():
        raise TrainingDiverged(f"the model's {what} are no finite numbers")
    return values


def load(run: str | PathLike[str], device: str = "cpu") -> Model:
    """The model of a finished run, of its folder or the name of a published one. Raises UserError if there is no such
    run, or none that is whole."""
    result = locate(run)
    config, path = result.config(), result / "model.safetensors"
    if note := unpublished_weights(result):
        raise UserError(note)
    weights = stored.read_weights(path)  # published ones have half precision
    try:
        autoencoder = configuration.build(config).autoencoder()
    except RuntimeError as error:  # there is not so much memory
        raise stored.damaged(result / "config.json", f"no such networks: {stored.first_line(error)}") from error
    stored.refuse_others(path, weights, autoencoder.state_dict())
    autoencoder.load_state_dict(weights)
    return Model(autoencoder.eval().requires_grad_(False).to(choose_device(device)), config, read=result.language())
