"""Where things are and how they move: every place follows from the seed, the thing's number and its own attributes.

So a change of one group moves no other, and a further thing leaves those that were there alone.
"""

from dataclasses import dataclass

import numpy as np

from onereel.scenes.world import shapes
from onereel.scenes.world.kinds import KINDS
from onereel.scenes.world.spec import Group, WorldSpec, stream

HORIZON = 0.46  # of the ground plane, scene coordinates
GROUND_TOP = HORIZON + 1 / 12  # where the ground ends at the nearer hills
WATERLINE = 0.43
SEABED = 0.90
MIDDLE = 1.0  # seconds: places are those at this time
_MOST_HIDDEN = 0.45  # of a thing's box behind another's
SPAN = 2.0  # seconds for which things stay in a square picture
_REAL = 0.96  # height of every thing, scene units: size in the picture is this over the distance
_SIZES = {"small": (0.200, 0.225), "large": (0.36, 0.41)}
_SPEEDS = {"slow": (0.075, 0.09), "fast": (0.20, 0.24)}  # scene coordinates per second
_WAYS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "still": (0, 0)}
_LOOSE = ((-1.0, 0.33, 1.0, -0.33), (1.0, -0.33, -1.0, 0.33), (0.33, -1.0, 1.0, -0.33), (-0.33, 1.0, -1.0, 0.33))
_IN_A_ROW = ((-1.0, 1.0, 0.0, 0.0), (1.0, -1.0, 0.0, 0.0))
_LANES = ((0.1, 0.9), (0.9, 0.1), (0.25, 1.0), (0.75, 0.0))  # neighbours from left to right alternate
_MARGINS = {"still": 0.0, "pan left": 0.09, "pan right": 0.09, "zoom in": 0.06, "zoom out": 0.0}  # for the camera


@dataclass(frozen=True)
class Thing:
    """One thing in its place.

    Attributes:
        name: key of its mask, e.g. "bird_2".
        group: number of its group in the spec.
        kind, colour: as in the spec.
        distance: scene units.
        x, y: of its centre at `MIDDLE`, scene coordinates.
        velocity: (x, y), scene coordinates per second.
        height: of its local unit, scene coordinates.
        facing: 1 to the right, -1 to the left.
        phase: share of a cycle at which its parts start.
    """

    name: str
    group: int
    kind: str
    colour: str
    distance: float
    x: float
    y: float
    velocity: tuple[float, float]
    height: float
    facing: int
    phase: float


def place(spec: WorldSpec) -> list[Thing]:
    """All things of a world, group by group."""
    return [thing for index, group in enumerate(spec.groups) for thing in _place_group(spec, index, group)]


def crowded(spec: WorldSpec) -> bool:
    """Whether some thing is half hidden behind another's box at the start, in the middle or at the end."""
    things = place(spec)
    for time in (0.0, MIDDLE, SPAN):
        boxes = [_box(thing, time) for thing in things]
        for index, (thing, (left, top, right, bottom)) in enumerate(zip(things, boxes, strict=True)):
            for other, box in zip(
                things[:index] + things[index + 1 :], boxes[:index] + boxes[index + 1 :], strict=True
            ):
                wide = min(right, box[2]) - max(left, box[0])
                high = min(bottom, box[3]) - max(top, box[1])
                behind = other.distance < thing.distance and min(wide, high) > 0
                if behind and wide * high > _MOST_HIDDEN * (right - left) * (bottom - top):
                    return True
    return False


def _box(thing: Thing, time: float) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a thing in the picture of a still camera."""
    left, top, right, bottom = shapes.reach(thing.kind)
    x, y = (at + speed * (time - MIDDLE) for at, speed in zip((thing.x, thing.y), thing.velocity, strict=True))
    low, high = sorted((left * thing.facing, right * thing.facing))
    return x + low * thing.height, y + top * thing.height, x + high * thing.height, y + bottom * thing.height


def _place_group(spec: WorldSpec, index: int, group: Group) -> list[Thing]:
    rng = stream(spec.seed, "group", index)
    order, lanes, facing = int(rng.integers(4)), int(rng.integers(4)), int(rng.choice((-1, 1)))
    pace, margin = float(rng.random()), _MARGINS[spec.framed or spec.camera]
    draws = rng.random((4, 5))  # for as many as there could be: more things must not shift the draws of others
    return [
        _place_one(group, index, number, order, lanes, facing, pace, draws[number], margin)
        for number in range(group.count)
    ]


def _place_one(
    group: Group,
    index: int,
    number: int,
    order: int,
    lanes: int,
    facing: int,
    pace: float,
    draw: np.ndarray,
    margin: float,
) -> Thing:
    kind = KINDS[group.kind]
    low, high = _SIZES[group.size]
    # The second group is a little nearer or farther, so that no two things are at one distance.
    size = low + (high - low) * (number + 0.2 + 0.4 * draw[0] + 0.35 * index) / 4.4
    height = size * kind.scale
    slow, fast = _SPEEDS[group.speed]
    speed = slow + (fast - slow) * pace
    way = _WAYS[group.direction]
    velocity = way[0] * speed, way[1] * speed
    left, top, right, bottom = shapes.reach(group.kind)
    half_width = max(-left, right) * height
    room = max(0.49 - margin - half_width - abs(velocity[0]) * SPAN / 2, 0.02)
    in_a_row = kind.habitat in ("ground", "surface")
    # Two fast things have little room from side to side: they start at its ends.
    slots = _IN_A_ROW[order % 2] if in_a_row or (way[0] and group.speed == "fast") else _LOOSE[order]
    x = room * (slots[number] * (1.0 if group.count > 1 or not in_a_row else 0.8) + (0.2 * draw[1] - 0.1))
    x = float(np.clip(x, -room, room))
    lane = _LANES[lanes][int(slots[number] in (-0.33, 1.0))]
    y = _height_of(group, size, height, top, bottom, abs(velocity[1]), lane, draw[2])
    return Thing(
        name=f"{group.kind}_{number + 1}",
        group=index,
        kind=group.kind,
        colour=group.colour,
        distance=_REAL / size,
        x=x,
        y=y,
        velocity=velocity,
        height=height,
        facing=way[0] or facing,
        phase=float(draw[3]),
    )


def _height_of(
    group: Group, size: float, height: float, top: float, bottom: float, speed: float, lane: float, jitter: float
) -> float:
    """y of the centre: on the ground plane at its distance, on the water, or in its lane of air or water."""
    foot = KINDS[group.kind].foot * height
    match KINDS[group.kind].habitat:
        case "ground":
            return HORIZON + size / _REAL - foot
        case "surface":
            return WATERLINE + 0.025 - foot
        case "under":
            low, high = WATERLINE + 0.05 - top * height, SEABED + 0.03 - bottom * height
        case _:
            low, high = 0.02 - top * height, 0.26 if KINDS[group.kind].glows else 0.40
    low, high = low + speed * SPAN / 2, high - speed * SPAN / 2
    if high <= low:
        return low if KINDS[group.kind].habitat == "air" else (low + high) / 2
    return low + (high - low) * min(max(lane + 0.16 * (jitter - 0.5), 0.0), 1.0)
