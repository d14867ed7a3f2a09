"""Coherence: does the sample hold only patches of the input? (Simakov et al. 2008; VGPNN, Sec. 3)

Mean squared difference per element between 3x7x7 patches of the sample and their nearest patches of the input, values
in [-1, 1].

- Range [0, 4], lower is better; 0 if every patch is in the input, so also for shuffled copies of parts of it.
- Blind to what is missing: a copy of one small part is coherent. `completeness` sees that.
- 5000 patches drawn with seed 0 (all, if fewer), exact search, always on the CPU; mean over patches, samples, clips.
  No network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onereel.base.errors import MetricError
from onereel.metrics.base import Context, Metric
from onereel.metrics.patch_search import Size, draw_positions, nearest_errors
from onereel.video.clip import Frames


@dataclass(frozen=True)
class PatchDistance:
    """Settings of coherence and completeness.

    Attributes:
        patch: extent (t, h, w) of a patch; VGPNN's own.
        count: how many patches are looked up.
        seed: seed of the draw.
    """

    patch: Size = (3, 7, 7)
    count: int = 5000
    seed: int = 0


class Coherence(Metric):
    """Patch distance from the sample to the input."""

    name = "coherence"
    title = "Coherence"
    better = "lower"
    least_frames = 3

    def __init__(self, settings: PatchDistance = PatchDistance()) -> None:
        self.settings = settings

    def protocol(self) -> dict[str, Any]:
        """Patch, number of patches and seed."""
        patch = "x".join(map(str, self.settings.patch))
        name = f"{patch}-{self.settings.count}-seed{self.settings.seed}-exact"
        return {
            "name": name,
            "patch": list(self.settings.patch),
            "count": self.settings.count,
            "seed": self.settings.seed,
        }

    def extract(self, frames: Frames) -> Frames:
        """The frames themselves: patches are compared as bytes."""
        return frames

    def statistics(self, queries: Frames, keys: Frames) -> np.ndarray:
        """Errors (N,) float64 of drawn patches of `queries` against the nearest patches of `keys`.

        Raises: MetricError if a patch does not fit into one of the clips.
        """
        patch = self.settings.patch
        try:
            size = (queries.shape[0], queries.shape[1], queries.shape[2])
            positions = draw_positions(size, patch, self.settings.count, self.settings.seed)
            return nearest_errors(queries, positions, keys, patch)
        except ValueError as error:
            raise MetricError(self.name, str(error), "use a larger clip") from None

    def distance(self, errors: np.ndarray) -> float:
        """Their mean."""
        return float(errors.mean())

    def measure(self, reference: Frames, samples: Sequence[Frames], context: Context) -> float:
        """Patch distance from the sample to the reference."""
        (sample,) = samples
        return self._between(sample, reference, context)

    def _between(self, queries: Frames, keys: Frames, context: Context) -> float:
        def compute() -> dict[str, Any]:
            return {"errors": self.statistics(self.extract(queries), self.extract(keys))}

        return self.distance(context.stored("patch-distance", [queries, keys], self.protocol(), compute)["errors"])


METRICS = (Coherence(),)
