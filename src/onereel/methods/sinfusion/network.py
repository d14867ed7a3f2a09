"""The backbone: a chain of ConvNeXt blocks without resampling or attention (SinFusion, section 4, Fig. 3).

What the paper leaves open follows the authors' code: 16 blocks of 64 channels; a block is a depthwise 7x7 convolution,
plus the embedding (GELU, linear, one number per channel), a norm over channels (not in the first block), a 3x3
convolution to three times the channels, GELU, a 3x3 convolution back, and a shortcut (1x1 where widths differ). Blocks
of the second half also read the output of the first half's, last block first. A 1x1 convolution ends in RGB.

Every convolution pads with zeros, so the network knows where the border is, and its output is as large as its input.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from onereel.methods.sinfusion.config import NetworkConfig
from onereel.networks.depthwise import depthwise


class Network(nn.Module):
    """What a picture was before noise, or the noise, given the noise level and other frames.

    Args:
        config: size of the chain.
        conditions: how many clean frames are given beside the noisy one.
        shifted: whether the difference of frame numbers is given, too.
    """

    def __init__(self, config: NetworkConfig, *, conditions: int = 0, shifted: bool = False) -> None:
        super().__init__()
        width, half = config.channels, config.blocks // 2
        embedded = config.embedding * (2 if shifted else 1)
        self.level_embedding = Embedding(config.embedding)
        self.shift_embedding = Embedding(config.embedding) if shifted else None
        inner = width * config.expansion
        first = Block(3 * (1 + conditions), width, inner, embedded, normed=False)
        self.down = nn.ModuleList([first, *(Block(width, width, inner, embedded) for _ in range(half - 1))])
        self.up = nn.ModuleList([Block(2 * width, width, inner, embedded) for _ in range(half)])
        self.rgb = nn.Conv2d(width, 3, 1)

    def forward(
        self, noisy: Tensor, level: Tensor, *, given: Tensor | None = None, shift: Tensor | None = None
    ) -> Tensor:
        """The target of the model's process.

        Args:
            noisy: (B, 3, H, W).
            level: (B,) what the noise embedding reads: a step's number or a noise level.
            given: (B, 3 * conditions, H, W) clean frames in [-1, 1].
            shift: (B,) difference of frame numbers.

        Returns: (B, 3, H, W) float32.
        """
        embedding = self.level_embedding(level)
        if self.shift_embedding is not None and shift is not None:
            embedding = torch.cat([embedding, self.shift_embedding(shift)], dim=1)  # (B, embedded)
        current = noisy if given is None else torch.cat([given, noisy], dim=1)
        current = current.contiguous(memory_format=torch.channels_last)
        outputs: list[Tensor] = []
        for block in self.down:
            current = block(current, embedding)
            outputs.append(current)
        for block in self.up:
            current = block(torch.cat([current, outputs.pop()], dim=1), embedding)
        return self.rgb(current).float()


class Block(nn.Module):
    """One ConvNeXt-like block."""

    def __init__(self, inside: int, outside: int, inner: int, embedded: int, *, normed: bool = True) -> None:
        super().__init__()
        self.spread = nn.Conv2d(inside, inside, 7, padding=3, groups=inside)
        self.embed = nn.Linear(embedded, inside)
        self.norm = nn.LayerNorm(inside) if normed else None
        self.expand = nn.Conv2d(inside, inner, 3, padding=1)
        self.contract = nn.Conv2d(inner, outside, 3, padding=1)
        self.shortcut = nn.Conv2d(inside, outside, 1) if inside != outside else None

    def forward(self, pictures: Tensor, embedding: Tensor) -> Tensor:
        """(B, inside, H, W) -> (B, outside, H, W)."""
        spread = depthwise(pictures, self.spread)
        bias = self.embed(functional.gelu(embedding))  # (B, inside)
        spread = spread + bias[:, :, None, None]
        if self.norm is not None:
            spread = self.norm(spread.movedim(1, -1)).movedim(-1, 1)  # channels lie last in memory: no copy
        result = self.contract(functional.gelu(self.expand(spread)))
        return result + (pictures if self.shortcut is None else self.shortcut(pictures))


class Embedding(nn.Module):
    """Sinusoids of a number, through a small network: (B,) -> (B, length)."""

    rates: Tensor

    def __init__(self, length: int) -> None:
        super().__init__()
        rates = torch.exp(torch.arange(length // 2) * (-math.log(10_000) / (length // 2 - 1)))
        self.register_buffer("rates", rates, persistent=False)
        self.widen = nn.Linear(length, 4 * length)
        self.narrow = nn.Linear(4 * length, length)

    def forward(self, number: Tensor) -> Tensor:
        """Embedding of each number."""
        angles = number.float()[:, None] * self.rates
        waves = torch.cat([angles.sin(), angles.cos()], dim=1)
        return self.narrow(functional.gelu(self.widen(waves)))
