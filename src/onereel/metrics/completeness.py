"""Completeness: is everything of the input in the sample? (Simakov et al. 2008; VGPNN, Sec. 3)

The patch distance of `coherence` the other way round: from patches of the input to their nearest patches of the sample.

- Range [0, 4], lower is better; 0 if every patch of the input is in the sample.
- Blind to what was added: the input followed by noise is complete.
- 5000 patches drawn with seed 0 (all, if fewer), exact search; mean over patches, samples, clips. No network.
"""

from collections.abc import Sequence

from onereel.metrics.base import Context
from onereel.metrics.coherence import Coherence
from onereel.video.clip import Frames


class Completeness(Coherence):
    """Patch distance from the input to the sample."""

    name = "completeness"
    title = "Completeness"

    def measure(self, reference: Frames, samples: Sequence[Frames], context: Context) -> float:
        """Patch distance from the reference to the sample."""
        (sample,) = samples
        return self._between(reference, sample, context)


METRICS = (Completeness(),)
