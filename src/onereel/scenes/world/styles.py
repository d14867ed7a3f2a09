"""Styles: filters of the finished picture whose every pixel depends on a small neighbourhood only (kernels).

So an edit of one thing stays near that thing in every style. Paper and strokes stand still while things move.
"""

import numpy as np
from numba import njit

from onereel.scenes.base import Array
from onereel.scenes.world import plan as p
from onereel.scenes.world.geometry import noise

PENCIL, WATERCOLOUR, CARTOON = 1, 2, 3
_WOBBLE = 1.0  # of watercolour edges, steps
_LUMA = (0.30, 0.59, 0.11)


@njit
def step_of(style: int, height: int) -> int:
    """Pixels that a stroke is wide: styles look alike at every size."""
    return max(1, (height + 64) // 128) if style != 0 else 0


@njit
def reach_of(style: int, height: int) -> int:
    """Farthest pixel (Chebyshev) on which a pixel depends."""
    step = step_of(style, height)
    if style == WATERCOLOUR:
        # Edge darkening looks one step around, the brush two brush widths, the wobble and its interpolation beyond.
        return step + 2 * min(step, 3) + int(np.ceil(_WOBBLE * step)) * 2 + 1
    return step + 1


@njit
def apply_style(scene: Array, table: Array, picture: Array, seen: Array) -> Array:
    """The picture (H, W, 3) in 0..1 in the clip's style; `seen` (H, W) tells surfaces apart."""
    style = int(scene[p.STYLE])
    if style == PENCIL:
        return _pencil(scene, table, picture, seen)
    if style == WATERCOLOUR:
        return _watercolour(scene, table, picture)
    if style == CARTOON:
        return _cartoon(picture, seen)
    return picture


@njit
def _luma(picture: Array) -> Array:
    height, width = picture.shape[0], picture.shape[1]
    grey = np.empty((height, width), np.float32)
    for i in range(height):
        for j in range(width):
            value = picture[i, j]
            grey[i, j] = _LUMA[0] * value[0] + _LUMA[1] * value[1] + _LUMA[2] * value[2]
    return grey


@njit
def _slope(grey: Array, i: int, j: int, step: int) -> float:
    """Size of the brightness gradient over `step` pixels to both sides."""
    height, width = grey.shape
    up, down = max(i - step, 0), min(i + step, height - 1)
    left, right = max(j - step, 0), min(j + step, width - 1)
    across = (
        grey[i, right] - grey[i, left] + 0.5 * (grey[up, right] - grey[up, left] + grey[down, right] - grey[down, left])
    )
    along = (
        grey[down, j] - grey[up, j] + 0.5 * (grey[down, left] - grey[up, left] + grey[down, right] - grey[up, right])
    )
    return 0.5 * np.sqrt(across * across + along * along)


@njit
def _border(seen: Array, i: int, j: int, step: int) -> float:
    """Ink of an outline, 0..1: full where half of the pixels within a step belong to other surfaces."""
    height, width = seen.shape
    own, other, count = seen[i, j], 0, 0
    for a in range(max(i - step, 0), min(i + step + 1, height)):
        for b in range(max(j - step, 0), min(j + step + 1, width)):
            count += 1
            other += seen[a, b] != own
    return min(2.2 * other / count, 1.0)


@njit
def _pencil(scene: Array, table: Array, picture: Array, seen: Array) -> Array:
    """Graphite on paper: outlines of surfaces, hatching the denser the darker."""
    height, width = seen.shape
    step, grey, drawn = step_of(PENCIL, height), _luma(picture), np.empty_like(picture)
    scale = 96.0 / height
    for i in range(height):
        for j in range(width):
            a, b = i * scale, j * scale
            grain = noise(table, b * 2.7 + scene[p.PAPER_X], a * 2.7 + scene[p.PAPER_Y])
            waver = 0.35 * noise(table, b * 0.6 + scene[p.PAPER_Y], a * 0.6)
            dark = max(0.70 - grey[i, j], 0.0)
            first = 0.5 + 0.5 * np.sin((a + b) * 1.35 + waver * 2)
            second = 0.5 + 0.5 * np.sin((a - b) * 1.35 + waver * 2)
            hatch = 0.80 * dark * (0.45 + 0.9 * first) + 0.5 * max(dark - 0.38, 0.0) * second
            edge = min(max(2.6 * (_slope(grey, i, j, step) - 0.035), 0.0), 0.72)
            edge = max(edge, 0.66 * _border(seen, i, j, step))
            tone = 0.965 - hatch - edge * (0.88 + 0.12 * grain) + 0.012 * grain
            tone = min(max(tone, 0.10), 1.0)
            drawn[i, j, 0], drawn[i, j, 1], drawn[i, j, 2] = tone, tone * 0.992, tone * 0.965
    return drawn


@njit
def _cartoon(picture: Array, seen: Array) -> Array:
    """Few tones, strong colours, ink around every surface."""
    height, width = seen.shape
    step, drawn = step_of(CARTOON, height), np.empty_like(picture)
    for i in range(height):
        for j in range(width):
            value = picture[i, j]
            grey = _LUMA[0] * value[0] + _LUMA[1] * value[1] + _LUMA[2] * value[2]
            tone = (np.floor(grey * 6.0) + 0.6) / 6.0
            gain = tone / max(grey, 0.05)
            ink = 1.0 - 0.86 * _border(seen, i, j, step)
            for c in range(3):
                vivid = grey + (value[c] - grey) * 1.25
                drawn[i, j, c] = min(max(vivid * (1.0 + (gain - 1.0) * 0.8), 0.0), 1.0) * ink
    return drawn


@njit
def _wobbled(scene: Array, table: Array, picture: Array, step: int) -> Array:
    """The picture with edges that waver by up to `_WOBBLE` steps."""
    height, width = picture.shape[0], picture.shape[1]
    scale, bent = 96.0 / height, np.empty_like(picture)
    for i in range(height):
        for j in range(width):
            a, b = i * scale, j * scale
            du = noise(table, b * 1.1 + scene[p.PAPER_X], a * 1.1) * 0.5
            dv = noise(table, b * 1.1, a * 1.1 + scene[p.PAPER_Y]) * 0.5
            y = min(max(i + min(max(dv, -1.0), 1.0) * _WOBBLE * step, 0.0), height - 1.001)
            x = min(max(j + min(max(du, -1.0), 1.0) * _WOBBLE * step, 0.0), width - 1.001)
            k, m = int(y), int(x)
            v, u = y - k, x - m
            for c in range(3):
                upper = picture[k, m, c] + (picture[k, m + 1, c] - picture[k, m, c]) * u
                lower = picture[k + 1, m, c] + (picture[k + 1, m + 1, c] - picture[k + 1, m, c]) * u
                bent[i, j, c] = upper + (lower - upper) * v
    return bent


@njit
def _brushed(picture: Array, radius: int) -> Array:
    """Kuwahara: of the four squares that meet in a pixel, the mean of the smoothest."""
    height, width = picture.shape[0], picture.shape[1]
    # Mean and spread of the square around every pixel; a pixel's four squares are those around its diagonal neighbours.
    mean, spread = np.empty_like(picture), np.empty((height, width), np.float32)
    for i in range(height):
        for j in range(width):
            top, bottom = max(i - radius, 0), min(i + radius, height - 1)
            left, right = max(j - radius, 0), min(j + radius, width - 1)
            count = (bottom - top + 1) * (right - left + 1)
            total = 0.0
            for c in range(3):
                first = second = 0.0
                for a in range(top, bottom + 1):
                    for b in range(left, right + 1):
                        first += picture[a, b, c]
                        second += picture[a, b, c] * picture[a, b, c]
                mean[i, j, c] = first / count
                total += second / count - (first / count) ** 2
            spread[i, j] = total
    brushed = np.empty_like(picture)
    for i in range(height):
        for j in range(width):
            least, at_i, at_j = np.float32(1e9), i, j
            for a in (max(i - radius, 0), min(i + radius, height - 1)):
                for b in (max(j - radius, 0), min(j + radius, width - 1)):
                    if spread[a, b] < least:
                        least, at_i, at_j = spread[a, b], a, b
            for c in range(3):
                brushed[i, j, c] = mean[at_i, at_j, c]
    return brushed


@njit
def _watercolour(scene: Array, table: Array, picture: Array) -> Array:
    """Wavering flat washes that darken at their edges, on grained paper."""
    height, width = picture.shape[0], picture.shape[1]
    step = step_of(WATERCOLOUR, height)
    washed = _brushed(_wobbled(scene, table, picture, step), min(step, 3))
    grey, drawn, scale = _luma(washed), np.empty_like(picture), 96.0 / height
    for i in range(height):
        for j in range(width):
            a, b = i * scale, j * scale
            bloom = noise(table, b * 0.7 + scene[p.PAPER_X], a * 0.7 + scene[p.PAPER_Y])
            grain = noise(table, b * 2.9 + scene[p.PAPER_Y], a * 2.9 + scene[p.PAPER_X])
            # Blooms and grain show on light washes; strong ones cover the paper.
            light = 0.25 + 0.75 * grey[i, j]
            pigment = 0.86 + (0.075 * bloom + 0.05 * grain) * light + min(0.9 * _slope(grey, i, j, step), 0.25)
            for c in range(3):
                # Pigment takes light from white paper: the more of it, the farther from white.
                tone = 0.985 - (0.985 - washed[i, j, c]) * pigment
                drawn[i, j, c] = min(max(tone, 0.0), 1.0)
    return drawn
