"""Diversity of a run's samples (VGPNN, Sec. 4.1; index of SinGAN adapted to video).

Standard deviation of every voxel's grey level over the samples, averaged over the voxels, divided by the standard
deviation of the input's grey levels.

- Range [0, inf), higher is more diverse; 0 if all samples are equal; one sample has no diversity (NaN).
- Not a measure of quality: noise is diverse.
- Grey is Rec. 601 luma; both deviations are population deviations (divisor N), which are smaller than sample deviations
  by sqrt(1 - 1/N) for N samples. The papers do not name their choice.
- One value for all samples of a run; mean over clips. No network.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onereel.base.errors import MetricError
from onereel.metrics.base import Context, Metric
from onereel.video.clip import Frames

LUMA = (0.299, 0.587, 0.114)  # Rec. 601


@dataclass(frozen=True)
class Spread:
    """How grey levels spread.

    Attributes:
        across: mean over the voxels of the standard deviation over the samples, grey levels.
        within: standard deviation of all grey levels of the first sample, grey levels.
        count: how many samples.
    """

    across: float
    within: float
    count: int


class Diversity(Metric):
    """Spread over samples relative to the input's own spread."""

    name = "diversity"
    title = "Diversity"
    better = "higher"
    scope = "run"

    def protocol(self) -> dict[str, Any]:
        """Grey conversion and kind of deviation."""
        return {"name": "grey-population", "grey": "rec601", "std": "population"}

    def extract(self, frames: Frames) -> np.ndarray:
        """Grey levels (T, H, W) float64 in [0, 255] of frames (T, H, W, 3) uint8."""
        return frames.astype(np.float64) @ np.array(LUMA)

    def statistics(self, features: Iterable[np.ndarray]) -> Spread:
        """Spread of grey clips (T, H, W) of equal size, one in memory at a time (Welford 1962)."""
        count, within = 0, 0.0
        mean = squares = np.zeros(())
        for grey in features:
            count += 1
            if count == 1:
                within, mean, squares = float(grey.std()), grey.copy(), np.zeros_like(grey)
                continue
            shift = grey - mean
            mean += shift / count
            squares += shift * (grey - mean)
        return Spread(float(np.sqrt(squares / max(count, 1)).mean()), within, count)

    def distance(self, real: Spread, generated: Spread) -> float:
        """Ratio of the spreads; NaN for fewer than two samples.

        Raises: MetricError if the input is one flat grey, whose spread is 0.
        """
        if generated.count < 2:
            return math.nan
        if real.within == 0:
            raise MetricError("diversity", "the input is one flat grey level", "leave this metric out for this clip")
        return generated.across / real.within

    def measure(self, reference: Frames, samples: Sequence[Frames], context: Context) -> float:
        """Diversity of all samples of a run."""
        sizes = {frames.shape for frames in samples}
        if len(sizes) > 1:
            found = ", ".join(sorted("x".join(map(str, size[:3])) for size in sizes))
            raise MetricError("diversity", f"the samples differ in size ({found})", "align them: crop, resize")
        return self.distance(
            self.statistics([self.extract(reference)]), self.statistics(self.extract(frames) for frames in samples)
        )


METRICS = (Diversity(),)
