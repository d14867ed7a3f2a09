"""Layers over time that are put into an image U-Net. All start as the identity: their last weights are zero.

They take what the U-Net's own layers give, (B * T, C, H, W), the frames of a video one after the other.
"""

from typing import Any

import torch
from torch import Tensor, nn

from onereel.backbones.cascade.layers import start_at_zero

_KERNEL = 3  # frames that a temporal convolution sees


class TemporalConvolution(nn.Module):
    """A convolution over time, after one over space (Fig. 3, left).

    It runs as a 2D convolution of a picture whose rows are frames and whose columns are places: one copy there, one
    back, and a product of matrices between (5 ms for 8 x 8 frames of 64 x 16 x 16 on one core; as a product of
    neighbours put side by side 7 to 13 ms).

    Args:
        width: C.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, (_KERNEL, 1), padding=(_KERNEL // 2, 0))
        start_at_zero(self.conv)

    def forward(self, values: Tensor, frames: int) -> Tensor:
        """(B * T, C, H, W) -> the same."""
        rows = values.unflatten(0, (-1, frames)).flatten(3).transpose(1, 2)  # (B, C, T, H * W)
        moved: Tensor = self.conv(rows).transpose(1, 2).reshape(values.shape)
        return values + moved


class TemporalTransformer(nn.Module):
    """A transformer over time that mirrors one over space (Fig. 3, right): the same class, as wide and deep, with a
    second self-attention in the place of the one that reads the condition.

    Args:
        spatial: diffusers' ``Transformer2DModel`` that it comes after.
        frames: how many it can tell apart.
    """

    def __init__(self, spatial: Any, frames: int) -> None:
        super().__init__()
        from diffusers.models.attention import BasicTransformerBlock  # seconds; only jobs that need it wait for it

        config = spatial.config
        heads, size = config.num_attention_heads, config.attention_head_dim
        width, inner = spatial.norm.num_channels, heads * size
        self.norm = nn.GroupNorm(spatial.norm.num_groups, width, eps=spatial.norm.eps)
        self.enter = nn.Linear(width, inner)
        self.position = nn.Parameter(torch.zeros(frames, inner))
        self.blocks = nn.ModuleList(
            BasicTransformerBlock(inner, heads, size, double_self_attention=True, activation_fn=config.activation_fn)
            for _ in range(config.num_layers)
        )
        self.leave = nn.Linear(inner, width)
        start_at_zero(self.leave)

    def forward(self, values: Tensor, frames: int) -> Tensor:
        """(B * T, C, H, W) -> the same; T is at most as many as it can tell apart."""
        count, width, height, columns = values.shape
        sequences = self.norm(values).view(-1, frames, width, height * columns).permute(0, 3, 1, 2)  # (B, H * W, T, C)
        hidden = self.enter(sequences.flatten(0, 1)) + self.position[:frames]
        for block in self.blocks:
            hidden = block(hidden)
        moved = self.leave(hidden).view(-1, height * columns, frames, width).permute(0, 2, 3, 1)
        return values + moved.reshape(count, width, height, columns)
