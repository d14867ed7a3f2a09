"""The inner loops of `onereel.features.tvl1`, compiled: pairs of frames side by side, one pair a thread.

All sweeps between two warps go over a frame as one wave: while the first is at row y, the next is at row y - 1, and so
on, so that the rows of all of them lie in the cache and memory is passed over once instead of once a sweep. The result
is that of one sweep after the other. Loops over a row read few arrays and write one or two: more, and the compiler
gives up proving that they are apart, and computes pixel by pixel.
"""

from typing import Any

import numpy as np
from numba import njit, prange

_FAST = {"contract", "reassoc", "nsz", "arcp", "nnan", "ninf"}  # all values are finite
_LEAST_SLOPE = np.float32(1e-6)  # squared; keeps a division defined where nothing can be seen to move
_ZERO, _ONE, _HALF = np.float32(0), np.float32(1), np.float32(0.5)


@njit(parallel=True, nogil=True, cache=True)
def solve(
    first: Any,
    second: Any,
    flow: Any,
    warps: int,
    filtered: int,
    sweeps: int,
    attachment: Any,
    step: Any,
    shrink: Any,
) -> None:
    """Refine the flow of pairs at one level of the pyramid, in place.

    Args:
        first: (N, H, W) float32, H and W >= 2.
        second: (N, H, W, 3) value and gradient (x, y) of the other pictures.
        flow: (N, 2, H, W) pixels, x and y; start and result.
        warps: how often the second picture is read along the flow.
        filtered: how many warps, from the first on, begin with a median of the flow.
        sweeps: primal-dual steps after each.
        attachment: weight of the data.
        step: size of primal steps; dual ones are 1 / (8 * step), as 8 bounds the squared norm of a gradient.
        shrink: factor of duals at every step.
    """
    for pair in prange(len(first)):
        _solve_pair(first[pair], second[pair], flow[pair], warps, filtered, sweeps, attachment, step, shrink)


@njit(nogil=True, cache=True)
def _solve_pair(
    first: Any,
    second: Any,
    flow: Any,
    warps: int,
    filtered: int,
    sweeps: int,
    attachment: Any,
    step: Any,
    shrink: Any,
) -> None:
    height, width = first.shape
    ahead = np.empty_like(flow)
    # Of the flow's components, along x and y, behind a margin of zeros; kept from warp to warp.
    duals = np.zeros((2, 2, height + 1, width + 1), np.float32)
    data = np.empty((4, height, width), np.float32)
    for warp in range(warps):
        ahead[:] = flow
        if warp < filtered:
            _median(ahead[0], flow[0])
            _median(ahead[1], flow[1])
            ahead[:] = flow
        _linearise(first, second, flow, data)
        _sweep(flow, ahead, duals, data, sweeps, attachment * step, step, shrink)


@njit(fastmath=_FAST, nogil=True, cache=True)
def _linearise(first: Any, second: Any, flow: Any, data: Any) -> None:
    """What the difference of the pictures is near a flow: gradient (x, y), offset, 1 / squared gradient in `data`.

    The gradient is zero, so that neighbours decide, where the flow leads out of the frame.
    """
    height, width = first.shape
    for y in range(height):
        for x in range(width):
            u, v = flow[0, y, x], flow[1, y, x]
            column, row = np.float32(x) + u, np.float32(y) + v
            if column < 0 or row < 0 or column > width - 1 or row > height - 1:
                data[0, y, x] = data[1, y, x] = data[2, y, x] = data[3, y, x] = _ZERO
                continue
            value, right, down = _read(second, row, column)
            data[0, y, x], data[1, y, x] = right, down
            data[2, y, x] = value - first[y, x] - right * u - down * v
            data[3, y, x] = _ONE / (right * right + down * down + _LEAST_SLOPE)


@njit(fastmath=_FAST, nogil=True, cache=True)
def _read(picture: Any, row: Any, column: Any) -> tuple[Any, Any, Any]:
    """The three channels at a place within the frame, by Keys' cubic; the border is repeated."""
    height, width = picture.shape[:2]
    top, left = min(int(row), height - 2), min(int(column), width - 2)
    along_y, along_x = _cubic(row - np.float32(top)), _cubic(column - np.float32(left))
    value, right, down = _ZERO, _ZERO, _ZERO
    for i in range(4):
        line = picture[min(max(top + i - 1, 0), height - 1)]
        for j in range(4):
            at = min(max(left + j - 1, 0), width - 1)
            weight = along_y[i] * along_x[j]
            value += weight * line[at, 0]
            right += weight * line[at, 1]
            down += weight * line[at, 2]
    return value, right, down


@njit(fastmath=_FAST, nogil=True, cache=True)
def _cubic(t: Any) -> tuple[Any, Any, Any, Any]:
    """Weights of the four samples around a place `t` behind the second one; Keys 1981, a = -1/2."""
    square = t * t
    cube = square * t
    return (
        _HALF * (np.float32(2) * square - cube - t),
        _HALF * (np.float32(3) * cube - np.float32(5) * square + np.float32(2)),
        _HALF * (np.float32(4) * square - np.float32(3) * cube + t),
        _HALF * (cube - square),
    )


@njit(fastmath=_FAST, nogil=True, cache=True)
def _sweep(flow: Any, ahead: Any, duals: Any, data: Any, sweeps: int, most: Any, step: Any, shrink: Any) -> None:
    """Primal-dual steps on flow, duals and `ahead`, the extrapolated flow.

    Source: Chambolle and Pock 2011, Alg. 1 with theta = 1, on the energy of Zach et al. 2007 itself, without their
    coupling of two flows. `most` bounds how far the data move a pixel's flow: attachment * step, in gradients.
    """
    height, width = flow.shape[1:]
    rows = np.empty((3, width), np.float32)
    dual_step = _ONE / (np.float32(8) * step)
    for wave in range(height + sweeps - 1):
        for sweep in range(max(0, wave - height + 1), min(sweeps, wave + 1)):
            y = wave - sweep
            below = min(y + 1, height - 1)
            for part in range(2):
                across, down = duals[part, 0, y + 1], duals[part, 1, y + 1]
                _tighten(ahead[part, y], ahead[part, below], across[1:], down[1:], dual_step, shrink)
                _relax(flow[part, y], across, down[1:], duals[part, 1, y, 1:], rows[part], step)
            _correct(rows[0], rows[1], data[0, y], data[1, y], data[2, y], data[3, y], rows[2], most)
            for part in range(2):
                _advance(rows[part], rows[2], data[part, y], flow[part, y], ahead[part, y])


@njit(fastmath=_FAST, nogil=True, cache=True)
def _tighten(row: Any, below: Any, across: Any, down: Any, step: Any, shrink: Any) -> None:
    """Dual step of a row: along the slopes of one component, back into the unit disc."""
    last = len(row) - 1
    for x in range(last):
        right = (across[x] + step * (row[x + 1] - row[x])) * shrink
        under = (down[x] + step * (below[x] - row[x])) * shrink
        scale = _ONE / max(_ONE, np.sqrt(right * right + under * under))
        across[x] = right * scale
        down[x] = under * scale
    # Nothing is right of the last pixel.
    down[last] = min(max((down[last] + step * (below[last] - row[last])) * shrink, -_ONE), _ONE)


@njit(fastmath=_FAST, nogil=True, cache=True)
def _relax(flow: Any, across: Any, down: Any, above: Any, out: Any, step: Any) -> None:
    """Primal step of a row along the divergence of the duals; `across` begins one pixel to the left."""
    for x in range(len(flow)):
        out[x] = flow[x] + step * (across[x + 1] - across[x] + down[x] - above[x])


@njit(fastmath=_FAST, nogil=True, cache=True)
def _correct(u: Any, v: Any, right: Any, down: Any, offset: Any, scale: Any, out: Any, most: Any) -> None:
    """How many gradients to go back so that the pictures agree, at most `most`."""
    for x in range(len(out)):
        out[x] = min(max((offset[x] + right[x] * u[x] + down[x] * v[x]) * scale[x], -most), most)


@njit(fastmath=_FAST, nogil=True, cache=True)
def _advance(free: Any, correction: Any, slope: Any, flow: Any, ahead: Any) -> None:
    """The primal step's end, and as far again beyond it."""
    for x in range(len(flow)):
        new = free[x] - correction[x] * slope[x]
        ahead[x] = new + new - flow[x]
        flow[x] = new


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


@njit(fastmath=_FAST, nogil=True, cache=True)
def _median_row(above: Any, row: Any, below: Any, out: Any) -> None:
    """Of columns sorted one by one: the median of the largest low, the median middle and the smallest high value."""
    for x in range(len(out)):
        low0, middle0, high0 = _sorted(above[x], row[x], below[x])
        low1, middle1, high1 = _sorted(above[x + 1], row[x + 1], below[x + 1])
        low2, middle2, high2 = _sorted(above[x + 2], row[x + 2], below[x + 2])
        low, high = max(max(low0, low1), low2), min(min(high0, high1), high2)
        out[x] = _sorted(low, _sorted(middle0, middle1, middle2)[1], high)[1]


@njit(fastmath=_FAST, nogil=True, cache=True)
def _sorted(a: Any, b: Any, c: Any) -> tuple[Any, Any, Any]:
    low, high = min(a, b), max(a, b)
    return min(low, c), max(low, min(high, c)), max(high, c)
