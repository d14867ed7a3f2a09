"""A world as the arrays of numbers that the kernels read; rows are documented by the constants that name them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from onereel.scenes.base import Array
from onereel.scenes.world import shapes
from onereel.scenes.world.kinds import KINDS, STYLES, WEATHERS
from onereel.scenes.world.layout import GROUND_TOP, HORIZON, SEABED, WATERLINE, Thing, place
from onereel.scenes.world.palettes import MOODS, Mood, haze_of, light_of, thing_colours, weathered_sky
from onereel.scenes.world.spec import WorldSpec, stream

THINGS, LAYERS = 4, 3  # at most
PROFILE, PERIOD = 512, 4.0  # samples of a layer's upper edge, and the scene units after which it repeats

# Columns of `scene`.
STYLE, WEATHER, PAN, ZOOM, FOG, STARS, N_LAYERS, N_THINGS, GROUND, PAPER_X, PAPER_Y, DROPS, TEXTURE = range(13)
HAZE, NEAR, FAR = 13, 16, 19  # three columns each
SCENE = 22
# Columns of `layers`; TOP and LOW are colours.
TYPE, AWAY, SPAN, GRAIN, GRAIN_SIZE, LIT, BASE = range(7)
TOP, LOW = 7, 10
LAYER = 13
HILLS, TOWERS, WATER, SAND = range(4)
# Columns of `things`; REACH has four, PART is the first of `shapes.MOST_PARTS` times PART_SIZE.
Z, X, Y, VX, VY, HEIGHT, FACING, START, COUNT, SHADOW, FOOT, GLOWS = range(12)
REACH, PART, PART_SIZE = 12, 16, 8
PIVOT_U, PIVOT_V, SWING, SQUEEZE, RATE, PHASE, SPIN = range(7)
THING = PART + shapes.MOST_PARTS * PART_SIZE
SLOTS = 10


class Plan(NamedTuple):
    """What the kernels read of N clips.

    Attributes:
        scene: (N, SCENE) float64.
        sky: (N, 3, 3) float64 light at the top, in the middle, at the horizon.
        layers: (N, LAYERS, LAYER) float64, far to near.
        profiles: (N, LAYERS, PROFILE) float64, y of each layer's upper edge.
        things: (N, THINGS, THING) float64, far to near.
        colours: (N, THINGS, SLOTS, 3) float64 light.
    """

    scene: Array
    sky: Array
    layers: Array
    profiles: Array
    things: Array
    colours: Array


class Named(NamedTuple):
    """Names behind the numbers of one clip's layer maps: `names[i]` is surface i."""

    names: tuple[str, ...]
    things: tuple[Thing, ...]


def empty_plan(clips: int) -> Plan:
    """Arrays for `clips` clips, zero."""
    return Plan(
        np.zeros((clips, SCENE)),
        np.zeros((clips, 3, 3)),
        np.zeros((clips, LAYERS, LAYER)),
        np.zeros((clips, LAYERS, PROFILE)),
        np.zeros((clips, THINGS, THING)),
        np.zeros((clips, THINGS, SLOTS, 3)),
    )


def plan_of(specs: Sequence[WorldSpec]) -> tuple[Plan, list[Named]]:
    """The arrays of several worlds, and the names of their surfaces."""
    plan = empty_plan(len(specs))
    return plan, [_fill(plan, index, spec) for index, spec in enumerate(specs)]


def _fill(plan: Plan, index: int, spec: WorldSpec) -> Named:
    mood = MOODS[spec.time]
    scene = plan.scene[index]
    rng = stream(spec.seed, "details")
    scene[PAPER_X], scene[PAPER_Y], scene[TEXTURE] = rng.uniform(0, 256, 3)
    scene[DROPS] = float(rng.integers(1 << 20))
    scene[STYLE], scene[WEATHER] = STYLES.index(spec.style), WEATHERS.index(spec.weather)
    scene[PAN] = {"pan right": 0.09, "pan left": -0.09}.get(spec.camera, 0.0)
    scene[ZOOM] = {"zoom in": 0.15, "zoom out": -0.15}.get(spec.camera, 0.0)
    scene[FOG] = {"clear": 0.0, "rain": 0.015, "snow": 0.02, "fog": 0.09}[spec.weather]
    scene[STARS] = float(spec.time == "night" and spec.weather == "clear")
    scene[HAZE : HAZE + 3] = haze_of(mood, spec.weather)
    plan.sky[index] = weathered_sky(mood, spec.weather)
    names = ["sky", *_backdrop(plan, index, spec, mood)]
    things = sorted(place(spec), key=lambda thing: -thing.distance)
    scene[N_THINGS] = len(things)
    for number, thing in enumerate(things):
        _fill_thing(plan.things[index, number], thing)
        dim = 0.86 if spec.weather == "rain" else 1.0
        plan.colours[index, number] = thing_colours(thing.colour, mood, glows=KINDS[thing.kind].glows, dim=dim)
        names.append(thing.name)
    return Named(tuple(names), tuple(things))


def _backdrop(plan: Plan, index: int, spec: WorldSpec, mood: Mood) -> list[str]:
    """Layers and ground of the setting; names them, far to near."""
    scene, layers, profiles = plan.scene[index], plan.layers[index], plan.profiles[index]
    snow = 0.8 if spec.weather == "snow" else 0.0
    grass, far_grass = (_snowed(light_of(code), mood, snow) for code in mood.grass)
    haze, deep = light_of(mood.haze), light_of(mood.sky[0])
    faint = haze + (grass - haze) * 0.35 + (deep - haze) * 0.15
    scene[GROUND] = -1.0
    rng = stream(spec.seed, "backdrop", spec.setting)
    match spec.setting:
        case "sky":
            rows = [
                _layer(HILLS, 24.0, 0.2, faint, far_grass, _rolling(rng, 0.90, 0.022)),
                _layer(HILLS, 13.0, 0.2, (faint + grass) / 2, grass, _rolling(rng, 0.95, 0.02)),
            ]
            names = ["hills_far", "hills"]
        case "land":
            middle = (faint + grass * 2) / 3
            rows = [
                _layer(HILLS, 20.0, 0.2, faint, far_grass, _rolling(rng, 0.44, 0.035)),
                _layer(HILLS, 12.0, 0.15, middle, middle * 0.9, _rolling(rng, 0.49, 0.022)),
            ]
            names = ["hills_far", "hills", "ground"]
            scene[GROUND], scene[NEAR : NEAR + 3], scene[FAR : FAR + 3] = 0.0, grass, far_grass
        case "city":
            near, far = (light_of(code) for code in mood.towers)
            rows = [
                _layer(TOWERS, 20.0, 0.4, far, far + (haze - far) * 0.3, _skyline(rng, 0.30, 0.10), lit=mood.lit * 0.7),
                _layer(TOWERS, 12.0, 0.4, near, near * 0.85, _skyline(rng, 0.42, 0.10), lit=mood.lit),
            ]
            names = ["towers_far", "towers", "ground"]
            street, far_street = (_snowed(light_of(code), mood, snow) for code in mood.street)
            scene[GROUND], scene[NEAR : NEAR + 3], scene[FAR : FAR + 3] = 1.0, street, far_street
        case _:
            top, low = (light_of(code) for code in mood.water)
            sand, far_sand = (light_of(code) for code in mood.sand)
            blue = (sand + far_sand) / 2 * 0.62 + top * 0.3
            rows = [
                _layer(HILLS, 24.0, 0.1, faint, (faint + grass) / 2, _rolling(rng, 0.41, 0.03)),
                _layer(WATER, 9.0, SEABED - WATERLINE, top, low, _waves(rng), base=WATERLINE),
                _layer(SAND, 7.0, 0.12, blue, blue * 0.75, _rolling(rng, SEABED, 0.018)),
            ]
            names = ["islands", "water", "seabed"]
    scene[N_LAYERS] = len(rows)
    for number, (row, profile) in enumerate(rows):
        layers[number], profiles[number] = row, profile
    return names


def _snowed(colour: Array, mood: Mood, share: float) -> Array:
    return colour + (np.array(mood.light) * 0.9 - colour) * share


def _layer(
    sort: int,
    away: float,
    span: float,
    top: Array,
    low: Array,
    profile: Array,
    *,
    lit: float = 0.0,
    base: float | None = None,
) -> tuple[Array, Array]:
    row = np.zeros(LAYER)
    row[TYPE], row[AWAY], row[SPAN], row[LIT] = sort, away, span, lit
    row[GRAIN], row[GRAIN_SIZE] = {HILLS: (0.16, 220.0), SAND: (0.22, 300.0)}.get(sort, (0.0, 100.0))
    row[BASE] = profile.min() if base is None else base
    row[TOP : TOP + 3], row[LOW : LOW + 3] = top, low
    return row, profile


def _rolling(rng: np.random.Generator, level: float, sway: float) -> Array:
    """A soft hill line."""
    x = np.arange(PROFILE) / PROFILE * 2 * np.pi
    cycles = np.array([2, 3, 5, 8, 13])
    phases, weights = rng.uniform(0, 2 * np.pi, 5), rng.uniform(0.5, 1, 5) / np.array([1, 1, 1.6, 3, 6])
    waves = (weights[:, None] * np.sin(cycles[:, None] * x + phases[:, None])).sum(axis=0)
    return level + sway * waves / weights.sum() * 1.7


def _waves(rng: np.random.Generator) -> Array:
    x = np.arange(PROFILE) / PROFILE * 2 * np.pi
    return WATERLINE + 0.006 * np.sin(40 * x + rng.uniform(0, 6)) + 0.004 * np.sin(23 * x + rng.uniform(0, 6))


def _skyline(rng: np.random.Generator, level: float, spread: float) -> Array:
    """Flat roofs; towers are 8 to 18 samples wide."""
    profile = np.empty(PROFILE)
    start = 0
    while start < PROFILE:
        stop = min(start + int(rng.integers(9, 19)), PROFILE)
        profile[start:stop] = level + spread * rng.uniform(-1, 0.75)
        if rng.random() < 0.25:
            profile[(start + stop) // 2 - 1 : (start + stop) // 2 + 1] -= 0.035
        start = stop
    return np.minimum(profile, GROUND_TOP - 0.05)


def _fill_thing(row: Array, thing: Thing) -> None:
    start, count = shapes.shape_table()[1][thing.kind]
    kind = KINDS[thing.kind]
    row[Z], row[X], row[Y], row[VX], row[VY] = thing.distance, thing.x, thing.y, *thing.velocity
    row[HEIGHT], row[FACING], row[START], row[COUNT] = thing.height, thing.facing, start, count
    row[SHADOW], row[FOOT], row[GLOWS] = float(kind.habitat == "ground") * 0.42, kind.foot, float(kind.glows)
    row[REACH : REACH + 4] = shapes.reach(thing.kind)
    still = thing.velocity == (0.0, 0.0)
    for number, part in enumerate(shapes.PARTS.get(thing.kind, ())):
        values = row[PART + number * PART_SIZE :]
        moves = not (still and part.rests)
        values[PIVOT_U], values[PIVOT_V] = part.pivot
        values[SWING], values[SQUEEZE] = part.swing * moves, part.squeeze * moves
        values[RATE], values[PHASE] = part.rate, (part.phase + thing.phase) % 1.0
        if part.rolls:
            values[SPIN] = abs(thing.velocity[0]) / (kind.foot * thing.height)


assert HORIZON < GROUND_TOP
