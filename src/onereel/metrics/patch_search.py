"""Exact nearest neighbours of a drawn subset of a clip's patches among all patches of another clip."""

import numpy as np
import torch

from onereel.nnf.nearest_numba import nearest
from onereel.nnf.rounding import STEP
from onereel.video.clip import Frames

Size = tuple[int, int, int]


def draw_positions(size: Size, patch: Size, count: int, seed: int) -> torch.Tensor:
    """Positions (N, 3) int64 of patches in a video of `size`: `count` of them drawn without replacement, or all.

    The same seed draws the same positions for the same size, in ascending order.

    Raises: ValueError if the patch does not fit.
    """
    _, height, width = grid = _grid(size, patch)
    total = grid[0] * height * width
    if total > count:
        generator = torch.Generator().manual_seed(seed)
        index = torch.randperm(total, generator=generator)[:count].sort().values
    else:
        index = torch.arange(total)
    return torch.stack((index // (height * width), index // width % height, index % width), dim=1)


def nearest_errors(queries: Frames, positions: torch.Tensor, keys: Frames, patch: Size) -> np.ndarray:
    """Mean squared difference per element between patches of `queries` and their nearest patches of `keys`.

    Args:
        queries: (T, H, W, 3) uint8.
        positions: (N, 3) first voxels (t, h, w) of the query patches.
        keys: (T', H', W', 3) uint8.
        patch: (t, h, w) extent.

    Returns: (N,) float64, exact, of values in [-1, 1].
    Raises: ValueError if the patch does not fit into the keys.
    """
    _grid(_size(keys), patch)
    sums = nearest(queries, positions.numpy(), keys, patch)
    return sums * (STEP**2 / (keys.shape[3] * int(np.prod(patch))))


def _size(frames: Frames) -> Size:
    length, height, width, _ = frames.shape
    return length, height, width


def _grid(size: Size, patch: Size) -> Size:
    if any(length < extent for length, extent in zip(size, patch, strict=True)):
        text = [("x".join(map(str, item))) for item in (patch, size)]
        raise ValueError(f"a patch of {text[0]} does not fit into a clip of {text[1]} (frames x height x width)")
    frames, height, width = (length - extent + 1 for length, extent in zip(size, patch, strict=True))
    return frames, height, width
