"""A few numbers per patch that bound distances from below.

The coordinates of a patch along a few orthonormal directions, and the length of what they leave: between two such short
vectors the distance is never larger than between the patches (triangle inequality). Along the directions in which a
clip's patches vary most it is nearly as large, so most pairs of patches need no comparison in full.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit, prange

from onereel.nnf.field import Size, grid_size

_SAMPLE = 2000  # patches from which directions are learned; any directions give bounds
_FASTMATH = {"reassoc", "contract", "nsz"}


@dataclass(frozen=True)
class Projection:
    """Directions of space-time patches.

    Attributes:
        basis: (R, C, pt, ph, pw) float64, orthonormal.
    """

    basis: np.ndarray

    @classmethod
    def learned(cls, video: np.ndarray, patch: Size, count: int) -> "Projection":
        """The `count` principal directions (all, if a patch has fewer elements) of patches of a video (C, T, H, W)."""
        grid = grid_size(video.shape[1:], patch)
        total = int(np.prod(grid))
        places = np.unravel_index(np.arange(0, total, max(1, total // _SAMPLE)), grid)
        patches = _gather(video, patch, np.stack(places, axis=1)).astype(np.float64)
        patches -= patches.mean(axis=0)
        vectors = np.linalg.eigh(patches.T @ patches)[1][:, ::-1][:, :count]
        return cls(np.ascontiguousarray(vectors.T).reshape(-1, video.shape[0], *patch))

    def of_all(self, video: np.ndarray) -> np.ndarray:
        """Short vectors (R + 1, Tp, Hp, Wp) float32 of every patch of a video (C, T, H, W), computed in float64.

        Values should be centred: the rounding to float32 is relative to their size.
        """
        video = np.ascontiguousarray(video, np.float64)
        size = grid_size(video.shape[1:], self.basis.shape[2:])
        out = np.empty((len(self.basis) + 1, *size), np.float32)
        _project(video, np.square(video).sum(axis=0), self.basis, out)
        return out

    def of_some(self, video: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Short vectors (N, R + 1) float32 of the patches at positions (N, 3)."""
        patches = _gather(video, self.basis.shape[2:], positions).astype(np.float64)
        inside = patches @ self.basis.reshape(len(self.basis), -1).T
        rest = np.square(patches).sum(axis=1) - np.square(inside).sum(axis=1)
        return np.column_stack((inside, np.sqrt(rest.clip(0)))).astype(np.float32)


def _gather(video: np.ndarray, patch: tuple[int, ...], positions: np.ndarray) -> np.ndarray:
    """Patches (N, D) of a video (C, T, H, W) at positions (N, 3)."""
    windows = np.lib.stride_tricks.sliding_window_view(video, patch, axis=(1, 2, 3))
    return windows[:, *positions.T].swapaxes(0, 1).reshape(len(positions), -1)


@njit(cache=True, parallel=True)
def _project(video, squares, basis, out):  # type: ignore[no-untyped-def]
    directions, channels, frames, rows, columns = basis.shape
    width = out.shape[3]
    for line in prange(out.shape[1] * out.shape[2]):
        t, h = line // out.shape[2], line % out.shape[2]
        sums, rest = np.zeros((directions, width)), np.zeros(width)
        for dt in range(frames):
            for dh in range(rows):
                for dw in range(columns):
                    _add(squares[t + dt, h + dh, dw : dw + width], 1.0, rest)
                    for channel in range(channels):
                        values = video[channel, t + dt, h + dh, dw : dw + width]
                        for direction in range(directions):
                            _add(values, basis[direction, channel, dt, dh, dw], sums[direction])
        for direction in range(directions):
            for w in range(width):
                rest[w] -= sums[direction, w] ** 2
                out[direction, t, h, w] = sums[direction, w]
        for w in range(width):
            out[directions, t, h, w] = np.sqrt(max(rest[w], 0.0))


@njit(cache=True, fastmath=_FASTMATH, inline="always")
def _add(values, factor, sums):  # type: ignore[no-untyped-def]
    for x in range(sums.size):
        sums[x] += factor * values[x]
