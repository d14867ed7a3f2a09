"""Background sheets: upright pictures at one distance that drift sideways as a whole."""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from onereel.scenes.base import Array, Box, Moved
from onereel.scenes.textures import Raster


@dataclass(frozen=True)
class Sheet:
    """A picture that stands upright at one distance and repeats along x.

    Attributes:
        name: key of its mask.
        away: distance, scene units.
        picture: (rows, columns, 4): linear RGB and coverage 0..1, whose half is the outline; (…, 3) covers everything.
        speed: scene coordinates per second along x.
    """

    name: str
    away: float
    picture: Raster
    speed: float = 0.0

    @property
    def period(self) -> float:
        """Spacing of its copies; the sheet fills the width, so there is one box for all."""
        return self.picture.period

    def distance(self, time: float) -> float:
        """The same at all times."""
        return self.away

    def bounds(self, time: float) -> Box:
        """All the width, from the highest covered row to the lowest."""
        if self.picture.texels.shape[2] == 3:
            return Box(-math.inf, -math.inf, math.inf, math.inf)
        rows = np.flatnonzero(self.picture.texels[..., 3].max(axis=1) > 0)
        pitch = self.picture.height / self.picture.texels.shape[0]
        lowest = math.inf if rows[-1] == self.picture.texels.shape[0] - 1 else self.picture.top + (rows[-1] + 2) * pitch
        return Box(-math.inf, self.picture.top + (rows[0] - 1) * pitch, math.inf, lowest)

    def shape(self, x: Array, y: Array, time: float) -> Array:
        """From the coverage, which falls from 1 to 0 over two texels at the outline."""
        if self.picture.texels.shape[2] == 3:
            return np.full(np.broadcast_shapes(x.shape, y.shape), -1, np.float32)
        coverage = self._coverage.sample(x - self._shift(time), y)[..., 0]
        return (0.5 - coverage) * (2 * self.picture.height / self.picture.texels.shape[0])

    @cached_property
    def _coverage(self) -> Raster:
        return replace(self.picture, texels=np.ascontiguousarray(self.picture.texels[..., 3:]))

    def colour(self, x: Array, y: Array, time: float) -> Array:
        """The picture's colour."""
        return self.picture.sample(x - self._shift(time), y)[..., :3]

    def depth(self, x: Array, y: Array, time: float) -> Array:
        """The same everywhere."""
        return np.full(np.broadcast_shapes(x.shape, y.shape), self.away, np.float32)

    def move(self, x: Array, y: Array, time: float, later: float) -> Moved:
        """All of it by the same step."""
        step = np.float32(self.speed * (later - time))
        return Moved(x + step, y + np.float32(0), np.ones(np.broadcast_shapes(x.shape, y.shape), bool))

    def _shift(self, time: float) -> np.float32:
        return np.float32(math.fmod(self.speed * time, self.picture.period))
