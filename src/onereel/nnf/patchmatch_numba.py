"""PatchMatch on the CPU: one fused kernel that reads patches in place, in parallel over queries.

Videos lie channels last, so that the rows of a patch are runs of consecutive elements; a candidate's sum of squares
stops after the frame of the patch in which it exceeds the best cost so far. Memory: a copy of each video and 16 bytes
per query twice; nothing is ever unfolded. Videos of bytes take a quarter of the time of floats per distance.

Every sweep reads one buffer and writes another, and draws its random numbers from a hash of (seed, sweep, query,
draw); so the result depends neither on the number of threads nor on their order.
"""

import numpy as np
import torch
from numba import njit, prange
from torch import Tensor

from onereel.nnf.draws import GOLDEN, MIX_1, MIX_2
from onereel.nnf.field import Field, Size, ravel
from onereel.nnf.problem_numba import Problem, bytes_of, problem_of
from onereel.nnf.rows_numba import rows_distance
from onereel.nnf.settings import SearchConfig

_FASTMATH = {"reassoc", "contract", "nsz"}  # sums may be reordered; infinity keeps its meaning
_ROUNDING = np.float32(3e-4)  # of a sum of squares in float32, and of levels that are rounded themselves

_LOW32, _LOW10 = np.uint64(0xFFFFFFFF), np.uint64(0x3FF)
_MIX_1, _MIX_2, _GOLDEN = np.uint64(MIX_1), np.uint64(MIX_2), np.uint64(GOLDEN)
_10, _12, _15, _20, _32 = (np.uint64(bits) for bits in (10, 12, 15, 20, 32))


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
    """Approximate field of `queries` in `keys`; arguments as in `onereel.nnf.search`, checked there.

    Args:
        queries: (C, T, H, W) float32 or uint8 on the CPU.
        keys: (C, T', H', W') of the same dtype on the CPU.
        patch: (pt, ph, pw).
        config: sweeps, steps and radii.
        weights: (Tk, Hk, Wk) factor per key, infinite where a key must not be taken; or None.
        start: (Tq, Hq, Wq) int64, flat index of the key that every query starts from.
        seed: 32-bit seed of all draws.

    Returns: the field, with distances in squared units of the videos as they came.
    """
    problem = problem_of(queries, keys, patch, weights)
    count = int(problem.query_size.prod())
    positions, costs = np.empty((count, 3), np.int32), np.empty(count, np.float32)
    _unravel(start.reshape(-1).numpy(), problem.key_size, positions)
    _evaluate(*problem, positions, costs)
    spare_positions, spare_costs = np.empty_like(positions), np.empty_like(costs)
    levels, changed = bytes_of(queries, keys, patch), np.zeros(count, np.int32)
    for sweep, (step, radius) in enumerate(config.schedule(), start=1):
        _sweep(
            *problem, *levels, positions, costs, spare_positions, spare_costs, changed,
            np.uint64(seed), sweep, step, radius, len(config.steps),
        )  # fmt: skip
        positions, spare_positions = spare_positions, positions
        costs, spare_costs = spare_costs, costs
    if weights is not None:
        _evaluate(*problem._replace(weights=np.empty(0, np.float32)), positions, costs)
    return _field(problem, positions, costs, elements=queries.shape[0] * int(np.prod(patch)))


def _field(problem: Problem, positions: np.ndarray, costs: np.ndarray, *, elements: int) -> Field:
    query_size, key_size = (tuple(size.tolist()) for size in (problem.query_size, problem.key_size))
    index = ravel(torch.from_numpy(positions).long(), key_size)
    distance = torch.from_numpy(costs) / elements
    return Field(index.reshape(query_size), distance.reshape(query_size), key_size)


@njit(cache=True, parallel=True)
def _unravel(index, size, positions):  # type: ignore[no-untyped-def]
    for query in prange(index.size):
        positions[query, 0] = index[query] // (size[1] * size[2])
        positions[query, 1] = index[query] // size[2] % size[1]
        positions[query, 2] = index[query] % size[2]


@njit(cache=True, forceinline=True)
def _mix(x):  # type: ignore[no-untyped-def]
    """As `draws.mix`; every operand is uint64, because numba turns mixed signs into floats."""
    x = x & _LOW32
    x = x ^ (x >> _15)
    x = (x * _MIX_1) & _LOW32
    x = x ^ (x >> _12)
    x = (x * _MIX_2) & _LOW32
    return x ^ (x >> _15)


@njit(cache=True, forceinline=True)
def _draw(key, number):  # type: ignore[no-untyped-def]
    return _mix(key + np.uint64(number) * _GOLDEN)


@njit(cache=True, forceinline=True)
def _below(bits, limit):  # type: ignore[no-untyped-def]
    return np.int64((bits * np.uint64(limit)) >> _32)


@njit(cache=True, forceinline=True)
def _clamped_jitter(bits, radius, length, place):  # type: ignore[no-untyped-def]
    """`place` moved by -radius..radius from ten low bits, clamped to 0..length-1."""
    offset = np.int64(((bits & _LOW10) * np.uint64(2 * radius + 1)) >> _10) - radius
    return min(max(place + offset, 0), length - 1)


# The kernels take every array as an argument of its own and keep to scalars inside: handing over a tuple of arrays, or
# slicing one, counts references atomically per query, which costs more than the search.


@njit(cache=True, fastmath=_FASTMATH, forceinline=True)
def _cost(  # type: ignore[no-untyped-def]
    queries, keys, weights, row, rows, frames, query_strides, key_strides, query, key, index, bound
):  # fmt: skip
    """Weighted sum of squared differences, or any number >= bound as soon as it is sure to reach that.

    `query` and `key` are where the patches start in the flat videos, `index` is the key's in `weights`.
    """
    weight = weights[index] if weights.size else np.float32(1)
    total = np.float32(0)
    for frame in range(frames):
        query_frame, key_frame = query + frame * query_strides[0], key + frame * key_strides[0]
        total += weight * rows_distance(
            queries, query_frame, query_strides[1], keys, key_frame, key_strides[1], row, rows
        )
        if total >= bound:
            break
    return total


@njit(cache=True, fastmath=_FASTMATH, forceinline=True)
def _whole_cost(  # type: ignore[no-untyped-def]
    queries, keys, weights, row, rows, frames, query_strides, key_strides, query, key, index
):  # fmt: skip
    """`_cost` without a bound, and without a branch."""
    total = np.float32(0)
    for frame in range(frames):
        query_frame, key_frame = query + frame * query_strides[0], key + frame * key_strides[0]
        total += rows_distance(queries, query_frame, query_strides[1], keys, key_frame, key_strides[1], row, rows)
    return total * weights[index] if weights.size else total


@njit(cache=True, forceinline=True)
def _flat_index(size, t, h, w):  # type: ignore[no-untyped-def]
    return (t * size[1] + h) * size[2] + w


@njit(cache=True, forceinline=True)
def _start(strides, t, h, w):  # type: ignore[no-untyped-def]
    return t * strides[0] + h * strides[1] + w * strides[2]


@njit(cache=True, fastmath=_FASTMATH, parallel=True)
def _evaluate(  # type: ignore[no-untyped-def]
    queries, keys, weights, row, rows, frames, query_size, key_size, query_strides, key_strides, positions, costs
):  # fmt: skip
    """Fill `costs` with the costs of `positions`."""
    for line in prange(query_size[0] * query_size[1]):
        for w in range(query_size[2]):
            place = line * query_size[2] + w
            start = _start(query_strides, line // query_size[1], line % query_size[1], w)
            t, h, x = np.int64(positions[place, 0]), np.int64(positions[place, 1]), np.int64(positions[place, 2])
            index, key = _flat_index(key_size, t, h, x), _start(key_strides, t, h, x)
            costs[place] = _cost(
                queries, keys, weights, row, rows, frames, query_strides, key_strides, start, key, index,
                np.float32(np.inf),
            )  # fmt: skip


@njit(cache=True, forceinline=True)
def _neighbour(query_size, t, h, w, axis, step):  # type: ignore[no-untyped-def]
    """How far off the neighbour at `step` along `axis` is: less than that at the border."""
    return (
        min(max(t + step, 0), query_size[0] - 1) - t if axis == 0 else 0,
        min(max(h + step, 0), query_size[1] - 1) - h if axis == 1 else 0,
        min(max(w + step, 0), query_size[2] - 1) - w if axis == 2 else 0,
    )


@njit(cache=True, forceinline=True)
def _proposal(positions, key_size, other, dt, dh, dw):  # type: ignore[no-untyped-def]
    """The key that the query `other` proposes to the one from which it is (dt, dh, dw) away: its own, moved back."""
    return (
        min(max(np.int64(positions[other, 0]) - dt, 0), key_size[0] - 1),
        min(max(np.int64(positions[other, 1]) - dh, 0), key_size[1] - 1),
        min(max(np.int64(positions[other, 2]) - dw, 0), key_size[2] - 1),
    )


@njit(cache=True, forceinline=True)
def _jittered(key_size, bits, radius, t, h, w):  # type: ignore[no-untyped-def]
    return (
        _clamped_jitter(bits, radius, key_size[0], t),
        _clamped_jitter(bits >> _10, radius, key_size[1], h),
        _clamped_jitter(bits >> _20, radius, key_size[2], w),
    )


@njit(cache=True, forceinline=True)
def _uniform(key_size, random):  # type: ignore[no-untyped-def]
    return (
        _below(_draw(random, 0), key_size[0]),
        _below(_draw(random, 1), key_size[1]),
        _below(_draw(random, 2), key_size[2]),
    )


@njit(cache=True, fastmath=_FASTMATH, parallel=True)
def _sweep(  # type: ignore[no-untyped-def]
    queries, keys, weights, row, rows, frames, query_size, key_size, query_strides, key_strides,
    byte_queries, byte_keys, byte_row, byte_query_strides, byte_key_strides, byte_unit,
    positions, costs, new_positions, new_costs, changed, seed, sweep, step, radius, period,
):  # fmt: skip
    """One sweep over all queries: the best of the current key and 14 candidates (`SearchConfig` lists them).

    Where there are bytes, they refuse what is further away by more than rounding, and only the rest is decided by the
    videos themselves.
    """
    stage = _mix(seed + np.uint64(sweep) * _GOLDEN)
    key_frame, key_row = key_strides[0] // key_strides[2], key_strides[1] // key_strides[2]  # voxels
    scale = (1 + _ROUNDING) / byte_unit if byte_unit else np.float32(1)
    for line in prange(query_size[0] * query_size[1]):
        t, h = line // query_size[1], line % query_size[1]
        index, voxels, rough = np.empty(14, np.int64), np.empty(14, np.int64), np.zeros(14, np.float32)
        for w in range(query_size[2]):
            place = line * query_size[2] + w
            best, best_cost = -1, costs[place]
            _candidates(
                positions, changed, query_size, key_size, key_frame, key_row, _mix(stage + np.uint64(place)), t, h, w,
                sweep, step, radius, period, index, voxels,
            )  # fmt: skip
            if byte_unit and best_cost > 0:  # all at once: a branch that is guessed wrong costs as much as a distance
                start = _start(byte_query_strides, t, h, w)
                for number in range(14):
                    if index[number] >= 0:
                        rough[number] = _whole_cost(
                            byte_queries, byte_keys, weights, byte_row, rows, frames, byte_query_strides,
                            byte_key_strides, start, voxels[number] * byte_key_strides[2], index[number],
                        )  # fmt: skip
            start = _start(query_strides, t, h, w)
            refused = -1
            for number in range(14 if best_cost > 0 else 0):
                if index[number] < 0 or index[number] == refused or rough[number] >= best_cost * scale:
                    continue
                cost = _cost(
                    queries, keys, weights, row, rows, frames, query_strides, key_strides,
                    start, voxels[number] * key_strides[2], index[number], best_cost,
                )  # fmt: skip
                if cost < best_cost:
                    best_cost, best = cost, index[number]
                else:
                    refused = index[number]  # neighbours often propose the same key
            new_costs[place] = best_cost
            if best >= 0:
                changed[place] = sweep
                new_positions[place, 0] = best // (key_size[1] * key_size[2])
                new_positions[place, 1] = best // key_size[2] % key_size[1]
                new_positions[place, 2] = best % key_size[2]
            else:
                for axis in range(3):
                    new_positions[place, axis] = positions[place, axis]


@njit(cache=True, forceinline=True)
def _candidates(  # type: ignore[no-untyped-def]
    positions, changed, query_size, key_size, key_frame, key_row, random, t, h, w, sweep, step, radius, period,
    index, voxels,
):  # fmt: skip
    """Fill in the 14 candidates of a query: flat index in the grid of keys, and the voxel where the patch starts.

    The index is -1 for the current key, and for what a neighbour proposes that has not `changed` (in which sweep, per
    query) since the last sweep of this step, `period` sweeps ago: it was refused then, or taken.
    """
    place = _flat_index(query_size, t, h, w)
    now = np.int64(positions[place, 0]), np.int64(positions[place, 1]), np.int64(positions[place, 2])
    near, known = now, False
    for number in range(14):
        known = False
        if number < 12 and number % 2 == 0:
            off = _neighbour(query_size, t, h, w, number // 4, -step if number % 4 == 0 else step)
            other = _flat_index(query_size, t + off[0], h + off[1], w + off[2])
            candidate = near = _proposal(positions, key_size, other, off[0], off[1], off[2])
            known = changed[other] < sweep - period
        elif number < 12:
            candidate = _jittered(key_size, _draw(random, 4 + number // 2), radius, near[0], near[1], near[2])
        elif number == 12:
            candidate = _jittered(key_size, _draw(random, 3), radius, now[0], now[1], now[2])
        else:
            candidate = _uniform(key_size, random)
        known = known or candidate == now
        index[number] = -1 if known else _flat_index(key_size, candidate[0], candidate[1], candidate[2])
        voxels[number] = candidate[0] * key_frame + candidate[1] * key_row + candidate[2]
