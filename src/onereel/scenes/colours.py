"""Colour: hex and sRGB to linear light and back, gradients, haze."""

from collections.abc import Sequence

import numpy as np

from onereel.scenes.base import Array

_STEPS = 4096  # of the table from linear light to 8 bits; spaced by square root, finer than 8 bits everywhere


def rgb(code: str) -> Array:
    """``"#rrggbb"`` -> (3,) float32 linear RGB."""
    value = np.array([int(code[index : index + 2], 16) for index in (1, 3, 5)], np.float32) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _srgb_table() -> Array:
    linear = np.linspace(0, 1, _STEPS) ** 2
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(encoded * 255).astype(np.uint8)


_TABLE = _srgb_table()


def to_srgb8(linear: Array) -> Array:
    """Linear RGB -> 8-bit sRGB; highlights roll off above 0.8 instead of clipping hard."""
    over = np.maximum(linear - 0.8, 0)
    rolled = np.minimum(linear, 0.8) + 0.2 * over / (over + 0.2)
    return _TABLE[np.round(np.sqrt(np.clip(rolled, 0, 1)) * (_STEPS - 1)).astype(np.int32)]


def ramp(position: Array, stops: Sequence[tuple[float, str]]) -> Array:
    """Colour gradient: (...,) positions -> (..., 3); `stops` are (position, hex), rising, clamped at the ends."""
    at = np.array([stop for stop, _ in stops])
    table = np.stack([rgb(code) for _, code in stops])
    return np.stack([np.interp(position, at, table[:, channel]) for channel in range(3)], axis=-1).astype(np.float32)


def mix(first: Array, second: Array, amount: Array | float) -> Array:
    """Blend two colours; an array `amount` of shape (...,) weighs (..., 3) colours."""
    weight = np.asarray(amount, np.float32)
    weight = weight[..., None] if weight.ndim else weight
    return first + (second - first) * weight


def smoothstep(low: float, high: float, value: Array) -> Array:
    """0 below `low`, 1 above `high`, smooth between."""
    share = np.clip((value - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)
