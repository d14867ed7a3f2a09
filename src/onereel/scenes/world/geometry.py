"""The closed forms behind colour and truth: camera, outlines, moving parts (kernels).

A point of the picture at (x, y), scene coordinates, shows at distance Z the world's point::

    X = x / zoom(t) - shift(t, Z)        Y = (y - 1/2) / zoom(t) + 1/2

The camera zooms about the picture's centre, and pans by turning and moving at once: near things pass faster.
"""

import numpy as np
from numba import njit

from onereel.scenes.base import Array
from onereel.scenes.textures import random_field
from onereel.scenes.world import plan as p
from onereel.scenes.world.layout import GROUND_TOP, HORIZON, MIDDLE
from onereel.scenes.world.shapes import BOX, CAPSULE, CRESCENT, ELLIPSE, POLYGON

_PAN_FAR, _PAN_NEAR = 0.4, 2.4
NOISE_SIDE = 256
TAU = 2 * np.pi
NO_LAYER = 1e9  # y of an upper edge that is never reached


def noise_table() -> Array:
    """(256, 256) float32 smooth noise of mean 0 and deviation 1 that repeats; the same for every world."""
    field = random_field(np.random.default_rng(5), 1.0, 1.0, slope=1.1, coarsest=0.12, finest=0.008)
    rows = (np.arange(NOISE_SIDE) * field.shape[0]) // NOISE_SIDE
    columns = (np.arange(NOISE_SIDE) * field.shape[1]) // NOISE_SIDE
    table = field[rows][:, columns]
    return np.ascontiguousarray((table - table.mean()) / table.std()).astype(np.float32)


@njit
def noise(table: Array, x: float, y: float) -> float:
    """Bilinear look-up, x and y in texels, repeated without end."""
    fx, fy = np.floor(x), np.floor(y)
    ax, ay = x - fx, y - fy
    i, j = int(fy) & 255, int(fx) & 255
    k, m = (i + 1) & 255, (j + 1) & 255
    upper = table[i, j] + (table[i, m] - table[i, j]) * ax
    lower = table[k, j] + (table[k, m] - table[k, j]) * ax
    return upper + (lower - upper) * ay


@njit
def scrambled(a: int, b: int, c: int) -> float:
    """A number in [0, 1) that three whole numbers decide."""
    value = np.uint64(a * 73856093 + b * 19349663 + c * 83492791 + 12345)
    value ^= value >> np.uint64(13)
    value *= np.uint64(0x9E3779B97F4A7C15)
    value ^= value >> np.uint64(29)
    value *= np.uint64(0xBF58476D1CE4E5B9)
    value ^= value >> np.uint64(32)
    return float(value & np.uint64(0xFFFFFF)) / 16777216.0


@njit
def zoom_at(scene: Array, time: float) -> float:
    """Scale of the picture."""
    return np.exp(scene[p.ZOOM] * (time - MIDDLE))


@njit
def shift_at(scene: Array, time: float, away: float) -> float:
    """How far the camera's pan has moved what is at this distance, before the zoom."""
    return -scene[p.PAN] * (time - MIDDLE) * (_PAN_FAR + _PAN_NEAR / away)


@njit
def edge_of(layer: Array, profile: Array, x: float) -> float:
    """y of a layer's upper edge at the world's x."""
    at = x * (p.PROFILE / p.PERIOD)
    low = np.floor(at)
    i = int(low) % p.PROFILE
    if int(layer[p.TYPE]) == p.TOWERS:
        return profile[i]
    return profile[i] + (profile[(i + 1) % p.PROFILE] - profile[i]) * (at - low)


@njit
def ground_distance(y: float) -> float:
    """Distance of the ground plane at the world's y, below `GROUND_TOP`."""
    return 1.0 / (max(y, GROUND_TOP) - HORIZON)


@njit
def part_maps(thing: Array, time: float, maps: Array) -> None:
    """Into maps (parts, 6): rest -> now of every part, as (a, b, c, d) about the pivot (u, v)."""
    for number in range(maps.shape[0]):
        at = p.PART + number * p.PART_SIZE
        swing = np.sin(TAU * (thing[at + p.RATE] * time + thing[at + p.PHASE]))
        angle = thing[at + p.SWING] * swing + thing[at + p.SPIN] * time
        wide = 1.0 - thing[at + p.SQUEEZE] * (0.5 + 0.5 * swing)
        cos, sin = np.cos(angle), np.sin(angle)
        maps[number, 0], maps[number, 1] = cos * wide, -sin
        maps[number, 2], maps[number, 3] = sin * wide, cos
        maps[number, 4], maps[number, 5] = thing[at + p.PIVOT_U], thing[at + p.PIVOT_V]


@njit
def to_rest(maps: Array, part: int, u: float, v: float) -> tuple[float, float]:
    """Where a point of a part is when the part rests."""
    m = maps[part - 1]
    du, dv = u - m[4], v - m[5]
    scale = 1.0 / (m[0] * m[3] - m[1] * m[2])
    return m[4] + (m[3] * du - m[1] * dv) * scale, m[5] + (m[0] * dv - m[2] * du) * scale


@njit
def from_rest(maps: Array, part: int, u: float, v: float) -> tuple[float, float]:
    """Inverse of `to_rest`."""
    m = maps[part - 1]
    du, dv = u - m[4], v - m[5]
    return m[4] + m[0] * du + m[1] * dv, m[5] + m[2] * du + m[3] * dv


@njit
def _ellipse(row: Array, u: float, v: float) -> float:
    du, dv = u - row[4], v - row[5]
    a, b = du * row[8] + dv * row[9], dv * row[8] - du * row[9]
    far = np.sqrt((a / row[6]) ** 2 + (b / row[7]) ** 2)
    steep = np.sqrt((a / (row[6] * row[6])) ** 2 + (b / (row[7] * row[7])) ** 2)
    return far * (far - 1.0) / steep if steep > 1e-6 else -min(row[6], row[7])


@njit
def _capsule(row: Array, u: float, v: float) -> float:
    eu, ev, du, dv = row[6] - row[4], row[7] - row[5], u - row[4], v - row[5]
    along = (du * eu + dv * ev) / (eu * eu + ev * ev)
    along = min(max(along, 0.0), 1.0)
    return np.sqrt((du - along * eu) ** 2 + (dv - along * ev) ** 2) - row[8]


@njit
def _polygon(row: Array, u: float, v: float) -> float:
    most = -1e9
    for i in range(4):
        j = (i + 1) % 4
        au, av = row[4 + 2 * i], row[5 + 2 * i]
        eu, ev = row[4 + 2 * j] - au, row[5 + 2 * j] - av
        length = np.sqrt(eu * eu + ev * ev)
        if length > 1e-6:
            most = max(most, ((u - au) * ev - (v - av) * eu) / length)
    return most


@njit
def outline(row: Array, u: float, v: float) -> float:
    """Signed distance to a primitive (a row of the shape table), negative inside; exact in sign, good near the edge."""
    sort = int(row[0])
    if sort == ELLIPSE:
        return _ellipse(row, u, v)
    if sort == CAPSULE:
        return _capsule(row, u, v)
    if sort == POLYGON:
        return _polygon(row, u, v)
    if sort == BOX:
        du, dv = abs(u - row[4]) - row[6], abs(v - row[5]) - row[7]
        outside = np.sqrt(max(du, 0.0) ** 2 + max(dv, 0.0) ** 2)
        return outside + min(max(du, dv), 0.0) - row[8]
    if sort == CRESCENT:
        whole = np.sqrt((u - row[4]) ** 2 + (v - row[5]) ** 2) - row[6]
        bite = np.sqrt((u - row[7]) ** 2 + (v - row[8]) ** 2) - row[9]
        return max(whole, -bite)
    du, dv = u - row[4], v - row[5]
    far = np.sqrt(du * du + dv * dv)
    return 0.8 * (far - row[6] * (1.0 + row[7] * np.cos(row[8] * np.arctan2(dv, du))))


@njit
def surface_at(shapes: Array, thing: Array, maps: Array, u: float, v: float) -> int:
    """Part of the topmost primitive at a local point (0: the body), or -1 outside the thing."""
    if u < thing[p.REACH] or v < thing[p.REACH + 1] or u > thing[p.REACH + 2] or v > thing[p.REACH + 3]:
        return -1
    start = int(thing[p.START])
    for number in range(start + int(thing[p.COUNT]) - 1, start - 1, -1):
        row = shapes[number]
        part = int(row[3])
        ru, rv = to_rest(maps, part, u, v) if part > 0 else (u, v)
        if outline(row, ru, rv) < 0:
            return part
    return -1
