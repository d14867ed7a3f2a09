"""A small sailing boat with its sailor, as a mesh in true perspective."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from onereel.scenes.base import Array
from onereel.scenes.colours import rgb
from onereel.scenes.landscape import Mood
from onereel.scenes.mesh import Pose

# Stations from the stern to the stem in boat lengths: x, half breadth at the water, at the rail, height of the rail.
_STATIONS = ((-0.46, 0.10, 0.13, 0.115), (-0.2, 0.15, 0.185, 0.10), (0.1, 0.15, 0.185, 0.105), (0.34, 0.08, 0.12, 0.13),
             (0.54, 0.0, 0.0, 0.175))  # fmt: skip
_MAST = 0.12
_SAIL_STEPS = 4


Point: TypeAlias = tuple[float, float, float]
Patch: TypeAlias = tuple[list[Point], list[tuple[int, ...]]]  # corners, polygons


@dataclass
class _Parts:
    """Corners and faces while a boat is being built; every face names its colour."""

    corners: list[Point]
    faces: list[tuple[int, int, int]]
    paints: list[str]

    def add(self, patch: Patch, paint: str) -> None:
        """Add a patch; quadrilaterals are split."""
        corners, faces = patch
        first = len(self.corners)
        self.corners += corners
        for face in faces:
            for index in range(1, len(face) - 1):
                self.faces.append((first + face[0], first + face[index], first + face[index + 1]))
                self.paints.append(paint)


def _strip(lower: Sequence[Point], upper: Sequence[Point]) -> Patch:
    """Corners and quadrilaterals between two lines of equal length."""
    count = len(lower)
    return [*lower, *upper], [(i, i + 1, count + i + 1, count + i) for i in range(count - 1)]


def _sail(tack: Point, head: Point, clew: Point, belly: float) -> Patch:
    """A triangular sail that bellies out to its lee."""
    steps = _SAIL_STEPS
    corners: list[Point] = []
    index: dict[tuple[int, int], int] = {}
    for row in range(steps + 1):
        for column in range(steps + 1 - row):
            up, out = row / steps, column / steps
            x, y, z = (t + up * (h - t) + out * (c - t) for t, h, c in zip(tack, head, clew, strict=True))
            index[row, column] = len(corners)
            corners.append((x, y + belly * (27 * up * out * (1 - up - out) + 2 * out * up), z))
    faces: list[tuple[int, ...]] = []
    for row in range(steps):
        for column in range(steps - row):
            faces.append((index[row, column], index[row, column + 1], index[row + 1, column]))
            if column + row < steps - 1:
                faces.append((index[row, column + 1], index[row + 1, column + 1], index[row + 1, column]))
    return corners, faces


def build_boat(hull: str, sail: str, jib: str) -> tuple[Array, Array, Array]:
    """Corners (V, 3) in boat lengths (x forwards, y to its left, z up from the water), faces (M, 3), paints (M, 3)."""
    parts = _Parts([], [], [])
    for side in (1, -1):
        water = [(x, side * low, 0.0) for x, low, _, _ in _STATIONS]
        stripe = [(x, side * (0.3 * low + 0.7 * rail), 0.7 * high) for x, low, rail, high in _STATIONS]
        rails = [(x, side * rail, high) for x, _, rail, high in _STATIONS]
        parts.add(_strip(water, stripe), hull)
        parts.add(_strip(stripe, rails), "#f4efe2")
    port, starboard = ([(x, side * rail, 0.85 * high) for x, _, rail, high in _STATIONS] for side in (1, -1))
    parts.add(_strip(port, starboard), "#a9743f")
    x, low, rail, high = _STATIONS[0]
    parts.add(([(x, low, 0), (x, -low, 0), (x, -rail, high), (x, rail, high)], [(0, 1, 2, 3)]), hull)
    for dx, dy in ((0.012, 0.0), (0.0, 0.012)):
        foot, head = [(_MAST - dx, -dy, 0.05), (_MAST + dx, dy, 0.05)], [(_MAST - dx, -dy, 1.3), (_MAST + dx, dy, 1.3)]
        parts.add(_strip(foot, head), "#5b3a22")
    parts.add(_sail((_MAST, 0, 0.24), (_MAST, 0, 1.26), (-0.44, 0.13, 0.25), 0.05), sail)
    parts.add(_sail((0.5, 0, 0.20), (_MAST, 0, 1.06), (0.14, 0.10, 0.24), 0.03), jib)
    _add_sailor(parts)
    paints = np.stack([rgb(paint) for paint in parts.paints])
    return np.array(parts.corners), np.array(parts.faces), paints


def _add_sailor(parts: _Parts) -> None:
    """Someone at the tiller: a coat and a head."""
    at = -0.33
    ring = [(at + dx, 0.02 + dy, 0.08) for dx, dy in ((0.06, 0.05), (0.06, -0.05), (-0.05, -0.05), (-0.05, 0.05))]
    parts.add(([*ring, (at, 0.02, 0.27)], [(0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4)]), "#c8402f")
    size = 0.038
    knobs = [(at + dx, 0.02 + dy, 0.275) for dx, dy in ((size, 0.0), (0.0, size), (-size, 0.0), (0.0, -size))]
    knobs += [(at, 0.02, 0.275 + 1.1 * size), (at, 0.02, 0.275 - 1.1 * size)]
    parts.add((knobs, [(i, (i + 1) % 4, pole) for i in range(4) for pole in (4, 5)]), "#d9a27c")


class Sailing:
    """The moving mesh of a boat on level water seen in perspective: time -> Pose.

    Args:
        corners, faces, paints: from `build_boat`.
        length: of the boat, scene units.
        place: time -> (x, z) of the boat on the water, scene units.
        horizon: y of the horizon.
        eye: height of the camera over the water, scene units.
        roll: (amplitude, seconds, phase) of its rolling.
        mood: the light.
    """

    def __init__(
        self,
        corners: Array,
        faces: Array,
        paints: Array,
        *,
        length: float,
        place: Callable[[float], tuple[float, float]],
        horizon: float,
        eye: float,
        roll: Point,
        mood: Mood,
    ) -> None:
        self.corners, self.faces, self.paints = corners, faces, paints
        self.length, self.place, self.horizon, self.eye, self.roll, self.mood = length, place, horizon, eye, roll, mood

    def waterline(self, time: float) -> float:
        """y in the image where the boat's middle meets the water."""
        return self.horizon + self.eye / self.place(time)[1]

    def __call__(self, time: float) -> Pose:
        """Corners in the image, distances, lit colours per face and corner."""
        world = self._world(time)  # (V, 3): right, up, away
        away = world[:, 2]
        corners = np.stack([world[:, 0] / away, self.horizon + (self.eye - world[:, 1]) / away], axis=1)
        return Pose(corners, away, self._lit(world))

    def _world(self, time: float) -> Array:
        x, z = self.place(time)
        ahead = np.subtract(self.place(time + 0.05), self.place(time - 0.05))
        forward = ahead / np.hypot(*ahead)
        amplitude, seconds, phase = self.roll
        roll = amplitude * math.sin(math.tau * time / seconds + phase)
        along, aside, up = self.corners.T * self.length
        aside, up = aside * math.cos(roll) - up * math.sin(roll), up * math.cos(roll) + aside * math.sin(roll)
        left = np.array([-forward[1], forward[0]])
        up = np.maximum(up, 0)  # what rolls under water is not seen
        return np.stack(
            [x + along * forward[0] + aside * left[0], up, z + along * forward[1] + aside * left[1]], axis=1
        )

    def _lit(self, world: Array) -> Array:
        """(M, 3, 3): every face by its normal, cloth and wood lit from both sides; joined faces stay flat."""
        one, two, three = (world[self.faces[:, corner]] for corner in range(3))
        normal = np.cross(two - one, three - one)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
        sun = self.mood.light_from() * (1, -1, -1)  # in (right, up, away)
        facing = normal @ sun
        normal_up = np.abs(normal[:, 1])
        light = self.mood.skylight * (0.75 + 0.25 * normal_up)[:, None]
        light = light + self.mood.sunlight * (0.30 + 0.55 * np.abs(facing))[:, None]
        return np.repeat((self.paints * light)[:, None, :], 3, axis=1)
