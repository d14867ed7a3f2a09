"""How near the pixels of an edit are to those that it should have.

PSNR counts a frame without any error as if one of its values were off by one, so it is never infinite; SSIM is that of
`onereel.metrics.ssim`, whose windows outside a mask keep clear of it.
"""

import numpy as np

from onereel.metrics.psnr import PEAK
from onereel.metrics.ssim import WINDOW
from onereel.scenes.world.edits import widened
from onereel.video.clip import Frames

_LEAST = 0.01  # share of a frame's pixels: fewer say nothing about it


def masked_psnr(one: Frames, other: Frames, counts: np.ndarray | None = None) -> float | None:
    """Mean over frames of the PSNR in dB over the pixels that count.

    Args:
        one, other: (T, H, W, 3) uint8.
        counts: (T, H, W) bool; all without it.

    Returns: None where in no frame a hundredth of the pixels counts.
    """
    counts = np.ones(one.shape[:3], bool) if counts is None else counts
    values = []
    for first, second, where in zip(one, other, counts, strict=True):
        if where.mean() < _LEAST:
            continue
        error = np.square(first[where].astype(np.float64) - second[where]).mean()
        values.append(10 * np.log10(PEAK**2 / max(error, 1 / (3 * where.sum()))))
    return float(np.mean(values)) if values else None


def masked_ssim(one: Frames, other: Frames, mask: np.ndarray | None = None) -> float | None:
    """Mean SSIM over windows that do not touch a mask (T, H, W); None where there are too few of them."""
    from skimage.metrics import structural_similarity  # imported here: it brings SciPy

    away = np.ones(one.shape[:3], bool) if mask is None else ~widened(mask, WINDOW // 2)
    values = []
    for first, second, where in zip(one, other, away, strict=True):
        if where.mean() < _LEAST:
            continue
        _, each = structural_similarity(first, second, win_size=WINDOW, channel_axis=-1, data_range=255, full=True)
        values.append(each[where].mean())
    return float(np.mean(values)) if values else None
