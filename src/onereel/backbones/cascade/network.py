"""The network of a stage: a U-Net over space whose frames meet in temporal layers only."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from onereel.backbones.cascade.layers import (
    PlaceAttention,
    SpatialBlock,
    TemporalConvolution,
    in_frames,
    sinusoids,
    start_at_zero,
)
from onereel.backbones.cascade.text import Text


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of a stage's network.

    Attributes:
        widths: channels by level; each level has half the height and width of the one before.
        blocks: by level, on the way down; on the way up as many again, but none for the last level.
        heads: of attention, in the last level only.
        attention: whether the last level has it, over places and words; without it the network takes any size, and
            reads the prompt as one vector.
        joint_attention: whether it is over the places of all frames; else of each frame by itself.
        conditioned: whether a smaller or slower video is an input besides the noisy one.
        patch: side of the squares of pixels that are one place of the first level.
        text: length of a word's vector.
        embedding: length of the condition.
    """

    widths: tuple[int, ...]
    blocks: tuple[int, ...]
    heads: int = 3
    attention: bool = True
    joint_attention: bool = False
    conditioned: bool = False
    patch: int = 1
    text: int = 128
    embedding: int = 256


class StageNetwork(nn.Module):
    """Says what the process's prediction type asks for, of noisy videos and prompts.

    Args:
        config: its shape.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        widths, last = config.widths, len(config.widths) - 1
        pixels = 3 * config.patch**2
        self.time = _Condition(config)
        self.augmentation = _Condition(config) if config.conditioned else None
        self.past = nn.Linear(config.embedding, 2) if config.conditioned else None
        self.whole = nn.Linear(config.text, config.embedding)
        self.enter = nn.Conv2d(pixels * (2 if config.conditioned else 1), widths[0], 3, padding=1)
        self.down = nn.ModuleList(_Blocks(config, level) for level in range(last + 1))
        self.shrink = nn.ModuleList(nn.Conv2d(widths[level], widths[level + 1], 2, stride=2) for level in range(last))
        self.grow = nn.ModuleList(nn.Linear(widths[level + 1], 4 * widths[level]) for level in range(last))
        self.up = nn.ModuleList(_Blocks(config, level) for level in range(last))
        self.norm = nn.LayerNorm(widths[0])
        self.leave = nn.Conv2d(widths[0], pixels, 3, padding=1)
        start_at_zero(self.leave)
        if self.past is not None:
            start_at_zero(self.past)

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor | int,
        text: Text,
        *,
        low: Tensor | None = None,
        augmentation: Tensor | None = None,
        video: bool = True,
    ) -> Tensor:
        """What the network predicts.

        Args:
            sample: (B, 3, T, H, W), noisy; H and W multiples of `patch` times 2 to the number of levels - 1.
            timestep: (B,), or one for all.
            text: B prompts.
            low: (B, 3, T, H, W), where the stage is conditioned: the video of the stage before, brought to this size,
                with noise.
            augmentation: (B,), timestep of the noise in `low`.
            video: False takes the frames as pictures that know nothing of each other: temporal layers are left out.

        Returns: (B, 3, T, H, W) float32.
        Raises: ValueError for a conditioned stage without `low` or `augmentation`.
        """
        times = torch.as_tensor(timestep, device=sample.device).expand(len(sample))
        condition = self.time(times) + self.whole(text.whole)
        pixels = _patches(sample, self.config.patch)
        if self.augmentation is not None:
            if low is None or augmentation is None:
                raise ValueError("this stage needs the video of the stage before, and the timestep of its noise")
            condition = condition + self.augmentation(augmentation)
            pixels = torch.cat([pixels, _patches(low, self.config.patch)], -1)
        condition = functional.silu(condition)
        values, skipped = in_frames(self.enter, pixels), []
        for level, blocks in enumerate(self.down):
            values = blocks(values, condition, text, video)
            if level < len(self.shrink):
                skipped.append(values)
                values = in_frames(self.shrink[level], values)
        for level in reversed(range(len(self.up))):
            values = _larger(self.grow[level](values)) + skipped.pop()
            values = self.up[level](values, condition, text, video)
        result = in_frames(self.leave, functional.silu(self.norm(values)))
        said = _pixels(result, self.config.patch).float()
        return said if low is None or self.past is None else said + _past(self.past(condition), sample, low)


def _past(shares: Tensor, sample: Tensor, low: Tensor) -> Tensor:
    """What passes by the network: shares (B, 2) of the noisy and of the low video. With them most of v is said, and
    neither noise nor the low video has to fit through the network's channels."""
    noisy, before = shares.float()[:, :, None, None, None, None].unbind(1)
    return noisy * sample + before * low


class _Condition(nn.Module):
    """A timestep as a vector."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.first = nn.Linear(config.embedding, config.embedding)
        self.second = nn.Linear(config.embedding, config.embedding)

    def forward(self, timestep: Tensor) -> Tensor:
        return self.second(functional.silu(self.first(sinusoids(timestep, self.config.embedding))))


class _Blocks(nn.ModuleList):
    """The blocks of a level, one after the other."""

    def __init__(self, config: NetworkConfig, level: int) -> None:
        super().__init__(_Block(config, level) for _ in range(config.blocks[level]))

    def forward(self, values: Tensor, condition: Tensor, text: Text, video: bool) -> Tensor:
        for block in self:
            values = block(values, condition, text, video)
        return values


class _Block(nn.Module):
    def __init__(self, config: NetworkConfig, level: int) -> None:
        super().__init__()
        width = config.widths[level]
        attends = config.attention and level == len(config.widths) - 1
        self.spatial = SpatialBlock(width, config.embedding)
        self.temporal_conv = TemporalConvolution(width)
        self.attention = (
            PlaceAttention(width, config.heads, config.text, joint=config.joint_attention) if attends else None
        )

    def forward(self, values: Tensor, condition: Tensor, text: Text, video: bool) -> Tensor:
        values = self.spatial(values, condition)
        if video:
            values = self.temporal_conv(values)
        if self.attention is not None:
            values = self.attention(values, text.words, text.padding, video=video)
        return values


def _patches(video: Tensor, side: int) -> Tensor:
    """(B, C, T, H, W) -> (B, T, H / side, W / side, C * side * side)."""
    batch, channels, frames, height, width = video.shape
    squares = video.reshape(batch, channels, frames, height // side, side, width // side, side)
    return squares.permute(0, 2, 3, 5, 1, 4, 6).flatten(4)


def _pixels(values: Tensor, side: int) -> Tensor:
    """Inverse of `_patches`."""
    squares = values.unflatten(-1, (-1, side, side))
    return squares.permute(0, 4, 1, 2, 5, 3, 6).flatten(5, 6).flatten(3, 4)


def _larger(values: Tensor) -> Tensor:
    """(B, T, H, W, 4 * C) -> (B, T, 2 * H, 2 * W, C)."""
    squares = values.unflatten(-1, (2, 2, -1))
    return squares.permute(0, 1, 2, 4, 3, 5, 6).flatten(4, 5).flatten(2, 3)
