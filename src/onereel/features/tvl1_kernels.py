"""The inner loops of `onereel.features.tvl1`, compiled: pairs of frames side by side, one pair a thread.

A sweep goes over a frame row by row and writes the flow where it read it: a row's duals need that row and the one
below, and its new flow needs the duals of that row and the one above, so what is overwritten has been read. A loop over
a row writes one array and reads few: of more the compiler cannot prove that they are apart, and computes pixel by
pixel. So it does where a division might raise an error.
"""

from typing import Any

import numpy as np
from numba import njit, prange

_FAST = {"contract", "reassoc", "nsz", "arcp", "nnan", "ninf"}  # all values are finite
_STEP = np.float32(0.25)  # of the duals; stable up to a half by the number of axes
_TWICE = 2  # dual steps of a sweep
# Added to what is squared: gradients fade towards zero where nothing moves, and numbers below 1e-38 are slow.
_TINY = np.float32(1e-30)
_ZERO, _ONE, _HALF = np.float32(0), np.float32(1), np.float32(0.5)


@njit(parallel=True, nogil=True, cache=True)
def solve(
    first: Any, second: Any, flow: Any, warps: int, sweeps: int, most: Any, tightness: Any, tolerance: float
) -> None:
    """Refine the flow of pairs at one level of the pyramid, in place.

    Args:
        first: (N, H, W) float32, H and W >= 2.
        second: the same of the other pictures.
        flow: (N, 2, H, W) pixels, y and x; start and result.
        warps: how often the second picture is read along the flow, at most.
        sweeps: fixed-point steps after each.
        most: how many gradients the data move a pixel's flow at most: attachment * tightness.
        tightness: of the coupling between the flow that fits the data and the smooth one.
        tolerance: summed squared change of the flow in a warp below which it is the last.
    """
    for pair in prange(len(first)):
        _solve_pair(first[pair], second[pair], flow[pair], warps, sweeps, most, tightness, tolerance)


@njit(nogil=True, cache=True)
def _solve_pair(
    first: Any, second: Any, flow: Any, warps: int, sweeps: int, most: Any, tightness: Any, tolerance: float
) -> None:
    height, width = first.shape
    before, fitted = np.empty_like(flow), np.empty_like(flow)
    duals = np.zeros((2, 2, height, width), np.float32)  # of the flow's components, along y and x; kept between warps
    warped = np.empty((height, width), np.float32)
    data = np.empty((4, height, width), np.float32)
    slope_weight = _STEP / tightness
    for _ in range(warps):
        before[:] = flow
        _median(before[0], flow[0])
        _median(before[1], flow[1])
        _warp(second, flow, warped)
        _linearise(first, warped, flow, data)
        for _ in range(sweeps):
            for y in range(height):
                _fit(flow[0, y], flow[1, y], data[0, y], data[1, y], data[2, y], data[3, y], most)
            fitted[:] = flow
            for part in range(2):
                for _ in range(_TWICE):
                    _smooth(flow[part], fitted[part], duals[part, 0], duals[part, 1], slope_weight)
        if _change(before, flow) < tolerance:
            break


@njit(fastmath=_FAST, error_model="numpy", nogil=True, cache=True)
def _warp(picture: Any, flow: Any, out: Any) -> None:
    """Read a picture along the flow, bilinearly; the border is repeated."""
    height, width = picture.shape
    for y in range(height):
        for x in range(width):
            row = min(max(np.float32(y) + flow[0, y, x], _ZERO), np.float32(height - 1))
            column = min(max(np.float32(x) + flow[1, y, x], _ZERO), np.float32(width - 1))
            top, left = min(int(row), height - 2), min(int(column), width - 2)
            down, across = row - np.float32(top), column - np.float32(left)
            above, below = picture[top], picture[top + 1]
            high = above[left] + across * (above[left + 1] - above[left])
            low = below[left] + across * (below[left + 1] - below[left])
            out[y, x] = high + down * (low - high)


@njit(fastmath=_FAST, error_model="numpy", nogil=True, cache=True)
def _linearise(first: Any, warped: Any, flow: Any, data: Any) -> None:
    """The difference of the pictures near a flow, in `data`: gradient (y, x), offset, 1 / squared gradient."""
    height, width = first.shape
    for y in range(height):
        above, below = max(y - 1, 0), min(y + 1, height - 1)
        steep = _ONE if below - above == 1 else _HALF
        for x in range(width):
            data[0, y, x] = steep * (warped[below, x] - warped[above, x])
        for x in range(1, width - 1):
            data[1, y, x] = _HALF * (warped[y, x + 1] - warped[y, x - 1])
        data[1, y, 0] = warped[y, 1] - warped[y, 0]
        data[1, y, width - 1] = warped[y, width - 1] - warped[y, width - 2]
        for x in range(width):
            down, right = data[0, y, x], data[1, y, x]
            data[2, y, x] = warped[y, x] - first[y, x] - down * flow[0, y, x] - right * flow[1, y, x]
            data[3, y, x] = _ONE / (down * down + (right * right + _TINY))


@njit(fastmath=_FAST, error_model="numpy", nogil=True, cache=True)
def _fit(v: Any, u: Any, down: Any, right: Any, offset: Any, scale: Any, most: Any) -> None:
    """Move a row's flow along the gradient until the pictures agree, by `most` gradients at most."""
    for x in range(len(v)):
        left = offset[x] + down[x] * v[x] + right[x] * u[x]
        move = min(max(left * scale[x], -most), most)
        v[x] -= move * down[x]
        u[x] -= move * right[x]


@njit(fastmath=_FAST, error_model="numpy", nogil=True, cache=True)
def _smooth(flow: Any, fitted: Any, down: Any, across: Any, slope_weight: Any) -> None:
    """A dual step of one component, and the flow that follows from it (Chambolle 2004)."""
    height, width = flow.shape
    scale = np.empty(width, np.float32)
    for y in range(height):
        row, below = flow[y], flow[min(y + 1, height - 1)]
        _weigh(row, below, scale, slope_weight)
        _tighten_down(row, below, scale, down[y])
        _tighten_across(row, scale, across[y])
        if y:
            _relax(row, fitted[y], down[y], down[y - 1], across[y])
        else:
            _relax_first(row, fitted[y], down[y], across[y])


@njit(fastmath=_FAST, error_model="numpy", nogil=True, cache=True)
def _weigh(row: Any, below: Any, scale: Any, slope_weight: Any) -> None:
    """What a row's duals are multiplied by: less where the flow is steep."""
    last = len(row) - 1
    for x in range(last):
        under, right = below[x] - row[x], row[x + 1] - row[x]
        scale[x] = _ONE / (_ONE + slope_weight * np.sqrt(under * under + (right * right + _TINY)))
    scale[last] = _ONE / (_ONE + slope_weight * abs(below[last] - row[last]))  # nothing is right of the last pixel


@njit(fastmath=_FAST, error_model="numpy", nogil=True, cache=True)
def _tighten_down(row: Any, below: Any, scale: Any, down: Any) -> None:
    for x in range(len(row)):
        down[x] = (down[x] - _STEP * (below[x] - row[x])) * scale[x]


@njit(fastmath=_FAST, error_model="numpy", nogil=True, cache=True)
def _tighten_across(row: Any, scale: Any, across: Any) -> None:
    for x in range(len(row) - 1):
        across[x] = (across[x] - _STEP * (row[x + 1] - row[x])) * scale[x]


@njit(fastmath=_FAST, error_model="numpy", nogil=True, cache=True)
def _relax(flow: Any, fitted: Any, down: Any, above: Any, across: Any) -> None:
    flow[0] = fitted[0] - down[0] + above[0] - across[0]
    for x in range(1, len(flow)):
        flow[x] = fitted[x] - down[x] + above[x] - across[x] + across[x - 1]


@njit(fastmath=_FAST, error_model="numpy", nogil=True, cache=True)
def _relax_first(flow: Any, fitted: Any, down: Any, across: Any) -> None:
    flow[0] = fitted[0] - down[0] - across[0]
    for x in range(1, len(flow)):
        flow[x] = fitted[x] - down[x] - across[x] + across[x - 1]


@njit(fastmath=_FAST, error_model="numpy", nogil=True, cache=True)
def _change(before: Any, flow: Any) -> Any:
    """Sum of squared differences."""
    found: Any = 0.0
    for part in range(2):
        for y in range(before.shape[1]):
            row = _ZERO
            for x in range(before.shape[2]):
                row += (before[part, y, x] - flow[part, y, x]) ** 2
            found += row
    return found


@njit(nogil=True, cache=True)
def _median(field: Any, out: Any) -> None:
    """Median of 3x3 pixels; the border is repeated."""
    height, width = field.shape
    rows = np.empty((3, width + 2), np.float32)
    for y in range(height):
        for i in range(3):
            line = field[min(max(y + i - 1, 0), height - 1)]
            for x in range(width):
                rows[i, x + 1] = line[x]
            rows[i, 0], rows[i, width + 1] = line[0], line[width - 1]
        _median_row(rows[0], rows[1], rows[2], out[y])


@njit(fastmath=_FAST, error_model="numpy", nogil=True, cache=True)
def _median_row(above: Any, row: Any, below: Any, out: Any) -> None:
    """Of columns sorted one by one: the median of the largest low, the median middle and the smallest high value."""
    for x in range(len(out)):
        low0, middle0, high0 = _sorted(above[x], row[x], below[x])
        low1, middle1, high1 = _sorted(above[x + 1], row[x + 1], below[x + 1])
        low2, middle2, high2 = _sorted(above[x + 2], row[x + 2], below[x + 2])
        low, high = max(max(low0, low1), low2), min(min(high0, high1), high2)
        out[x] = _sorted(low, _sorted(middle0, middle1, middle2)[1], high)[1]


@njit(fastmath=_FAST, error_model="numpy", nogil=True, cache=True)
def _sorted(a: Any, b: Any, c: Any) -> tuple[Any, Any, Any]:
    low, high = min(a, b), max(a, b)
    return min(low, c), max(low, min(high, c)), max(high, c)
