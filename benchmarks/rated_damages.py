"""Damages of equal PSNR that people rate differently: what a measure of fidelity should tell apart, and PSNR cannot.

At equal mean squared error people hardly mind a shift of brightness and a small smooth warp; noise, blur and the blocks
of JPEG they do (Wang et al. 2004, Fig. 2, and Wang and Bovik 2009, "Mean squared error: love it or leave it?", Fig. 2;
the rating studies TID2013 and KADID-10k have the same damages at several strengths). Which of noise, blur and blocks is
worst depends on the picture; mostly noise is minded least, which is told apart here as the weaker expectation.
"""

import io
import math
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

from onereel.video.clip import Frames

QUALITIES = (25, 8)
"""Of JPEG; the other damages are made as large as its."""
SURE = tuple((mild, bad) for mild in ("brightness", "warp") for bad in ("noise", "blur", "jpeg"))
"""Pairs (better, worse) in which the studies leave no doubt."""
MOSTLY = (("noise", "blur"), ("noise", "jpeg"))
"""Pairs (better, worse) that hold for most pictures."""
_STEPS = 12  # of bisection
_WAVE = 12.0  # pixels, standard deviation of the kernel that smooths the warp


def jpeg(frames: Frames, quality: int) -> Frames:
    """Every frame as it comes back from a JPEG."""
    found = []
    for frame in frames:
        file = io.BytesIO()
        Image.fromarray(frame).save(file, "JPEG", quality=quality)
        found.append(np.asarray(Image.open(file)))
    return np.stack(found)


def brightness(frames: Frames, amount: float) -> Frames:
    """All values up by `amount` grey levels."""
    return _bytes(frames.astype(np.float64) + amount)


def noise(frames: Frames, deviation: float) -> Frames:
    """Gaussian noise, grey levels."""
    return _bytes(frames + np.random.default_rng(0).normal(0, deviation, frames.shape))


def blur(frames: Frames, deviation: float) -> Frames:
    """A Gaussian blur, pixels."""
    return _bytes(gaussian_filter(frames.astype(np.float32), (0, deviation, deviation, 0), mode="nearest"))


def warp(frames: Frames, amount: float) -> Frames:
    """Every frame moved by the same smooth field of `amount` pixels (root mean square a direction)."""
    height, width = frames.shape[1:3]
    rng = np.random.default_rng(1)
    field = np.stack([gaussian_filter(rng.normal(size=(height, width)), _WAVE) for _ in range(2)])
    places = np.mgrid[:height, :width] + amount * field / np.sqrt(np.square(field).mean())
    planes = np.moveaxis(frames, -1, 1).reshape(-1, height, width).astype(np.float32)
    moved = np.stack([map_coordinates(plane, places, order=3, mode="nearest") for plane in planes])
    return _bytes(np.moveaxis(moved.reshape(len(frames), 3, height, width), 1, -1))


_MATCHED: Mapping[str, tuple[Callable[[Frames, float], Frames], float]] = {  # with the largest strength
    "brightness": (brightness, 60),
    "warp": (warp, 8),
    "noise": (noise, 80),
    "blur": (blur, 12),
}


def equal_damages(frames: Frames, quality: int) -> tuple[dict[str, Frames], float]:
    """Copies that are damaged in five ways, all with the PSNR of a JPEG, and that PSNR in dB.

    Args:
        frames: (T, H, W, 3) uint8.
        quality: of the JPEG.
    """
    blocks = jpeg(frames, quality)
    error = _error(frames, blocks)
    matched = {name: _match(damage, frames, error, most) for name, (damage, most) in _MATCHED.items()}
    return {**matched, "jpeg": blocks}, 10 * math.log10(255**2 / error)


def _match(damage: Callable[[Frames, float], Frames], frames: Frames, error: float, most: float) -> Frames:
    """The damage whose mean squared error is nearest to `error`."""
    low, high = 0.0, most
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _error(frames, damage(frames, middle)) < error else (low, middle)
    return damage(frames, (low + high) / 2)


def _error(frames: Frames, other: Frames) -> float:
    return float(np.square(frames.astype(np.float64) - other).mean())


def _bytes(values: np.ndarray) -> Frames:
    return values.round().clip(0, 255).astype(np.uint8)
