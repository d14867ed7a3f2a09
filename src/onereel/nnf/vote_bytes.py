"""The median vote for videos of bytes, sixteen voxels at a time.

Four channels of a voxel are one 32-bit word, so sixteen neighbours fill a vector of 64 bytes. Their suggestions are
gathered into a table, one vector per patch that covers them, and the median of all 64 columns is found together, bit by
bit: the largest value that at most `rank` suggestions lie below. That takes 8 passes over the table, whatever it holds.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, prange, types
from numba.core import cgutils
from numba.extending import intrinsic

CHANNELS = 4
"""Bytes of a voxel."""
LARGEST_PATCH = 255
"""Voxels of the largest patch: counts are bytes, too."""
_VOXELS = 16  # of a vector
_LANES = CHANNELS * _VOXELS
_NOTHING = 255  # stands for a suggestion that does not exist: nothing is below it, so it sorts last


def fold_median(values: np.ndarray, keys: np.ndarray, patch: tuple[int, int, int], width: int) -> np.ndarray:
    """Vote by the lower median.

    Args:
        values: (T', H', W', 4) uint8.
        keys: (Tq, Hq, Wq) integers, flat index in `values` of the first voxel of every query's key patch.
        patch: (pt, ph, pw), at most `LARGEST_PATCH` voxels.
        width: of the result, Wq + pw - 1.

    Returns: (Tq + pt - 1, Hq + ph - 1, width, 4) uint8.
    """
    frames, rows, columns = keys.shape
    _, height, value_width, _ = values.shape
    voxels = values.size // CHANNELS
    # Queries beyond the border read their suggestions from behind the video's end.
    reach = ((patch[0] - 1) * height + patch[1] - 1) * value_width + patch[2]
    padded = np.full((voxels + reach, CHANNELS), _NOTHING, np.uint8)
    padded[:voxels] = values.reshape(voxels, CHANNELS)
    blocks = -(-width // _VOXELS)
    starts = np.full((frames, rows, blocks * _VOXELS + patch[2] - 1), voxels, np.int32)
    starts[:, :, patch[2] - 1 : patch[2] - 1 + columns] = keys
    out = np.empty((frames + patch[0] - 1, rows + patch[1] - 1, blocks * _VOXELS), np.uint32)
    _fold(padded.view(np.uint32)[:, 0], starts, columns, patch, height, value_width, out)
    return np.ascontiguousarray(out.view(np.uint8).reshape(*out.shape, CHANNELS)[:, :, :width])


@intrinsic
def _select(typing_context: Any, table: Any, count: Any, ranks: Any, out: Any) -> Any:
    """out[l] = the value of rank ranks[l], counted from 0, among table[0..count-1, l], for 64 columns of bytes."""
    signature = types.void(table, types.intp, ranks, out)
    vector = ir.VectorType(ir.IntType(8), _LANES)

    def splat(value: int) -> Any:
        return ir.Constant(vector, [value] * _LANES)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def pointer(place: int) -> Any:
            data = context.make_array(signature.args[place])(context, builder, args[place]).data
            return builder.bitcast(data, vector.as_pointer())

        def load(place: Any) -> Any:
            value = builder.load(place, typ=vector)
            value.align = 1
            return value

        rows, rank, value = pointer(0), load(pointer(2)), splat(0)
        below = cgutils.alloca_once(builder, vector)
        for bit in reversed(range(8)):
            trial = builder.or_(value, splat(1 << bit))
            builder.store(splat(0), below)
            with cgutils.for_range(builder, args[1]) as loop:
                smaller = builder.icmp_unsigned("<", load(builder.gep(rows, [loop.index])), trial)
                builder.store(builder.sub(builder.load(below), builder.sext(smaller, vector)), below)
            value = builder.select(builder.icmp_unsigned("<=", builder.load(below), rank), trial, value)
        builder.store(value, pointer(3)).align = 1
        return context.get_dummy_value()

    return signature, generate


@njit(cache=True, parallel=True)
def _fold(values, starts, columns, patch, height, width, out):  # type: ignore[no-untyped-def]
    """`height` and `width` are those of the video that `values` came from; `columns` those of the query grid."""
    for line in prange(out.shape[0] * out.shape[1]):
        t, h = line // out.shape[1], line % out.shape[1]
        table = np.empty((patch[0] * patch[1] * patch[2], _VOXELS), np.uint32)
        ranks = np.empty(_LANES, np.uint8)
        chosen = np.empty(_VOXELS, np.uint32)
        t0, t1 = max(0, t - patch[0] + 1), min(t + 1, starts.shape[0])
        h0, h1 = max(0, h - patch[1] + 1), min(h + 1, starts.shape[1])
        for w in range(0, out.shape[2], _VOXELS):
            count = 0
            for tq in range(t0, t1):
                for hq in range(h0, h1):
                    for dw in range(patch[2]):
                        offset = ((t - tq) * height + h - hq) * width + dw
                        first = w + patch[2] - 1 - dw
                        for i in range(_VOXELS):  # unsigned: numba then does not ask whether an index is negative
                            table[count, i] = values[np.uint64(starts[tq, hq, first + i] + offset)]
                        count += 1
            _find_ranks((t1 - t0) * (h1 - h0), w, columns, patch[2], ranks)
            _select(table, count, ranks, chosen)
            out[t, h, w : w + _VOXELS] = chosen


@njit(cache=True)
def _find_ranks(rows, w, columns, extent, ranks):  # type: ignore[no-untyped-def]
    """The lower middle of as many suggestions as the voxels from column `w` on have."""
    for i in range(_VOXELS):
        covering = min(w + i + 1, columns) - max(0, w + i - extent + 1)
        rank = (rows * max(covering, 1) - 1) // 2
        ranks[CHANNELS * i : CHANNELS * (i + 1)] = rank
