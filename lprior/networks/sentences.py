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
    floats beside z. `guess`: embeddings -> codes of images; used in training alone."""

    def __init__(self, reader: Reader, network: nn.Module, code: int, guess: nn.Module):
        super().__init__()
        self.reader, self.network, self.code, self.guess = reader, network, code, guess

    def forward(self, noise: Tensor) -> Tensor:
        return self.network(torch.cat([noise[:, : self.code], self.read(noise)], dim=1))

    def read(self, noise: Tensor) -> Tensor:
        """The embeddings (N, entries) of the sentences in `noise`."""
        return self.reader(noise[:, self.code :].long())


class Captioner(nn.Module):
    """Features F of images, and tokens (N, L) of sentences -> logits (N, L, words) of each token, given F and those
    before it. `summary`: F -> (N, width), with which a GRU goes from word to word."""

    def __init__(self, summary: nn.Module, width: int, words: int):
        super().__init__()
        self.summary, self.embed = summary, nn.Embedding(words, 32)
        self.gru, self.head = nn.GRU(32 + width, width, batch_first=True), nn.Linear(width, words)

    def forward(self, features: Tensor, tokens: Tensor) -> Tensor:
        seen = self.summary(features)
        before = torch.cat([torch.zeros_like(tokens[:, :1]), tokens[:, :-1]], dim=1)
        inputs = torch.cat([self.embed(before), seen.unsqueeze(1).expand(-1, before.shape[1], -1)], dim=2)
        states, _ = self.gru(inputs, torch.tanh(seen).unsqueeze(0).contiguous())
        return self.head(states)
