"""Videos as bytes: what `SearchConfig.precision` = "uint8" compares and votes on."""

import torch
from torch import Tensor

STEP = 2 / 255
"""Distance between neighbouring levels."""


def to_bytes(video: Tensor) -> Tensor:
    """Values in [-1, 1] as 0..255 uint8, rounded to nearest; what lies outside is clipped."""
    return ((video + 1) / STEP).round_().clamp_(0, 255).to(torch.uint8)


def from_bytes(video: Tensor) -> Tensor:
    """The way back, float32."""
    return video.to(torch.float32) * STEP - 1
