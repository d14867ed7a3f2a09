"""Layers of the cascade. Activations are (B, T, H, W, C), channels last in memory: every product is one of matrices.

Nothing mixes frames but what is called temporal: normalisation is over the channels of one place in one frame
(group norms of other video networks take their statistics over all frames, so that frames leak into one another even
where temporal layers are switched off). Temporal layers start as the identity: their last weights are zero.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class SpatialBlock(nn.Module):
    """A residual block of two 3x3 convolutions in every frame, scaled and shifted by the condition.

    Args:
        width: C.
        embedding: length of the condition.
    """

    def __init__(self, width: int, embedding: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.condition = nn.Linear(embedding, 2 * width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        start_at_zero(self.conv2)

    def forward(self, values: Tensor, condition: Tensor) -> Tensor:
        """(B, T, H, W, C) and (B, embedding) -> (B, T, H, W, C)."""
        scale, shift = self.condition(condition)[:, None, None, None].chunk(2, -1)
        hidden = in_frames(self.conv1, functional.silu(self.norm1(values)))
        hidden = functional.layer_norm(hidden, hidden.shape[-1:])
        return values + in_frames(self.conv2, functional.silu(torch.addcmul(shift, hidden, 1 + scale)))


class TemporalConvolution(nn.Module):
    """A residual convolution over three frames.

    It runs as a 2D convolution of a picture whose rows are frames and whose columns are places, which oneDNN does
    without copies.

    Args:
        width: C.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Conv2d(width, width, (3, 1), padding=(1, 0))
        self.out = nn.Linear(width, width)
        start_at_zero(self.out)

    def forward(self, values: Tensor) -> Tensor:
        """(B, T, H, W, C) -> the same."""
        rows = functional.silu(self.norm(values)).flatten(2, 3).permute(0, 3, 1, 2)  # (B, C, T, H * W)
        hidden = self.conv(rows).permute(0, 2, 3, 1).reshape(values.shape)
        return values + self.out(functional.silu(hidden))


class PlaceAttention(nn.Module):
    """Every place looks at all places of its frame, or of all frames, and at the words of the prompt.

    Args:
        width: C.
        heads: divides C.
        text: length of a word's vector.
        joint: whether the places of a video look at those of all its frames.
    """

    def __init__(self, width: int, heads: int, text: int, *, joint: bool) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.row = nn.Linear(width, width)
        self.column = nn.Linear(width, width, bias=False)
        self.temporal_position = nn.Linear(width, width, bias=False) if joint else None
        self.qkv = nn.Linear(width, 3 * width)
        self.words = nn.Linear(text, 2 * width)
        self.asks = nn.Linear(width, width)
        self.out = nn.Linear(2 * width, width)
        start_at_zero(self.out)

    def forward(self, values: Tensor, words: Tensor, padding: Tensor, *, video: bool = True) -> Tensor:
        """(B, T, H, W, C), (B, L, text) and (B, L), 0 for words and -inf for padding -> (B, T, H, W, C); without
        `video` every place sees its own frame alone."""
        batch, frames, height, width, channels = values.shape
        joint = video and self.temporal_position is not None
        normed = self.norm(values)
        groups = batch if joint else batch * frames
        placed = normed + self._positions(frames if joint else 1, height, width, channels, values)
        query, key, value = _by_heads(self.qkv(placed).view(groups, -1, 3 * channels), 3, self.heads)
        seen = _together(attention(query, key, value), self.heads).view(values.shape)
        (asks,) = _by_heads(self.asks(normed).view(batch, -1, channels), 1, self.heads)
        key, value = _by_heads(self.words(words), 2, self.heads)
        read = _together(attention(asks, key, value, padding), self.heads).view(values.shape)
        return values + self.out(torch.cat([seen, read], -1))

    def _positions(self, frames: int, height: int, width: int, channels: int, like: Tensor) -> Tensor:
        """(T or 1, H, W, C)."""

        def waves(count: int) -> Tensor:
            return sinusoids(torch.arange(count, device=like.device), channels)

        places = self.row(waves(height))[:, None] + self.column(waves(width))
        if frames > 1 and self.temporal_position is not None:
            places = places + self.temporal_position(waves(frames))[:, None, None]
        return places.to(like.dtype)


def start_at_zero(layer: nn.Module) -> None:
    """A layer that says nothing yet: a residual block that ends with it is the identity."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


def attention(query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None = None) -> Tensor:
    """Attention as two batched products of matrices.

    For the short sequences here PyTorch's fused attention (2.13, on the CPU) takes four to nine times as long.

    Args:
        query: (N, Q, d).
        key, value: (N, K, d).
        padding: (B, K), added to the scores; N is a multiple of B, whose items come one after the other.

    Returns: (N, Q, d).
    """
    scale = query.shape[-1] ** -0.5
    if padding is None:
        scores = torch.bmm(query * scale, key.transpose(1, 2))
    else:
        added = padding.repeat_interleave(len(query) // len(padding), 0)[:, None].to(query.dtype)
        scores = torch.baddbmm(added, query, key.transpose(1, 2), alpha=scale)
    return torch.bmm(scores.softmax(-1).to(value.dtype), value)


def in_frames(layer: nn.Module, values: Tensor) -> Tensor:
    """A 2D layer in every frame: (B, T, H, W, C) -> (B, T, H', W', C'), without copies."""
    pictures: Tensor = layer(values.flatten(0, 1).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    return pictures.unflatten(0, values.shape[:2])


def sinusoids(places: Tensor, width: int, longest: float = 10_000.0) -> Tensor:
    """Sines and cosines of numbers (N,), of wave lengths 2 pi to 2 pi times `longest`: (N, width) float32."""
    rates = torch.exp(torch.arange(width // 2, device=places.device) * (-math.log(longest) / (width // 2)))
    angles = places.float()[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], -1)


def _by_heads(values: Tensor, parts: int, heads: int) -> tuple[Tensor, ...]:
    """(N, L, parts * heads * d) -> `parts` of (N * heads, L, d)."""
    split = values.unflatten(-1, (parts, heads, -1)).permute(2, 0, 3, 1, 4)
    return split.flatten(1, 2).unbind(0)


def _together(heads: Tensor, count: int) -> Tensor:
    """(N * heads, L, d) -> (N, L, heads * d)."""
    return heads.unflatten(0, (-1, count)).transpose(1, 2).flatten(2)
