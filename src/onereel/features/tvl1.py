"""TV-L1 optical flow of many pairs of frames at once, coarse to fine.

The flow minimises the absolute differences of a frame and the next one read along it, plus the total variation of its
two components (Zach et al. 2007, with the medians of Wedel et al. 2009). Scheme and pyramid are those of scikit-image's
``optical_flow_tvl1``, whose flow this is, up to rounding, in a fraction of the time; a test holds the two together. The
inner loops are `onereel.features.tvl1_kernels`.
"""

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional

ATTACHMENT = 30.0
"""Weight of the data, luma in [0, 1]: twice scikit-image's, as motions in the scenes differ between neighbours."""
_TIGHTNESS = 0.3  # how close the flow that fits the data stays to the smooth one
_WARPS, _SWEEPS = 5, 10
_TOLERANCE = 1e-4  # mean squared change of a warp below which a level is done, px^2
_SMALLEST = 16  # px: a level whose shorter side is at most twice this is the coarsest
_LEVELS = 10
_SPREAD = 2 / 3  # px: standard deviation of the blur before every second pixel is left out


def tvl1(first: np.ndarray, second: np.ndarray, attachment: float = ATTACHMENT) -> np.ndarray:
    """Flow of pairs of pictures; every pair's is the same whatever others and however many threads there are.

    Args:
        first: (N, H, W) float32 in [0, 1], N >= 1, H and W >= 2.
        second: the same shape.
        attachment: weight of the data: less of it is smoother.

    Returns: (N, H, W, 2) float32, pixels (dx, dy) from the first to the second.
    """
    from onereel.features.tvl1_kernels import solve  # with numba, which takes a moment to load

    levels = _levels(np.concatenate([first, second]).astype(np.float32, copy=False))
    count = len(first)
    flow = np.zeros((count, 2, *levels[-1].shape[1:]), np.float32)
    for pictures in reversed(levels):
        flow = _enlarged(flow, pictures.shape[1:])
        solve(
            pictures[:count],
            pictures[count:],
            flow,
            _WARPS,
            _SWEEPS,
            np.float32(attachment * _TIGHTNESS),
            np.float32(_TIGHTNESS),
            _TOLERANCE * pictures[0].size,
        )
    return np.ascontiguousarray(flow.transpose(0, 2, 3, 1)[..., ::-1])


def _levels(pictures: np.ndarray) -> list[np.ndarray]:
    """(N, H, W) and halved ones, the finest first."""
    levels = [np.ascontiguousarray(pictures)]
    while len(levels) < _LEVELS and min(levels[-1].shape[1:]) > 2 * _SMALLEST:
        smooth = ndimage.gaussian_filter(levels[-1], (0, _SPREAD, _SPREAD), mode="reflect")
        size = tuple(-(-side // 2) for side in smooth.shape[1:])
        levels.append(functional.interpolate(torch.from_numpy(smooth)[:, None], size, mode="bilinear")[:, 0].numpy())
    return levels


def _enlarged(flow: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(N, 2, *size), the start at the next finer level: the nearest pixel's, corner on corner."""
    if flow.shape[2:] == size:
        return flow
    scale = tuple(fine / coarse for fine, coarse in zip(size, flow.shape[2:], strict=True))
    found = ndimage.zoom(flow, (1, 1, *scale), order=0, mode="nearest", prefilter=False)
    return np.ascontiguousarray(found * np.asarray(scale, np.float32)[:, None, None])
