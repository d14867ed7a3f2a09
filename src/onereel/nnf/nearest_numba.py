"""Exact nearest patches of a few thousand patches of one 8-bit clip among all patches of another, on the CPU.

Keys are sorted into leaves of patches that are alike: halves by the median of their coordinate along one principal
direction, halves of halves, and so on. A query visits leaves from the nearest box of coordinates on, until a box is
further away than the best key so far; in a leaf it compares coordinates (`projections`), and patches in full only where
those are near enough. Distances are sums of squared differences of bytes: whole numbers, so that nothing is lost.

All pairs of 5000 queries and a clip of 13x144x256 are 1.7e12 floating-point operations with 3x7x7 patches. Here the
coordinates of the keys are 5e9; of the pairs, 2 in 1000 are so near in them that they are compared in full (authors'
sample of SinFusion, fish), and far fewer where a sample is made of the clip's patches.
"""

import numpy as np
import torch
from numba import njit, prange

from onereel.nnf.field import Size
from onereel.nnf.problem_numba import problem_of
from onereel.nnf.projections import Projection
from onereel.nnf.rows_numba import rows_distance

_DIRECTIONS = 15
_ROUNDED = 1e4  # (b + e)^2 <= (1 + 1 / r) b^2 + (1 + r) e^2, for rounding e
_LEAF = 96  # keys in a leaf, at most
_FASTMATH = {"reassoc", "contract", "nsz"}


class Leaves:
    """All patches of a clip, sorted for searches.

    Attributes:
        order: (L, K) int32, flat indices of the keys of every leaf; the last ones may repeat.
        values: (L, R, K) float32, their short vectors.
        low, high: (R, L) float32, least and largest of each leaf.
    """

    def __init__(self, short: np.ndarray) -> None:
        """Sort keys by their short vectors (R, N)."""
        count = short.shape[1]
        depth = max(0, int(np.ceil(np.log2(count / _LEAF))))
        order = np.minimum(np.arange(-(-count // 2**depth) * 2**depth, dtype=np.int32), count - 1)[None]
        spread = short[:-1].std(axis=1)
        for _ in range(depth):
            axis = int(spread.argmax())
            spread[axis] /= 2  # a half spreads about half as wide
            half = order.shape[1] // 2
            part = np.argpartition(short[axis][order], half, axis=1)
            order = np.take_along_axis(order, part, axis=1).reshape(-1, half)
        self.order = order
        self.values = np.ascontiguousarray(short[:, order].swapaxes(0, 1))
        self.low, self.high = (np.ascontiguousarray(pick(self.values, axis=2).T) for pick in (np.min, np.max))


def nearest(queries: np.ndarray, positions: np.ndarray, keys: np.ndarray, patch: Size) -> np.ndarray:
    """Sums of squared differences (N,) int64, in grey levels, between patches and their nearest patches.

    Args:
        queries: (T, H, W, C) uint8.
        positions: (N, 3) int64, first voxels (t, h, w) of the query patches.
        keys: (T', H', W', C) uint8.
        patch: (pt, ph, pw); an extent times another times C at most 258, so that sums of a frame are exact.

    Raises: ValueError if the patch does not fit.
    """
    planes = [np.ascontiguousarray(video.transpose(3, 0, 1, 2)) for video in (queries, keys)]
    problem = problem_of(torch.from_numpy(planes[0]), torch.from_numpy(planes[1]), patch)
    centre = float(keys.mean())
    projection = Projection.learned(planes[1], patch, _DIRECTIONS)
    leaves = Leaves(projection.of_all(planes[1] - centre).reshape(-1, int(problem.key_size.prod())))
    short = projection.of_some(planes[0] - centre, positions)
    largest = max(float(np.abs(vectors).max()) for vectors in (short, leaves.low, leaves.high))
    error = 2 * np.sqrt(short.shape[1]) * np.finfo(np.float32).eps * largest
    best = np.empty(len(positions))
    _search(*problem, positions, short, leaves.order, leaves.values, leaves.low, leaves.high, error, best)
    return best.astype(np.int64)


@njit(cache=True, parallel=True)
def _search(  # type: ignore[no-untyped-def]
    queries, keys, weights, row, rows, frames, query_size, key_size, query_strides, key_strides,
    positions, short, order, values, low, high, error, best,
):  # fmt: skip
    slack = (1 + _ROUNDED) * error**2
    for query in prange(len(positions)):
        t, h, w = positions[query, 0], positions[query, 1], positions[query, 2]
        start, vector = _start(query_strides, t, h, w), short[query]
        t, h, w = min(t, key_size[0] - 1), min(h, key_size[1] - 1), min(w, key_size[2] - 1)
        nearest = _compare(queries, keys, row, rows, frames, query_strides, key_strides, start, t, h, w, np.inf)
        gaps, bounds = np.empty(len(order), np.float32), np.empty(order.shape[1], np.float32)
        _gaps(low, high, vector, gaps)
        first = gaps.argmin()
        # The first leaf brings the limit down; few are left to be sorted then.
        for turn in range(2):
            visit = np.full(1, first) if turn == 0 else np.nonzero(gaps < _limit(nearest, slack))[0]
            for leaf in visit[np.argsort(gaps[visit])]:
                if gaps[leaf] >= _limit(nearest, slack):
                    break
                if turn == 1 and leaf == first:
                    continue
                _squares(values[leaf], vector, bounds)
                for place in range(len(bounds)):
                    if bounds[place] >= _limit(nearest, slack):
                        continue
                    key = order[leaf, place]
                    t, h, w = key // (key_size[1] * key_size[2]), key // key_size[2] % key_size[1], key % key_size[2]
                    nearest = min(nearest, _compare(
                        queries, keys, row, rows, frames, query_strides, key_strides, start, t, h, w, nearest
                    ))  # fmt: skip
        best[query] = nearest


@njit(cache=True, forceinline=True)
def _start(strides, t, h, w):  # type: ignore[no-untyped-def]
    return t * strides[0] + h * strides[1] + w * strides[2]


@njit(cache=True, forceinline=True)
def _limit(nearest, slack):  # type: ignore[no-untyped-def]
    """What a squared distance of short vectors reaches where that of patches is sure to reach `nearest`."""
    return (1 + 1 / _ROUNDED) * nearest + slack if nearest > 0 else 0.0


@njit(cache=True, forceinline=True)
def _compare(queries, keys, row, rows, frames, query_strides, key_strides, start, t, h, w, bound):  # type: ignore[no-untyped-def]
    """Sum of squared differences, or any number >= bound as soon as it is sure to reach that."""
    key, total = _start(key_strides, t, h, w), 0.0
    for frame in range(frames):
        query_frame, key_frame = start + frame * query_strides[0], key + frame * key_strides[0]
        total += rows_distance(queries, query_frame, query_strides[1], keys, key_frame, key_strides[1], row, rows)
        if total >= bound:
            break
    return total


@njit(cache=True, fastmath=_FASTMATH)
def _gaps(low, high, vector, out):  # type: ignore[no-untyped-def]
    """Squared distances from a short vector to the boxes of all leaves."""
    out[:] = 0
    for axis in range(len(vector)):
        value, lows, highs = vector[axis], low[axis], high[axis]
        for leaf in range(len(out)):
            gap = max(max(lows[leaf] - value, value - highs[leaf]), np.float32(0))
            out[leaf] += gap * gap


@njit(cache=True, fastmath=_FASTMATH)
def _squares(values, vector, out):  # type: ignore[no-untyped-def]
    """Squared distances from a short vector to all of a leaf."""
    out[:] = 0
    for axis in range(len(vector)):
        value, others = vector[axis], values[axis]
        for place in range(len(out)):
            gap = others[place] - value
            out[place] += gap * gap
