"""PatchMatch on CUDA: one fused Triton kernel per sweep.

Same candidates, same draws and same order as in `patchmatch_torch` and `patchmatch_numba`, so all give the same field
up to rounding. A program is one warp with a few neighbouring queries. Their own patches stay in registers for all 14
candidates; of the candidates' patches it reads one row at a time, in place, each lane one voxel: four queries with 8
columns (7 and one idle) for patches of 7 columns and up to four channels. After each frame of the patch, queries that
can no longer win read nothing more, and when none is left the candidate is dropped. A field is 8 bytes per query, read
from one buffer and written to another: int32 flat index, unravelled in registers, and float32 cost.

Videos lie channels last, channels padded to a power of two, so that a voxel is one load of 16 bytes and a row one run
of memory, wherever keys lie. Planar videos would suit a query per lane: their loads are whole only where the keys of
neighbours are neighbours, and more than half of the candidates are drawn. A drawn one would touch 32 places 441 times
for 32 queries, and here touches four places 21 times for four.

Bytes: four channels are a word; differences are taken as floats, which is exact, and frames are summed as integers.
Sums are exact for patches of up to 64 rows.

Count for 13x144x256, 3 channels, 3x7x7 patches: a sweep has 379,500 queries x 14 candidates = 5.3e6 distances of 147
voxels. If none stopped early, they would load 12.5 GB from L1 (bytes: 3.1 GB), 0.4 ms on an H200 (132 SMs x 128 bytes
x 1.8 GHz), and take 140 instructions of a warp each (sm_90, padding included), 0.8 ms at 4 per cycle and SM; bytes take
no fewer. Main memory sees each video once, 7.7 MB, and 16 bytes per query, a few microseconds in all: the rest hits L2.
Not timed on a GPU yet.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from onereel.nnf.draws import GOLDEN, MIX_1, MIX_2
from onereel.nnf.field import Field, Size, grid_size
from onereel.nnf.settings import SearchConfig

LANES = 32
"""Loads for one row of a program's patches: one for each lane of its warp."""
_KEPT = 128  # registers of a lane that the queries' own patches may take; larger ones are read again per candidate

_MIX_1, _MIX_2, _GOLDEN = tl.constexpr(MIX_1), tl.constexpr(MIX_2), tl.constexpr(GOLDEN)
_TWO_TO_23 = tl.constexpr(0x4B000000)  # the float's bits; its mantissa counts in ones
_SIZES = ["query_t", "query_h", "query_w", "key_t", "key_h", "key_w"]  # one compiled kernel serves them all


def patchmatch(
    queries: Tensor,
    keys: Tensor,
    patch: Size,
    config: SearchConfig,
    *,
    weights: Tensor | None,
    start: Tensor,
    seed: int,
) -> Field:
    """Approximate field of `queries` in `keys`, on their device; arguments as in `patchmatch_numba.patchmatch`.

    Raises: ValueError if a video is too large for 32-bit indices.
    """
    query_size, key_size = (grid_size(tuple(video.shape[1:]), patch) for video in (queries, keys))  # type: ignore[arg-type]
    query_voxels, key_voxels = _voxels(queries), _voxels(keys)
    factors = key_voxels if weights is None else weights.contiguous()  # without weights any tensor will do
    problem = (query_voxels, key_voxels, factors, *query_size, *key_size)
    constants = _constants(query_voxels, queries.shape[0], patch)
    grid = (triton.cdiv(start.numel(), constants["BLOCK"]),)
    with torch.cuda.device_of(queries):
        index = start.reshape(-1).to(torch.int32)
        costs = torch.empty(index.shape, dtype=torch.float32, device=queries.device)
        _measure[grid](*problem, index, costs, WEIGHTED=weights is not None, **constants)
        spare_index, spare_costs = torch.empty_like(index), torch.empty_like(costs)
        for sweep, (step, radius) in enumerate(config.schedule(), start=1):
            _sweep[grid](
                *problem, index, costs, spare_index, spare_costs, seed, sweep, step, radius,
                WEIGHTED=weights is not None, **constants,
            )  # fmt: skip
            index, spare_index = spare_index, index
            costs, spare_costs = spare_costs, costs
        if weights is not None:
            _measure[grid](*problem, index, costs, WEIGHTED=False, **constants)
    distance = costs / (queries.shape[0] * patch[0] * patch[1] * patch[2])
    return Field(index.long().reshape(query_size), distance.reshape(query_size), key_size)


def _voxels(video: Tensor) -> Tensor:
    """(voxels, units), channels padded by zeros to a power of two; four bytes are one unit."""
    channels, pack = video.shape[0], 4 if video.dtype == torch.uint8 else 1
    units = triton.next_power_of_2(triton.cdiv(channels, pack))
    if video[0].numel() * units >= 1 << 31:
        raise ValueError(f"a video of {video[0].numel()} voxels of {channels} channels; search with engine 'torch'")
    flat = video.new_zeros(video[0].numel(), units * pack)
    flat[:, :channels] = video.flatten(1).T
    return flat if pack == 1 else flat.view(torch.int32)


def _constants(flat: Tensor, channels: int, patch: Size) -> dict[str, Any]:
    """What the kernels are compiled for: the patch, the layout, how many queries a program handles."""
    columns, units = triton.next_power_of_2(patch[2]), flat.shape[1]
    vector = min(units, 4)  # elements: 16 bytes at most
    block = max(1, LANES * vector // (columns * units))
    warps = min(8, max(1, columns * units // (LANES * vector)))
    kept = patch[0] * patch[1] * block * columns * units // (LANES * warps)
    return {
        "PT": patch[0],
        "PH": patch[1],
        "PW": patch[2],
        "COLUMNS": columns,
        "UNITS": units,
        "BYTES": min(channels, 4) if flat.dtype == torch.int32 else 0,
        "BLOCK": block,
        "KEEP": kept <= _KEPT,
        "num_warps": warps,
    }


@triton.jit
def _mix(x):  # type: ignore[no-untyped-def]
    """As `draws.mix`: products of uint32 wrap, which is what its mask does."""
    x = x ^ (x >> 15)
    x = x * _MIX_1
    x = x ^ (x >> 12)
    x = x * _MIX_2
    return x ^ (x >> 15)


@triton.jit
def _draw(random, number):  # type: ignore[no-untyped-def]
    return _mix(random + (tl.zeros_like(random) + number) * _GOLDEN)


@triton.jit
def _below(bits, limit):  # type: ignore[no-untyped-def]
    return tl.umulhi(bits, tl.zeros_like(bits) + limit.to(tl.uint32)).to(tl.int32)


@triton.jit
def _jittered(place, bits, radius, length):  # type: ignore[no-untyped-def]
    """`place` moved by -radius..radius from ten low bits, clamped to 0..length-1."""
    offset = (((bits & 0x3FF).to(tl.int32) * (2 * radius + 1)) >> 10) - radius
    return _clamped(place + offset, length)


@triton.jit
def _clamped(place, length):  # type: ignore[no-untyped-def]
    return tl.minimum(tl.maximum(place, 0), length - 1)


@triton.jit
def _unravel(index, size):  # type: ignore[no-untyped-def]
    line = index // size[2]
    t = line // size[1]
    return t, line - t * size[1], index - line * size[2]


@triton.jit
def _ravel(t, h, w, size):  # type: ignore[no-untyped-def]
    return (t * size[1] + h) * size[2] + w


@triton.jit
def _video(size, PH: tl.constexpr, PW: tl.constexpr):  # type: ignore[no-untyped-def]
    """The video around a grid of patches."""
    return size[0], size[1] + PH - 1, size[2] + PW - 1


@triton.jit
def _first_row(video, first, COLUMNS: tl.constexpr, UNITS: tl.constexpr):  # type: ignore[no-untyped-def]
    """(BLOCK, COLUMNS, UNITS) pointers to the voxels from `first` on, along w."""
    column, unit = tl.arange(0, COLUMNS)[None, :, None], tl.arange(0, UNITS)[None, None, :]
    return video + ((first[:, None, None] + column) * UNITS + unit)


@triton.jit
def _inside_row(inside, PW: tl.constexpr, COLUMNS: tl.constexpr):  # type: ignore[no-untyped-def]
    return inside[:, None, None] & (tl.arange(0, COLUMNS) < PW)[None, :, None]


@triton.jit
def _rows(  # type: ignore[no-untyped-def]
    row, mask, video_size, PT: tl.constexpr, PH: tl.constexpr, UNITS: tl.constexpr, KEEP: tl.constexpr
):  # fmt: skip
    """All rows of a program's own patches, if they are to stay in registers."""
    rows = ()
    if KEEP:
        for t in tl.static_range(PT):
            for h in tl.static_range(PH):
                rows = rows + (tl.load(row + _ravel(t, h, 0, video_size) * UNITS, mask=mask, other=0),)  # type: ignore[assignment]  # noqa: RUF005
    return rows


@triton.jit
def _squares(left, right, BYTES: tl.constexpr):  # type: ignore[no-untyped-def]
    """Squared differences of two units, float32; those of a unit's bytes are added."""
    if BYTES == 0:
        total = (left - right) * (left - right)
    else:
        total = tl.zeros(left.shape, tl.float32)
        for byte in tl.static_range(BYTES):
            difference = _level(left, byte) - _level(right, byte)
            total += difference * difference
    return total


@triton.jit
def _level(word, byte: tl.constexpr):  # type: ignore[no-untyped-def]
    """2^23 + a byte of the word, as a float, put together by bits: conversions are slow, and 2^23 cancels."""
    return (((word >> (8 * byte)) & 0xFF) | _TWO_TO_23).to(tl.float32, bitcast=True)


@triton.jit
def _sums(  # type: ignore[no-untyped-def]
    query_row, key_row, rows, query_video, key_video, factor, bound, active,
    PT: tl.constexpr, PH: tl.constexpr, PW: tl.constexpr, COLUMNS: tl.constexpr, UNITS: tl.constexpr,
    BYTES: tl.constexpr, BLOCK: tl.constexpr, KEEP: tl.constexpr,
):  # fmt: skip
    """Sums of squared differences of the patches whose first rows are given.

    Returns: (BLOCK,) float32 sums and bool, whether sum * factor < bound. Where it is not, the sum may be of part of
    the patch only; where not `active`, it means nothing.
    """
    total = tl.zeros((BLOCK,), tl.float32 if BYTES == 0 else tl.int32)
    for t in tl.static_range(PT):
        if tl.max(active.to(tl.int32), axis=0) > 0:
            mask = _inside_row(active, PW, COLUMNS)
            squares = tl.zeros((BLOCK, COLUMNS, UNITS), tl.float32)
            for h in tl.static_range(PH):
                if KEEP:
                    left = rows[t * PH + h]
                else:
                    left = tl.load(query_row + _ravel(t, h, 0, query_video) * UNITS, mask=mask, other=0)
                right = tl.load(key_row + _ravel(t, h, 0, key_video) * UNITS, mask=mask, other=0)
                squares += _squares(left, right, BYTES)
            total += tl.sum(tl.sum(squares.to(total.dtype), axis=2), axis=1)
            active = active & (total.to(tl.float32) * factor < bound)
    return total.to(tl.float32), active


@triton.jit(do_not_specialize=_SIZES)
def _measure(  # type: ignore[no-untyped-def]
    queries, keys, weights, query_t, query_h, query_w, key_t, key_h, key_w, index, costs, WEIGHTED: tl.constexpr,
    PT: tl.constexpr, PH: tl.constexpr, PW: tl.constexpr, COLUMNS: tl.constexpr, UNITS: tl.constexpr,
    BYTES: tl.constexpr, BLOCK: tl.constexpr, KEEP: tl.constexpr,
):  # fmt: skip
    """Fill `costs` with the costs of the keys in `index`."""
    query_size, key_size = (query_t, query_h, query_w), (key_t, key_h, key_w)
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = place < query_size[0] * query_size[1] * query_size[2]
    t, h, w = _unravel(place, query_size)
    query_video, key_video = _video(query_size, PH, PW), _video(key_size, PH, PW)
    query_row = _first_row(queries, _ravel(t, h, w, query_video), COLUMNS, UNITS)
    now = tl.load(index + place, mask=inside, other=0)
    t, h, w = _unravel(now, key_size)
    key_row = _first_row(keys, _ravel(t, h, w, key_video), COLUMNS, UNITS)
    cost, _ = _sums(
        query_row, key_row, (), query_video, key_video, 1.0, float("inf"), inside,
        PT, PH, PW, COLUMNS, UNITS, BYTES, BLOCK, False,
    )  # fmt: skip
    if WEIGHTED:
        cost *= tl.load(weights + now, mask=inside)
    tl.store(costs + place, cost, mask=inside)


@triton.jit(do_not_specialize=[*_SIZES, "seed", "sweep", "step", "radius"])
def _sweep(  # type: ignore[no-untyped-def]
    queries, keys, weights, query_t, query_h, query_w, key_t, key_h, key_w, index, costs, new_index, new_costs,
    seed, sweep, step, radius, WEIGHTED: tl.constexpr,
    PT: tl.constexpr, PH: tl.constexpr, PW: tl.constexpr, COLUMNS: tl.constexpr, UNITS: tl.constexpr,
    BYTES: tl.constexpr, BLOCK: tl.constexpr, KEEP: tl.constexpr,
):  # fmt: skip
    """One sweep over all queries: the best of the current key and 14 candidates (`SearchConfig` lists them)."""
    query_size, key_size = (query_t, query_h, query_w), (key_t, key_h, key_w)
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = place < query_size[0] * query_size[1] * query_size[2]
    t, h, w = _unravel(place, query_size)
    query_video, key_video = _video(query_size, PH, PW), _video(key_size, PH, PW)
    query_row = _first_row(queries, _ravel(t, h, w, query_video), COLUMNS, UNITS)
    rows = _rows(query_row, _inside_row(inside, PW, COLUMNS), query_video, PT, PH, UNITS, KEEP)
    random = _mix(_mix(seed.to(tl.uint32) + sweep.to(tl.uint32) * _GOLDEN) + place.to(tl.uint32))
    best = tl.load(index + place, mask=inside, other=0)
    cost = tl.load(costs + place, mask=inside, other=0)
    refused = best
    near_t, near_h, near_w = _unravel(best, key_size)
    for number in range(14):
        if number % 2 == 0:
            side = tl.where(number % 4 == 0, -step, step)
            near_t, near_h, near_w = _proposal(index, place, inside, t, h, w, number // 4, side, query_size, key_size)
        if number < 13:
            bits = _draw(random, tl.where(number == 12, 3, 4 + number // 2))
            reach = tl.where((number % 2 == 0) & (number < 12), 0, radius)  # every other one is the proposal itself
            try_t = _jittered(near_t, bits, reach, key_size[0])
            try_h = _jittered(near_h, bits >> 10, reach, key_size[1])
            try_w = _jittered(near_w, bits >> 20, reach, key_size[2])
        else:
            try_t = _below(_draw(random, number - 13), key_size[0])
            try_h = _below(_draw(random, number - 12), key_size[1])
            try_w = _below(_draw(random, number - 11), key_size[2])
        candidate = _ravel(try_t, try_h, try_w, key_size)
        # Neighbours often propose the same key: a query that knows the answer reads nothing.
        active = inside & (candidate != best) & (candidate != refused)
        factor = tl.load(weights + candidate, mask=active, other=0) if WEIGHTED else 1.0
        key_row = _first_row(keys, _ravel(try_t, try_h, try_w, key_video), COLUMNS, UNITS)
        total, better = _sums(
            query_row, key_row, rows, query_video, key_video, factor, cost, active,
            PT, PH, PW, COLUMNS, UNITS, BYTES, BLOCK, KEEP,
        )  # fmt: skip
        refused = tl.where(better | (number % 2 == 1), refused, candidate)
        best = tl.where(better, candidate, best)
        cost = tl.where(better, total * factor, cost)
    tl.store(new_index + place, best, mask=inside)
    tl.store(new_costs + place, cost, mask=inside)


@triton.jit
def _proposal(index, place, inside, t, h, w, axis, side, query_size, key_size):  # type: ignore[no-untyped-def]
    """The key that the neighbour at `side` along `axis` proposes, moved back; with axis 3 the query's own."""
    dt = tl.where(axis == 0, _clamped(t + side, query_size[0]) - t, 0)
    dh = tl.where(axis == 1, _clamped(h + side, query_size[1]) - h, 0)
    dw = tl.where(axis == 2, _clamped(w + side, query_size[2]) - w, 0)
    other = tl.load(index + place + _ravel(dt, dh, dw, query_size), mask=inside, other=0)
    key_t, key_h, key_w = _unravel(other, key_size)
    return _clamped(key_t - dt, key_size[0]), _clamped(key_h - dh, key_size[1]), _clamped(key_w - dw, key_size[2])
