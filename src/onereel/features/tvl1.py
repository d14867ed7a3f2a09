"""TV-L1 optical flow of many pairs of frames at once, coarse to fine.

The flow minimises the absolute differences of a frame and the next one read along it, plus the total variation of its
two components (Zach et al. 2007). The solver, which makes it quick, is `onereel.features.tvl1_kernels`; it is stopped
long before its end, and that makes it good: near the minimum motion fills whatever has no texture, plain skies first.
The price is that large motions are found in part.

The settings are those that were best on five real clips and on worlds (`benchmarks/flow.py`). What else was tried:
levels of half the size (next frames read back along the flow: 0.2 dB worse), of 0.8 (motion in plain skies), more and
shorter steps (the same), duals that are kept from level to level (the same), the mean of both frames' slopes (Wedel et
al. 2009: 0.1 dB worse), bilinear reading (worse on worlds), medians after the last warp too (small things vanish: 4 dB
on a flock of birds), no medians (0.2 dB better on clips, worse on worlds), variation that counts by its square five
times as far (the same trade).
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

_ATTACHMENT = 40.0  # weight of the data, luma in [0, 1]
_FACTOR = 0.7  # of a level's size to that of the next finer one
_SMALLEST = 16  # px: a level's shorter side is no smaller
_WARPS, _FILTERED, _SWEEPS = 5, 3, 10
_STEP = 0.03  # of the primal
_QUADRATIC = 0.02  # px between neighbours up to which variation counts by its square (Werlberger et al. 2009)


def tvl1(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Flow of pairs of pictures; every pair's is the same whatever others and however many threads there are.

    Args:
        first: (N, H, W) float32 in [0, 1], N >= 1, H and W >= 2.
        second: the same shape.

    Returns: (N, H, W, 2) float32, pixels (dx, dy) from the first to the second; 0 where they are equal.
    """
    from onereel.features.tvl1_kernels import solve  # with numba, which takes a moment to load

    levels = _levels(torch.stack([torch.from_numpy(first), torch.from_numpy(second)]))
    flow = torch.zeros(len(first), 2, *levels[-1].shape[2:])
    step = np.float32(_STEP)
    shrink = np.float32(1 / (1 + _QUADRATIC / (8 * _STEP)))
    for one, two in reversed(levels):
        flow = _enlarged(flow, (one.shape[1], one.shape[2]))
        others = torch.stack([two, *_slopes(two)], -1)
        solve(
            one.numpy(), others.numpy(), flow.numpy(), _WARPS, _FILTERED, _SWEEPS, np.float32(_ATTACHMENT), step, shrink
        )
    return flow.permute(0, 2, 3, 1).contiguous().numpy()


def _levels(pictures: Tensor) -> list[Tensor]:
    """(2, N, H, W) and smaller ones, the finest first."""
    height, width = pictures.shape[2:]
    levels = [pictures]
    while min(height, width) * (scale := _FACTOR ** len(levels)) >= _SMALLEST:
        size = (round(height * scale), round(width * scale))
        levels.append(functional.interpolate(levels[-1], size, mode="bilinear", antialias=True))
    return levels


def _enlarged(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, 2, *size), the start at the next finer level."""
    height, width = flow.shape[2:]
    units = flow.new_tensor([size[1] / width, size[0] / height]).view(1, 2, 1, 1)
    return (functional.interpolate(flow, size, mode="bilinear") * units).contiguous()


def _slopes(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Derivatives of (N, H, W) along x and y, by five samples (Sun et al. 2010)."""
    padded = functional.pad(pictures, (2, 2, 2, 2), mode="replicate")
    rows, columns = padded[:, 2:-2], padded[:, :, 2:-2]
    right = 8 * (rows[..., 3:-1] - rows[..., 1:-3]) - (rows[..., 4:] - rows[..., :-4])
    down = 8 * (columns[:, 3:-1] - columns[:, 1:-3]) - (columns[:, 4:] - columns[:, :-4])
    return right / 12, down / 12
