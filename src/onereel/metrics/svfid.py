"""SVFID, single-video FID (Gur et al. 2020, HP-VAE-GAN; VGPNN, Table 1).

Fréchet distance between the Gaussians of C3D features at every space-time position of the input and of one sample.

- Range [0, inf), lower is better; the input against itself gives 0.
- Sees motion: shuffled, frozen or reversed frames move it.
- Positions: all of the feature map; mean over samples, then over clips (`onereel.metrics.aggregate`).
- Layer, input range and size are `SVFIDProtocol`; frames keep their size, so there is no resize kernel by default.
- Extractor: C3D trained on Sports-1M (config/weights.yaml, role ``c3d``) or a stand-in, named with its sha256 in every
  record.
"""

from dataclasses import asdict
from typing import Any, ClassVar

import torch

from onereel.features.c3d import C3DExtractor, SVFIDProtocol
from onereel.metrics.frechet import FrechetMetric
from onereel.weights.store import Resolved


class SVFID(FrechetMetric):
    """Fréchet distance of C3D features under one protocol."""

    name = "svfid"
    title = "SVFID"
    extractor: ClassVar[str] = "c3d"
    extractor_title = "C3D"

    def __init__(self, protocol: SVFIDProtocol | None = None) -> None:
        self.settings = protocol or SVFIDProtocol()

    def protocol(self) -> dict[str, Any]:
        """Layer, pooling, input range and size."""
        return {"name": self.settings.name, **asdict(self.settings)}

    def build(self, weights: Resolved, device: torch.device) -> C3DExtractor:
        """C3D with these weights."""
        return C3DExtractor(weights, self.settings, device=device)


METRICS = (SVFID(),)
