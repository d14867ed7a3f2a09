"""Scene `water`: a river flows out of the mountains towards the viewer, past woods and a sailing boat."""

import math
from collections.abc import Callable

import numpy as np

from onereel.scenes.base import Array, Layer, World
from onereel.scenes.boat import Sailing, build_boat
from onereel.scenes.colours import mix, rgb
from onereel.scenes.landscape import PERIOD, Mood, paint_mountains, paint_sky
from onereel.scenes.meadow import Meadow, meadow_rasters
from onereel.scenes.mesh import Mesh
from onereel.scenes.sheets import Sheet
from onereel.scenes.water_surface import Band, Course, Mirrored, Water, wave_raster
from onereel.scenes.woods import Tree, paint_trees

_HORIZON = 0.42
_EYE = 1.0
_CLEAR = 60.0

_MOODS = (
    Mood(
        "on a summer morning",
        ((0.0, "#2f78bd"), (0.5, "#7db4de"), (1.0, "#dcebf0")),
        "#ffffff", "#9db0c9", "#fff2cf", (-0.55, 0.5), "#bcd3e2", ("#fff1d6", 1.0), ("#b4cdea", 0.55), 0.52,
    ),
    Mood(
        "in the evening sun",
        ((0.0, "#4a6fa5"), (0.45, "#b7a8b8"), (0.8, "#f3c596"), (1.0, "#ffe0a3")),
        "#ffe2bd", "#8d82a0", "#ffc270", (0.5, 0.16), "#e3bf9f", ("#ffcf95", 1.05), ("#a9b4d6", 0.55), 0.55,
    ),
    Mood(
        "at first light",
        ((0.0, "#33477d"), (0.4, "#7e78a8"), (0.75, "#e2a1a0"), (1.0, "#fbd0a4")),
        "#ffc8b0", "#6c6590", "#ffb080", (-0.42, 0.1), "#c9a9ae", ("#ffc4a0", 0.95), ("#a3a5d2", 0.6), 0.55,
    ),
)  # fmt: skip
_BOATS = (
    ("red", "#b3262a", "#f6efdf", "#e9b44a"),
    ("blue", "#1f4e9c", "#fbf7ee", "#d8432f"),
    ("green", "#1f6b4f", "#f3e3c0", "#c9562b"),
    ("yellow", "#e0a526", "#f8f4ea", "#2b6ea8"),
)


def build(rng: np.random.Generator) -> World:
    """The world of one seed."""
    mood = _MOODS[int(rng.integers(len(_MOODS)))]
    course = Course(
        1.55,
        float(rng.uniform(1.6, 2.6) * rng.choice([-1, 1])),
        float(rng.uniform(20, 26)),
        float(rng.uniform(-0.6, 0.6)),
    )
    current = float(rng.uniform(0.75, 1.05))
    far = _far_sheets(rng, mood)
    groves = _groves(rng, mood, course)
    colour, *paints = _BOATS[int(rng.integers(len(_BOATS)))]
    sailing = _sailing(rng, mood, course, build_boat(*paints))
    boat = Mesh("boat", sailing.faces, sailing)
    mirrored = (Mirrored(boat, sailing.waterline), *(Mirrored(grove, _foot(grove)) for grove in groves))
    river = _river(rng, mood, course, current, far, mirrored)
    meadow = Meadow("meadow", _HORIZON, _EYE, course, meadow_rasters(rng), mood, _CLEAR)
    facts = [
        {"name": "river", "kind": "water", "colour": "blue", "distance": _EYE / (1 - _HORIZON),
         "half_width": course.half_width, "current": [0.0, -current]},
        {"name": "boat", "kind": "boat", "colour": colour, "distance": sailing.place(0.0)[1],
         "radius": 0.5 * sailing.length / sailing.place(0.0)[1], "velocity": _speed(sailing)},
    ]  # fmt: skip
    caption = (
        f"A {colour} sailing boat on a river that flows between meadows and woods below snowy mountains {mood.name}."
    )
    return World((*reversed(far), meadow, river, *groves, boat), caption, {"setting": mood.name, "objects": facts})


def _speed(sailing: Sailing) -> list[float]:
    """Velocity of the boat in the image at time 0, scene coordinates per second."""
    (x0, z0), (x1, z1) = sailing.place(0.0), sailing.place(0.01)
    return [(x1 / z1 - x0 / z0) / 0.01, (_EYE / z1 - _EYE / z0) / 0.01]


def _far_sheets(rng: np.random.Generator, mood: Mood) -> tuple[Layer, ...]:
    """What stands behind the plain, nearest first; the sky last."""
    sky = Sheet(
        "sky", 900.0, paint_sky(rng, mood, _HORIZON + 0.04), float(rng.uniform(0.006, 0.012) * rng.choice([-1, 1]))
    )
    peaks = Sheet("mountains", 700.0, paint_mountains(rng, mood, foot=_HORIZON + 0.01, tall=0.30, snow=0.42, haze=0.34))
    slopes = Sheet("foothills", 500.0, paint_mountains(rng, mood, foot=_HORIZON + 0.01, tall=0.12, snow=9.0, haze=0.22))
    tints = [rgb(code) for code in ("#1f4a2f", "#27553a", "#31603a", "#1a3f33")]
    row = [
        Tree(
            float(x),
            _HORIZON + 0.016 + float(rng.uniform(0, 0.006)),
            float(rng.uniform(0.03, 0.062)),
            True,
            tints[int(rng.integers(4))],
        )
        for x in np.sort(rng.uniform(0, PERIOD, 190))
    ]
    wood = Sheet("wood", 400.0, paint_trees(rng, mood, row, away=22.0, clear=_CLEAR, turf="#2c5a34"))
    return wood, slopes, peaks, sky


def _groves(rng: np.random.Generator, mood: Mood, course: Course) -> tuple[Sheet, ...]:
    """A grove on each bank, nearest first, with the mixed trees of a valley."""
    groves = []
    sides = rng.permutation([-1.0, 1.0])
    for index, (away, side) in enumerate(zip((6.6, 11.0), sides, strict=True), 1):
        edge = float(course.middle(away)) + side * course.half_width
        trees = []
        for place in np.sort(rng.uniform(0.25, 3.6, 7)):
            tall = float(rng.uniform(1.3, 2.4))
            conifer = bool(rng.random() < 0.5)
            tint = rgb(str(rng.choice(["#2f5f33", "#4b7a36", "#6d8a3a", "#28563f"])))
            foot = _HORIZON + _EYE / away - float(rng.uniform(0, 0.004))
            trees.append(Tree((edge + side * place) / away, foot, tall / away, conifer, tint))
        groves.append(Sheet(f"grove_{index}", away, paint_trees(rng, mood, trees, away=away, clear=_CLEAR, turf=None)))
    return tuple(groves)


def _foot(grove: Sheet) -> Callable[[float], float]:
    """y of the line on which a grove stands, at every time."""
    y = _HORIZON + _EYE / grove.away
    return lambda time: y


def _sailing(rng: np.random.Generator, mood: Mood, course: Course, boat: tuple[Array, Array, Array]) -> Sailing:
    """The boat sails a long loop in the reach in front of the viewer; it never stops, so it always has a heading."""
    turn = math.tau / float(rng.uniform(34, 46) * rng.choice([-1, 1]))
    phase = float(rng.uniform(0, math.tau))

    def place(time: float) -> tuple[float, float]:
        z = 4.4 + 1.4 * math.sin(turn * time + phase)
        return float(course.middle(z)) + 0.85 * math.cos(turn * time + phase), z

    roll = (0.06, float(rng.uniform(2.6, 3.4)), float(rng.uniform(0, math.tau)))
    return Sailing(*boat, length=0.85, place=place, horizon=_HORIZON, eye=_EYE, roll=roll, mood=mood)


def _river(
    rng: np.random.Generator,
    mood: Mood,
    course: Course,
    current: float,
    far: tuple[Layer, ...],
    near: tuple[Mirrored, ...],
) -> Water:
    waves = wave_raster(rng, coarsest=1.2, finest=0.09, stretch=1.4)
    bands = (Band(waves, 1.3, 0.022, 0.6), Band(waves, 0.45, 0.030, 1.1), Band(waves, 0.17, 0.026, 1.9))
    deep = mix(rgb("#176068"), rgb(mood.shade), 0.12)
    return Water("river", _HORIZON, _EYE, (0.0, -current), course, bands, far, near, deep, mood, foam=0.35)
