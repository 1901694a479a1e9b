"""LP-AAE from text to image: sentences in, picture out, by the learned prior CG(z, s) where s is a sentence.

It is `lpaae_tuned.py` with the condition of `captions.py`, whose sentences a GRU reads for CG:

    paper        code
    [z, text]    z beside the embedding of the caption, which CG makes the code z_c of; the decoder sees no text
    Q            a captioner on the trunk of D_I, which looks at one place after the other; and Q_C, one of codes
    D_C          sees the embedding beside the code: what it compares are codes z_c made for a caption, and codes of
                 images that have it. Without, z is left unused: hardly two captions of a mini-batch are alike, and they
                 alone can make codes as various as those of images (Mirza and Osindero 2014: conditional GAN)

With the fixed prior, codes are [z, embedding], the decoder's input, and the encoder gives both, as with other s. The
embedding learns in either case, by CG's optimizer, from what the images made for a sentence are like.

The paper says no more of its networks for text: all of this is ours.
"""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from lprior.algorithms import lpaae_tuned
from lprior.algorithms.autoencoder import Autoencoder
from lprior.algorithms.captions import Captions
from lprior.algorithms.updates import adam
from lprior.errors import UserError
from lprior.networks import Networks
from lprior.networks.sentences import Captioner, LooksAtCode, LooksAtPlaces, Reader, ReadsNoise


@dataclass(frozen=True)
class Config(lpaae_tuned.Config):
    words: int = 64  # tokens that there may be, the one that is no word among them
    length: int = 16  # tokens of a sentence
    embedding: int = 64  # entries of a sentence's embedding
    memory: int = 128  # entries of the captioners' states

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.memory < 1 or self.memory % LooksAtPlaces.HEADS:
            raise UserError(f"memory must be a multiple of {LooksAtPlaces.HEADS}, not {self.memory}")

    @property
    def s(self) -> Captions:
        """The conditional variable."""
        return Captions(self.length, self.words, self.lam_info)


class TextLPAAE(lpaae_tuned.TunedLPAAE):
    """The algorithm on noise [z, tokens] (N, code + length)."""

    CG: ReadsNoise

    capturable = False  # nobody has tried to capture a GRU here

    def __init__(self, *networks: Any, Q_C: nn.Module):
        super().__init__(*networks)
        self.Q_C, self.opt.Q_C = Q_C, adam(Q_C, self.config.learning_rate_D, self.config.betas)

    def judged_codes(self, at: SimpleNamespace, noise: Tensor) -> tuple[Tensor, Tensor]:
        at.text = self.CG.read(noise)
        if self.config.prior == "fixed":  # whose codes have the embedding
            return super().judged_codes(at, noise)
        c, x = (self.D_C(torch.cat([z, at.text.detach()], dim=1)) for z in (at.z_c, at.z_x))
        return c, x

    def autoencoder(self) -> Autoencoder:
        return Autoencoder(self.enc, self.dec, self.CG, s=self.s)


def build(config: Config, networks: Networks, code: int) -> TextLPAAE:
    """The algorithm on new networks, for codes of so many entries."""
    both, learned, z = code + config.embedding, config.prior == "learned", config.entries_of_z(code)
    entries = code if learned else both
    prior = networks.code_generator(z + config.embedding, entries) if learned else nn.Identity()
    CG = ReadsNoise(Reader(config.words, config.embedding), prior, z)
    enc, dec, D_C = networks.encoder(entries), networks.decoder(entries), networks.code_discriminator(both)
    D_I = networks.image_discriminator()
    with torch.no_grad():
        _, features = D_I.eval()(torch.zeros(1, networks.channels, networks.size, networks.size))
    channels, width = features.shape[1], config.memory
    Q = Captioner(LooksAtPlaces(channels, features.numel() // channels, width), width, config.words)
    Q_C = Captioner(LooksAtCode(entries, width), width, config.words)
    return TextLPAAE(config, z, enc, dec, CG, D_C, D_I.train(), Q, config.s, Q_C=Q_C)
