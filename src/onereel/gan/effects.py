"""What the applications of SinGAN-GIF are to achieve, as numbers of frames: seams that vanish, motion that arrives."""

import numpy as np

from onereel.clip import Frames


def seam_gradient(frames: Frames, column: int) -> float:
    """Mean horizontal difference across a seam, in units of that between all other neighbouring columns.

    1: the seam is no different from the rest (or there is none); larger: it shows. All frames and rows are averaged.

    Args:
        frames: (T, H, W, 3) uint8.
        column: first column on the right side of the seam, 1 .. W - 1.

    Raises: ValueError for a column that has no left neighbour.
    """
    if not 1 <= column < frames.shape[2]:
        raise ValueError(f"column must be between 1 and {frames.shape[2] - 1}, got {column}")
    steps = np.abs(np.diff(frames.astype(np.float64), axis=2)).mean(axis=(0, 1, 3))  # (W - 1,)
    return float(steps[column - 1] / max(np.delete(steps, column - 1).mean(), 1e-9))


def motion_energy(frames: Frames) -> np.ndarray:
    """Mean absolute difference between neighbouring frames at every pixel, (H, W), in units of the range 0..1.

    Args:
        frames: (T, H, W, 3) uint8, T >= 2.
    """
    return np.abs(np.diff(frames.astype(np.float64), axis=0)).mean(axis=(0, 3)) / 255
