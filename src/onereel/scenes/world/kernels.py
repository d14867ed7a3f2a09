"""One frame of one clip, and many of them side by side on all cores (kernels)."""

import numpy as np
from numba import njit, prange

from onereel.scenes.base import Array
from onereel.scenes.world.painting import paint_backdrop, paint_things, settle
from onereel.scenes.world.styles import apply_style
from onereel.scenes.world.truth import measure
from onereel.scenes.world.weather import fall


@njit(cache=True)
def samples_per_side(height: int) -> int:
    """Colour samples along a pixel's side; edges are soft besides."""
    return 3 if height < 40 else 2


@njit(cache=True)
def _frame(
    scene: Array,
    sky: Array,
    layers: Array,
    profiles: Array,
    things: Array,
    colours: Array,
    shapes: Array,
    table: Array,
    time: float,
    picture8: Array,
    seen: Array,
    touched: Array,
) -> None:
    """Fill one frame (H, W, 3) uint8 and what things touched (H, W) uint8; reads `seen`."""
    height, width = seen.shape
    side = samples_per_side(height)
    light = np.empty((height * side, width * side, 3), np.float32)
    picture = np.empty((height, width, 3), np.float32)
    paint_backdrop(scene, sky, layers, profiles, table, time, side, light)
    paint_things(scene, things, colours, shapes, time, side, light, touched)
    settle(light, side, picture)
    fall(scene, picture, time)
    styled = apply_style(scene, table, picture, seen)
    for i in range(height):
        for j in range(width):
            for c in range(3):
                picture8[i, j, c] = np.uint8(min(max(styled[i, j, c], 0.0), 1.0) * 255.0 + 0.5)


@njit(cache=True, parallel=True)
def render_all(
    scene: Array,
    sky: Array,
    layers: Array,
    profiles: Array,
    things: Array,
    colours: Array,
    shapes: Array,
    table: Array,
    times: Array,
    frames: Array,
    depth: Array,
    flow: Array,
    occluded: Array,
    seen: Array,
    touched: Array,
) -> None:
    """Render every frame of N clips; frames are independent, so threads change nothing.

    Args:
        scene, sky, layers, profiles, things, colours: the fields of a `Plan`.
        shapes, table: of `shapes.shape_table` and `geometry.noise_table`.
        times: (T,) seconds.
        frames: (N, T, H, W, 3) uint8 to fill.
        depth: (N, T, H, W) float32 to fill.
        flow: (N, T - 1, H, W, 2) float32 to fill.
        occluded: (N, T - 1, H, W) bool to fill.
        seen: (N, T, H, W) uint8 to fill, see `truth.measure`.
        touched: (N, T, H, W) uint8, zero, to fill, see `painting.paint_things`.
    """
    clips, length = frames.shape[0], frames.shape[1]
    for item in prange(clips * length):
        n, t = item // length, item % length
        last = t + 1 == length
        later = times[t] if last else times[t + 1]
        step = t if not last else 0
        stop = step if last else step + 1
        # The last frame has neither: it gets rows of length zero.
        rows = flow[n, step:stop].reshape((stop - step) * flow.shape[2], flow.shape[3], 2)
        hidden = occluded[n, step:stop].reshape((stop - step) * flow.shape[2], flow.shape[3])
        measure(
            scene[n], layers[n], profiles[n], things[n], shapes, times[t], later, seen[n, t], depth[n, t], rows, hidden
        )
        _frame(
            scene[n], sky[n], layers[n], profiles[n], things[n], colours[n], shapes, table, times[t],
            frames[n, t], seen[n, t], touched[n, t],
        )  # fmt: skip
