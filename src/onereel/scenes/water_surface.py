"""A sheet of water in perspective: waves carried by a current, reflecting what stands behind it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from onereel.scenes.base import Array, Box, Layer, Moved
from onereel.scenes.colours import smoothstep
from onereel.scenes.landscape import Mood
from onereel.scenes.textures import Raster, random_field

_TILE = 8.0  # scene units after which the waves repeat
_TILE_TEXELS = 64  # per scene unit
_REFERENCE_PITCH = 1 / 288  # waves finer than this footprint fade out, whatever the image's size


@dataclass(frozen=True)
class Course:
    """Where the water is: a river along the line of sight, or everywhere.

    Attributes:
        half_width: half width of the river, scene units; infinite for a sea.
        sway: how far its middle wanders sideways.
        length: distance of one wander.
        phase: where the wander starts, radians.
    """

    half_width: float = math.inf
    sway: float = 0.0
    length: float = 10.0
    phase: float = 0.0

    def middle(self, z: Array | float) -> Array:
        """x of the river's middle at distance z, scene units; straight at the viewer's feet."""
        return self.sway * (np.sin(math.tau * z / self.length + self.phase) - math.sin(self.phase))


@dataclass(frozen=True)
class Band:
    """Waves of one size.

    Attributes:
        slopes: raster of four channels on the water plane: (dx, dz) of one field, then of another; they are blended
            in turn, so that waves rise and sink while the current carries them.
        scale: size of the tile on the water, relative to `_TILE`.
        steepness: standard deviation of the slope.
        boil: radians per second of the blending.
    """

    slopes: Raster
    scale: float
    steepness: float
    boil: float


def wave_raster(rng: np.random.Generator, *, coarsest: float, finest: float, stretch: float) -> Raster:
    """Slopes of two random height fields on a torus, each of unit standard deviation."""
    channels = []
    for _ in range(2):
        height = random_field(
            rng, _TILE, _TILE, slope=2.6, stretch=stretch, coarsest=coarsest, finest=finest, texels=_TILE_TEXELS
        )
        for axis in (1, 0):
            slope = (np.roll(height, -1, axis) - np.roll(height, 1, axis)) / 2
            channels.append(slope)
        norm = math.sqrt(float((channels[-1] ** 2).mean() + (channels[-2] ** 2).mean()))
        channels[-2:] = [channels[-2] / norm, channels[-1] / norm]
    return Raster(np.stack(channels, axis=-1), _TILE, 0.0, _TILE, tiled=True)


@dataclass(frozen=True)
class Mirrored:
    """Something that stands in the water and is seen in it upside down.

    Attributes:
        layer: what stands there.
        waterline: time -> y of its foot in the image.
    """

    layer: Layer
    waterline: Callable[[float], float]


@dataclass(frozen=True)
class Water:
    """Still plane of water whose waves a current carries.

    A point of the surface keeps its place (n, z) - current * time in the current's own coordinates, n across and z
    along the course: that is the flow, exactly. Reflections and glints are shading.

    Attributes:
        name: key of its mask.
        horizon: y of the horizon.
        eye: height of the camera over the water, scene units.
        current: (across, along) scene units per second; negative along comes towards the camera.
        course: where it is.
        bands: its waves.
        backdrop: far sheets that it mirrors, nearest first; the last covers everything.
        mirrored: near things that it mirrors, nearest first.
        deep: (3,) linear RGB of the water itself.
        mood: the light.
        foam: strength of the light streaks on the crests, 0..1.
    """

    name: str
    horizon: float
    eye: float
    current: tuple[float, float]
    course: Course
    bands: tuple[Band, ...]
    backdrop: tuple[Layer, ...]
    mirrored: tuple[Mirrored, ...]
    deep: Array
    mood: Mood
    foam: float = 0.0
    far: float = 300.0
    period: float = math.inf

    def distance(self, time: float) -> float:
        """The horizon's: everything that stands in the water is drawn over it."""
        return self.far

    def bounds(self, time: float) -> Box:
        """All below the horizon."""
        return Box(-math.inf, self.horizon, math.inf, math.inf)

    def _plane(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Position on the water: n across the course, z along it."""
        z = np.float32(self.eye) / np.maximum(y - np.float32(self.horizon), np.float32(self.eye / self.far))
        return x * z - self.course.middle(z), z

    def shape(self, x: Array, y: Array, time: float) -> Array:
        """Above the horizon or over the banks is outside; distances from the banks are to first order."""
        shore = np.float32(self.horizon + self.eye / self.far) - y
        if math.isinf(self.course.half_width):
            return np.broadcast_to(shore, np.broadcast_shapes(x.shape, y.shape))
        across, z = self._plane(x, y)
        bend = (self.course.middle(z + 0.01) - self.course.middle(z - 0.01)) / 0.02
        steep = np.hypot(z, (x - bend) * z * z / self.eye)
        return np.maximum(shore, (np.abs(across) - np.float32(self.course.half_width)) / steep)

    def depth(self, x: Array, y: Array, time: float) -> Array:
        """Perspective of a level plane."""
        return np.broadcast_to(self._plane(x, y)[1], np.broadcast_shapes(x.shape, y.shape)).astype(np.float32)

    def move(self, x: Array, y: Array, time: float, later: float) -> Moved:
        """With the current along the course; what passes the camera's plane or the horizon is gone."""
        across, z = self._plane(x, y)
        z_later = z + np.float32(self.current[1] * (later - time))
        ahead = np.maximum(z_later, np.float32(1e-3))
        across = across + np.float32(self.current[0] * (later - time))
        x_later = (across + self.course.middle(ahead)) / ahead
        y_later = np.float32(self.horizon + 0.0) + np.float32(self.eye) / ahead
        seen = (z_later > 1e-3) & (z_later < self.far)
        return Moved(x_later.astype(np.float32), y_later, np.broadcast_to(seen, x_later.shape))

    def slopes(self, across: Array, z: Array, time: float) -> tuple[Array, Array]:
        """Slope of the surface (dx, dz) at points of the plane; waves finer than a pixel fade."""
        footprint = z * z * np.float32(_REFERENCE_PITCH / self.eye)
        tilt_x, tilt_z = np.zeros_like(across), np.zeros_like(across)
        for band in self.bands:
            carried_x, carried_z = (math.fmod(speed * time / band.scale, _TILE) for speed in self.current)
            size = np.float32(band.scale)
            value = band.slopes.sample(across / size - np.float32(carried_x), z / size - np.float32(carried_z))
            phase = band.boil * time
            fade = band.steepness / (1 + (footprint / np.float32(0.35 * band.scale)) ** 2)
            tilt_x += fade * (math.cos(phase) * value[..., 0] + math.sin(phase) * value[..., 2])
            tilt_z += fade * (math.cos(phase) * value[..., 1] + math.sin(phase) * value[..., 3])
        return tilt_x, tilt_z

    @property
    def _roughness(self) -> float:
        """Standard deviation of the slope near the camera."""
        return math.hypot(*(band.steepness for band in self.bands))

    def colour(self, x: Array, y: Array, time: float) -> Array:
        """Fresnel blend of what is mirrored and of the water's own colour, with foam on steep crests."""
        across, z = self._plane(x, y)
        tilt_x, tilt_z = self.slopes(across, z, time)
        down = y - np.float32(self.horizon)
        mirror = self._mirror(x, down, tilt_x, tilt_z, time)
        facing = np.clip(down / np.sqrt(1 + down * down + x * x) + 0.9 * tilt_z, 0.02, 1)
        fresnel = (0.03 + 0.97 * (1 - facing) ** 5)[..., None]
        body = self.deep * np.clip(1 + 7 * tilt_z + 3 * tilt_x, 0.4, 2)[..., None]
        colour = mirror * fresnel + body * (1 - fresnel)
        if self.foam:
            crest = smoothstep(1.5, 3.2, (tilt_z + 0.4 * tilt_x) / np.float32(self._roughness))
            colour += (self.foam * crest)[..., None] * (self.mood.skylight + 0.6 * self.mood.sunlight)
        return colour

    def _mirror(self, x: Array, down: Array, tilt_x: Array, tilt_z: Array, time: float) -> Array:
        """What the tilted surface mirrors: the backdrop about the horizon, near things about their own foot."""
        # A tilt turns the mirrored ray by twice as much; towards the viewer it lifts it, never below the horizon.
        lift = np.abs(down + 2 * tilt_z) + 0.002
        sideways = x + 2 * tilt_x * np.minimum(1, 2.5 * down + 0.1)
        height = np.float32(self.horizon) - lift
        return see(self.backdrop, self.mirrored, sideways, height, 2 * tilt_z, down + self.horizon, time)


def see(
    backdrop: Sequence[Layer], near: Sequence[Mirrored], x: Array, y: Array, shift: Array, at: Array, time: float
) -> Array:
    """Colour of the frontmost thing in the mirror world at (x, y); near things are flipped about their waterline."""
    colour = np.empty((*x.shape, 3), np.float32)
    open_ = np.ones(x.shape, bool)
    views = [(item.layer, 2 * np.float32(item.waterline(time)) - at - shift) for item in near]
    for layer, row in [*views, *((layer, y) for layer in backdrop)]:
        box = layer.bounds(time)
        inside = open_ & (row > box.top) & (row < box.bottom) & (x > box.left) & (x < box.right)
        if inside.any():
            inside[inside] = layer.shape(x[inside], row[inside], time) < 0
            if inside.any():
                colour[inside] = layer.colour(x[inside], row[inside], time)
                open_ &= ~inside
    return colour
