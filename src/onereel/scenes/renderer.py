"""Render a world: colour by supersampling with analytic edges, ground truth exactly at pixel centres."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from onereel.scenes.base import Array, Box, Layer, Scene, World
from onereel.scenes.colours import to_srgb8

# Sample rows at least: small pictures get more samples per pixel, so that they equal a large one scaled down.
_SAMPLE_ROWS = 288
_MOST_SAMPLES = 12  # per pixel side
_FAINT = 1 / 1024  # a weight that no 8-bit value shows


@dataclass(frozen=True)
class Grid:
    """Centres of `height` x `width` cells that fill the image, in scene coordinates."""

    height: int
    width: int

    @property
    def xs(self) -> Array:
        """(W,) float32, 0 at the image's centre."""
        return ((np.arange(self.width) + 0.5 - self.width / 2) / self.height).astype(np.float32)

    @property
    def ys(self) -> Array:
        """(H,) float32, 0 at the top edge, 1 at the bottom edge."""
        return ((np.arange(self.height) + 0.5) / self.height).astype(np.float32)

    @property
    def half_width(self) -> float:
        """x of the right edge."""
        return self.width / self.height / 2

    def window(self, box: Box) -> tuple[slice, slice]:
        """Rows and columns whose cells touch the box."""
        columns = _span(box.left * self.height + self.width / 2, box.right * self.height + self.width / 2, self.width)
        return _span(box.top * self.height, box.bottom * self.height, self.height), columns


def _span(start: float, stop: float, count: int) -> slice:
    first = math.floor(min(max(start - 1, 0), count))
    return slice(first, max(math.ceil(min(max(stop + 1, 0), count)), first))


def copies(layer: Layer, time: float, half_width: float) -> Iterator[Box]:
    """Boxes of the layer's copies that touch the image."""
    box = layer.bounds(time)
    if math.isinf(layer.period) or math.isinf(box.left):
        yield box
        return
    first = math.ceil((-half_width - box.right) / layer.period)
    last = math.floor((half_width - box.left) / layer.period)
    for shift in (index * layer.period for index in range(first, last + 1)):
        yield Box(box.left + shift, box.top, box.right + shift, box.bottom)


def samples_per_side(height: int) -> int:
    """Colour samples along a pixel's side: 2 from 144 rows on, more for smaller pictures."""
    return min(max(2, math.ceil(_SAMPLE_ROWS / height)), _MOST_SAMPLES)


def paint(layers: Sequence[Layer], grid: Grid, time: float) -> Array:
    """(H, W, 3) uint8: one frame, composited in linear light from near to far so that hidden points cost nothing."""
    side = samples_per_side(grid.height)
    fine = Grid(grid.height * side, grid.width * side)
    xs, ys, pitch = fine.xs[None, :], fine.ys[:, None], 1 / fine.height
    canvas = np.zeros((fine.height, fine.width, 3), np.float32)
    left = np.ones((fine.height, fine.width), np.float32)  # how much of what is behind still shows
    for layer in sorted(layers, key=lambda layer: layer.distance(time)):
        for box in copies(layer, time, fine.half_width):
            rows, columns = fine.window(box)
            x, y = xs[:, columns], ys[rows]
            weight = np.clip(0.5 - layer.shape(x, y, time) / pitch, 0, 1) * left[rows, columns]
            chosen = np.nonzero(weight > _FAINT)
            if len(chosen[0]):
                colour = layer.colour(x[0, chosen[1]], y[chosen[0], 0], time)
                canvas[rows, columns][chosen] += weight[chosen][:, None] * colour
                left[rows, columns] -= weight
    blocks = canvas.reshape(grid.height, side, grid.width, side, 3)
    return to_srgb8(blocks.mean(axis=(1, 3)))


def visible(layers: Sequence[Layer], grid: Grid, time: float) -> Array:
    """(H, W) int16: index of the layer seen at each pixel centre."""
    seen = np.full((grid.height, grid.width), -1, np.int16)
    xs, ys = grid.xs[None, :], grid.ys[:, None]
    for index in sorted(range(len(layers)), key=lambda index: -layers[index].distance(time)):
        for box in copies(layers[index], time, grid.half_width):
            window = grid.window(box)
            inside = layers[index].shape(xs[:, window[1]], ys[window[0]], time) < 0
            seen[window][inside] = index
    return seen


def depth_map(layers: Sequence[Layer], grid: Grid, seen: Array, time: float) -> Array:
    """(H, W) float32: distance of the surface seen at each pixel centre."""
    depth = np.empty(seen.shape, np.float32)
    for layer, chosen, x, y in _parts(layers, grid, seen):
        depth[chosen] = layer.depth(x, y, time)
    return depth


def motion(layers: Sequence[Layer], grid: Grid, seen: Array, time: float, later: float) -> tuple[Array, Array]:
    """Flow (H, W, 2) float32 in pixels and occlusion (H, W) bool of the surface seen at each pixel centre."""
    flow = np.empty((*seen.shape, 2), np.float32)
    hidden = np.empty(seen.shape, bool)
    for layer, chosen, x, y in _parts(layers, grid, seen):
        moved = layer.move(x, y, time, later)
        flow[chosen] = np.stack([moved.x - x, moved.y - y], axis=-1) * grid.height
        outside = (np.abs(moved.x) > grid.half_width) | (moved.y < 0) | (moved.y > 1)
        hidden[chosen] = outside | ~moved.seen | _covered(layers, layer, moved.x, moved.y, later, grid.half_width)
    return flow, hidden


def _parts(layers: Sequence[Layer], grid: Grid, seen: Array) -> Iterator[tuple[Layer, Array, Array, Array]]:
    """Every layer that is seen, where it is, and the coordinates of those pixel centres."""
    xs, ys = np.broadcast_to(grid.xs[None, :], seen.shape), np.broadcast_to(grid.ys[:, None], seen.shape)
    for index in np.unique(seen):
        chosen = seen == index
        yield layers[index], chosen, xs[chosen], ys[chosen]


def _covered(layers: Sequence[Layer], owner: Layer, x: Array, y: Array, time: float, half_width: float) -> Array:
    """Which points (N,) of `owner` a nearer layer covers."""
    covered = np.zeros(x.shape, bool)
    own_distance = owner.distance(time)
    low_x, high_x, low_y, high_y = x.min(), x.max(), y.min(), y.max()
    for layer in layers:
        if layer is owner or layer.distance(time) >= own_distance:
            continue
        for box in copies(layer, time, half_width):
            if box.left > high_x or box.right < low_x or box.top > high_y or box.bottom < low_y:
                continue
            near = (x >= box.left) & (x <= box.right) & (y >= box.top) & (y <= box.bottom) & ~covered
            if near.any():
                covered[near] = layer.shape(x[near], y[near], time) < 0
    return covered


def render_world(
    world: World, *, frames: int, height: int, width: int, fps: Fraction, attributes: Mapping[str, Any]
) -> Scene:
    """Render `frames` frames of the world from time 0 on; frame k does not depend on how many there are."""
    grid, layers = Grid(height, width), world.layers
    times = [float(index / fps) for index in range(frames)]
    pictures = np.empty((frames, height, width, 3), np.uint8)
    depth = np.empty((frames, height, width), np.float32)
    flow = np.empty((frames - 1, height, width, 2), np.float32)
    occluded = np.empty((frames - 1, height, width), bool)
    seen = np.empty((frames, height, width), np.int16)
    for index, time in enumerate(times):
        pictures[index] = paint(layers, grid, time)
        seen[index] = visible(layers, grid, time)
        depth[index] = depth_map(layers, grid, seen[index], time)
        if index + 1 < frames:
            flow[index], occluded[index] = motion(layers, grid, seen[index], time, times[index + 1])
    masks = {layers[index].name: seen == index for index in np.unique(seen)}
    return Scene(pictures, depth, flow, occluded, masks, world.caption, fps, {**attributes, **world.attributes})
