"""Colour: backdrop, things and haze at several samples a pixel, with soft edges (kernels)."""

import numpy as np
from numba import njit

from onereel.scenes.base import Array
from onereel.scenes.world import plan as p
from onereel.scenes.world.geometry import (
    edge_of,
    ground_distance,
    noise,
    outline,
    scrambled,
    shift_at,
    to_rest,
    zoom_at,
)
from onereel.scenes.world.layout import GROUND_TOP
from onereel.scenes.world.shapes import BODY, FALL, ROUND
from onereel.scenes.world.truth import all_part_maps, local, thing_at

_STAR_CELL = 0.085
_LAMP = (1.0, 0.66, 0.22)  # light of lit windows
_LANE = (2.72, 2.98)  # distances between which the street has its line


@njit
def _sky(sky: Array, y: float, c: int) -> float:
    """Gradient from the top over the middle (y = 0.28) to the horizon (0.62)."""
    if y < 0.28:
        return sky[0, c] + (sky[1, c] - sky[0, c]) * max(y, 0.0) / 0.28
    return sky[1, c] + (sky[2, c] - sky[1, c]) * min((y - 0.28) / 0.34, 1.0)


@njit
def _star(scene: Array, x: float, y: float) -> float:
    """Light of the stars at a point."""
    i, j = int(np.floor(y / _STAR_CELL)), int(np.floor(x / _STAR_CELL))
    seed = int(scene[p.DROPS])
    if scrambled(i, j, seed) > 0.45:
        return 0.0
    at_x = (j + 0.2 + 0.6 * scrambled(i, j, seed + 1)) * _STAR_CELL
    at_y = (i + 0.2 + 0.6 * scrambled(i, j, seed + 2)) * _STAR_CELL
    size = 0.004 + 0.003 * scrambled(i, j, seed + 3)
    return 0.9 * np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (size * size))


@njit
def _layer_colour(scene: Array, layer: Array, table: Array, x: float, y: float, edge: float, colour: Array) -> None:
    """Light of a layer at the world's point, before the fog."""
    sort = int(layer[p.TYPE])
    share = min(max((y - layer[p.BASE]) / layer[p.SPAN], 0.0), 1.0)
    gain = 1.0
    if layer[p.GRAIN] > 0:
        size = layer[p.GRAIN_SIZE]
        gain = 1.0 + layer[p.GRAIN] * noise(table, x * size + scene[p.TEXTURE], y * size * 1.6)
    elif sort == p.WATER:
        share = share**0.6
        rays = noise(table, (x + 0.35 * y) * 60.0 + scene[p.TEXTURE], y * 6.0)
        gain = 1.0 + 0.12 * rays * (1.0 - 0.7 * share) + (0.5 if y - edge < 0.014 else 0.0)
    for c in range(3):
        colour[c] = max((layer[p.TOP + c] + (layer[p.LOW + c] - layer[p.TOP + c]) * share) * gain, 0.0)
    if sort == p.TOWERS and y - edge > 0.018:
        i, j = int(np.floor(y * 28.0)), int(np.floor(x * 32.0))
        in_v, in_u = y * 28.0 - i, x * 32.0 - j
        if 0.28 < in_v < 0.78 and 0.22 < in_u < 0.76:
            lit = scrambled(i, j, int(scene[p.DROPS]) + int(layer[p.AWAY])) < layer[p.LIT]
            for c in range(3):
                colour[c] = _LAMP[c] * 0.9 if lit else colour[c] * 0.74


@njit
def _ground_colour(scene: Array, table: Array, x: float, y: float, colour: Array) -> float:
    """Light of the ground at a point (x before its own shift), before the fog; returns its distance."""
    away = ground_distance(y)
    at = x * away
    fade = 1.0 / (1.0 + (away / 5.0) ** 2)  # far away the grain is finer than a pixel
    near = min(max((9.0 - away) / 6.0, 0.0), 1.0)
    grain = noise(table, at * 48.0 + scene[p.TEXTURE], away * 48.0)
    street = scene[p.GROUND] > 0.5
    gain = 1.0 + (0.10 if street else 0.24) * fade * grain
    for c in range(3):
        colour[c] = max(scene[p.FAR + c] + (scene[p.NEAR + c] - scene[p.FAR + c]) * near, 0.0) * gain
    if street and _LANE[0] < away < _LANE[1] and at - np.floor(at / 1.1) * 1.1 < 0.6:
        for c in range(3):
            colour[c] += (0.85 * scene[p.HAZE + c] - colour[c]) * 0.8
    if street and away > 7.0:
        for c in range(3):
            colour[c] *= 1.25  # the pavement
    return away


@njit
def paint_backdrop(
    scene: Array, sky: Array, layers: Array, profiles: Array, table: Array, time: float, side: int, light: Array
) -> None:
    """Fill light (H * side, W * side, 3) with sky, layers and ground, each in its haze."""
    rows, columns = light.shape[0], light.shape[1]
    zoom, count, colour = zoom_at(scene, time), int(scene[p.N_LAYERS]), np.empty(3)
    soft = rows * zoom  # samples per unit of the world
    edges = np.empty((max(count, 1), columns))
    shifts = np.empty(max(count, 1))
    for number in range(count):
        shifts[number] = shift_at(scene, time, layers[number, p.AWAY])
        for j in range(columns):
            edges[number, j] = edge_of(
                layers[number], profiles[number], (j + 0.5 - columns / 2) / rows / zoom - shifts[number]
            )
    sky_shift = shift_at(scene, time, 40.0)
    ground = scene[p.GROUND] >= 0
    for i in range(rows):
        y = ((i + 0.5) / rows - 0.5) / zoom + 0.5
        covered = min(max((y - GROUND_TOP) * soft + 0.5, 0.0), 1.0) if ground else 0.0
        ground_shift = shift_at(scene, time, ground_distance(y))
        for j in range(columns):
            x = (j + 0.5 - columns / 2) / rows / zoom
            left = 1.0  # how much of what is behind still shows
            red = green = blue = 0.0
            if covered > 0:
                away = _ground_colour(scene, table, x - ground_shift, y, colour)
                clear = np.exp(-scene[p.FOG] * away)
                red += covered * (scene[p.HAZE] + (colour[0] - scene[p.HAZE]) * clear)
                green += covered * (scene[p.HAZE + 1] + (colour[1] - scene[p.HAZE + 1]) * clear)
                blue += covered * (scene[p.HAZE + 2] + (colour[2] - scene[p.HAZE + 2]) * clear)
                left -= covered
            for number in range(count - 1, -1, -1):
                if left <= 0:
                    break
                weight = min(max((y - edges[number, j]) * soft + 0.5, 0.0), 1.0) * left
                if weight > 0:
                    _layer_colour(scene, layers[number], table, x - shifts[number], y, edges[number, j], colour)
                    clear = np.exp(-scene[p.FOG] * layers[number, p.AWAY])
                    red += weight * (scene[p.HAZE] + (colour[0] - scene[p.HAZE]) * clear)
                    green += weight * (scene[p.HAZE + 1] + (colour[1] - scene[p.HAZE + 1]) * clear)
                    blue += weight * (scene[p.HAZE + 2] + (colour[2] - scene[p.HAZE + 2]) * clear)
                    left -= weight
            if left > 0:
                star = _star(scene, x - sky_shift, y) if scene[p.STARS] > 0 else 0.0
                red += left * (_sky(sky, y, 0) + star)
                green += left * (_sky(sky, y, 1) + star)
                blue += left * (_sky(sky, y, 2) + star)
            light[i, j, 0], light[i, j, 1], light[i, j, 2] = red, green, blue


@njit
def _shade(row: Array, thing: Array, facing: float, u: float, v: float, ru: float, rv: float) -> float:
    """Gain of light: from above and a little from the left of the picture, whichever way the thing faces."""
    if thing[p.GLOWS] > 0:
        return 1.0
    shade = int(row[2])
    if shade == ROUND:
        return 1.0 - 0.26 * (rv - row[5]) / row[7] - 0.10 * facing * (ru - row[4]) / row[6]
    if shade == BODY:
        return 1.0 - 0.42 * facing * u - 0.22 * v
    if shade == FALL:
        return 1.06 - 0.45 * v
    return 1.0


@njit
def _reach_box(
    scene: Array, thing: Array, time: float, rows: int, columns: int, down: float
) -> tuple[int, int, int, int]:
    """Samples (top, bottom, left, right) that the thing may touch, its shadow (`down` below its foot) included."""
    zoom, at = zoom_at(scene, time), thing_at(thing, time)
    shift, height, scale = shift_at(scene, time, thing[p.Z]), thing[p.HEIGHT], rows * zoom
    wide = max(-thing[p.REACH], thing[p.REACH + 2]) * height
    x = (at[0] + shift) * scale + columns / 2
    y = (at[1] - 0.5) * scale + rows / 2
    low = max(thing[p.REACH + 3], down) * height
    top, bottom = int(np.floor(y + thing[p.REACH + 1] * height * scale)) - 2, int(y + low * scale) + 3
    left, right = int(np.floor(x - wide * scale)) - 2, int(x + wide * scale) + 3
    return max(top, 0), min(bottom, rows), max(left, 0), min(right, columns)


@njit
def _thing_light(
    shapes: Array, thing: Array, colours: Array, maps: Array, u: float, v: float, soft: float, light: Array
) -> float:
    """Light (premultiplied) of a thing at a local point, and its cover; `soft`: samples per local unit."""
    cover, start = 0.0, int(thing[p.START])
    light[0] = light[1] = light[2] = 0.0
    for number in range(start, start + int(thing[p.COUNT])):
        row = shapes[number]
        part = int(row[3])
        ru, rv = to_rest(maps, part, u, v) if part > 0 else (u, v)
        weight = 0.5 - outline(row, ru, rv) * soft
        if weight <= 0:
            continue
        weight, slot = min(weight, 1.0), int(row[1])
        gain = _shade(row, thing, thing[p.FACING], u, v, ru, rv)
        for c in range(3):
            light[c] += (colours[slot, c] * gain - light[c]) * weight
        cover += (1.0 - cover) * weight
    return cover


@njit
def paint_things(
    scene: Array, things: Array, colours: Array, shapes: Array, time: float, side: int, light: Array, touched: Array
) -> None:
    """Draw all things, far to near, over light (H * side, W * side, 3).

    Args:
        touched: (H, W) uint8 to fill: bit k where thing k or its shadow has changed some sample of the pixel, bit 7
            where the background shows no more.
    """
    rows, columns = light.shape[0], light.shape[1]
    maps, own, zoom = all_part_maps(things, time), np.empty(3), zoom_at(scene, time)
    hidden = np.zeros((rows, columns), np.uint8)
    for number in range(int(scene[p.N_THINGS])):
        thing = things[number]
        shadow = thing[p.FOOT] + 0.08
        top, bottom, left, right = _reach_box(scene, thing, time, rows, columns, shadow)
        shift, at = shift_at(scene, time, thing[p.Z]), thing_at(thing, time)
        soft = rows * zoom * thing[p.HEIGHT]
        clear = 1.0 if thing[p.GLOWS] > 0 else np.exp(-scene[p.FOG] * thing[p.Z])
        wide = max(-thing[p.REACH], thing[p.REACH + 2]) * 0.95
        for i in range(top, bottom):
            y = (i + 0.5) / rows
            for j in range(left, right):
                u, v = local(thing, shift, zoom, at, (j + 0.5 - columns / 2) / rows, y)
                if thing[p.SHADOW] > 0:
                    far = (u / wide) ** 2 + ((v - thing[p.FOOT]) / 0.075) ** 2
                    if far < 1:
                        dark = 1.0 - thing[p.SHADOW] * clear * min((1.0 - far) * 2.0, 1.0)
                        for c in range(3):
                            light[i, j, c] *= dark
                        touched[i // side, j // side] |= 1 << number
                cover = _thing_light(shapes, thing, colours[number], maps[number], u, v, soft, own)
                if cover > 0:
                    for c in range(3):
                        tone = own[c] * clear + scene[p.HAZE + c] * (1.0 - clear) * cover
                        light[i, j, c] = light[i, j, c] * (1.0 - cover) + tone
                    touched[i // side, j // side] |= 1 << number
                    if cover >= 1.0:
                        hidden[i, j] = 1
    for i in range(touched.shape[0]):
        for j in range(touched.shape[1]):
            if touched[i, j] and hidden[i * side : (i + 1) * side, j * side : (j + 1) * side].all():
                touched[i, j] |= 128


@njit
def settle(light: Array, side: int, picture: Array) -> None:
    """Mean light of every pixel's samples, as values 0..1 of the picture (H, W, 3); highlights roll off."""
    share = 1.0 / (side * side)
    for i in range(picture.shape[0]):
        for j in range(picture.shape[1]):
            for c in range(3):
                total = 0.0
                for a in range(side):
                    for b in range(side):
                        total += light[i * side + a, j * side + b, c]
                total = max(total * share, 0.0)
                if total > 0.8:
                    total = 0.8 + 0.2 * (total - 0.8) / (total - 0.6)
                picture[i, j, c] = np.sqrt(total)
