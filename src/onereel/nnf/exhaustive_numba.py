"""Exact search on the CPU, without ever comparing two patches as such.

For one displacement d, the distances of all queries q to the keys q + d are a box sum of squared voxel differences:
one pass over the video in long vector loops, a few additions per pair instead of pt * ph * pw * C. So every
displacement is visited once and the best kept. Memory: a best cost and index per query for each of a fixed number of
shares of the displacements (fixed, so that ties fall alike whatever the number of threads), and a few frames of sums.
"""

import numpy as np
import torch
from numba import njit, prange
from torch import Tensor

from onereel.nnf.field import Field, Size, grid_size

_SHARES = 16
_FASTMATH = {"reassoc", "contract", "nsz"}


def exhaustive(queries: Tensor, keys: Tensor, patch: Size, *, weights: Tensor | None) -> Field:
    """Exact field of `queries` in `keys`; arguments as in `onereel.nnf.search`, checked there.

    Args:
        queries: (C, T, H, W) float32 on the CPU.
        keys: (C, T', H', W') float32 on the CPU.
        patch: (pt, ph, pw).
        weights: (Tk, Hk, Wk) factor per key, or None.
    """
    query_size, key_size = (grid_size(tuple(video.shape[1:]), patch) for video in (queries, keys))  # type: ignore[arg-type]
    factors = np.ones(key_size, np.float32) if weights is None else weights.contiguous().numpy()
    costs = np.full((_SHARES, *query_size), np.inf, np.float32)
    index = np.zeros((_SHARES, *query_size), np.int64)
    _search(queries.contiguous().numpy(), keys.contiguous().numpy(), patch, factors, costs, index)
    share = costs.argmin(axis=0)[None]
    best = torch.from_numpy(np.take_along_axis(index, share, axis=0)[0])
    cost = torch.from_numpy(np.take_along_axis(costs, share, axis=0)[0])
    if weights is not None:
        cost = cost / weights.reshape(-1)[best]
    return Field(best, cost / (queries.shape[0] * int(np.prod(patch))), key_size)


@njit(cache=True, parallel=True)
def _search(queries, keys, patch, factors, costs, index):  # type: ignore[no-untyped-def]
    _, query_rows, query_columns = costs.shape[1:]
    query_frames = costs.shape[1]
    key_frames, key_rows, key_columns = factors.shape
    pairs_h = query_rows + key_rows - 1
    pairs = (query_frames + key_frames - 1) * pairs_h
    for share in prange(costs.shape[0]):
        columns = queries.shape[3]
        line = np.empty(columns, np.float32)
        lines = np.empty((queries.shape[2], columns), np.float32)
        planes = np.empty((patch[0], query_rows, columns), np.float32)
        for pair in range(share, pairs, costs.shape[0]):
            dt, dh = pair // pairs_h - (query_frames - 1), pair % pairs_h - (query_rows - 1)
            for dw in range(1 - query_columns, key_columns):
                _displace(queries, keys, patch, factors, costs[share], index[share], line, lines, planes, dt, dh, dw)


@njit(cache=True)
def _displace(queries, keys, patch, factors, costs, index, line, lines, planes, dt, dh, dw):  # type: ignore[no-untyped-def]
    """Visit every pair (query, query + d) and keep what is better."""
    t0, t1 = max(0, -dt), min(costs.shape[0], factors.shape[0] - dt)
    h0, h1 = max(0, -dh), min(costs.shape[1], factors.shape[1] - dh)
    w0, w1 = max(0, -dw), min(costs.shape[2], factors.shape[2] - dw)
    for t in range(t0, t1 + patch[0] - 1):
        for h in range(h0, h1 + patch[1] - 1):
            _squares(queries, keys, t, h, w0, dt, dh, dw, line[: w1 - w0 + patch[2] - 1])
            _box(line, lines[h], w1 - w0, patch[2])
        plane = planes[t % patch[0]]
        for h in range(h0, h1):
            _sum_rows(lines, h, patch[1], plane[h, : w1 - w0])
        first = t - patch[0] + 1
        if first < t0:
            continue
        for h in range(h0, h1):
            place = ((first + dt) * factors.shape[1] + h + dh) * factors.shape[2] + w0 + dw
            weights = factors[first + dt, h + dh, w0 + dw : w1 + dw]
            _keep(planes, h, weights, place, costs[first, h, w0:w1], index[first, h, w0:w1])


@njit(cache=True, fastmath=_FASTMATH)
def _squares(queries, keys, t, h, w, dt, dh, dw, out):  # type: ignore[no-untyped-def]
    out[:] = 0
    for channel in range(queries.shape[0]):
        left = queries[channel, t, h, w : w + out.size]
        right = keys[channel, t + dt, h + dh, w + dw : w + dw + out.size]
        for x in range(out.size):
            difference = left[x] - right[x]
            out[x] += difference * difference


@njit(cache=True, fastmath=_FASTMATH)
def _box(line, out, count, extent):  # type: ignore[no-untyped-def]
    for x in range(count):
        out[x] = line[x]
    for shift in range(1, extent):
        moved = line[shift : shift + count]
        for x in range(count):
            out[x] += moved[x]


@njit(cache=True, fastmath=_FASTMATH)
def _sum_rows(lines, first, extent, out):  # type: ignore[no-untyped-def]
    top = lines[first]
    for x in range(out.size):
        out[x] = top[x]
    for row in range(first + 1, first + extent):
        values = lines[row]
        for x in range(out.size):
            out[x] += values[x]


@njit(cache=True, fastmath=_FASTMATH)
def _keep(planes, row, weights, place, costs, index):  # type: ignore[no-untyped-def]
    for x in range(costs.size):
        total = np.float32(0)
        for frame in range(planes.shape[0]):
            total += planes[frame, row, x]
        total *= weights[x]
        better = total < costs[x]
        costs[x] = total if better else costs[x]
        index[x] = place + x if better else index[x]
