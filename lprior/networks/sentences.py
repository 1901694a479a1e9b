"""Networks for sentences, as tokens (N, L): one that reads, and one that says how likely a sentence is of an image."""

import torch
from torch import Tensor, nn


class Reader(nn.Module):
    """Tokens (N, L), of which 0 is none, -> embeddings (N, entries): the last state of a GRU (Cho et al. 2014)."""

    WIDTH = 32  # entries of a word

    def __init__(self, words: int, entries: int):
        super().__init__()
        self.embed, self.gru = nn.Embedding(words, self.WIDTH), nn.GRU(self.WIDTH, entries, batch_first=True)

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
    """What is seen, and tokens (N, L) of sentences -> logits (N, L, words) of each token, given what is seen and those
    before it. A GRU goes from word to word; `look`: its states (N, L, width), and what is seen -> (N, L, width)."""

    def __init__(self, look: nn.Module, width: int, words: int):
        super().__init__()
        self.look, self.embed, self.gru = look, nn.Embedding(words, 32), nn.GRU(32, width, batch_first=True)
        self.head = nn.Sequential(nn.Linear(2 * width, width), nn.LeakyReLU(0.2), nn.Linear(width, words))

    def forward(self, seen: Tensor, tokens: Tensor) -> Tensor:
        before = torch.cat([torch.zeros_like(tokens[:, :1]), tokens[:, :-1]], dim=1)
        states, _ = self.gru(self.embed(before))
        return self.head(torch.cat([states, self.look(states, seen)], dim=2))


class LooksAtPlaces(nn.Module):
    """States (N, L, width), and features (N, channels, ...) of images at so many places -> what each state finds at
    the places that it asks for (attention: Xu et al. 2015, Show, attend and tell). By a summary of all places in their
    stead it learned digits more slowly (docs/trials.csv)."""

    HEADS = 4  # of which `width` is a multiple

    def __init__(self, channels: int, places: int, width: int):
        super().__init__()
        self.place = nn.Parameter(0.1 * torch.randn(places, channels))
        self.attention = nn.MultiheadAttention(width, self.HEADS, kdim=channels, vdim=channels, batch_first=True)

    def forward(self, states: Tensor, features: Tensor) -> Tensor:
        places, channels = self.place.shape
        at = features.reshape(len(features), channels, places).transpose(1, 2) + self.place
        return self.attention(states, at, at, need_weights=False)[0]


class LooksAtCode(nn.Linear):
    """States (N, L, width), and codes (N, entries) -> a linear map of the code for each state."""

    def forward(self, states: Tensor, code: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(code).unsqueeze(1).expand_as(states)
