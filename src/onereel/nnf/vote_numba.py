"""The vote for videos of floats, compiled, one line of voxels a thread."""

from typing import Any

import numpy as np
import torch
from numba import njit, prange
from torch import Tensor

from onereel.nnf.field import Field, Size


def fold(values: Tensor, field: Field, patch: Size, size: Size, *, median: bool) -> Tensor:
    """Median or mean of the suggestions; arguments as in `onereel.nnf.votes.vote`."""
    flat = values.permute(1, 2, 3, 0).reshape(-1, values.shape[0]).contiguous().numpy()  # (voxels, C)
    _, height, width = values.shape[1:]
    offsets = field.offsets()
    # All suggestions of one displacement name the same voxel, so a displacement is kept as one number.
    shifts = (offsets[..., 0] * height + offsets[..., 1]) * width + offsets[..., 2]
    out = np.empty((*size, values.shape[0]), np.float32)
    _fold(flat, shifts.to(torch.int32).numpy(), patch, height, width, out, median)
    return torch.from_numpy(out).permute(3, 0, 1, 2).contiguous()


@njit(cache=True, parallel=True)
def _fold(values: Any, shifts: Any, patch: Any, height: int, width: int, out: Any, median: bool) -> None:
    """Vote voxel by voxel; `height` and `width` are those of the video that `values` came from."""
    frames, rows, columns, channels = out.shape
    for line in prange(frames * rows):
        t, h = line // rows, line % rows
        around = np.empty(patch[0] * patch[1] * patch[2], np.int32)
        suggestions = np.empty(around.size, np.float32)
        for w in range(columns):
            count, likely, agreeing = _shifts_around(shifts, patch, t, h, w, around)
            place = (t * height + h) * width + w
            if median and 2 * agreeing > count:
                # More than half of all suggestions are one voxel's: that is the median of each channel.
                out[t, h, w] = values[place + likely]
                continue
            for channel in range(channels):
                for i in range(count):
                    suggestions[i] = values[place + around[i], channel]
                out[t, h, w, channel] = _middle(suggestions, count) if median else suggestions[:count].mean()


@njit(cache=True)
def _shifts_around(shifts: Any, patch: Any, t: int, h: int, w: int, around: Any) -> tuple[int, int, int]:
    """Collect the shifts of all patches that cover a voxel: how many, a likely one, and how many equal that."""
    frames, rows, columns = shifts.shape
    t0, t1 = max(0, t - patch[0] + 1), min(t + 1, frames)
    h0, h1 = max(0, h - patch[1] + 1), min(h + 1, rows)
    w0, w1 = max(0, w - patch[2] + 1), min(w + 1, columns)
    likely = shifts[(t0 + t1) // 2, (h0 + h1) // 2, (w0 + w1) // 2]
    count, agreeing = 0, 0
    for tq in range(t0, t1):
        for hq in range(h0, h1):
            line = shifts[tq, hq]
            for wq in range(w0, w1):
                around[count] = line[wq]
                agreeing += line[wq] == likely
                count += 1
    return count, likely, agreeing


@njit(cache=True)
def _middle(values: Any, count: int) -> float:
    """The lower median of the first `count` values, which are reordered (Hoare's selection)."""
    wanted, left, right = (count - 1) // 2, 0, count - 1
    while left < right:
        pivot = values[(left + right) // 2]
        low, high = left, right
        while low <= high:
            while values[low] < pivot:
                low += 1
            while pivot < values[high]:
                high -= 1
            if low <= high:
                values[low], values[high] = values[high], values[low]
                low += 1
                high -= 1
        if wanted <= high:
            right = high
        elif wanted >= low:
            left = low
        else:
            break
    return values[wanted]
