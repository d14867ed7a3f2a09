"""One frame of one clip, and many of them side by side on all cores (kernels).

Numba keeps compiled code beside a function's file and looks only at that file's date. Here it would go on using old
code after an edit of another module; so only the outermost kernel is kept, under a digest of the sources of all.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numba import njit, prange

from onereel.scenes.base import Array
from onereel.scenes.world.painting import paint_backdrop, paint_things, settle
from onereel.scenes.world.plan import Plan
from onereel.scenes.world.styles import apply_style
from onereel.scenes.world.truth import measure
from onereel.scenes.world.weather import fall


@njit
def samples_per_side(height: int) -> int:
    """Colour samples along a pixel's side; edges are soft besides."""
    return 3 if height < 40 else 2


@njit
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
    styled = apply_style(scene, table, picture, seen)
    fall(scene, styled, time)  # after the style, which would smear flakes and draw outlines around drops
    for i in range(height):
        for j in range(width):
            for c in range(3):
                picture8[i, j, c] = np.uint8(min(max(styled[i, j, c], 0.0), 1.0) * 255.0 + 0.5)


_SOURCES = ("geometry", "kernels", "layout", "painting", "plan", "shapes", "styles", "truth", "weather")


def _digest() -> int:
    sources = b"".join(Path(__file__).with_name(f"{name}.py").read_bytes() for name in _SOURCES)
    return int.from_bytes(hashlib.sha256(sources).digest()[:7], "little")


def _compiled(digest: int) -> Callable[..., None]:
    @njit(cache=True, parallel=True)
    def rendered(
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
        if digest < 0:  # never: makes the digest a part of what is compiled
            return
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
                scene[n],
                layers[n],
                profiles[n],
                things[n],
                shapes,
                times[t],
                later,
                seen[n, t],
                depth[n, t],
                rows,
                hidden,
            )
            _frame(
                scene[n], sky[n], layers[n], profiles[n], things[n], colours[n], shapes, table, times[t],
                frames[n, t], seen[n, t], touched[n, t],
            )  # fmt: skip

    return rendered


_rendered = _compiled(_digest())


def render_all(plan: Plan, shapes: Array, table: Array, times: Array, out: tuple[Array, ...]) -> None:
    """Render every frame of N clips; frames are independent, so threads change nothing.

    Args:
        plan: of N clips.
        shapes, table: of `shapes.shape_table` and `geometry.noise_table`.
        times: (T,) seconds.
        out: arrays to fill: frames (N, T, H, W, 3) uint8; depth (N, T, H, W) float32; flow (N, T - 1, H, W, 2) float32;
            occluded (N, T - 1, H, W) bool; seen (N, T, H, W) uint8, see `truth.measure`; touched (N, T, H, W) uint8,
            zero, see `painting.paint_things`.
    """
    _rendered(*plan, shapes, table, times, *out)
