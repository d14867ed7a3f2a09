"""Prompts as the cascade reads them: tokens of the scenes' captions through a small transformer."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from onereel.backbones.cascade.layers import attention
from onereel.features.text_image import MODELS, tokenizer

VOCABULARY, CONTEXT = 860, 48
"""Of `clip-world`'s tokenizer."""


class Text(NamedTuple):
    """B prompts, read.

    Attributes:
        words: (B, L, D), one vector a token.
        padding: (B, L), 0 for tokens, -inf after the last one.
        whole: (B, D), the prompt as one vector.
    """

    words: Tensor
    padding: Tensor
    whole: Tensor

    def repeated(self, times: int) -> "Text":
        """Each prompt `times` times, one after the other: (B * times, ...)."""
        return Text(*(each.repeat_interleave(times, 0) for each in self))


def tokens_of(prompts: Sequence[str]) -> Tensor:
    """N >= 1 prompts as token numbers, (N, L) int64, 0 after the end; no longer than the longest one, at most 48."""
    tokens: Tensor = tokenizer(MODELS["clip-world"])(list(prompts))
    return tokens[:, : int((tokens != 0).sum(1).max())]


class TextEncoder(nn.Module):
    """A transformer over tokens that sees both ways.

    Args:
        width: D.
        layers: how many.
        heads: divides D.
    """

    def __init__(self, width: int = 128, layers: int = 3, heads: int = 4) -> None:
        super().__init__()
        self.width = width
        self.token = nn.Embedding(VOCABULARY, width)
        self.position = nn.Parameter(torch.randn(CONTEXT, width) * 0.02)
        self.layers = nn.ModuleList(_Layer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.token.weight, std=0.5)

    def forward(self, tokens: Tensor) -> Text:
        """Token numbers (B, L), 0 after the end of each, L <= 48."""
        padding = torch.zeros(tokens.shape, device=tokens.device).masked_fill(tokens == 0, -torch.inf)
        values = self.token(tokens) + self.position[: tokens.shape[1]]
        for layer in self.layers:
            values = layer(values, padding)
        words = self.norm(values)
        known = (tokens != 0)[..., None].to(words.dtype)
        return Text(words, padding, (words * known).sum(1) / known.sum(1))


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, values: Tensor, padding: Tensor) -> Tensor:
        batch, length = values.shape[:2]
        parts = self.qkv(self.norm1(values)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = parts.flatten(1, 2)
        seen = attention(query, key, value, padding).unflatten(0, (batch, self.heads)).transpose(1, 2).flatten(2)
        values = values + self.out(seen)
        return values + self.down(functional.silu(self.up(self.norm2(values))))
