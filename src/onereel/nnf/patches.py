"""Patches of a video as rows of a matrix."""

import torch
from torch import Tensor

from onereel.nnf.field import Size, grid_positions, grid_size


def patch_matrix(video: Tensor, positions: Tensor, patch: Size) -> Tensor:
    """Patches as rows.

    Args:
        video: (C, T, H, W).
        positions: (N, 3) int64, first voxel (t, h, w) of each patch.
        patch: (pt, ph, pw).

    Returns: (N, C * pt * ph * pw).
    Raises: ValueError if a patch leaves the video.
    """
    grid = torch.tensor(grid_size(tuple(video.shape[1:]), patch), device=positions.device)  # type: ignore[arg-type]
    if len(positions) and bool(((positions < 0) | (positions >= grid)).any()):
        raise ValueError(f"positions leave the grid {tuple(grid.tolist())} of patches {patch}")
    _, _, height, width = video.shape
    first = (positions[:, 0] * height + positions[:, 1]) * width + positions[:, 2]  # (N,)
    t, h, w = grid_positions(patch, video.device).reshape(-1, 3).unbind(-1)
    voxels = first[:, None] + (t * height + h) * width + w  # (N, pt*ph*pw)
    return video.flatten(1)[:, voxels].transpose(0, 1).flatten(1)
