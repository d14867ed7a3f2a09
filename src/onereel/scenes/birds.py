"""Scene `birds`: a flock of gulls wheels over the sea in the evening light."""

import math
from dataclasses import dataclass

import numpy as np

from onereel.scenes.base import Array, Layer, World
from onereel.scenes.colours import mix, rgb
from onereel.scenes.landscape import Mood, Ridge, paint_hills, paint_sky
from onereel.scenes.mesh import Mesh, Pose
from onereel.scenes.sheets import Sheet
from onereel.scenes.textures import Raster
from onereel.scenes.water_surface import Band, Course, Water, wave_raster
from onereel.scenes.words import count

_HORIZON = 0.72
_REPEAT = 4.2  # spacing at which a bird comes again, scene coordinates at the flock's distance
_GAP = 0.36  # scene units between the birds' distances
# Birds are as thick as their lane: depth within a bird is flattened like a relief's, so that no two birds interlock.
_FLATTEN = 0.15
_CLEAR = 110.0

_MOODS = (
    Mood(
        "at dusk",
        ((0.0, "#1f2d5c"), (0.3, "#4b4f8a"), (0.58, "#a5678f"), (0.8, "#ee8f6a"), (1.0, "#ffc878")),
        "#f7a98c", "#4d4470", "#ff9d4d", (0.30, 0.075), "#c98a80", ("#ffb27a", 0.95), ("#8c86bd", 0.5), 0.56,
    ),
    Mood(
        "at sunset",
        ((0.0, "#35406f"), (0.4, "#8a6f95"), (0.7, "#e79a72"), (1.0, "#ffd98c")),
        "#ffd2a0", "#7a6382", "#ffb458", (-0.38, 0.13), "#dba883", ("#ffcc90", 1.0), ("#9f9cc2", 0.5), 0.52,
    ),
    Mood(
        "in the silver light of evening",
        ((0.0, "#3c5878"), (0.4, "#7d9bb3"), (0.75, "#c9d3d2"), (1.0, "#f4e6c8")),
        "#fff4de", "#6f8296", "#ffe9b8", (0.12, 0.24), "#b9c4c6", ("#fff0d2", 1.0), ("#a9bccd", 0.5), 0.58,
    ),
)  # fmt: skip

# A gull in units of its body's length: x forwards, y to its left, z upwards.
_BODY = np.array([
    (0.52, 0.0, 0.00),  # beak
    (0.34, 0.06, 0.02), (0.34, 0.0, 0.09), (0.34, -0.06, 0.02), (0.34, 0.0, -0.05),
    (0.08, 0.11, 0.02), (0.08, 0.0, 0.10), (0.08, -0.11, 0.02), (0.08, 0.0, -0.10),
    (-0.30, 0.05, 0.02), (-0.30, 0.0, 0.05), (-0.30, -0.05, 0.02), (-0.30, 0.0, -0.04),
    (-0.56, 0.12, 0.01), (-0.56, -0.12, 0.01),  # tail fan
])  # fmt: skip
_WING_INNER, _WING_OUTER = 0.52, 0.82  # lengths of the two parts of a wing
_UNDERSIDE, _BACK, _TIP = "#b9b2b0", "#6f6c78", "#1d1a22"


def _body_triangles() -> list[tuple[int, int, int]]:
    faces = []
    for side in range(4):
        after = (side + 1) % 4
        faces.append((0, 1 + side, 1 + after))
        for ring in (1, 5):
            one, two = ring + side, ring + after
            faces += [(one, one + 4, two + 4), (one, two + 4, two)]
    return [*faces, (9, 13, 10), (10, 13, 14), (10, 14, 11), (9, 12, 13), (12, 14, 13), (12, 11, 14)]


def _triangles() -> Array:
    """(M, 3): the body, then each wing's inner and outer part."""
    faces = _body_triangles()
    for first in (15, 21):
        root, wrist, tip = first, first + 2, first + 4
        faces += [(root, root + 1, wrist + 1), (root, wrist + 1, wrist)]
        faces += [(wrist, wrist + 1, tip + 1), (wrist, tip + 1, tip)]
    return np.array(faces)


_TRIANGLES = _triangles()


@dataclass(frozen=True)
class Bird:
    """One gull: its place in the flock and the rhythm of its wings.

    Attributes:
        offset: (x, y, z) from the flock's centre: x and y in scene coordinates, z in scene units.
        length: of the body, scene units.
        beat: wing beats per second.
        phase: of the beat, radians.
        rest: (seconds per cycle, phase) of beating and gliding in turn.
        wander: ((amplitude, seconds, phase) along x, the same along y) of its own drifting in the flock.
    """

    offset: tuple[float, float, float]
    length: float
    beat: float
    phase: float
    rest: tuple[float, float]
    wander: tuple[tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True)
class Wheel:
    """The flock's path: a level loop, seen from the side, on which its distance changes.

    Attributes:
        reach: half length of the loop along x, scene coordinates.
        deep: half length of the loop along z, scene units.
        away: distance of its centre.
        height: y of its centre in the image.
        seconds: per round, signed by its sense.
        phase: at time 0, radians.
        drift: scene coordinates per second along x.
    """

    reach: float
    deep: float
    away: float
    height: float
    seconds: float
    phase: float
    drift: float

    def place(self, time: float) -> tuple[float, float, float]:
        """(x, y) in scene coordinates and the distance."""
        turn = math.tau * time / self.seconds + self.phase
        rise = 0.05 * math.sin(2 * turn + 0.6)
        return (
            self.reach * math.cos(turn) + self.drift * time,
            self.height + rise,
            self.away + self.deep * math.sin(turn),
        )


def _beat(bird: Bird, time: float) -> tuple[float, float, float]:
    """Angles (radians, up) of the inner and outer wing, and how hard the bird works, 0..1."""
    seconds, start = bird.rest
    work = 0.5 + 0.5 * math.tanh(2.5 * (math.sin(math.tau * time / seconds + start) + 0.55))
    phase = math.tau * bird.beat * time + bird.phase
    inner = 0.14 + (0.06 + 0.56 * work) * math.sin(phase)
    outer = -0.12 + (0.04 + 0.72 * work) * math.sin(phase - 0.95)
    return inner, outer, work


def _wings(bird: Bird, time: float) -> Array:
    """(12, 3): leading and trailing edge at root, wrist and tip, left wing then right."""
    inner, outer, _ = _beat(bird, time)
    wings = []
    for side in (1.0, -1.0):
        wrist = np.array([0.0, 0.08 + _WING_INNER * math.cos(inner), 0.04 + _WING_INNER * math.sin(inner)])
        tip = wrist + np.array([0.0, _WING_OUTER * math.cos(outer), _WING_OUTER * math.sin(outer)])
        root = np.array([0.0, 0.06, 0.04])
        chords = ((root, 0.22, -0.16), (wrist, 0.30, -0.02), (tip, -0.06, -0.16))
        wings += [(x, side * point[1], point[2]) for point, lead, trail in chords for x in (lead, trail)]
    return np.array(wings)


def _axes(heading: Array, bank: float) -> Array:
    """(3, 3): the bird's forward, left and up axes in (x right, y down, z away), tilted by `bank` into its turn."""
    forward = heading / np.linalg.norm(heading)
    left = np.cross(forward, (0.0, 1.0, 0.0))
    left /= np.linalg.norm(left)
    up = np.cross(forward, left) * -1
    if up[1] > 0:
        up, left = -up, -left
    return np.stack([forward, left * math.cos(bank) + up * math.sin(bank), up * math.cos(bank) - left * math.sin(bank)])


class Flight:
    """The moving mesh of one bird: time -> Pose."""

    def __init__(self, bird: Bird, wheel: Wheel, mood: Mood) -> None:
        self.bird, self.wheel, self.mood = bird, wheel, mood
        self._colours = np.stack([rgb(code) for code in _vertex_codes()])

    def place(self, time: float) -> Array:
        """(3,): x and y in scene coordinates, distance."""
        x, y, away = self.wheel.place(time)
        (ax, tx, px), (ay, ty, py) = self.bird.wander
        x += self.bird.offset[0] + ax * math.sin(math.tau * time / tx + px)
        y += self.bird.offset[1] + ay * math.sin(math.tau * time / ty + py)
        return np.array([x, y, away + self.bird.offset[2]])

    def __call__(self, time: float) -> Pose:
        """Corners, distances and lit colours."""
        place = self.place(time)
        before, after = self.place(time - 0.05), self.place(time + 0.05)
        speed = (after - before) / 0.1 * [place[2], place[2], 1.0]  # scene units per second
        turn = np.cross((after + before - 2 * place) / 0.0025 * [place[2], 0, 1.0], speed)[1] / (speed @ speed + 1e-6)
        axes = _axes(speed, math.atan(0.5 * turn))
        body = np.concatenate([_BODY, _wings(self.bird, time)]) * self.bird.length
        spread = body @ axes  # (V, 3): right, down, away
        # The camera looks up at the birds a little, so that level wings show their underside.
        seen_down = spread[:, 1] - 0.34 * spread[:, 2]
        corners = place[:2] + np.stack([spread[:, 0], seen_down], axis=1) / place[2]
        return Pose(corners, place[2] + _FLATTEN * spread[:, 2], self._lit(body, axes, place[2]))

    def _lit(self, body: Array, axes: Array, away: float) -> Array:
        """(V, 3): dark against the sky, rimmed by the sun from above."""
        upward = np.clip(0.5 + 2.2 * (body @ axes)[:, 1] / -self.bird.length, 0, 1)
        light = 0.22 * self.mood.skylight + self.mood.sunlight * (0.04 + 0.34 * upward)[:, None]
        return self.mood.hazy(self._colours * light, away, _CLEAR)


def _vertex_codes() -> list[str]:
    body = ["#c98a2e", *[_UNDERSIDE, _BACK] * 6, _UNDERSIDE, _UNDERSIDE]
    wing = [_BACK, _UNDERSIDE, _BACK, _UNDERSIDE, _TIP, _TIP]
    return [*body, *wing, *wing]


def build(rng: np.random.Generator) -> World:
    """The world of one seed."""
    mood = _MOODS[int(rng.integers(len(_MOODS)))]
    sky = Sheet("sky", 400.0, paint_sky(rng, mood, _HORIZON), float(rng.uniform(-0.012, 0.012)))
    coast = Sheet("coast", 340.0, _coast(rng, mood))
    sea = _sea(rng, mood, (sky, coast))
    flock, facts = _flock(rng, mood)
    caption = f"A flock of {count(len(flock), 'gull').lower()} wheels over a calm sea {mood.name}."
    return World((sky, coast, sea, *flock), caption, {"setting": mood.name, "objects": facts})


def _coast(rng: np.random.Generator, mood: Mood) -> Raster:
    """A far headland on one side that sinks into the sea."""
    return paint_hills(
        rng, mood, Ridge(_HORIZON + 0.002, 0.018, 1.2, 1.7), away=340.0, ground=("#3a3f55", "#5b5666"), clear=260.0
    )


def _sea(rng: np.random.Generator, mood: Mood, backdrop: tuple[Layer, ...]) -> Water:
    swell = wave_raster(rng, coarsest=1.6, finest=0.1, stretch=2.0)
    bands = (Band(swell, 3.1, 0.035, 0.5), Band(swell, 0.9, 0.055, 0.9), Band(swell, 0.27, 0.05, 1.6))
    current = (float(rng.uniform(-0.25, 0.25)), float(rng.uniform(-0.9, -0.5)))
    deep = mix(rgb("#12303f"), rgb(mood.shade), 0.25)
    return Water("sea", _HORIZON, 1.1, current, Course(), bands, tuple(reversed(backdrop)), (), deep, mood, foam=0.05)


def _flock(rng: np.random.Generator, mood: Mood) -> tuple[list[Layer], list[dict[str, object]]]:
    """Twenty-two to thirty-two gulls in a loose slanted line, each at a distance of its own."""
    number = int(rng.integers(22, 33))
    wheel = Wheel(
        reach=float(rng.uniform(0.35, 0.5)),
        deep=2.5,
        away=float(rng.uniform(17, 19)),
        height=float(rng.uniform(0.30, 0.36)),
        seconds=float(rng.uniform(13, 17) * rng.choice([-1, 1])),
        phase=float(rng.uniform(0, math.tau)),
        drift=float(rng.uniform(0.01, 0.04) * rng.choice([-1, 1])),
    )
    lanes = (rng.permutation(number) - (number - 1) / 2) * _GAP
    layers: list[Layer] = []
    facts: list[dict[str, object]] = []
    for index, lane in enumerate(lanes):
        bird = _member(rng, index, number, float(lane))
        flight = Flight(bird, wheel, mood)
        start, soon = flight.place(0.0), flight.place(0.1)
        layers.append(Mesh(f"bird_{index + 1:02d}", _TRIANGLES, flight, _REPEAT))
        facts.append(
            {
                "name": f"bird_{index + 1:02d}",
                "kind": "bird",
                "colour": "grey",
                "distance": float(start[2]),
                "radius": bird.length * (0.1 + _WING_INNER + _WING_OUTER) / float(start[2]),
                "velocity": ((soon - start)[:2] / 0.1).tolist(),
            }
        )
    return layers, facts


def _member(rng: np.random.Generator, index: int, number: int, lane: float) -> Bird:
    """One bird of the flock."""
    along = (index + 0.5) / number - 0.5
    x = 1.5 * along + float(rng.normal(0, 0.10))
    y = 0.22 * along * float(rng.choice([-1, 1])) + float(rng.normal(0, 0.085))

    def sway(low: float, high: float) -> tuple[float, float, float]:
        return float(rng.uniform(low, high)), float(rng.uniform(4, 8)), float(rng.uniform(0, math.tau))

    return Bird(
        offset=(x, float(np.clip(y, -0.24, 0.24)), lane),
        length=float(rng.uniform(0.62, 0.78)),
        beat=float(rng.uniform(1.1, 1.6)),
        phase=float(rng.uniform(0, math.tau)),
        rest=(float(rng.uniform(5, 9)), float(rng.uniform(0, math.tau))),
        wander=(sway(0.01, 0.03), sway(0.008, 0.02)),
    )
