"""Rain and snow: particles before everything, drawn over the finished picture (kernels)."""

import numpy as np
from numba import njit

from onereel.scenes.base import Array
from onereel.scenes.world import plan as p
from onereel.scenes.world.geometry import TAU, scrambled
from onereel.scenes.world.styles import PENCIL

RAIN, SNOW = 1, 2
_SPREAD = 2.4  # scene units of width that one set of particles fills; wider pictures repeat it
_RAIN_COUNT, _SNOW_COUNT = 150, 170


@njit
def _dab(
    picture: Array, x: float, y: float, slant: float, half: float, radius: float, alpha: float, tone: float
) -> None:
    """Blend a short stroke (half length `half`, leaning by `slant`) of pixel coordinates into the picture."""
    height, width = picture.shape[0], picture.shape[1]
    lean = abs(slant) * half
    first, last = max(int(y - half - radius - 1), 0), min(int(y + half + radius + 2), height)
    left, right = max(int(x - lean - radius - 1), 0), min(int(x + lean + radius + 2), width)
    fade = min(radius / 0.5, 1.0)  # thinner than a pixel: paler
    for i in range(first, last):
        for j in range(left, right):
            along = min(max(i + 0.5 - y, -half), half)
            far = np.sqrt((i + 0.5 - y - along) ** 2 + (j + 0.5 - x - along * slant) ** 2)
            cover = min(max(max(radius, 0.5) - far + 0.5, 0.0), 1.0) * alpha * fade
            if cover > 0:
                for c in range(3):
                    picture[i, j, c] += (tone - picture[i, j, c]) * cover


@njit
def fall(scene: Array, picture: Array, time: float) -> None:
    """Add the frame's particles to a picture (H, W, 3) in 0..1."""
    sort, seed, height = int(scene[p.WEATHER]), int(scene[p.DROPS]), picture.shape[0]
    if sort != RAIN and sort != SNOW:
        return
    half_width = picture.shape[1] / height / 2
    pencil = int(scene[p.STYLE]) == PENCIL
    for number in range(_RAIN_COUNT if sort == RAIN else _SNOW_COUNT):
        start, phase = scrambled(seed, number, 1), scrambled(seed, number, 2)
        near = scrambled(seed, number, 3)  # 1: close to the camera
        if sort == RAIN:
            way = phase + (1.5 + 0.7 * near) * time
            across, slant = -0.18 * (way % 1.0) * 1.3, -0.18
            half, radius = 0.028 + 0.026 * near, 0.0035 + 0.002 * near
            alpha, tone = 0.42 + 0.25 * near, 0.35 if pencil else 0.93
        else:
            way = phase + (0.16 + 0.17 * near) * time
            across, slant = 0.025 * np.sin(TAU * (phase + 0.4 * time)), 0.0
            half, radius = 0.0, 0.0055 + 0.0065 * near
            alpha, tone = 0.9, 1.0
        y = (way % 1.0) * 1.3 - 0.15
        x = (start - 0.5) * _SPREAD + across
        x -= np.floor((x + half_width + 0.1) / _SPREAD) * _SPREAD
        while x < half_width + 0.1:
            _dab(picture, (x + half_width) * height, y * height, slant, half * height, radius * height, alpha, tone)
            x += _SPREAD
