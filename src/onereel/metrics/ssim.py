"""SSIM: structural similarity (Wang et al. 2004) of a sample with the input, frame by frame.

- Range [-1, 1], higher is nearer; 1 if equal. For generated samples it tells how far they went from the input, not how
  good they are; for prediction and interpolation (SinFusion) it is a score.
- scikit-image: 7x7 uniform window, sample covariance, K1 = 0.01, K2 = 0.03, data range 255; mean over the channels, the
  frame, the frames, then samples, then clips.
- No network; needs the reference's length and size.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from onereel.base.errors import MetricError
from onereel.metrics.base import Context, Metric
from onereel.video.clip import Frames

WINDOW = 7


class SSIM(Metric):
    """Mean SSIM of the frames."""

    name = "ssim"
    title = "SSIM"
    better = "higher"
    same_size = True

    def protocol(self) -> dict[str, Any]:
        """Window, data range and reduction."""
        return {"name": "rgb-per-frame-7x7", "window": WINDOW, "data_range": 255, "reduction": "mean over frames"}

    def extract(self, frames: Frames) -> Frames:
        """The frames themselves.

        Raises: MetricError if they are smaller than the window.
        """
        if min(frames.shape[1:3]) < WINDOW:
            found = "x".join(map(str, frames.shape[1:3]))
            raise MetricError(
                "SSIM", f"frames of {found} are smaller than its {WINDOW}x{WINDOW} window", "use a larger clip"
            )
        return frames

    def statistics(self, real: Frames, generated: Frames) -> np.ndarray:
        """SSIM (T,) of every frame."""
        from skimage.metrics import structural_similarity  # imported here: it brings SciPy

        pairs = zip(real, generated, strict=True)
        values = [structural_similarity(a, b, win_size=WINDOW, channel_axis=-1, data_range=255) for a, b in pairs]
        return np.array(values)

    def distance(self, values: np.ndarray) -> float:
        """Their mean."""
        return float(values.mean())

    def measure(self, reference: Frames, samples: Sequence[Frames], context: Context) -> float:
        """SSIM of one sample."""
        (sample,) = samples
        return self.distance(self.statistics(self.extract(reference), self.extract(sample)))


METRICS = (SSIM(),)
