"""NNFDIV: how much the sample rearranges the input (SinFusion, Sec. 7.2).

Size of the zlib-compressed nearest-neighbour field from the sample to the input, divided by the number of its elements.
A copy or a shift has a constant field that compresses to nearly nothing; a sample assembled from many pieces does not.

- Range (0, about 1], higher is more diverse; about 0.001 for the input itself. Noise is diverse too: read it beside
  `nnfdist`.
- Field: signed displacements (t, h, w) of 3x3x3 patches (`nnf_field`), one plane per axis, each (T, H, W); uint8;
  zlib's default level; elements = 3 x positions.
- Two versions of the cast. ``nnfdiv``: the authors' public code, which casts the signed numbers to uint8, so that they
  wrap at 256. ``nnfdiv_scaled``: what a comment in that code says the paper may have used, [-v, v] scaled to [0, 255],
  v the field's longest side. Values of the two do not compare.
- Mean over samples, then over clips. No network.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onereel.metrics.base import Context
from onereel.metrics.nnf_field import NNFMetric
from onereel.video.clip import Frames


@dataclass(frozen=True)
class Compressed:
    """A compressed field: its bytes and how many numbers went in."""

    size: int
    elements: int


class NNFDiv(NNFMetric):
    """Compressed size of the field, displacements wrapped into a byte."""

    name = "nnfdiv"
    title = "NNFDIV"
    better = "higher"
    cast = "wrap"

    def protocol(self) -> dict[str, Any]:
        """Search, cast and compression."""
        search = super().protocol()
        return {**search, "name": f"{search['name']}-{self.cast}-zlib", "cast": self.cast}

    def quantise(self, offsets: np.ndarray) -> np.ndarray:
        """Displacements (T, H, W, 3) as uint8, modulo 256."""
        return offsets.astype(np.uint8)

    def statistics(self, offsets: np.ndarray) -> Compressed:
        """Compressed size of a field of displacements (T, H, W, 3)."""
        planes = np.ascontiguousarray(np.moveaxis(self.quantise(offsets), -1, 0))
        return Compressed(len(zlib.compress(planes.tobytes())), planes.size)

    def distance(self, compressed: Compressed) -> float:
        """Bytes per element."""
        return compressed.size / compressed.elements

    def measure(self, reference: Frames, samples: Sequence[Frames], context: Context) -> float:
        """NNFDIV of one sample."""
        offsets, _ = self.field(reference, samples, context)
        return self.distance(self.statistics(offsets))


class NNFDivScaled(NNFDiv):
    """The same with displacements scaled to the range of a byte."""

    name = "nnfdiv_scaled"
    title = "NNFDIV (scaled)"
    cast = "scaled"

    def quantise(self, offsets: np.ndarray) -> np.ndarray:
        """[-v, v] to [0, 255], v the longest side of the field; nothing wraps."""
        longest = max(offsets.shape[:3])
        return ((offsets + longest) * (255 / (2 * longest))).clip(0, 255).astype(np.uint8)


METRICS = (NNFDiv(), NNFDivScaled())
