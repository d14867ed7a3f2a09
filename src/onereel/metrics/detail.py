"""Detail: does the sample have as much fine detail as the input, where the two are alike?

Detail is the local strength of two bands of a pyramid, of 2 to 4 and of 4 to 8 pixels a wave. Places, 4 pixels apart,
are put into classes by the strength of the next band, 8 to 16 pixels: smooth places are held against smooth ones, busy
ones against busy ones, wherever they stand. In each class the sorted strengths of the sample meet those of the input:
what both have, over what at least one has.

- Range [0, 1], higher is nearer; 1 for the input itself, and nearly so for a rearrangement of it. Of a sample that is
  only soft it is the share of the input's detail that was kept; detail that the input does not have counts against a
  sample just as well, so noise and halos of sharpening are below 1 too.
- Blind to what the detail shows, to colour, to motion, to coarse shapes and to what is missing altogether. Noise of the
  right strength on a soft sample raises it, though not to 1: read `coherence` beside it.
- Rec. 601 luma in grey levels; pyramid by filter, subtract and decimate, mirrored at borders, with the kernel
  [1, 4, 6, 4, 1] / 16 of Burt and Adelson 1983; strength is the root of the mean square under a bell of 4.5 pixels
  standard deviation; 8 classes with equally many of the input's places, all frames together; 50 quantiles a class;
  classes weigh as the sample has them; mean over both bands, samples, clips. No network.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from onereel.base.errors import MetricError
from onereel.metrics.base import Context, Metric
from onereel.metrics.diversity import LUMA
from onereel.video.clip import Frames

_KERNEL = np.array([1, 4, 6, 4, 1], np.float32) / 16
_BANDS = 3  # two of detail, and the one by which places are classed
_SMALLEST = 16  # pixels a side: four places


@dataclass(frozen=True)
class DetailProtocol:
    """Settings of the measure.

    Attributes:
        classes: into how many classes the input's places fall.
        quantiles: at how many quantiles strengths are compared.
    """

    classes: int = 8
    quantiles: int = 50


class Detail(Metric):
    """Overlap of the strengths of fine bands, given the next coarser one."""

    name = "detail"
    title = "Detail"
    better = "higher"

    def __init__(self, settings: DetailProtocol | None = None) -> None:
        self.settings = settings or DetailProtocol()

    def protocol(self) -> dict[str, Any]:
        """Bands, classes and quantiles."""
        name = "luma-2to8px-given-8to16px"
        return {"name": name, **asdict(self.settings), "reduction": "mean over bands"}

    def extract(self, frames: Frames) -> np.ndarray:
        """Strengths (N, 3) float32 in grey levels of all places of all frames: 2-4, 4-8 and 8-16 pixels a wave.

        Raises: MetricError if the frames are too small.
        """
        height, width = frames.shape[1:3]
        if min(height, width) < _SMALLEST:
            problem = f"a side needs {_SMALLEST} pixels"
            raise MetricError(f"{self.title} of frames of {height}x{width}", problem, "use a larger clip")
        luma = np.array(LUMA, np.float32)
        return np.concatenate([_strengths(frame @ luma) for frame in frames])

    def statistics(self, real: np.ndarray, generated: np.ndarray) -> np.ndarray:
        """Overlap (2,) in [0, 1] of the strengths of each band of detail.

        Args:
            real, generated: (N, 3) and (M, 3), as `extract` returns them.
        """
        edges = _class_edges(real[:, -1], self.settings.classes)
        of_real, of_generated = (np.digitize(strengths[:, -1], edges) for strengths in (real, generated))
        both = either = np.zeros(real.shape[1] - 1)
        for index in np.unique(of_generated):
            found = [
                self._quantiles(strengths[classes == index, :-1])
                for strengths, classes in ((real, of_real), (generated, of_generated))
            ]
            weight = np.mean(of_generated == index)
            both = both + weight * np.minimum(*found).mean(axis=0)
            either = either + weight * np.maximum(*found).mean(axis=0)
        return np.divide(both, either, out=np.ones_like(both), where=either > 0)  # two flat clips are alike

    def distance(self, overlaps: np.ndarray) -> float:
        """Their mean."""
        return float(overlaps.mean())

    def measure(self, reference: Frames, samples: Sequence[Frames], context: Context) -> float:
        """Detail of one sample."""
        (sample,) = samples
        return self.distance(self.statistics(self._stored(reference, context), self._stored(sample, context)))

    def _stored(self, frames: Frames, context: Context) -> np.ndarray:
        arrays = context.stored(self.name, [frames], self.protocol(), lambda: {"strengths": self.extract(frames)})
        return arrays["strengths"]

    def _quantiles(self, strengths: np.ndarray) -> np.ndarray:
        """(quantiles, 2) float64 of strengths (N, 2)."""
        count = self.settings.quantiles
        found: np.ndarray = np.quantile(strengths.astype(np.float64), (np.arange(count) + 0.5) / count, axis=0)
        return found


def _strengths(grey: np.ndarray) -> np.ndarray:
    """Strengths (places, 3) of the bands of a picture (H, W) float32."""
    energies: list[np.ndarray] = []
    for band in range(_BANDS):
        low = _blurred(grey)
        energies.append(np.square(grey - low))
        grey = low[::2, ::2]
        if band < _BANDS - 1:  # to the grid of the coarsest band, on which all of them are read
            energies = [_blurred(energy)[::2, ::2] for energy in energies]
    return np.sqrt(np.stack([_blurred(energy) for energy in energies], axis=-1)).reshape(-1, _BANDS)


def _blurred(values: np.ndarray) -> np.ndarray:
    """A picture (H, W) filtered with the kernel in both directions."""
    return _filtered(_filtered(values).T).T


def _filtered(values: np.ndarray) -> np.ndarray:
    """Every column of a picture filtered, mirrored at both ends."""
    reach, height = len(_KERNEL) // 2, len(values)
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="reflect")
    found: np.ndarray = sum(weight * padded[start : start + height] for start, weight in enumerate(_KERNEL))
    return found


def _class_edges(strengths: np.ndarray, classes: int) -> np.ndarray:
    """Lower edges of all classes but the first, so that the input has places in every class.

    Where many strengths are equal there are fewer classes.
    """
    shares = np.arange(1, classes) / classes
    edges = np.unique(np.quantile(strengths, shares, method="inverted_cdf"))
    return edges[edges > strengths.min()]


METRICS = (Detail(),)
