"""How every kind is drawn: primitives in painting order, in local coordinates.

u grows in the direction that the thing faces, v downwards; the thing is about one unit high around the origin. A row is
(type, colour slot, shading, part, eight parameters). Parts other than 0 move against the body, see `Part`.
"""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from onereel.scenes.base import Array

ELLIPSE, CAPSULE, POLYGON, BOX, CRESCENT, RAYS = range(6)
# Colour slots of a thing.
MAIN, PALE, DEEP, WHITE, BLACK, WOOD, SKIN, GLASS, FIRE, GREY = range(10)
# Shadings: even, round by the primitive itself, round by the whole thing, upright by the whole thing.
FLAT, ROUND, BODY, FALL = range(4)

Row = tuple[float, ...]


@dataclass(frozen=True)
class Part:
    """Motion of a part against the body: a linear map about a pivot.

    Attributes:
        pivot: (u, v) that stays.
        swing: amplitude of its rotation, radians.
        squeeze: largest share by which it narrows along u, 0 to < 1.
        rate: cycles per second.
        phase: share of a cycle.
        rolls: whether it turns as a wheel does on the ground below.
        rests: whether it keeps still when the thing does.
    """

    pivot: tuple[float, float] = (0.0, 0.0)
    swing: float = 0.0
    squeeze: float = 0.0
    rate: float = 1.0
    phase: float = 0.0
    rolls: bool = False
    rests: bool = False


def ellipse(slot: int, shade: int, u: float, v: float, ru: float, rv: float, turn: float = 0.0, part: int = 0) -> Row:
    """Centre, radii, angle in radians."""
    return (ELLIPSE, slot, shade, part, u, v, ru, rv, np.cos(turn), np.sin(turn), 0, 0)


def line(slot: int, u0: float, v0: float, u1: float, v1: float, radius: float, part: int = 0) -> Row:
    """A stroke with round ends."""
    return (CAPSULE, slot, FLAT, part, u0, v0, u1, v1, radius, 0, 0, 0)


def polygon(slot: int, shade: int, *corners: tuple[float, float], part: int = 0) -> Row:
    """A convex triangle or quadrilateral, corners in either order of turn."""
    points = np.array(corners if len(corners) == 4 else (*corners, corners[-1]), float)
    area = np.sum(points[:, 0] * np.roll(points[:, 1], -1) - points[:, 1] * np.roll(points[:, 0], -1))
    return (POLYGON, slot, shade, part, *(points if area > 0 else points[::-1]).ravel())


def box(slot: int, shade: int, u: float, v: float, hu: float, hv: float, corner: float = 0.0, part: int = 0) -> Row:
    """Centre, half sides, radius of the corners."""
    return (BOX, slot, shade, part, u, v, hu - corner, hv - corner, corner, 0, 0, 0)


def _balloon() -> list[Row]:
    rows = []
    for slot, half in ((MAIN, 1.0), (PALE, 0.72), (MAIN, 0.44), (PALE, 0.15)):
        rows.append(ellipse(slot, BODY, 0, -0.15, 0.35 * half, 0.35))
        rows.append(
            polygon(slot, BODY, (-0.305 * half, 0.02), (0.305 * half, 0.02), (0.09 * half, 0.29), (-0.09 * half, 0.29))
        )
    rows += [line(BLACK, side * 0.075, 0.28, side * 0.06, 0.40, 0.010) for side in (-1, 1)]
    return [*rows, box(WOOD, FALL, 0, 0.435, 0.085, 0.06, 0.02), box(DEEP, FLAT, 0, 0.385, 0.095, 0.018, 0.01)]


def _bird() -> list[Row]:
    return [
        polygon(DEEP, FLAT, (-0.22, -0.02), (-0.52, -0.14), (-0.44, 0.08), (-0.2, 0.1)),
        ellipse(MAIN, ROUND, 0.0, 0.03, 0.30, 0.145, -0.10),
        ellipse(PALE, FLAT, 0.05, 0.09, 0.19, 0.07, -0.10),
        polygon(FIRE, FLAT, (0.40, -0.12), (0.54, -0.055), (0.39, -0.02)),
        ellipse(MAIN, ROUND, 0.31, -0.07, 0.12, 0.115),
        ellipse(WHITE, FLAT, 0.345, -0.10, 0.038, 0.038),
        ellipse(BLACK, FLAT, 0.352, -0.10, 0.022, 0.022),
        polygon(DEEP, FALL, (0.15, 0.0), (-0.14, 0.03), (-0.27, -0.46), (-0.12, -0.44), part=1),
        ellipse(DEEP, FLAT, 0.0, 0.02, 0.15, 0.06, part=1),
    ]


def _butterfly() -> list[Row]:
    rows = []
    for side in (-1, 1):
        rows += [
            ellipse(DEEP, FLAT, side * 0.22, 0.18, 0.20, 0.19, side * 0.5, part=1),
            ellipse(MAIN, FLAT, side * 0.21, 0.17, 0.155, 0.145, side * 0.5, part=1),
            ellipse(DEEP, FLAT, side * 0.28, -0.15, 0.28, 0.21, side * -0.6, part=1),
            ellipse(MAIN, FLAT, side * 0.27, -0.14, 0.235, 0.165, side * -0.6, part=1),
            ellipse(PALE, FLAT, side * 0.33, -0.20, 0.075, 0.06, part=1),
            ellipse(PALE, FLAT, side * 0.23, 0.20, 0.05, 0.05, part=1),
            line(BLACK, 0, -0.24, side * 0.11, -0.42, 0.014),
        ]
    return [*rows, line(BLACK, 0, -0.22, 0, 0.28, 0.045), ellipse(BLACK, FLAT, 0, -0.25, 0.065, 0.065)]


def _kite() -> list[Row]:
    top, low, left, right, mid = (0.0, -0.5), (0.0, 0.22), (-0.29, -0.2), (0.29, -0.2), (0.0, -0.2)
    tail = [(0.0, 0.2), (0.07, 0.29), (-0.05, 0.38), (0.04, 0.48)]
    rows = [line(BLACK, *a, *b, 0.012) for a, b in pairwise(tail)]
    for u, v in tail[1:]:
        rows += [polygon(MAIN, FLAT, (u, v), (u - 0.075, v - 0.035), (u - 0.075, v + 0.035))]
        rows += [polygon(MAIN, FLAT, (u, v), (u + 0.075, v - 0.035), (u + 0.075, v + 0.035))]
    rows += [polygon(MAIN, FLAT, top, right, low, left), polygon(PALE, FLAT, top, left, mid)]
    rows += [polygon(PALE, FLAT, mid, right, low), polygon(DEEP, FLAT, left, mid, low)]
    return [*rows, line(BLACK, *top, *low, 0.010), line(BLACK, *left, *right, 0.010)]


def _plane() -> list[Row]:
    windows = [ellipse(GLASS, FLAT, 0.26 - 0.1 * index, -0.02, 0.028, 0.028) for index in range(5)]
    return [
        polygon(DEEP, FLAT, (0.06, -0.04), (-0.1, -0.04), (-0.22, -0.24), (-0.14, -0.24)),
        polygon(DEEP, FALL, (-0.24, -0.05), (-0.47, -0.05), (-0.53, -0.30), (-0.42, -0.30)),
        line(MAIN, -0.38, 0.0, 0.36, 0.02, 0.105),
        polygon(MAIN, FLAT, (-0.34, -0.10), (-0.34, 0.10), (-0.54, -0.06), (-0.52, -0.10)),
        line(PALE, -0.40, 0.065, 0.38, 0.075, 0.028),
        polygon(GLASS, FLAT, (0.36, -0.07), (0.45, -0.01), (0.36, -0.01)),
        *windows,
        polygon(DEEP, FALL, (0.12, 0.05), (-0.10, 0.05), (-0.30, 0.30), (-0.18, 0.30)),
    ]


def _rocket() -> list[Row]:
    return [
        polygon(FIRE, FLAT, (-0.09, 0.30), (0.09, 0.30), (0.0, 0.52)),
        polygon(WHITE, FLAT, (-0.045, 0.30), (0.045, 0.30), (0.0, 0.42)),
        polygon(DEEP, FALL, (-0.11, 0.04), (-0.27, 0.33), (-0.10, 0.27)),
        polygon(DEEP, FALL, (0.11, 0.04), (0.27, 0.33), (0.10, 0.27)),
        ellipse(MAIN, BODY, 0, -0.08, 0.155, 0.41),
        box(GREY, BODY, 0, 0.285, 0.085, 0.035, 0.01),
        ellipse(PALE, BODY, 0, -0.40, 0.068, 0.09),
        line(PALE, -0.11, 0.15, 0.11, 0.15, 0.022),
        ellipse(WHITE, FLAT, 0, -0.16, 0.082, 0.082),
        ellipse(GLASS, FLAT, 0, -0.16, 0.058, 0.058),
        polygon(DEEP, FLAT, (-0.022, 0.05), (0.022, 0.05), (0.022, 0.36), (-0.022, 0.36)),
    ]


def _cloud() -> list[Row]:
    puffs = ((-0.30, 0.06, 0.19), (0.32, 0.07, 0.18), (-0.12, -0.08, 0.22), (0.12, -0.02, 0.22), (0.0, 0.09, 0.17))
    lower = [box(DEEP, FLAT, 0, 0.15, 0.46, 0.12, 0.12)]
    return [*lower, *(ellipse(MAIN, ROUND, u, v, r, r) for u, v, r in puffs)]


def _sun() -> list[Row]:
    return [
        (RAYS, MAIN, FLAT, 0, 0, 0, 0.39, 0.24, 12, 0, 0, 0),
        ellipse(PALE, FLAT, 0, 0, 0.29, 0.29),
        ellipse(MAIN, FLAT, 0, 0, 0.25, 0.25),
    ]


def _moon() -> list[Row]:
    return [(CRESCENT, MAIN, ROUND, 0, -0.02, 0, 0.46, 0.25, -0.06, 0.36, 0, 0)]


def _car() -> list[Row]:
    wheels: list[Row] = []
    for u in (-0.34, 0.35):
        wheels += [ellipse(BLACK, FLAT, u, 0.25, 0.13, 0.13), ellipse(GREY, FLAT, u, 0.25, 0.062, 0.062)]
    return [
        polygon(MAIN, FLAT, (-0.40, 0.02), (0.36, 0.02), (0.18, -0.24), (-0.28, -0.24)),
        box(MAIN, FALL, 0.0, 0.12, 0.61, 0.135, 0.08),
        polygon(GLASS, FLAT, (-0.31, 0.0), (-0.06, 0.0), (-0.06, -0.185), (-0.235, -0.185)),
        polygon(GLASS, FLAT, (-0.01, 0.0), (0.27, 0.0), (0.14, -0.185), (-0.01, -0.185)),
        line(DEEP, -0.55, 0.20, 0.55, 0.20, 0.022),
        ellipse(FIRE, FLAT, 0.565, 0.08, 0.04, 0.045),
        box(WHITE, FLAT, 0.10, 0.055, 0.04, 0.010),
        *wheels,
    ]


def _tree() -> list[Row]:
    puffs = ((-0.19, -0.05, 0.19), (0.20, -0.04, 0.19), (-0.13, -0.24, 0.18), (0.14, -0.24, 0.18), (0, -0.33, 0.17))
    trunk = polygon(WOOD, BODY, (-0.055, 0.08), (0.055, 0.08), (0.085, 0.5), (-0.085, 0.5))
    under = ellipse(DEEP, FLAT, 0, 0.0, 0.31, 0.16)
    return [trunk, under, *(ellipse(MAIN, ROUND, u, v, r, r) for u, v, r in (*puffs, (0.0, -0.1, 0.2)))]


def _house() -> list[Row]:
    def window(u: float) -> list[Row]:
        pane = box(GLASS, FLAT, u, 0.13, 0.078, 0.078)
        return [box(WHITE, FLAT, u, 0.13, 0.10, 0.10), pane, line(WHITE, u, 0.05, u, 0.21, 0.010)]

    return [
        box(WOOD, FLAT, 0.24, -0.32, 0.055, 0.14),
        box(MAIN, FALL, 0, 0.19, 0.40, 0.27),
        polygon(DEEP, FALL, (-0.50, -0.04), (0.50, -0.04), (0.26, -0.42), (-0.26, -0.42)),
        line(DEEP, -0.47, -0.05, 0.47, -0.05, 0.025),
        *window(-0.23),
        *window(0.23),
        box(WOOD, FLAT, 0, 0.31, 0.085, 0.15),
        ellipse(PALE, FLAT, 0.05, 0.32, 0.016, 0.016),
    ]


def _person() -> list[Row]:
    return [
        line(MAIN, 0.02, -0.15, -0.04, 0.09, 0.05, part=2),
        line(BLACK, -0.02, 0.12, -0.03, 0.44, 0.062, part=1),
        line(BLACK, 0.02, 0.12, 0.03, 0.44, 0.062, part=2),
        polygon(MAIN, BODY, (-0.115, -0.20), (0.115, -0.20), (0.17, 0.19), (-0.17, 0.19)),
        line(MAIN, -0.07, -0.185, 0.07, -0.185, 0.05),
        line(DEEP, -0.01, -0.13, 0.03, 0.08, 0.048, part=3),
        ellipse(SKIN, FLAT, 0.04, 0.11, 0.04, 0.04, part=3),
        line(SKIN, 0.0, -0.26, 0.0, -0.22, 0.045),
        ellipse(WOOD, FLAT, -0.015, -0.385, 0.115, 0.115),
        ellipse(SKIN, FLAT, 0.018, -0.36, 0.095, 0.10),
    ]


def _ball() -> list[Row]:
    petals = ((-0.15, -0.38), (0.15, -0.38)), ((0.404, 0.06), (0.254, 0.32)), ((-0.404, 0.06), (-0.254, 0.32))
    return [
        ellipse(MAIN, BODY, 0, 0, 0.46, 0.46, part=1),
        *(polygon(WHITE, BODY, (0, 0), *petal, part=1) for petal in petals),
        ellipse(DEEP, FLAT, 0, 0, 0.085, 0.085, part=1),
    ]


def _boat() -> list[Row]:
    return [
        line(WOOD, 0.0, -0.46, 0.0, 0.2, 0.018),
        polygon(WHITE, FALL, (-0.03, -0.44), (-0.03, 0.10), (-0.40, 0.10)),
        polygon(MAIN, FLAT, (-0.03, -0.14), (-0.03, 0.0), (-0.33, 0.0), (-0.235, -0.14)),
        polygon(MAIN, FLAT, (0.04, -0.34), (0.04, 0.10), (0.33, 0.10)),
        polygon(MAIN, FLAT, (0.0, -0.50), (0.0, -0.42), (-0.13, -0.46)),
        polygon(MAIN, FALL, (-0.50, 0.16), (0.54, 0.16), (0.36, 0.40), (-0.38, 0.40)),
        line(PALE, -0.48, 0.175, 0.50, 0.175, 0.025),
    ]


def _fish() -> list[Row]:
    return [
        polygon(DEEP, FLAT, (-0.22, 0.0), (-0.52, -0.22), (-0.44, 0.0), (-0.40, 0.04), part=1),
        polygon(DEEP, FLAT, (-0.22, 0.0), (-0.52, 0.22), (-0.44, 0.0), (-0.40, -0.04), part=1),
        polygon(DEEP, FLAT, (0.16, -0.15), (-0.16, -0.15), (-0.14, -0.31)),
        polygon(DEEP, FLAT, (0.06, 0.15), (-0.12, 0.15), (-0.14, 0.28)),
        ellipse(MAIN, ROUND, 0.07, 0.0, 0.39, 0.215),
        line(PALE, -0.03, -0.15, -0.06, 0.14, 0.035),
        line(PALE, -0.16, -0.10, -0.18, 0.09, 0.028),
        polygon(DEEP, FLAT, (0.14, 0.03), (-0.02, 0.13), (0.0, 0.0)),
        ellipse(WHITE, FLAT, 0.28, -0.05, 0.062, 0.062),
        ellipse(BLACK, FLAT, 0.295, -0.05, 0.036, 0.036),
    ]


PARTS: dict[str, tuple[Part, ...]] = {
    "bird": (Part((0.02, 0.02), swing=0.55, rate=1.5),),
    "butterfly": (Part(squeeze=0.5, rate=1.5),),
    "person": (
        Part((0.0, 0.1), swing=0.42, rate=1.0, rests=True),
        Part((0.0, 0.1), swing=0.42, rate=1.0, phase=0.5, rests=True),
        Part((0.0, -0.15), swing=0.42, rate=1.0, phase=0.5, rests=True),
    ),
    "ball": (Part(rolls=True),),
    "fish": (Part((-0.22, 0.0), squeeze=0.4, rate=1.5),),
}
"""Moving parts by kind, numbered from 1."""
MOST_PARTS = 3

_DRAWN = {
    "balloon": _balloon, "bird": _bird, "butterfly": _butterfly, "kite": _kite, "plane": _plane, "rocket": _rocket,
    "cloud": _cloud, "sun": _sun, "moon": _moon, "car": _car, "tree": _tree, "house": _house, "person": _person,
    "ball": _ball, "boat": _boat, "fish": _fish,
}  # fmt: skip


@cache
def shape_table() -> tuple[Array, dict[str, tuple[int, int]]]:
    """All kinds in one table: (rows, 12) float32, and for every kind its (first row, number of rows)."""
    rows: list[Row] = []
    places = {}
    for kind, draw in _DRAWN.items():
        drawn = draw()
        places[kind] = (len(rows), len(drawn))
        rows += drawn
    return np.array(rows, np.float32), places


@cache
def reach(kind: str) -> tuple[float, float, float, float]:
    """Box (left, top, right, bottom) in local coordinates that holds the thing however its parts move."""
    table, places = shape_table()
    start, count = places[kind]
    boxes = np.array([_row_reach(row, PARTS.get(kind, ())) for row in table[start : start + count]])
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _row_reach(row: Array, parts: tuple[Part, ...]) -> tuple[float, float, float, float]:
    p = row[4:].astype(float)
    match int(row[0]):
        case 0:
            cos, sin = p[4], p[5]
            ru, rv = np.hypot(p[2] * cos, p[3] * sin), np.hypot(p[2] * sin, p[3] * cos)
            box_ = (p[0] - ru, p[1] - rv, p[0] + ru, p[1] + rv)
        case 1:
            box_ = (min(p[0], p[2]) - p[4], min(p[1], p[3]) - p[4], max(p[0], p[2]) + p[4], max(p[1], p[3]) + p[4])
        case 2:
            box_ = (p[0::2].min(), p[1::2].min(), p[0::2].max(), p[1::2].max())
        case 3:
            box_ = (p[0] - p[2] - p[4], p[1] - p[3] - p[4], p[0] + p[2] + p[4], p[1] + p[3] + p[4])
        case 4:
            box_ = (p[0] - p[2], p[1] - p[2], p[0] + p[2], p[1] + p[2])
        case _:
            far = p[2] * (1 + p[3])
            box_ = (p[0] - far, p[1] - far, p[0] + far, p[1] + far)
    part = int(row[3])
    if part and (parts[part - 1].swing or parts[part - 1].rolls):
        (u, v), most = parts[part - 1].pivot, parts[part - 1].swing if not parts[part - 1].rolls else np.pi
        angles = np.linspace(-most, most, 33)
        corners = np.array([(x, y) for x in (box_[0], box_[2]) for y in (box_[1], box_[3])]) - (u, v)
        us = corners[:, :1] * np.cos(angles) - corners[:, 1:] * np.sin(angles) + u
        vs = corners[:, :1] * np.sin(angles) + corners[:, 1:] * np.cos(angles) + v
        return float(us.min()) - 0.01, float(vs.min()) - 0.01, float(us.max()) + 0.01, float(vs.max()) + 0.01
    return tuple(float(value) for value in box_)  # type: ignore[return-value]
