"""PatchMatch on the CPU: one fused kernel that reads patches in place, in parallel over queries.

Videos lie channels last, so that a patch is pt * ph contiguous runs of pw * C floats. The sum over a run is written as
vector code, because loops of so few steps would be compiled to scalar code; sums stop as soon as they exceed the best
cost so far. Memory: a copy of each video and 16 bytes per query twice; nothing is ever unfolded.

Every sweep reads one buffer and writes another, and draws its random numbers from a hash of (seed, sweep, query,
draw); so the result depends neither on the number of threads nor on their order.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from llvmlite import ir
from numba import njit, prange, types
from numba.core import cgutils
from numba.extending import intrinsic
from torch import Tensor

from onereel.nnf.draws import GOLDEN, MIX_1, MIX_2
from onereel.nnf.field import Field, Size, grid_size, ravel
from onereel.nnf.settings import SearchConfig

_LANES = 16  # floats of a 512-bit vector; narrower machines split it
_FASTMATH = {"reassoc", "contract", "nsz"}  # sums may be reordered; infinity keeps its meaning

_LOW32, _LOW10 = np.uint64(0xFFFFFFFF), np.uint64(0x3FF)
_MIX_1, _MIX_2, _GOLDEN = np.uint64(MIX_1), np.uint64(MIX_2), np.uint64(GOLDEN)
_10, _12, _15, _20, _32 = (np.uint64(bits) for bits in (10, 12, 15, 20, 32))


class Problem(NamedTuple):
    """What the kernels read.

    Attributes:
        queries, keys: flat channels-last videos, padded by a vector so that a masked read never leaves them.
        query_runs, key_runs: (pt * ph,) where each run of a patch starts, counted from the patch's first float.
        weights: (Tk * Hk * Wk,) factor on the distance per key; empty for none.
        run: an empty array of byte strings as long as a run: the compiler knows a dtype, and so the number of steps.
        query_size, key_size: (3,) grids of valid positions.
        query_strides, key_strides: (3,) floats between neighbours along t, h, w.
    """

    queries: np.ndarray
    keys: np.ndarray
    query_runs: np.ndarray
    key_runs: np.ndarray
    weights: np.ndarray
    run: np.ndarray
    query_size: np.ndarray
    key_size: np.ndarray
    query_strides: np.ndarray
    key_strides: np.ndarray


def patchmatch(
    queries: Tensor,
    keys: Tensor,
    patch: Size,
    config: SearchConfig,
    *,
    weights: Tensor | None,
    initial: Tensor | None,
    seed: int,
) -> Field:
    """Approximate field of `queries` in `keys`; arguments as in `onereel.nnf.search`, checked there.

    Args:
        queries: (C, T, H, W) float32 on the CPU.
        keys: (C, T', H', W') float32 on the CPU.
        patch: (pt, ph, pw).
        config: sweeps, steps and radii.
        weights: (Tk, Hk, Wk) factor per key, or None.
        initial: (Tq, Hq, Wq, 3) positions to start from, or None for random ones.
        seed: 32-bit seed of all draws.
    """
    problem = _problem(queries, keys, patch, weights)
    count = int(problem.query_size.prod())
    positions = np.empty((count, 3), np.int32)
    if initial is None:
        _draw_start(positions, problem.key_size, np.uint64(seed))
    else:
        positions[:] = initial.reshape(count, 3).numpy()
    costs = np.empty(count, np.float32)
    _evaluate(*problem, positions, costs)
    spare_positions, spare_costs = np.empty_like(positions), np.empty_like(costs)
    for sweep, (step, radius) in enumerate(config.schedule(), start=1):
        _sweep(*problem, positions, costs, spare_positions, spare_costs, np.uint64(seed), sweep, step, radius)
        positions, spare_positions = spare_positions, positions
        costs, spare_costs = spare_costs, costs
    if weights is not None:
        _evaluate(*problem._replace(weights=np.empty(0, np.float32)), positions, costs)
    return _field(problem, positions, costs, elements=queries.shape[0] * int(np.prod(patch)))


def _problem(queries: Tensor, keys: Tensor, patch: Size, weights: Tensor | None) -> Problem:
    query_strides, key_strides = (_strides(video) for video in (queries, keys))
    sizes = [grid_size(tuple(video.shape[1:]), patch) for video in (queries, keys)]  # type: ignore[arg-type]
    return Problem(
        queries=_flat(queries),
        keys=_flat(keys),
        query_runs=_runs(query_strides, patch),
        key_runs=_runs(key_strides, patch),
        weights=np.empty(0, np.float32) if weights is None else weights.reshape(-1).contiguous().numpy(),
        run=np.empty(0, f"S{patch[2] * queries.shape[0]}"),
        query_size=np.array(sizes[0], np.int64),
        key_size=np.array(sizes[1], np.int64),
        query_strides=query_strides,
        key_strides=key_strides,
    )


def _flat(video: Tensor) -> np.ndarray:
    flat = np.zeros(video.numel() + _LANES, np.float32)
    flat[: video.numel()] = video.permute(1, 2, 3, 0).reshape(-1).numpy()
    return flat


def _strides(video: Tensor) -> np.ndarray:
    channels, _, height, width = video.shape
    return np.array([height * width * channels, width * channels, channels], np.int64)


def _runs(strides: np.ndarray, patch: Size) -> np.ndarray:
    # In the order of memory: spreading them out tells bad candidates a little sooner, but reads slower.
    return np.array([t * strides[0] + h * strides[1] for t in range(patch[0]) for h in range(patch[1])], np.uintp)


def _field(problem: Problem, positions: np.ndarray, costs: np.ndarray, *, elements: int) -> Field:
    query_size, key_size = (tuple(size.tolist()) for size in (problem.query_size, problem.key_size))
    index = ravel(torch.from_numpy(positions).long(), key_size)
    distance = torch.from_numpy(costs) / elements
    return Field(index.reshape(query_size), distance.reshape(query_size), key_size)


@intrinsic
def _run_distance(typing_context: Any, queries: Any, query: Any, keys: Any, key: Any, run: Any) -> Any:
    """Sum of squared differences of a run of floats from queries[query] and keys[key] on, as vector instructions."""
    length = run.dtype.count
    signature = types.float32(queries, types.uintp, keys, types.uintp, run)
    vector = ir.VectorType(ir.FloatType(), _LANES)

    def load(builder: Any, start: Any, offset: int) -> Any:
        pointer = builder.gep(start, [ir.Constant(ir.IntType(64), offset)])
        value = builder.load(builder.bitcast(pointer, vector.as_pointer()), typ=vector)
        value.align = 4
        return value

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        arrays = [context.make_array(signature.args[i])(context, builder, args[i]) for i in (0, 2)]
        starts = [builder.gep(array.data, [args[i]]) for array, i in zip(arrays, (1, 3), strict=True)]
        total = ir.Constant(vector, [0.0] * _LANES)
        for offset in range(0, length, _LANES):
            difference = builder.fsub(load(builder, starts[0], offset), load(builder, starts[1], offset))
            if length - offset < _LANES:
                inside = ir.Constant(ir.VectorType(ir.IntType(1), _LANES), [offset + i < length for i in range(_LANES)])
                difference = builder.select(inside, difference, ir.Constant(vector, [0.0] * _LANES))
            square = builder.fmul(difference, difference, flags=("contract",))
            total = builder.fadd(total, square, flags=("contract", "reassoc", "nsz"))
        kind = ir.FunctionType(ir.FloatType(), [ir.FloatType(), vector])
        add = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.fadd.v{_LANES}f32")
        return builder.call(add, [ir.Constant(ir.FloatType(), 0.0), total], fastmath=("reassoc",))

    return signature, generate


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


@njit(cache=True, parallel=True)
def _draw_start(positions, size, seed):  # type: ignore[no-untyped-def]
    stage = _mix(seed)
    for query in prange(positions.shape[0]):
        key = _mix(stage + np.uint64(query))
        for axis in range(3):
            positions[query, axis] = _below(_draw(key, axis), size[axis])


# The kernels take every array as an argument of its own and keep to scalars inside: handing over a tuple of arrays, or
# slicing one, counts references atomically per query, which costs more than the search.


@njit(cache=True, fastmath=_FASTMATH, forceinline=True)
def _cost(queries, keys, query_runs, key_runs, weights, run, query, key, index, bound):  # type: ignore[no-untyped-def]
    """Weighted sum of squared differences, or any number >= bound as soon as it is sure to reach that.

    `query` and `key` are where the patches start in the flat videos, `index` is the key's in `weights`.
    """
    weight = weights[index] if weights.size else np.float32(1)
    total = np.float32(0)
    for i in range(query_runs.size):
        total += weight * _run_distance(queries, query + query_runs[i], keys, key + key_runs[i], run)
        if total >= bound:
            break
    return total


@njit(cache=True, forceinline=True)
def _flat_index(size, t, h, w):  # type: ignore[no-untyped-def]
    return (t * size[1] + h) * size[2] + w


@njit(cache=True, forceinline=True)
def _start(strides, t, h, w):  # type: ignore[no-untyped-def]
    return np.uintp(t * strides[0] + h * strides[1] + w * strides[2])


@njit(cache=True, fastmath=_FASTMATH, parallel=True)
def _evaluate(  # type: ignore[no-untyped-def]
    queries,
    keys,
    query_runs,
    key_runs,
    weights,
    run,
    query_size,
    key_size,
    query_strides,
    key_strides,
    positions,
    costs,
):
    """Fill `costs` with the costs of `positions`."""
    for row in prange(query_size[0] * query_size[1]):
        for w in range(query_size[2]):
            place = row * query_size[2] + w
            start = _start(query_strides, row // query_size[1], row % query_size[1], w)
            t, h, x = np.int64(positions[place, 0]), np.int64(positions[place, 1]), np.int64(positions[place, 2])
            index, key = _flat_index(key_size, t, h, x), _start(key_strides, t, h, x)
            bound = np.float32(np.inf)
            costs[place] = _cost(queries, keys, query_runs, key_runs, weights, run, start, key, index, bound)


@njit(cache=True, forceinline=True)
def _proposal(positions, query_size, key_size, t, h, w, axis, step):  # type: ignore[no-untyped-def]
    """The key that the neighbour at `step` along `axis` proposes: its own, moved back by the same displacement."""
    dt = min(max(t + step, 0), query_size[0] - 1) - t if axis == 0 else 0
    dh = min(max(h + step, 0), query_size[1] - 1) - h if axis == 1 else 0
    dw = min(max(w + step, 0), query_size[2] - 1) - w if axis == 2 else 0
    other = _flat_index(query_size, t + dt, h + dh, w + dw)
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
    queries, keys, query_runs, key_runs, weights, run, query_size, key_size, query_strides, key_strides,
    positions, costs, new_positions, new_costs, seed, sweep, step, radius,
):  # fmt: skip
    """One sweep over all queries: the best of the current key and 14 candidates (`SearchConfig` lists them)."""
    stage = _mix(seed + np.uint64(sweep) * _GOLDEN)
    for row in prange(query_size[0] * query_size[1]):
        t, h = row // query_size[1], row % query_size[1]
        for w in range(query_size[2]):
            place = row * query_size[2] + w
            random, start = _mix(stage + np.uint64(place)), _start(query_strides, t, h, w)
            now = np.int64(positions[place, 0]), np.int64(positions[place, 1]), np.int64(positions[place, 2])
            near, best, best_cost = now, now, costs[place]
            for number in range(14):
                if number < 12 and number % 2 == 0:
                    side = -step if number % 4 == 0 else step
                    near = _proposal(positions, query_size, key_size, t, h, w, number // 4, side)
                    candidate = near
                elif number < 12:
                    candidate = _jittered(key_size, _draw(random, 4 + number // 2), radius, near[0], near[1], near[2])
                elif number == 12:
                    candidate = _jittered(key_size, _draw(random, 3), radius, now[0], now[1], now[2])
                else:
                    candidate = _uniform(key_size, random)
                if candidate == best:
                    continue
                index = _flat_index(key_size, candidate[0], candidate[1], candidate[2])
                key = _start(key_strides, candidate[0], candidate[1], candidate[2])
                cost = _cost(queries, keys, query_runs, key_runs, weights, run, start, key, index, best_cost)
                if cost < best_cost:
                    best_cost, best = cost, candidate
            new_costs[place] = best_cost
            for axis in range(3):
                new_positions[place, axis] = best[axis]
