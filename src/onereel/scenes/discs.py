"""Scene `discs`: flat discs of one radius drift at one constant speed over a plain, softly grained wall.

Made to be measured: whatever a method does to the picture's size or length, the discs' areas, shapes and steps tell
what became of scale and speed. They never touch, so connected regions of saturated colour are discs.
"""

import math
from dataclasses import dataclass

import numpy as np

from onereel.scenes.base import Array, Box, Layer, Moved, World
from onereel.scenes.colours import rgb
from onereel.scenes.sheets import Sheet
from onereel.scenes.textures import Raster, random_field
from onereel.scenes.words import listed

_RADIUS = 0.07  # scene units
_PITCH = 1 / 3  # of the grid that is jittered
_COLUMNS, _ROWS = 12, 4  # of the grid, which repeats along both axes; one row is always out of the picture
_GAP = 0.04  # that stays between two discs at least
_PERIOD = _COLUMNS * _PITCH
_CYCLE = _ROWS * _PITCH  # height after which a disc comes again: more than the picture and a disc
_SPEEDS = (0.08, 0.13)  # scene units per second
_AWAY, _WALL = 4.0, 12.0  # distances, scene units
_GRAIN = 0.05  # spread of the wall's brightness, relative

_COLOURS = {
    "red": "#d0202a",
    "orange": "#ee7d12",
    "yellow": "#f2cb0c",
    "green": "#1d9a3c",
    "blue": "#1c52c4",
    "purple": "#8a26b0",
}
_WALLS = (("grey", "#8f9296"), ("sand-coloured", "#c9bca4"), ("slate", "#4d5459"))
_WAYS = (
    "to the right", "to the lower right", "downwards", "to the lower left",
    "to the left", "to the upper left", "upwards", "to the upper right",
)  # fmt: skip


@dataclass(frozen=True)
class Disc:
    """A flat disc that faces the viewer.

    Attributes:
        name: key of its mask.
        start: centre at time 0, scene coordinates.
        velocity: (x, y), scene coordinates per second.
        paint: (3,) linear RGB.
        radius: scene coordinates.
        period: spacing of its copies along x.
    """

    name: str
    start: tuple[float, float]
    velocity: tuple[float, float]
    paint: Array
    radius: float = _RADIUS
    period: float = _PERIOD

    def distance(self, time: float) -> float:
        """All discs are in one plane."""
        return _AWAY

    def centre(self, time: float) -> tuple[float, float]:
        """Centre in scene coordinates: what leaves at the top or bottom comes back at the other side, out of sight."""
        x = math.fmod(self.start[0] + self.velocity[0] * time, self.period)
        return x, _within_cycle(self.start[1] + self.velocity[1] * time)

    def bounds(self, time: float) -> Box:
        """A square around it."""
        (x, y), radius = self.centre(time), self.radius
        return Box(x - radius, y - radius, x + radius, y + radius)

    def shape(self, x: Array, y: Array, time: float) -> Array:
        """Distance to the circle of the nearest copy."""
        (at_x, at_y), period = self.centre(time), np.float32(self.period)
        aside = (x - np.float32(at_x) + period / 2) % period - period / 2
        return np.hypot(aside, y - np.float32(at_y)) - np.float32(self.radius)

    def colour(self, x: Array, y: Array, time: float) -> Array:
        """The same all over."""
        return np.broadcast_to(self.paint, (*np.broadcast_shapes(x.shape, y.shape), 3))

    def depth(self, x: Array, y: Array, time: float) -> Array:
        """The same all over."""
        return np.full(np.broadcast_shapes(x.shape, y.shape), _AWAY, np.float32)

    def move(self, x: Array, y: Array, time: float, later: float) -> Moved:
        """All of it by the same step."""
        step_x, step_y = (np.float32(speed * (later - time)) for speed in self.velocity)
        x, y = np.broadcast_arrays(x, y)
        return Moved(x + step_x, y + step_y, np.ones(x.shape, bool))


def _within_cycle(y: float) -> float:
    """The same height in the cycle that is centred on the picture."""
    low = (1 - _CYCLE) / 2
    return low + (y - low) % _CYCLE


def build(rng: np.random.Generator) -> World:
    """The world of one seed."""
    tone, code = _WALLS[int(rng.integers(len(_WALLS)))]
    angle, speed = float(rng.uniform(0, math.tau)), float(rng.uniform(*_SPEEDS))
    velocity = speed * math.cos(angle), speed * math.sin(angle)
    colours = _colours(rng)
    discs = [
        Disc(f"disc_{index:02d}", centre, velocity, rgb(_COLOURS[colour]))
        for index, (centre, colour) in enumerate(zip(_centres(rng), colours, strict=True), 1)
    ]
    facts = [
        {
            "name": disc.name,
            "kind": "disc",
            "colour": colour,
            "distance": _AWAY,
            "radius": disc.radius,
            "velocity": list(velocity),
        }
        for disc, colour in zip(discs, colours, strict=True)
    ]
    setting = f"over a plain {tone} wall"
    way = _WAYS[round(angle / math.tau * len(_WAYS)) % len(_WAYS)]
    caption = f"Discs in {listed(list(_COLOURS))} drift {way} {setting}."
    layers: tuple[Layer, ...] = (Sheet("wall", _WALL, _wall(rng, code)), *discs)
    return World(layers, caption, {"setting": setting, "radius": _RADIUS, "objects": facts})


def _centres(rng: np.random.Generator) -> list[tuple[float, float]]:
    """Of every disc at time 0, row by row: anywhere in its cell of the grid that keeps it off its neighbours."""
    room = (_PITCH - _GAP) / 2 - _RADIUS
    jitter = rng.uniform(-room, room, (_ROWS, _COLUMNS, 2))
    return [
        (
            (column + 0.5) * _PITCH - _PERIOD / 2 + float(jitter[row, column, 0]),
            _within_cycle((row + 0.5) * _PITCH + float(jitter[row, column, 1])),
        )
        for row in range(_ROWS)
        for column in range(_COLUMNS)
    ]


def _colours(rng: np.random.Generator) -> list[str]:
    """Of every disc, row by row: drawn so that no two neighbours of the endless grid are alike."""
    names = list(_COLOURS)
    chosen = np.full((_ROWS, _COLUMNS), -1)
    for row in range(_ROWS):
        for column in range(_COLUMNS):
            around = ((row - 1, column), ((row + 1) % _ROWS, column), (row, column - 1), (row, (column + 1) % _COLUMNS))
            taken = {int(chosen[place]) for place in around}
            chosen[row, column] = rng.choice([index for index in range(len(names)) if index not in taken])
    return [names[index] for index in chosen.ravel()]


def _wall(rng: np.random.Generator, code: str) -> Raster:
    """One colour with a soft grain; covers everything."""
    grain = random_field(rng, _PERIOD, _CYCLE, slope=1.3, coarsest=0.12, finest=0.012)
    texels = rgb(code) * (1 + _GRAIN * np.clip(grain, -3, 3))[..., None]
    return Raster(texels.astype(np.float32), _PERIOD, (1 - _CYCLE) / 2, _CYCLE, tiled=True)
