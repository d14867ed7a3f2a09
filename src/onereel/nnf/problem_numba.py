"""What kernels on the CPU read: two videos channels last, flat, and padded so that no vector load leaves them."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from onereel.nnf.field import Size, grid_size
from onereel.nnf.rounding import STEP, from_bytes, to_bytes
from onereel.nnf.rows_numba import LANES

_CHANNELS_OF_BYTES = 4  # channels of byte videos are padded to a multiple: rows then end less often inside a vector
_EXACT = 2.5e-7  # by how much a value may miss its level


class Problem(NamedTuple):
    """What the kernels read.

    Attributes:
        queries, keys: flat channels-last videos of float32 or uint8, padded so that no vector load leaves them.
        weights: (Tk * Hk * Wk,) factor on the distance per key; empty for none.
        row, rows: types that tell the compiler a row's length and a frame's number of rows (`rows_numba`).
        frames: frames of a patch.
        query_size, key_size: (3,) grids of valid positions.
        query_strides, key_strides: (3,) elements between neighbours along t, h, w.
    """

    queries: np.ndarray
    keys: np.ndarray
    weights: np.ndarray
    row: np.ndarray
    rows: np.ndarray
    frames: int
    query_size: np.ndarray
    key_size: np.ndarray
    query_strides: np.ndarray
    key_strides: np.ndarray


def problem_of(queries: Tensor, keys: Tensor, patch: Size, weights: Tensor | None = None) -> Problem:
    """Two videos (C, T, H, W) of one dtype as kernels read them."""
    flat = [_flat(video) for video in (queries, keys)]
    channels = flat[0].shape[1]
    sizes = [grid_size(tuple(video.shape[1:]), patch) for video in (queries, keys)]  # type: ignore[arg-type]
    return Problem(
        queries=flat[0].reshape(-1),
        keys=flat[1].reshape(-1),
        weights=np.empty(0, np.float32) if weights is None else weights.reshape(-1).contiguous().numpy(),
        row=np.empty(0, f"S{patch[2] * channels}"),
        rows=np.empty(0, f"S{patch[1]}"),
        frames=patch[0],
        query_size=np.array(sizes[0], np.int64),
        key_size=np.array(sizes[1], np.int64),
        query_strides=_strides(queries, channels),
        key_strides=_strides(keys, channels),
    )


class Bytes(NamedTuple):
    """The same videos as bytes.

    Attributes:
        byte_queries, byte_keys, byte_row, byte_query_strides, byte_key_strides: as in `Problem`.
        byte_unit: squared size of a level, where all values are levels of 8-bit pictures; 0: bytes say nothing.
    """

    byte_queries: np.ndarray
    byte_keys: np.ndarray
    byte_row: np.ndarray
    byte_query_strides: np.ndarray
    byte_key_strides: np.ndarray
    byte_unit: np.float32


def bytes_of(queries: Tensor, keys: Tensor, patch: Size) -> Bytes:
    """The bytes of two videos (C, T, H, W) of one dtype."""
    videos, unit = (queries, keys), 0.0
    if queries.dtype == torch.float32:
        videos = to_bytes(queries), to_bytes(keys)
        pairs = zip(videos, (queries, keys), strict=True)
        exact = all(bool(((from_bytes(levels) - video).abs() < _EXACT).all()) for levels, video in pairs)
        unit = STEP**2 if exact else 0.0
    same = problem_of(*videos, patch)
    return Bytes(same.queries, same.keys, same.row, same.query_strides, same.key_strides, np.float32(unit))


def _flat(video: Tensor) -> np.ndarray:
    """(voxels and some padding, channels)."""
    count, voxels = video.shape[0], video[0].numel()
    channels = -(-count // _CHANNELS_OF_BYTES) * _CHANNELS_OF_BYTES if video.dtype == torch.uint8 else count
    flat = torch.zeros(voxels + -(-LANES[str(video.numpy().dtype)] // channels), channels, dtype=video.dtype)
    flat[:voxels, :count] = video.permute(1, 2, 3, 0).reshape(voxels, count)
    return flat.numpy()


def _strides(video: Tensor, channels: int) -> np.ndarray:
    _, _, height, width = video.shape
    return np.array([height * width * channels, width * channels, channels], np.int64)
