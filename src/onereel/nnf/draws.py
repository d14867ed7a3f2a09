"""Random draws that depend on nothing but (seed, sweep, query, draw): the torch form.

The numba form is in `patchmatch_numba`; both give the same numbers, which lets a test compare whole fields.
"""

import torch
from torch import Tensor

_LOW32 = 0xFFFFFFFF
# Multipliers below 2^31, so that products of 32-bit numbers fit into int64.
MIX_1, MIX_2, GOLDEN = 0x2C1B3C6D, 0x297A2D39, 0x1E3779B9


def mix(x: Tensor) -> Tensor:
    """A well-mixing bijection of 32-bit numbers (xor-shift, multiply), held in int64."""
    x = x & _LOW32
    x = x ^ (x >> 15)
    x = (x * MIX_1) & _LOW32
    x = x ^ (x >> 12)
    x = (x * MIX_2) & _LOW32
    return x ^ (x >> 15)


def query_keys(seed: int, sweep: int, count: int, device: torch.device) -> Tensor:
    """(count,) int64: a 32-bit key for every query in one sweep."""
    stage = mix(torch.tensor(seed + sweep * GOLDEN, device=device))
    return mix(stage + torch.arange(count, device=device))


def start(size: tuple[int, int, int], count: int, seed: int, device: torch.device) -> Tensor:
    """(count,) int64: flat indices drawn uniformly from a grid of that size, each axis on its own."""
    keys = query_keys(seed, 0, count, device)
    t, h, w = (below(draw(keys, axis), length) for axis, length in enumerate(size))
    return (t * size[1] + h) * size[2] + w


def draw(keys: Tensor, number: int) -> Tensor:
    """(count,) int64 in [0, 2^32): draw `number` of every query."""
    return mix(keys + number * GOLDEN)


def below(bits: Tensor, limit: int) -> Tensor:
    """32-bit draws as integers in [0, limit), limit < 2^31."""
    return (bits * limit) >> 32


def jitter(bits: Tensor, radius: int) -> Tensor:
    """(count, 3) int64 in [-radius, radius] per axis, from ten bits each; radius <= 255."""
    parts = torch.stack((bits & 0x3FF, (bits >> 10) & 0x3FF, (bits >> 20) & 0x3FF), dim=-1)
    return ((parts * (2 * radius + 1)) >> 10) - radius
