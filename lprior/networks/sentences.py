"""Networks for sentences, as tokens (N, L): one that reads, and one that says how likely a sentence is of an image."""

import torch
from torch import Tensor, nn


class Reader(nn.Module):
    """Tokens (N, L), of which 0 is none, -> embeddings (N, entries): the last state of a GRU (Cho et al. 2014)."""

    def __init__(self, words: int, entries: int, width: int = 32):
        super().__init__()
        self.embed, self.gru = nn.Embedding(words, width), nn.GRU(width, entries, batch_first=True)

    def forward(self, tokens: Tensor) -> Tensor:
        states, _ = self.gru(self.embed(tokens))
        last = (tokens != 0).sum(dim=1).clamp(min=1) - 1
        return states[torch.arange(len(tokens), device=tokens.device), last]


class ReadsNoise(nn.Module):
    """Noise [z, tokens] (N, code + L) -> what `network` makes of [z, embedding]: tokens are whole numbers, kept as
    floats beside z."""

    def __init__(self, reader: Reader, network: nn.Module, code: int):
        super().__init__()
        self.reader, self.network, self.code = reader, network, code

    def forward(self, noise: Tensor) -> Tensor:
        return self.network(torch.cat([noise[:, : self.code], self.read(noise)], dim=1))

    def read(self, noise: Tensor) -> Tensor:
        """The embeddings (N, entries) of the sentences in `noise`."""
        return self.reader(noise[:, self.code :].long())


class Captioner(nn.Module):
    """Features F (N, channels, H, W) of images, or codes (N, channels) as one place, and tokens (N, L) of sentences -> logits (N, L, words) of each token,
    given F and those before it.

    A GRU goes from word to word, and after each its state of `width` entries, a multiple of `HEADS`, asks for the
    places of F that the next one is of (attention: Xu et al. 2015, Show, attend and tell). A summary of the whole F in
    their place learned digits more slowly: docs/trials.csv.
    """

    HEADS = 4

    def __init__(self, channels: int, places: int, width: int, words: int):
        super().__init__()
        self.place, self.embed = nn.Parameter(0.1 * torch.randn(places, channels)), nn.Embedding(words, 32)
        self.gru = nn.GRU(32, width, batch_first=True)
        self.look = nn.MultiheadAttention(width, self.HEADS, kdim=channels, vdim=channels, batch_first=True)
        self.head = nn.Sequential(nn.Linear(2 * width, width), nn.LeakyReLU(0.2), nn.Linear(width, words))

    def forward(self, features: Tensor, tokens: Tensor) -> Tensor:
        places, channels = self.place.shape
        at = features.reshape(len(features), channels, places).transpose(1, 2) + self.place
        before = torch.cat([torch.zeros_like(tokens[:, :1]), tokens[:, :-1]], dim=1)
        states, _ = self.gru(self.embed(before))
        found, _ = self.look(states, at, at, need_weights=False)
        return self.head(torch.cat([states, found], dim=2))
