"""SGFID, single-GIF FID (SinGAN-GIF, Sec. 4.2), and its 64-d variant.

Fréchet distance between the Gaussians of Inception features at every position of every frame of the input and of one
sample, taken just before the second max pooling (192 channels). Public SIFID code with 64 channels, before the first
pooling, circulates under the same name; it is kept apart as ``sgfid64``.

- Range [0, inf), lower is better; the input against itself gives 0.
- Blind to motion: it pools over frames, so any order of the same frames gives the same value.
- Frames keep their size (no resize kernel); [0, 1] scaled to [-1, 1]; mean over samples, then over clips.
- Extractor: torchvision's Inception v3 (config/weights.yaml, role ``frame-features``, of `sgfid64` ``inception``) or a
  stand-in, named with its sha256 in every record. First of these is EfficientNet-lite0, trained on ImageNet: 40
  channels at an eighth of the size, after its third stage.
"""

from typing import Any, ClassVar

import torch

from onereel.features import Extractor
from onereel.features.efficientnet import EfficientNetExtractor
from onereel.features.inception import Dimension, InceptionExtractor
from onereel.metrics.frechet import FrechetMetric
from onereel.weights.entries import StandInEntry
from onereel.weights.store import Resolved


class SGFID(FrechetMetric):
    """Fréchet distance of Inception features before the second pooling."""

    name = "sgfid"
    title = "SGFID"
    extractor: ClassVar[str] = "frame-features"
    extractor_title = "Inception v3"
    dimension: Dimension = 192

    def protocol(self) -> dict[str, Any]:
        """Channels, input range and size."""
        name = f"inception-{self.dimension}d-native"
        return {"name": name, "dimension": self.dimension, "input_range": "-1..1", "resize": None}

    def protocol_with(self, weights: Resolved | None) -> dict[str, Any]:
        """That of the network to which the weights belong."""
        if not _is_efficientnet(weights):
            return self.protocol()
        dimension = EfficientNetExtractor.dimension
        return {**self.protocol(), "name": f"efficientnet-lite0-{dimension}d-native", "dimension": dimension}

    def extractor_with(self, weights: Resolved | None) -> str | None:
        """Inception, or the network that stands in for it."""
        return weights.title if weights and _is_efficientnet(weights) else self.extractor_title

    def build(self, weights: Resolved, device: torch.device) -> Extractor:
        """Inception, or the network that stands in for it, with these weights."""
        if _is_efficientnet(weights):
            return EfficientNetExtractor(weights, device=device)
        return InceptionExtractor(weights, self.dimension, device=device)


class SGFID64(SGFID):
    """The same with 64 channels, before the first pooling."""

    name = "sgfid64"
    title = "SGFID (64-d)"
    extractor: ClassVar[str] = "inception"
    dimension: Dimension = 64


def _is_efficientnet(weights: Resolved | None) -> bool:
    return isinstance(entry := weights and weights.entry, StandInEntry) and entry.family == "efficientnet"


METRICS = (SGFID(), SGFID64())
