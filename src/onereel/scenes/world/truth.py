"""Exact truth at pixel centres: what is seen, how far it is, where it goes, whether it is hidden there (kernels).

Weather and style are appearance only: drops, flakes, fog and brush strokes have neither depth nor flow.
"""

import numpy as np
from numba import njit

from onereel.scenes.base import Array
from onereel.scenes.world import plan as p
from onereel.scenes.world.geometry import (
    edge_of,
    from_rest,
    ground_distance,
    part_maps,
    shift_at,
    surface_at,
    to_rest,
    zoom_at,
)
from onereel.scenes.world.layout import GROUND_TOP
from onereel.scenes.world.shapes import MOST_PARTS

SKY_AWAY = 40.0  # scene units


@njit
def thing_at(thing: Array, time: float) -> tuple[float, float]:
    """Centre in the world."""
    return thing[p.X] + thing[p.VX] * (time - 1.0), thing[p.Y] + thing[p.VY] * (time - 1.0)


@njit
def local(thing: Array, shift: float, zoom: float, at: tuple[float, float], x: float, y: float) -> tuple[float, float]:
    """The picture's point in a thing's local coordinates."""
    u = (x / zoom - shift - at[0]) / thing[p.HEIGHT] * thing[p.FACING]
    return u, ((y - 0.5) / zoom + 0.5 - at[1]) / thing[p.HEIGHT]


@njit
def _front_thing(scene: Array, things: Array, shapes: Array, maps: Array, x: float, y: float, time: float) -> int:
    """10 * thing + part of the nearest thing at a point of the picture, or -1."""
    zoom = zoom_at(scene, time)
    for number in range(int(scene[p.N_THINGS]) - 1, -1, -1):
        thing = things[number]
        u, v = local(thing, shift_at(scene, time, thing[p.Z]), zoom, thing_at(thing, time), x, y)
        part = surface_at(shapes, thing, maps[number], u, v)
        if part >= 0:
            return 10 * number + part
    return -1


@njit
def _backdrop_at(scene: Array, layers: Array, profiles: Array, x: float, y: float, time: float) -> int:
    """Surface of the background at a point of the picture: 0 sky, then the layers, then the ground."""
    zoom = zoom_at(scene, time)
    world_y, count = (y - 0.5) / zoom + 0.5, int(scene[p.N_LAYERS])
    if scene[p.GROUND] >= 0 and world_y > GROUND_TOP:
        return count + 1
    for number in range(count - 1, -1, -1):
        world_x = x / zoom - shift_at(scene, time, layers[number, p.AWAY])
        if world_y > edge_of(layers[number], profiles[number], world_x):
            return number + 1
    return 0


@njit
def _moved(
    scene: Array, thing: Array, maps: Array, later_maps: Array, part: int, x: float, y: float, time: float, later: float
) -> tuple[float, float]:
    """Where a thing's point goes."""
    u, v = local(thing, shift_at(scene, time, thing[p.Z]), zoom_at(scene, time), thing_at(thing, time), x, y)
    if part > 0:
        u, v = to_rest(maps, part, u, v)
        u, v = from_rest(later_maps, part, u, v)
    at, zoom = thing_at(thing, later), zoom_at(scene, later)
    to_x = (u * thing[p.FACING] * thing[p.HEIGHT] + at[0] + shift_at(scene, later, thing[p.Z])) * zoom
    return to_x, (v * thing[p.HEIGHT] + at[1] - 0.5) * zoom + 0.5


@njit
def all_part_maps(things: Array, time: float) -> Array:
    """(things, parts, 6) maps of every part at a time."""
    maps = np.empty((things.shape[0], MOST_PARTS, 6))
    for number in range(things.shape[0]):
        part_maps(things[number], time, maps[number])
    return maps


@njit
def measure(
    scene: Array,
    layers: Array,
    profiles: Array,
    things: Array,
    shapes: Array,
    time: float,
    later: float,
    seen: Array,
    depth: Array,
    flow: Array,
    occluded: Array,
) -> None:
    """Fill the truth of one frame; flow and occlusion only where they have rows (the last frame has none).

    Args:
        seen: (H, W) uint8 to fill: 0 sky, then layers, ground if there is one, things far to near.
        depth: (H, W) float32 to fill.
        flow: (H, W, 2) float32 to fill, or (0, W, 2).
        occluded: (H, W) bool to fill, or (0, W).
    """
    height, width = seen.shape
    maps, later_maps = all_part_maps(things, time), all_part_maps(things, later)
    first_thing = int(scene[p.N_LAYERS]) + 1 + (1 if scene[p.GROUND] >= 0 else 0)
    zoom, later_zoom = zoom_at(scene, time), zoom_at(scene, later)
    half_width = width / height / 2
    for i in range(height):
        y = (i + 0.5) / height
        world_y = (y - 0.5) / zoom + 0.5
        for j in range(width):
            x = (j + 0.5) / height - half_width
            front = _front_thing(scene, things, shapes, maps, x, y, time)
            if front >= 0:
                surface, away = first_thing + front // 10, things[front // 10, p.Z]
            else:
                surface = _backdrop_at(scene, layers, profiles, x, y, time)
                if surface == 0:
                    away = SKY_AWAY
                elif surface <= int(scene[p.N_LAYERS]):
                    away = layers[surface - 1, p.AWAY]
                else:
                    away = ground_distance(world_y)
            seen[i, j], depth[i, j] = surface, away
            if flow.shape[0] == 0:
                continue
            if front >= 0:
                number, part = front // 10, front % 10
                to_x, to_y = _moved(scene, things[number], maps[number], later_maps[number], part, x, y, time, later)
            else:
                to_x = (x / zoom - shift_at(scene, time, away) + shift_at(scene, later, away)) * later_zoom
                to_y = (world_y - 0.5) * later_zoom + 0.5
            flow[i, j, 0], flow[i, j, 1] = (to_x - x) * height, (to_y - y) * height
            hidden = to_x < -half_width or to_x > half_width or to_y < 0 or to_y > 1
            if not hidden:
                hidden = _covered(
                    scene, layers, profiles, things, shapes, later_maps, front, surface, to_x, to_y, later
                )
            occluded[i, j] = hidden


@njit
def _covered(
    scene: Array,
    layers: Array,
    profiles: Array,
    things: Array,
    shapes: Array,
    maps: Array,
    front: int,
    surface: int,
    x: float,
    y: float,
    time: float,
) -> bool:
    """Whether another surface is seen where this one's point has gone."""
    there = _front_thing(scene, things, shapes, maps, x, y, time)
    if there != front:
        # On its own outline rounding may miss the thing itself; then what lies behind does not cover it.
        return there >= 0 and (front < 0 or there // 10 >= front // 10)
    if front >= 0:
        return False
    return _backdrop_at(scene, layers, profiles, x, y, time) > surface
