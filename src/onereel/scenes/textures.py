"""Procedural textures: periodic random fields and rasters sampled between their texels."""

from dataclasses import dataclass

import numpy as np

from onereel.scenes.base import Array

TEXELS = 384  # per scene unit


@dataclass(frozen=True)
class Raster:
    """A picture that stands for the function which bilinear interpolation makes of it.

    Attributes:
        texels: (rows, columns, channels) float32; repeats along x, and along y too if `tiled`, else clamped there.
        period: width of the columns in scene units.
        top: y of the first row's upper edge.
        height: height of the rows in scene units.
        tiled: whether it repeats along y.
    """

    texels: Array
    period: float
    top: float
    height: float
    tiled: bool = False

    def sample(self, x: Array, y: Array) -> Array:
        """Values at points of broadcastable shapes: (..., channels) float32."""
        rows, columns, _ = self.texels.shape
        column, right = _steps(x * np.float32(columns / self.period) - np.float32(0.5))
        row, below = _steps((y - np.float32(self.top)) * np.float32(rows / self.height) - np.float32(0.5))
        columns_at = column % columns, (column + 1) % columns
        if self.tiled:
            rows_at = row % rows, (row + 1) % rows
        else:
            rows_at = np.clip(row, 0, rows - 1), np.clip(row + 1, 0, rows - 1)
        right, below = right[..., None], below[..., None]
        upper = self._blend(rows_at[0], columns_at, right)
        return upper + (self._blend(rows_at[1], columns_at, right) - upper) * below

    def _blend(self, row: Array, columns: tuple[Array, Array], right: Array) -> Array:
        flat = self.texels.reshape(-1, self.texels.shape[2])
        start = row * self.texels.shape[1]
        first = flat.take(start + columns[0], axis=0)
        return first + (flat.take(start + columns[1], axis=0) - first) * right


def _steps(position: Array) -> tuple[Array, Array]:
    whole = np.floor(position)
    return whole.astype(np.int32), (position - whole).astype(np.float32)


def texel_grid(period: float, top: float, height: float, texels: int = TEXELS) -> tuple[Array, Array]:
    """Centres of a raster's texels: x (1, columns) from 0 to `period`, y (rows, 1) from `top` downwards."""
    rows, columns = round(height * texels), round(period * texels)
    x = (np.arange(columns, dtype=np.float32) + 0.5) * (period / columns)
    y = top + (np.arange(rows, dtype=np.float32) + 0.5) * (height / rows)
    return x[None, :], y[:, None]


def random_field(
    rng: np.random.Generator,
    period: float,
    height: float,
    *,
    slope: float = 1.9,
    stretch: float = 1.0,
    coarsest: float = 0.6,
    finest: float = 0.0,
    texels: int = TEXELS,
) -> Array:
    """A Gaussian random field on a torus, (rows, columns) float32 with mean 0 and variance 1.

    Args:
        rng: source of the phases and amplitudes.
        period, height: size of the torus in scene units.
        slope: amplitude falls as frequency to the power -slope; about 2 gives clouds, 1 gives gravel.
        stretch: features are this much longer along x than along y.
        coarsest: features larger than this (scene units, along y) are damped.
        finest: features smaller than this are cut off.
        texels: per scene unit.
    """
    rows, columns = round(height * texels), round(period * texels)
    across = np.fft.rfftfreq(columns, period / columns)[None, :] * stretch
    along = np.fft.fftfreq(rows, height / rows)[:, None]
    squared = across**2 + along**2
    amplitude = (squared + coarsest**-2) ** (-slope / 2)
    if finest:
        amplitude *= np.exp(-squared * finest**2)
    amplitude[0, 0] = 0
    white = np.fft.rfft2(rng.standard_normal((rows, columns), np.float32))
    field = np.fft.irfft2(white * amplitude, (rows, columns))
    return (field / field.std()).astype(np.float32)


def random_line(
    rng: np.random.Generator, period: float, *, slope: float, coarsest: float, texels: int = TEXELS
) -> Array:
    """The same along one line: (columns,) float32, periodic, mean 0, variance 1."""
    columns = round(period * texels)
    frequency = np.fft.rfftfreq(columns, period / columns)
    amplitude = (frequency**2 + coarsest**-2) ** (-slope / 2)
    amplitude[0] = 0
    line = np.fft.irfft(np.fft.rfft(rng.standard_normal(columns)) * amplitude, columns)
    return (line / line.std()).astype(np.float32)


def relief(field: Array, light: tuple[float, float], strength: float) -> Array:
    """Shading of a height field lit from the side, about 0..1 around 0.5.

    Args:
        field: (rows, columns) heights, periodic.
        light: (x, y) direction towards the light in the picture plane.
        strength: rise per texel that is lit fully.
    """
    rise_x = (np.roll(field, -1, axis=1) - np.roll(field, 1, axis=1)) * 0.5
    rise_y = (np.roll(field, -1, axis=0) - np.roll(field, 1, axis=0)) * 0.5
    lit = -(rise_x * light[0] + rise_y * light[1]) / strength
    return (0.5 + 0.5 * lit / np.sqrt(1 + lit * lit)).astype(np.float32)
