"""A small network that turns frames into edited ones, and the spots that move with them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from onereel.video.warping import fetch


class Translator(nn.Module):
    """Frame and spots to edited frame.

    Nothing is normalised over space: what the network says of a patch is what it says of it in a whole frame. At first
    it says the frame itself.

    Args:
        channels: of the wide layers.
        blocks: residual blocks at half the size.
        gaussians: how many spots; their places and colours are part of the weights.

    Attributes:
        centres: (N, 2) (x, y) of spots as shares of width and height.
        colours: (N, 3) in [-1, 1].
    """

    centres: Tensor
    colours: Tensor

    def __init__(self, channels: int, blocks: int, gaussians: int) -> None:
        super().__init__()
        self.register_buffer("centres", torch.rand(gaussians, 2))
        self.register_buffer("colours", 2 * torch.rand(gaussians, 3) - 1)
        half = max(channels // 2, 1)
        self.inside = nn.Conv2d(6 if gaussians else 3, half, 7, padding=3, padding_mode="reflect")
        self.down = nn.Conv2d(half, channels, 4, stride=2, padding=1)
        self.blocks = nn.ModuleList(_Block(channels) for _ in range(blocks))
        self.up = nn.Conv2d(channels, half, 3, padding=1)
        self.merge = nn.Conv2d(2 * half, half, 3, padding=1)
        self.outside = nn.Conv2d(half, 3, 7, padding=3, padding_mode="reflect")
        nn.init.zeros_(self.outside.weight)
        nn.init.zeros_(self.outside.bias)  # type: ignore[arg-type]

    def forward(self, frames: Tensor, spots: Tensor | None) -> Tensor:
        """Frames (B, 3, h, w) in [-1, 1] with their spots (B, 3, h, w), None if there are none: (B, 3, h, w), about in
        [-1, 1]."""
        first = functional.silu(self.inside(frames if spots is None else torch.cat([frames, spots], 1)))
        wide = functional.silu(self.down(first))
        for block in self.blocks:
            wide = block(wide)
        back = functional.interpolate(self.up(wide), first.shape[2:], mode="bilinear", align_corners=False)
        merged = functional.silu(self.merge(torch.cat([functional.silu(back), first], 1)))
        found: Tensor = frames + self.outside(merged)
        return found

    def spots(self, places: Tensor, spread: float) -> Tensor | None:
        """The picture of the spots, as they have moved.

        Args:
            places: (B, h, w, 2) where each pixel was in the first frame, pixels (x, y), of `carried`.
            spread: of a spot, share of the shorter side.

        Returns: (B, 3, h, w) in [-1, 1]; None if there are none.
        """
        if not len(self.centres):
            return None
        height, width = places.shape[1:3]
        total = torch.zeros(len(places), 3, height, width, device=places.device)
        width_of = spread * min(height, width)
        for centre, colour in zip(self.centres, self.colours, strict=True):
            at = centre * centre.new_tensor([width - 1, height - 1])
            strength = torch.exp(-(places - at).square().sum(-1) / (2 * width_of**2))  # (B, h, w)
            total += strength[:, None] * colour[:, None, None]
        return total.clamp(-1, 1)


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        nn.init.zeros_(self.second.weight)

    def forward(self, values: Tensor) -> Tensor:
        found: Tensor = values + self.second(functional.silu(self.first(values)))
        return found


def carried(backward: Tensor) -> Tensor:
    """Where the pixels of every frame were in the first one.

    Args:
        backward: (T-1, h, w, 2) pixels (dx, dy): where what a frame shows was in the one before.

    Returns: (T, h, w, 2) pixels (x, y). Places are carried, not pictures, so nothing blurs on the way.
    """
    height, width = backward.shape[1:3]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    places = [torch.stack([columns, rows], -1).float()]
    for flow in backward:
        moved, _ = fetch(places[-1].permute(2, 0, 1)[None], flow[None])
        places.append(moved[0].permute(1, 2, 0))
    return torch.stack(places)
