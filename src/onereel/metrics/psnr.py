"""PSNR: peak signal-to-noise ratio of a sample against the input, frame by frame.

- dB, higher is nearer; infinity if all frames are equal. For generated samples it tells how far they went from the
  input, not how good they are; for prediction and interpolation (SinFusion) it is a score.
- 10 log10(255^2 / MSE) over all voxels of an RGB frame, mean over frames, then samples, then clips. Where only some
  frames are equal, each of those counts as if one value in it were off by one: the largest finite PSNR that a frame of
  that size can have, so that one equal frame does not make the mean infinite.
- No network; needs the reference's length and size.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from onereel.metrics.base import Context, Metric
from onereel.video.clip import Frames

PEAK = 255.0


class PSNR(Metric):
    """Mean PSNR of the frames."""

    name = "psnr"
    title = "PSNR"
    better = "higher"
    unit = "dB"
    same_size = True

    def protocol(self) -> dict[str, Any]:
        """Peak and reduction."""
        return {"name": "rgb-per-frame", "peak": PEAK, "reduction": "mean over frames"}

    def extract(self, frames: Frames) -> np.ndarray:
        """(T, H, W, 3) float64 in [0, 255]."""
        return frames.astype(np.float64)

    def statistics(self, real: np.ndarray, generated: np.ndarray) -> np.ndarray:
        """Mean squared error (T,) of every frame."""
        return np.square(real - generated).mean(axis=(1, 2, 3))

    def distance(self, errors: np.ndarray, voxels: int) -> float:
        """Mean PSNR in dB.

        Args:
            errors: (T,) mean squared errors.
            voxels: values per frame, H x W x 3.
        """
        if not errors.any():
            return math.inf
        return float((10 * np.log10(PEAK**2 / np.maximum(errors, 1 / voxels))).mean())

    def measure(self, reference: Frames, samples: Sequence[Frames], context: Context) -> float:
        """PSNR of one sample."""
        (sample,) = samples
        return self.distance(self.statistics(self.extract(reference), self.extract(sample)), reference[0].size)


METRICS = (PSNR(),)
