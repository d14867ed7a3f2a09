"""NNFDIST: how near the sample's patches are to the input's (SinFusion, Sec. 7.2).

Mean over all 3x3x3 patches of the sample of the mean squared difference per element to the patch of the input that the
nearest-neighbour field names, values in [-1, 1].

- Range [0, 4], lower is better; 0 for the input itself and for every rearrangement of its patches.
- Beside NNFDIV it tells diverse from broken: noise has both high.
- Search as in `nnf_field` (above a size PatchMatch, whose distances are upper bounds). Mean over patches, samples,
  clips. No network.
"""

from collections.abc import Sequence

import numpy as np

from onereel.metrics.base import Context
from onereel.metrics.nnf_field import NNFMetric
from onereel.video.clip import Frames


class NNFDist(NNFMetric):
    """Mean distance of the field."""

    name = "nnfdist"
    title = "NNFDIST"
    better = "lower"

    def statistics(self, distance: np.ndarray) -> np.ndarray:
        """The distances (T, H, W) in float64."""
        return distance.astype(np.float64)

    def distance(self, distances: np.ndarray) -> float:
        """Their mean."""
        return float(distances.mean())

    def measure(self, reference: Frames, samples: Sequence[Frames], context: Context) -> float:
        """NNFDIST of one sample."""
        _, distance = self.field(reference, samples, context)
        return self.distance(self.statistics(distance))


METRICS = (NNFDist(),)
