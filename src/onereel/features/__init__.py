"""Frozen feature extractors, each with its own preprocessing: frames in, one feature vector per position out.

An extractor is made from resolved weights (`onereel.weights.store.Resolved`), real or stand-in, and never decides
which.
"""

from collections.abc import Iterator
from typing import Protocol

import torch

from onereel.video.clip import Frames


class Extractor(Protocol):
    """A frozen network that turns a clip into feature vectors."""

    @property
    def dimension(self) -> int:
        """Length of a feature vector."""
        ...

    def features(self, frames: Frames) -> Iterator[torch.Tensor]:
        """Feature vectors of a clip, (T, H, W, 3) uint8, in chunks of (N, D) float32.

        How the clip is cut into chunks changes memory, not the vectors.

        Raises: MetricError if the clip is too small for one feature.
        """
        ...
