"""Fréchet distance between the Gaussians of two sets of feature vectors: the common part of SVFID and SGFID.

d^2 = |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))   (Heusel et al. 2017, Eq. 6)

Range [0, inf), 0 for equal statistics, lower is better. Means and covariances (divisor N - 1) are accumulated in
float64 over all space-time positions of one clip. Written here and not taken from torch-fidelity, whose import costs
nine seconds of a core in every evaluation; a test holds the two together.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from onereel.base.errors import MetricError
from onereel.features import Extractor
from onereel.metrics.base import Context, Metric
from onereel.video.clip import Frames
from onereel.weights.store import Resolved


@dataclass(frozen=True)
class Gaussian:
    """Mean and covariance of feature vectors.

    Attributes:
        mean: (D,) float64.
        covariance: (D, D) float64, divisor count - 1.
        count: how many vectors, >= 2.
    """

    mean: np.ndarray
    covariance: np.ndarray
    count: int


def gaussian(features: Iterable[torch.Tensor]) -> Gaussian:
    """Statistics of vectors that arrive in chunks of (N, D); one chunk at a time is in memory.

    Chunks are merged as in Chan et al. 1983, which stays exact where a plain sum of squares cancels.

    Raises: ValueError if there are fewer than two vectors.
    """
    count, mean, scatter = 0, np.zeros(0), np.zeros((0, 0))
    for chunk in features:
        values = chunk.to(torch.float64).numpy()
        if not len(values):
            continue
        centre = values.mean(axis=0)
        values = values - centre
        if count == 0:
            count, mean, scatter = len(values), centre, values.T @ values
            continue
        total = count + len(values)
        shift = centre - mean
        scatter = scatter + values.T @ values + np.outer(shift, shift) * (count * len(values) / total)
        mean = mean + shift * (len(values) / total)
        count = total
    if count < 2:
        raise ValueError(f"a covariance needs at least two feature vectors, got {count}")
    return Gaussian(mean, scatter / (count - 1), count)


def frechet_distance(real: Gaussian, generated: Gaussian) -> float:
    """Squared Fréchet distance of two Gaussians, >= 0; exactly 0 for equal statistics.

    tr (C1 C2)^(1/2) is the sum of the square roots of the eigenvalues of C1^(1/2) C2 C1^(1/2), which is symmetric: its
    eigenvalues are real, where those of C1 C2 itself pick up imaginary parts by rounding.

    Raises: ValueError if the dimensions differ.
    """
    if real.mean.shape != generated.mean.shape:
        raise ValueError(f"dimensions differ: {real.mean.shape} and {generated.mean.shape}")
    if np.array_equal(real.mean, generated.mean) and np.array_equal(real.covariance, generated.covariance):
        return 0.0
    values, vectors = np.linalg.eigh(real.covariance)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    shared = np.sqrt(np.linalg.eigvalsh(root @ generated.covariance @ root).clip(min=0)).sum()
    shift = real.mean - generated.mean
    distance = shift @ shift + np.trace(real.covariance) + np.trace(generated.covariance) - 2 * shared
    return max(0.0, float(distance))


class FrechetMetric(Metric):
    """A Fréchet distance of one extractor's features, one reference clip against one sample."""

    better = "lower"
    extractor: ClassVar[str]  # every Fréchet metric has one

    @abstractmethod
    def build(self, weights: Resolved, device: torch.device) -> Extractor:
        """The extractor with these weights."""

    def extract(self, frames: Frames, extractor: Extractor) -> Iterator[torch.Tensor]:
        """Feature vectors (N, D) of a clip (T, H, W, 3) uint8, chunk by chunk."""
        return extractor.features(frames)

    def statistics(self, features: Iterable[torch.Tensor]) -> Gaussian:
        """Their Gaussian."""
        return gaussian(features)

    def distance(self, real: Gaussian, generated: Gaussian) -> float:
        """Fréchet distance, >= 0."""
        return frechet_distance(real, generated)

    def measure(self, reference: Frames, samples: Sequence[Frames], context: Context) -> float:
        """The distance between the reference's and the sample's Gaussian."""
        (sample,) = samples
        return self.distance(self._gaussian(reference, context), self._gaussian(sample, context))

    def _gaussian(self, frames: Frames, context: Context) -> Gaussian:
        weights = context.resolve(self.extractor)
        about = {"weights": weights.name, "sha256": weights.sha256, **self.protocol_with(weights)}
        arrays = context.stored(self.name, [frames], about, lambda: self._compute(frames, weights, context))
        return Gaussian(arrays["mean"], arrays["covariance"], int(arrays["count"][0]))

    def _compute(self, frames: Frames, weights: Resolved, context: Context) -> dict[str, Any]:
        key = (self.name, repr(self.protocol_with(weights)), weights.sha256)
        extractor = context.once(key, lambda: self.build(weights, context.device))
        try:
            found = self.statistics(self.extract(frames, extractor))
        except ValueError as error:
            size = "x".join(map(str, frames.shape[:3]))
            raise MetricError(f"{self.title} of a clip of {size}", str(error), "use a larger clip") from None
        return {"mean": found.mean, "covariance": found.covariance, "count": np.array([found.count], np.int64)}
