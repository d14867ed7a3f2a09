"""Pictures fetched along optical flow, and which pixels the other picture does not show."""

import numpy as np
import torch
from torch.nn import functional

_RELATIVE, _ABSOLUTE = 0.01, 0.5  # how far flow and flow back may be apart: Sundaram et al. 2010


def fetch(video: torch.Tensor, flow: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Values at the places where pixels go.

    Args:
        video: (N, C, H, W).
        flow: (N, H, W, 2) pixels (dx, dy).

    Returns: (N, C, H, W), the border's values outside, and (N, H, W) bool: whether the place is in the frame.
    """
    height, width = video.shape[2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    x, y = columns + flow[..., 0], rows + flow[..., 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    grid = torch.stack([2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1], -1)
    return functional.grid_sample(
        video, grid.to(video), mode="bilinear", padding_mode="border", align_corners=True
    ), inside


def occluded(forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """Which pixels the next frame does not show: there and back does not end where it began.

    Args:
        forward: (N, H, W, 2) flow to the next frame, at this one's pixels.
        backward: (N, H, W, 2) flow from the next frame, at that one's pixels.

    Returns: (N, H, W) bool.
    """
    there, back = torch.from_numpy(forward), torch.from_numpy(backward)
    returned, _ = fetch(back.permute(0, 3, 1, 2), there)
    returned = returned.permute(0, 2, 3, 1)
    apart = (there + returned).square().sum(-1)
    length = there.square().sum(-1) + returned.square().sum(-1)
    return (apart > _RELATIVE * length + _ABSOLUTE).numpy()
