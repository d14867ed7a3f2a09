"""Scene `sketch`: thick white strokes on black: a digit and one or two other drawings move and change slowly.

The content of a sketch-to-video task. Strokes are a tenth of the picture's height wide, so that they still cover whole
pixels on the coarsest level of a pyramid. A stroke is a chain of straight pieces of one width with round ends and
corners; the pen's path moves, and every point of the stroke keeps its place along and across the path.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from onereel.scenes.base import Array, Box, Layer, Moved, World
from onereel.scenes.sheets import Sheet
from onereel.scenes.textures import Raster
from onereel.scenes.words import listed

_SPACING = 0.61  # of three drawings side by side, which just fill a 16:9 picture
_PERIOD = 3 * _SPACING  # spacing at which a drawing comes again
_AWAY = (3.0, 4.0, 5.0)  # distances of the drawings, scene units
_PAPER = 20.0  # distance of the black ground
# The renderer lets highlights roll off: this linear light ends up at 252 of 255, and edges hardly grow.
_WHITE = 2.0
_ARC = math.radians(12)  # of a circle is drawn as one straight piece


@dataclass(frozen=True)
class Swing:
    """A to and fro: `amplitude` in its own unit, `seconds` per cycle, `phase` in radians."""

    amplitude: float
    seconds: float
    phase: float

    def at(self, time: float) -> float:
        """Value at a time."""
        return self.amplitude * math.sin(math.tau * time / self.seconds + self.phase)


@dataclass(frozen=True)
class Stroke:
    """One drawing.

    Attributes:
        name: key of its mask.
        away: distance, scene units.
        path: the pen's path at a time, (N, 2) scene units around the drawing's middle.
        width: of the stroke, scene units.
        home: about where its middle is, scene coordinates.
        sway: of the middle, along x and y, scene coordinates.
        turn: of the whole, radians.
        spin: radians per second, besides.
        swell: of the size, relative.
        lean: shear of its upper against its lower end, relative to its height.
        period: spacing of its copies along x.
    """

    name: str
    away: float
    path: Callable[[float], Array]
    width: float
    home: tuple[float, float]
    sway: tuple[Swing, Swing]
    turn: Swing
    spin: float
    swell: Swing
    lean: Swing
    period: float = _PERIOD

    def distance(self, time: float) -> float:
        """The same at all times."""
        return self.away

    def centre(self, time: float) -> tuple[float, float]:
        """Its middle in scene coordinates."""
        return self.home[0] + self.sway[0].at(time), self.home[1] + self.sway[1].at(time)

    def nodes(self, time: float) -> Array:
        """(N, 2) float32 corners of the path around `home`, scene units."""
        angle, size, lean = self.turn.at(time) + self.spin * time, 1 + self.swell.at(time), self.lean.at(time)
        across, down = self.path(time).T * size
        across = across - lean * down
        x = across * math.cos(angle) - down * math.sin(angle) + self.sway[0].at(time)
        y = across * math.sin(angle) + down * math.cos(angle) + self.sway[1].at(time)
        return np.stack([x, y], axis=1).astype(np.float32)

    def bounds(self, time: float) -> Box:
        """Around the path and half the stroke's width."""
        nodes, (x, y), reach = self.nodes(time), self.home, self.width / 2
        left, top, right, bottom = (float(value) for value in (*nodes.min(axis=0), *nodes.max(axis=0)))
        return Box(x + left - reach, y + top - reach, x + right + reach, y + bottom + reach)

    def _local(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Coordinates around `home`, of the nearest copy."""
        half = np.float32(self.period / 2)
        return (x - np.float32(self.home[0]) + half) % (2 * half) - half, y - np.float32(self.home[1])

    def shape(self, x: Array, y: Array, time: float) -> Array:
        """Distance to the path, less half the width."""
        u, v = self._local(x, y)
        nodes = self.nodes(time)
        nearest = np.full(np.broadcast_shapes(u.shape, v.shape), np.inf, np.float32)
        for start, end in itertools.pairwise(nodes):
            np.minimum(nearest, _to_piece(u, v, start, end)[1], out=nearest)
        return np.sqrt(nearest) - np.float32(self.width / 2)

    def colour(self, x: Array, y: Array, time: float) -> Array:
        """White."""
        return np.full((*np.broadcast_shapes(x.shape, y.shape), 3), _WHITE, np.float32)

    def depth(self, x: Array, y: Array, time: float) -> Array:
        """The same everywhere."""
        return np.full(np.broadcast_shapes(x.shape, y.shape), self.away, np.float32)

    def move(self, x: Array, y: Array, time: float, later: float) -> Moved:
        """A point stays with the nearest piece of the path: at its share of the length, and across as far as it was."""
        x, y = np.broadcast_arrays(x, y)
        u, v = self._local(x, y)
        nodes, moved = self.nodes(time), self.nodes(later)
        best = np.full(u.shape, np.inf, np.float32)
        to_u, to_v = np.empty_like(best), np.empty_like(best)
        for index in range(len(nodes) - 1):
            start, end = nodes[index : index + 2]
            share, squared = _to_piece(u, v, start, end)
            nearer = squared < best
            best[nearer] = squared[nearer]
            share, along = share[nearer], end - start
            off = u[nearer] - start[0] - share * along[0], v[nearer] - start[1] - share * along[1]
            start, along_later = moved[index], moved[index + 1] - moved[index]
            cosine, sine = _rotation(along, along_later)
            to_u[nearer] = start[0] + share * along_later[0] + cosine * off[0] - sine * off[1]
            to_v[nearer] = start[1] + share * along_later[1] + sine * off[0] + cosine * off[1]
        return Moved(x + (to_u - u), y + (to_v - v), np.ones(x.shape, bool))


def _to_piece(u: Array, v: Array, start: Array, end: Array) -> tuple[Array, Array]:
    """Share of the way from `start` to `end` that is nearest to points, and their squared distance to it."""
    (du, dv), from_u, from_v = end - start, u - start[0], v - start[1]
    share = np.clip((from_u * du + from_v * dv) / (du * du + dv * dv), 0, 1)
    return share, (from_u - share * du) ** 2 + (from_v - share * dv) ** 2


def _rotation(before: Array, after: Array) -> tuple[np.float32, np.float32]:
    """Cosine and sine of the angle from one direction to another."""
    cosine, sine = before @ after, before[0] * after[1] - before[1] * after[0]
    length = np.hypot(cosine, sine)
    return cosine / length, sine / length


def _arc(x: float, y: float, radii: tuple[float, float], start: float, end: float) -> list[tuple[float, float]]:
    """Corners along an ellipse's arc from one angle to another, in degrees; 0 is right, 90 is down."""
    first, last = math.radians(start), math.radians(end)
    angles = np.linspace(first, last, max(2, math.ceil(abs(last - first) / _ARC) + 1))
    return [(x + radii[0] * math.cos(angle), y + radii[1] * math.sin(angle)) for angle in angles]


# One stroke each, in a box that is one unit high and 0.56 wide, around its middle.
_DIGITS: tuple[Sequence[tuple[float, float]], ...] = (
    _arc(0, 0, (0.28, 0.5), -90, 270),
    [(-0.17, -0.3), (0.06, -0.5), (0.06, 0.5)],
    [*_arc(0, -0.22, (0.28, 0.28), 190, 395), (-0.28, 0.5), (0.28, 0.5)],
    [*_arc(-0.02, -0.26, (0.25, 0.24), 205, 440), *_arc(-0.02, 0.24, (0.29, 0.26), -80, 150)],
    [(0.12, 0.5), (0.12, -0.5), (-0.28, 0.2), (0.3, 0.2)],
    [(0.24, -0.5), (-0.2, -0.5), (-0.23, -0.04), *_arc(0, 0.18, (0.28, 0.32), 228, 500)],
    [*_arc(0.22, 0.22, (0.5, 0.72), 265, 190), *_arc(0, 0.22, (0.28, 0.28), 180, -180)],
    [(-0.28, -0.5), (0.28, -0.5), (-0.08, 0.5)],
    [*_arc(0, -0.27, (0.22, 0.23), 90, 450), *_arc(0, 0.23, (0.28, 0.27), 270, -90)],
    [*_arc(-0.22, -0.22, (0.5, 0.72), 85, 10), *_arc(0, -0.22, (0.28, 0.28), 0, -360)],
)
_SHAPES = ("circle", "square", "triangle", "wave")


def build(rng: np.random.Generator) -> World:
    """The world of one seed."""
    amount = int(rng.integers(2, 4))
    width = float(rng.uniform(0.09, 0.11))
    shapes = [str(shape) for shape in rng.permutation(_SHAPES)]
    digits = [int(digit) for digit in rng.permutation(10)]
    kinds: list[str | int]
    if amount == 3:  # the digit is the widest: in the middle, so that a 16:9 picture holds all
        kinds = [shapes[0], digits[0], shapes[1]]
    else:
        kinds = [digits[0], digits[1] if rng.random() < 0.5 else shapes[0]]
    ways = rng.permutation(_AWAY)
    strokes = [
        _stroke(rng, kind, (index - (amount - 1) / 2) * _PERIOD / amount, float(ways[index]), width, amount)
        for index, kind in enumerate(kinds)
    ]
    facts = [
        {
            "name": stroke.name,
            "kind": "digit" if isinstance(kind, int) else kind,
            **({"digit": kind} if isinstance(kind, int) else {}),
            "colour": "white",
            "distance": stroke.away,
            "radius": 0.5 * (stroke.bounds(0.0).bottom - stroke.bounds(0.0).top),
            "stroke": width,
            "velocity": _velocity(stroke),
        }
        for stroke, kind in zip(strokes, kinds, strict=True)
    ]
    setting = "on a black background"
    drawn = [f"the digit {kind}" if isinstance(kind, int) else f"a {kind}" for kind in kinds]
    caption = f"A crude white sketch of {listed(drawn)} {setting}."
    layers: tuple[Layer, ...] = (Sheet("background", _PAPER, _black()), *strokes)
    return World(layers, caption, {"setting": setting, "objects": facts})


def _stroke(rng: np.random.Generator, kind: str | int, x: float, away: float, width: float, amount: int) -> Stroke:
    """One drawing with its motions; digits turn to and fro and so stay legible, squares and triangles turn round."""
    digit = isinstance(kind, int)
    roomy = amount == 2
    return Stroke(
        name=f"{'digit_' if digit else ''}{kind}",
        away=away,
        path=_path(rng, kind, roomy=roomy),
        width=width,
        home=(x, 0.5 if digit else 0.5 + float(rng.uniform(-0.12, 0.12))),
        sway=(_swing(rng, 0.03 if digit else 0.04, 2.6, 4.0), _swing(rng, 0.03 if digit else 0.09, 3.0, 4.5)),
        turn=_swing(rng, 0.22 if digit else 0.12, 3.5, 5.5),
        spin=float(rng.uniform(0.4, 0.7) * rng.choice([-1, 1])) if kind in ("square", "triangle") else 0.0,
        swell=_swing(rng, 0.03 if digit else 0.1, 3.0, 5.0),
        lean=_swing(rng, 0.12 if digit else 0.0, 3.0, 5.0),
    )


def _swing(rng: np.random.Generator, amplitude: float, shortest: float, longest: float) -> Swing:
    return Swing(
        amplitude * float(rng.uniform(0.7, 1.0)), float(rng.uniform(shortest, longest)), float(rng.uniform(0, math.tau))
    )


def _path(rng: np.random.Generator, kind: str | int, *, roomy: bool) -> Callable[[float], Array]:
    """What is drawn, around its middle, in scene units; only waves change by themselves."""
    size = float(rng.uniform(0.9, 1.0)) * (1.3 if roomy else 1.0)
    match kind:
        case int():
            return _still(_DIGITS[kind], float(rng.uniform(0.58, 0.66)))
        case "circle":
            return _still(_arc(0, 0, (1, 1), 0, 360), 0.17 * size)
        case "square":
            return _still([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)], 0.14 * size)
        case "triangle":
            return _still(_corners(3), 0.21 * size)
        case _:
            return _wave(size, float(rng.uniform(0.5, 0.8) * rng.choice([-1, 1])))


def _still(points: Sequence[tuple[float, float]], size: float) -> Callable[[float], Array]:
    nodes = np.array(points) * size
    nodes = nodes[np.linalg.norm(np.diff(nodes, axis=0, prepend=np.inf), axis=1) > 1e-6]  # pieces need a length
    return lambda time: nodes


def _corners(amount: int) -> list[tuple[float, float]]:
    """Of a regular polygon that stands on a side, closed."""
    angles = [math.tau * index / amount - math.pi / 2 for index in range(amount + 1)]
    return [(math.cos(angle), math.sin(angle)) for angle in angles]


def _wave(size: float, speed: float) -> Callable[[float], Array]:
    """One wave that runs through a stroke, whose points go up and down; `speed` is in waves per second."""
    length = 0.4 * size
    x = np.linspace(-length / 2, length / 2, 33)

    def nodes(time: float) -> Array:
        return np.stack([x, 0.1 * size * np.sin(math.tau * (x / length - speed * time))], axis=1)

    return nodes


def _velocity(stroke: Stroke) -> list[float]:
    """Of the middle at time 0, scene coordinates per second."""
    before, after = stroke.centre(-0.005), stroke.centre(0.005)
    return [(after[axis] - before[axis]) / 0.01 for axis in (0, 1)]


def _black() -> Raster:
    return Raster(np.zeros((1, 1, 3), np.float32), _PERIOD, 0.0, 1.0)
