"""A level meadow in perspective, with a pebbled shore along a river."""

import math
from dataclasses import dataclass

import numpy as np

from onereel.scenes.base import Array, Box, Moved
from onereel.scenes.colours import mix, ramp, rgb, smoothstep
from onereel.scenes.landscape import Mood
from onereel.scenes.textures import Raster, random_field
from onereel.scenes.water_surface import Course

_TILE = 12.0
_TEXELS = 48


def meadow_rasters(rng: np.random.Generator) -> Raster:
    """Channels on the plane: broad patches, tufts, fine blades."""
    fields = [
        random_field(rng, _TILE, _TILE, slope=1.8, coarsest=3.0, texels=_TEXELS),
        random_field(rng, _TILE, _TILE, slope=1.2, coarsest=0.5, texels=_TEXELS),
        random_field(rng, _TILE, _TILE, slope=0.5, stretch=0.35, coarsest=0.12, texels=_TEXELS),
    ]
    return Raster(np.stack(fields, axis=-1), _TILE, 0.0, _TILE, tiled=True)


@dataclass(frozen=True)
class Meadow:
    """Grass on both banks; at rest.

    Attributes:
        name: key of its mask.
        horizon: y of the horizon.
        eye: height of the camera, scene units.
        course: the river's.
        fields: from `meadow_rasters`.
        mood: the light.
        clear: distance at which haze hides half.
    """

    name: str
    horizon: float
    eye: float
    course: Course
    fields: Raster
    mood: Mood
    clear: float
    far: float = 350.0
    period: float = math.inf

    def distance(self, time: float) -> float:
        """The horizon's."""
        return self.far

    def bounds(self, time: float) -> Box:
        """All below the horizon."""
        return Box(-math.inf, self.horizon, math.inf, math.inf)

    def _away(self, y: Array) -> Array:
        return np.float32(self.eye) / np.maximum(y - np.float32(self.horizon), np.float32(self.eye / self.far))

    def shape(self, x: Array, y: Array, time: float) -> Array:
        """Below the horizon is inside; the river lies over it."""
        return np.broadcast_to(
            np.float32(self.horizon + self.eye / self.far) - y, np.broadcast_shapes(x.shape, y.shape)
        )

    def depth(self, x: Array, y: Array, time: float) -> Array:
        """Perspective of a level plane."""
        return np.broadcast_to(self._away(y), np.broadcast_shapes(x.shape, y.shape)).astype(np.float32)

    def move(self, x: Array, y: Array, time: float, later: float) -> Moved:
        """At rest."""
        return Moved(x + np.float32(0), y + np.float32(0), np.ones(np.broadcast_shapes(x.shape, y.shape), bool))

    def colour(self, x: Array, y: Array, time: float) -> Array:
        """Meadow in patches and tufts that melt together far away, pebbles and wet earth along the water."""
        z = self._away(y)
        fields = self.fields.sample(x * z, z)
        near = 1 / (1 + (z / 7) ** 2)
        blades = near * fields[..., 2]
        tone = 0.46 + 0.13 * fields[..., 0] + 0.12 * near * fields[..., 1] + 0.16 * blades
        colour = ramp(tone, ((0.0, "#2c5424"), (0.45, "#4f7f33"), (0.75, "#8aa548"), (1.0, "#c3bb68")))
        flowers = smoothstep(2.0, 2.6, fields[..., 1] + 0.8 * fields[..., 0]) * near
        colour = mix(colour, rgb("#f2e6a8"), 0.8 * flowers)
        shore = np.abs(x * z - self.course.middle(z)) - self.course.half_width + 0.05 * fields[..., 1]
        pebbles = rgb("#a89a83") * (0.75 + 0.22 * np.tanh(fields[..., 2]) * (0.3 + near))[..., None]
        colour = mix(colour, pebbles, smoothstep(0.34, 0.20, shore))
        colour = mix(colour, rgb("#4b4034"), 0.7 * smoothstep(0.10, 0.02, shore))
        light = self.mood.skylight + 0.75 * self.mood.sunlight
        faded = 1 - 0.5 ** (np.minimum(z, 60) / self.clear)
        return mix(colour * light, rgb(self.mood.haze), faded)
