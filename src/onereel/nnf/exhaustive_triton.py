"""Exact search on CUDA: one Triton kernel that never holds a patch, nor a table of distances.

As on the CPU (`exhaustive_numba`), patches are compared by displacement: for queries side by side and keys equally far
from them, the squared differences of one column of voxels serve pw patches, those of one voxel ph * pw. A program holds
the best cost and key of ROWS x COLUMNS queries of one frame in registers. For each row of keys it takes LANES
displacements along w at once and walks along its queries; every step adds one column of squared differences for all
rows, keeps the last pw columns, and so completes a patch. Cost and key are one number, the cost's bits above the key's,
so that the least of them is the least cost and, of equals, the smallest key, in whatever order programs end.

Exact differences are summed, all terms positive. The other way, |q|^2 - 2 qk + |k|^2 on tensor cores, cancels digits
just where patches are alike, and in single precision (three TF32 products) takes no less time.

Count for 13x144x256 with 3 channels and 3x7x7 patches: 379,500^2 = 1.4e11 pairs of 441 elements. A step of a warp
completes 8 x 64 pairs with 378 loads, 252 subtractions, 252 multiply-adds and 220 additions, 2100 instructions in all
(sm_90): 4.1 a pair, against 28 if each pair were compared as such. 1.7 times as many pairs are visited as are valid,
because blocks overhang. 132 SMs at 4 instructions a cycle and 1.8 GHz issue them in 1.0 s, of which they load from L1
for 0.8 s. Main memory sees the videos, 25 MB with their padding. Not timed on a GPU yet.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.nn.functional import pad

from onereel.nnf.field import Field, Size, grid_size

ROWS, COLUMNS, LANES = 8, 32, 64
"""Queries of a program, down and across, and displacements that it compares at once. Its warp keeps pw columns of
ROWS x LANES sums, 16 registers per lane each: more would not fit."""

_INFINITY = tl.constexpr(0x7F800000)  # as bits, which sort like positive floats
_NOTHING = tl.constexpr(0x7F800000 << 32)  # of infinite cost, and key 0


def exhaustive(queries: Tensor, keys: Tensor, patch: Size, *, weights: Tensor | None) -> Field:
    """Exact field of `queries` in `keys`, on their device; arguments as in `exhaustive_numba.exhaustive`.

    Raises: ValueError if a video is too large for 32-bit indices.
    """
    query_size, key_size = (grid_size(tuple(video.shape[1:]), patch) for video in (queries, keys))  # type: ignore[arg-type]
    blocks = -(-query_size[1] // ROWS), -(-query_size[2] // COLUMNS)
    queries, keys = _padded(queries, keys)
    best = torch.full(query_size, _NOTHING.value, device=queries.device)
    with torch.cuda.device_of(queries):
        _search[(query_size[0] * blocks[0] * blocks[1], key_size[0])](
            queries, keys, best if weights is None else weights.contiguous(), best, *query_size, *key_size,
            WEIGHTED=weights is not None, CHANNELS=queries.shape[0], PT=patch[0], PH=patch[1], PW=patch[2],
            SLOTS=triton.next_power_of_2(patch[2]), PITCH=keys.shape[3], ROWS=ROWS, COLUMNS=COLUMNS, LANES=LANES,
            num_warps=1,
        )  # fmt: skip
    index, cost = best & 0xFFFFFFFF, (best >> 32).to(torch.int32).view(torch.float32)
    if weights is not None:
        cost = cost / weights.reshape(-1)[index]
    return Field(index, cost / (queries.shape[0] * patch[0] * patch[1] * patch[2]), key_size)


def _padded(queries: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
    """Zeros beside the videos, so that no load needs a mask: what a block reads there belongs to no valid pair.

    Rows get one length, a power of two that the kernel is compiled for: the places of all rows are then known from one.
    """
    pitch = triton.next_power_of_2(max(queries.shape[3], COLUMNS + keys.shape[3] + COLUMNS + LANES))
    queries = pad(queries, (0, pitch - queries.shape[3], 0, ROWS))
    keys = pad(keys, (COLUMNS, pitch - COLUMNS - keys.shape[3], ROWS, ROWS))
    if max(queries.numel(), keys.numel()) >= 1 << 31:
        raise ValueError("a video of 2^31 values or more with its padding; search with engine 'torch'")
    return queries, keys


@triton.jit(do_not_specialize=["query_t", "query_h", "query_w", "key_t", "key_h", "key_w"])
def _search(  # type: ignore[no-untyped-def]
    queries, keys, weights, best, query_t, query_h, query_w, key_t, key_h, key_w,
    WEIGHTED: tl.constexpr, CHANNELS: tl.constexpr, PT: tl.constexpr, PH: tl.constexpr, PW: tl.constexpr,
    SLOTS: tl.constexpr, PITCH: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, LANES: tl.constexpr,
):  # fmt: skip
    """Lower `best` to the best among the keys of one frame, for one block of queries."""
    down, across = tl.cdiv(query_h, ROWS), tl.cdiv(query_w, COLUMNS)
    block, frame = tl.program_id(0), tl.program_id(1)
    t, h, w = block // (down * across), block // across % down * ROWS, block % across * COLUMNS
    # Planes of the padded videos; `queries` and `keys` then start at the block's first query, and at the first key.
    query_plane, key_plane = (query_h + PH - 1 + ROWS) * PITCH, (key_h + PH - 1 + 2 * ROWS) * PITCH
    queries += t * query_plane + h * PITCH + w
    keys += frame * key_plane + ROWS * PITCH + COLUMNS
    steps = tl.minimum(COLUMNS, query_w - w) + PW - 1
    found = tl.full((ROWS, COLUMNS), _NOTHING, tl.int64)
    # Keys of the block's first query; those of the others lie as far from them.
    for row in range(1 - ROWS, key_h):
        for column in range(1 - COLUMNS, key_w, LANES):
            segment = _segment(
                queries, keys + (row * PITCH + column), weights + frame * key_h * key_w,
                query_plane, key_plane, query_t + PT - 1, key_t + PT - 1, row, column, key_h, key_w, steps,
                WEIGHTED, CHANNELS, PT, PH, PW, SLOTS, PITCH, ROWS, COLUMNS, LANES,
            )  # fmt: skip
            found = tl.minimum(found, segment)
    found = tl.where(found == _NOTHING, found, found + frame * key_h * key_w)
    row, column = h + tl.arange(0, ROWS)[:, None], w + tl.arange(0, COLUMNS)[None, :]
    place = (t * query_h + row) * query_w + column
    tl.atomic_min(best + place, found, mask=(row < query_h) & (column < query_w))


@triton.jit
def _segment(  # type: ignore[no-untyped-def]
    queries, keys, weights, query_plane, key_plane, query_frames, key_frames, row, column, key_h, key_w, steps,
    WEIGHTED: tl.constexpr, CHANNELS: tl.constexpr, PT: tl.constexpr, PH: tl.constexpr, PW: tl.constexpr,
    SLOTS: tl.constexpr, PITCH: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, LANES: tl.constexpr,
):  # fmt: skip
    """(ROWS, COLUMNS) least cost and key, within its frame, among LANES displacements."""
    rows, lanes = row + tl.arange(0, ROWS)[:, None], column + tl.arange(0, LANES)[None, :]
    slot, place = tl.arange(0, SLOTS)[:, None, None], tl.arange(0, COLUMNS)[None, :]
    recent = tl.zeros((SLOTS, ROWS, LANES), tl.float32)  # sums of the last PW columns, in turn
    found = tl.full((ROWS, COLUMNS), _NOTHING, tl.int64)
    for step in range(steps):
        sums = _column(
            queries + step, keys + step + tl.arange(0, LANES), query_plane, key_plane, query_frames, key_frames,
            CHANNELS, PT, PH, PITCH, ROWS, LANES,
        )  # fmt: skip
        recent = tl.where(slot == step % PW, sums[None, :, :], recent)
        costs = tl.sum(recent, axis=0)
        number = step - (PW - 1)  # of the query whose patch is complete
        columns = lanes + number
        valid = (rows >= 0) & (rows < key_h) & (columns >= 0) & (columns < key_w)
        key = rows * key_w + columns
        if WEIGHTED:
            costs *= tl.load(weights + key, mask=valid, other=0)
        bits = tl.where(costs < float("inf"), costs.to(tl.int32, bitcast=True), _INFINITY)  # NaN: 0 * inf
        least = tl.min(tl.where(valid, (bits.to(tl.int64) << 32) | key, _NOTHING), axis=1)
        found = tl.where(place == number, least[:, None], found)
    return found


@triton.jit
def _column(  # type: ignore[no-untyped-def]
    queries, keys, query_plane, key_plane, query_frames, key_frames,
    CHANNELS: tl.constexpr, PT: tl.constexpr, PH: tl.constexpr, PITCH: tl.constexpr,
    ROWS: tl.constexpr, LANES: tl.constexpr,
):  # fmt: skip
    """(ROWS, LANES) sums over channels, frames and rows of one column of ROWS patches."""
    row = tl.arange(0, ROWS)[:, None]
    sums = tl.zeros((ROWS, LANES), tl.float32)
    for line in tl.static_range(ROWS + PH - 1):
        squares = tl.zeros((LANES,), tl.float32)
        for channel in range(CHANNELS):
            for frame in tl.static_range(PT):
                left = tl.load(queries + (channel * query_frames + frame) * query_plane + line * PITCH)
                right = tl.load(keys + (channel * key_frames + frame) * key_plane + line * PITCH)
                squares += (left - right) * (left - right)
        covers = (row <= line) & (line < row + PH)
        sums = tl.where(covers, sums + squares[None, :], sums)
    return sums
