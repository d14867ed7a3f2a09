"""Patches of a video: reading them, and folding a field's patches back into a video by a vote.

A voxel that a patch of pt x ph x pw covers gets one suggestion from each patch that covers it: 3 x 7 x 7 = 147 inside,
fewer near the border, because patches lie wholly inside the video. The vote takes the median of them per channel (VGPNN
section 3: "choosing at each space-time pixel location the median of all suggestions"); of an even number it takes the
lower middle one, so that every value is one of the input's. The mean is the classical alternative.
"""

import math
from itertools import product
from typing import Any, Literal

import numpy as np
import torch
from numba import njit, prange
from torch import Tensor

from onereel import vote_bytes
from onereel.nnf.field import Field, Size, grid_positions, grid_size, ravel
from onereel.nnf.rounding import from_bytes, to_bytes

Vote = Literal["median", "mean"]
_CHUNK = 1 << 14  # voxels whose suggestions the torch engine holds at once: 147 x 3 x 4 bytes each


def patch_matrix(video: Tensor, positions: Tensor, patch: Size) -> Tensor:
    """Patches as rows.

    Args:
        video: (C, T, H, W).
        positions: (N, 3) int64, first voxel (t, h, w) of each patch.
        patch: (pt, ph, pw).

    Returns: (N, C * pt * ph * pw).
    Raises: ValueError if a patch leaves the video.
    """
    grid = torch.tensor(grid_size(tuple(video.shape[1:]), patch), device=positions.device)  # type: ignore[arg-type]
    if len(positions) and bool(((positions < 0) | (positions >= grid)).any()):
        raise ValueError(f"positions leave the grid {tuple(grid.tolist())} of patches {patch}")
    _, _, height, width = video.shape
    first = (positions[:, 0] * height + positions[:, 1]) * width + positions[:, 2]  # (N,)
    t, h, w = grid_positions(patch, video.device).reshape(-1, 3).unbind(-1)
    voxels = first[:, None] + (t * height + h) * width + w  # (N, pt*ph*pw)
    return video.flatten(1)[:, voxels].transpose(0, 1).flatten(1)


def vote(
    values: Tensor,
    field: Field,
    patch: Size,
    size: Size,
    *,
    kind: Vote = "median",
    precision: Literal["float32", "uint8"] = "float32",
    engine: Literal["auto", "numba", "torch", "triton"] = "auto",
) -> Tensor:
    """Replace every query by its key's patch of `values` and fold: one voxel from all patches that cover it.

    Args:
        values: (C, T', H', W') float32; its patch grid is the field's `key_size`.
        field: which patch goes where.
        patch: (pt, ph, pw).
        size: (T, H, W) of the result; its patch grid is the field's query grid.
        kind: "median" or "mean" of the suggestions, per channel.
        precision: "uint8" rounds the values, which must lie in [-1, 1], to 8 bits; the median is then much faster.
        engine: as in `onereel.nnf.search`.

    Returns: (C, T, H, W) float32 on the device of `values`.
    Raises: ValueError if the sizes do not fit together.
    """
    value_size: Size = tuple(values.shape[1:])  # type: ignore[assignment]
    if grid_size(value_size, patch) != field.key_size or grid_size(size, patch) != field.query_size:
        raise ValueError(
            f"a field {field.query_size} into {field.key_size} with patches {patch} does not fit values {value_size} "
            f"and a result of {size}"
        )
    if kind not in ("median", "mean"):
        raise ValueError(f"kind must be median or mean, got {kind!r}")
    from onereel.nnf.engines import engine_for  # which needs this module

    chosen = engine_for(engine, values.device)
    if precision == "uint8":
        rounded = to_bytes(values)
        if chosen == "triton" and kind == "median":
            return from_bytes(_vote_triton(rounded, field, patch, size, kind))
        in_bytes = chosen == "numba" and kind == "median" and values.shape[0] <= vote_bytes.CHANNELS
        if in_bytes and math.prod(patch) <= vote_bytes.LARGEST_PATCH:
            return from_bytes(_vote_bytes(rounded, field, patch, size))
        values = from_bytes(rounded)
    fold = {"numba": _vote_numba, "torch": _vote_torch, "triton": _vote_triton}[chosen]
    return fold(values, field, patch, size, kind)


def _vote_triton(values: Tensor, field: Field, patch: Size, size: Size, kind: Vote) -> Tensor:
    from onereel.nnf import vote_triton  # not every machine has Triton

    return vote_triton.vote(values, field, patch, size, kind)


def _vote_bytes(values: Tensor, field: Field, patch: Size, size: Size) -> Tensor:
    _check_count(values, size)
    channels, *value_size = values.shape
    frames = torch.zeros(*value_size, vote_bytes.CHANNELS, dtype=torch.uint8)
    frames[..., :channels] = values.permute(1, 2, 3, 0)
    keys = ravel(field.positions(), tuple(value_size)).numpy()  # type: ignore[arg-type]
    out = vote_bytes.fold_median(frames.numpy(), keys, patch, size[2])
    return torch.from_numpy(out[..., :channels]).permute(3, 0, 1, 2).contiguous()


def _vote_torch(values: Tensor, field: Field, patch: Size, size: Size, kind: Vote) -> Tensor:
    """Gather all suggestions of a chunk of voxels, those outside the grid as infinity, and sort."""
    flat = values.flatten(1)
    _, height, width = values.shape[1:]
    reach = torch.tensor(field.query_size, device=values.device)
    places, keys = grid_positions(size, values.device).reshape(-1, 3), field.positions().reshape(-1, 3)
    parts = []
    for block in places.split(_CHUNK):
        suggestions, valid = [], []
        for offset in product(*(range(extent) for extent in patch)):
            query = block - torch.tensor(offset, device=values.device)
            inside = ((query >= 0) & (query < reach)).all(dim=1)
            index = (query[:, 0] * reach[1] + query[:, 1]) * reach[2] + query[:, 2]
            source = keys[torch.where(inside, index, 0)] + torch.tensor(offset, device=values.device)
            suggestions.append(flat[:, (source[:, 0] * height + source[:, 1]) * width + source[:, 2]])
            valid.append(inside)
        parts.append(_choose(torch.stack(suggestions), torch.stack(valid), kind))
    return torch.cat(parts, dim=1).reshape(values.shape[0], *size)


def _choose(suggestions: Tensor, valid: Tensor, kind: Vote) -> Tensor:
    """Median or mean of (S, C, N) suggestions where (S, N) `valid`: (C, N)."""
    count = valid.sum(dim=0)  # (N,)
    if kind == "mean":
        return (suggestions * valid[:, None]).sum(dim=0) / count
    ordered = suggestions.masked_fill(~valid[:, None], torch.inf).sort(dim=0).values
    middle = ((count - 1) // 2).expand(1, suggestions.shape[1], -1)
    return ordered.gather(0, middle)[0]


def _vote_numba(values: Tensor, field: Field, patch: Size, size: Size, kind: Vote) -> Tensor:
    _check_count(values, size)
    flat = values.permute(1, 2, 3, 0).reshape(-1, values.shape[0]).contiguous().numpy()  # (voxels, C)
    _, height, width = values.shape[1:]
    offsets = field.offsets()
    # All suggestions of one displacement name the same voxel, so a displacement is kept as one number.
    shifts = (offsets[..., 0] * height + offsets[..., 1]) * width + offsets[..., 2]
    out = np.empty((*size, values.shape[0]), np.float32)
    _fold(flat, shifts.to(torch.int32).numpy(), patch, height, width, out, kind == "median")
    return torch.from_numpy(out).permute(3, 0, 1, 2).contiguous()


def _check_count(values: Tensor, size: Size) -> None:
    if max(values[0].numel(), math.prod(size)) >= 1 << 31:
        raise ValueError("a video of 2^31 voxels or more; vote with engine 'torch'")


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
