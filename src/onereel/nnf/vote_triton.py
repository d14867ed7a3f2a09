"""The vote on CUDA: a field's patches folded into a video by one Triton kernel.

A program is one warp with a few neighbouring voxels. It reads all suggestions for one channel of them into registers,
lanes shared between voxels and suggestions, and finds the lower medians bit by bit: the largest value that at most
`rank` suggestions lie below, for which it builds the value's code from the top bit down. That takes as many passes as a
value has bits. Nothing is sorted, and nothing but the result is written.

Count per voxel, 3x7x7 patches and 3 channels: 147 keys of 4 bytes and 441 values, 2.4 KB (bytes: 1 KB), each loaded
once and mostly from L1 and L2, because neighbours share them. A pass over 147 suggestions is a comparison and an
addition each, 99 instructions of a warp for 8 voxels (sm_90), and there are 3 x 32 passes (bytes: 3 x 8). For
13x144x256, 479,232 voxels: 1.1 GB of loads, 0.04 ms from L1 at its best, and 7e8 instructions with the gathering, 0.7
ms on an H200 (132 SMs x 4 x 1.8 GHz); bytes take 0.3 ms. Loading the suggestions anew in every pass would take 32 times
the loads, writing them out 0.8 GB. Not timed on a GPU yet.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from onereel.nnf.field import Field, Size, ravel

ELEMENTS = 2048
"""Suggestions that a program holds in registers, padded: 64 per lane of its warp."""

_ONES, _SIGN = tl.constexpr(0xFFFFFFFF), tl.constexpr(0x80000000)
_LARGEST = tl.constexpr(0xFF800000)  # the code of infinity


def vote(values: Tensor, field: Field, patch: Size, size: Size, kind: str) -> Tensor:
    """Replace every query by its key's patch of `values` and fold; arguments as in `onereel.nnf.votes.vote`.

    Args:
        values: (C, T', H', W') float32, or uint8 for the median.
        field: which patch goes where.
        patch: (pt, ph, pw).
        size: (T, H, W) of the result.
        kind: "median", the lower one, or "mean".

    Returns: (C, T, H, W) of the dtype of `values`.
    Raises: ValueError if a video is too large for 32-bit indices.
    """
    if max(values.numel(), values.shape[0] * size[0] * size[1] * size[2]) >= 1 << 31:
        raise ValueError("a video of 2^31 values or more; vote with engine 'torch'")
    value_size: Size = tuple(values.shape[1:])  # type: ignore[assignment]
    starts = ravel(field.positions(), value_size).to(torch.int32)
    out = values.new_empty(values.shape[0], *size)
    spots = triton.next_power_of_2(patch[1] * patch[2])
    voxels = max(1, min(128, ELEMENTS // (spots * triton.next_power_of_2(patch[0]))))
    with torch.cuda.device_of(values):
        _fold[(triton.cdiv(out[0].numel(), voxels),)](
            values.contiguous(), starts, out, *field.query_size, *value_size,
            CHANNELS=values.shape[0], PT=patch[0], PH=patch[1], PW=patch[2], SPOTS=spots, VOXELS=voxels,
            BITS=8 if values.dtype == torch.uint8 else 32, MEDIAN=kind == "median", num_warps=1,
        )  # fmt: skip
    return out


@triton.jit(do_not_specialize=["query_t", "query_h", "query_w", "value_t", "value_h", "value_w"])
def _fold(  # type: ignore[no-untyped-def]
    values, starts, out, query_t, query_h, query_w, value_t, value_h, value_w,
    CHANNELS: tl.constexpr, PT: tl.constexpr, PH: tl.constexpr, PW: tl.constexpr,
    SPOTS: tl.constexpr, VOXELS: tl.constexpr, BITS: tl.constexpr, MEDIAN: tl.constexpr,
):  # fmt: skip
    height, width = query_h + PH - 1, query_w + PW - 1
    voxels = (query_t + PT - 1) * height * width
    place = tl.program_id(0) * VOXELS + tl.arange(0, VOXELS)
    t, h, w = place // (height * width), place // width % height, place % width
    spot = tl.arange(0, SPOTS)[:, None]
    dh, dw = spot // PW, spot % PW
    row, column = h[None, :] - dh, w[None, :] - dw
    covered = (dh < PH) & (row >= 0) & (row < query_h) & (column >= 0) & (column < query_w)
    sources, count = (), tl.zeros((VOXELS,), tl.int32)
    for frame in tl.static_range(PT):
        first = t[None, :] - frame
        inside = covered & (first >= 0) & (first < query_t)
        start = tl.load(starts + (first * query_h + row) * query_w + column, mask=inside, other=0)
        source = start + (frame * value_h + dh) * value_w + dw
        sources = sources + (tl.where(inside, source, -1),)  # type: ignore[assignment]  # noqa: RUF005
        count += tl.sum(inside.to(tl.int32), axis=0)
    for channel in range(CHANNELS):
        plane = values + channel * value_t * value_h * value_w
        if MEDIAN:
            chosen = _median(plane, sources, (count - 1) // 2, PT, VOXELS, BITS)
        else:
            chosen = _mean(plane, sources, count, PT, VOXELS)
        tl.store(out + channel * voxels + place, chosen.to(out.dtype.element_ty), mask=place < voxels)


@triton.jit
def _median(plane, sources, rank, PT: tl.constexpr, VOXELS: tl.constexpr, BITS: tl.constexpr):  # type: ignore[no-untyped-def]
    """(VOXELS,) the suggestion that `rank` others come before: the largest value that at most `rank` lie below."""
    suggestions = ()
    for frame in tl.static_range(PT):
        # What does not exist comes last, as the largest value.
        found = tl.load(plane + sources[frame], mask=sources[frame] >= 0, other=255 if BITS == 8 else float("inf"))
        suggestions = suggestions + (found.to(tl.float32),)  # type: ignore[assignment]  # noqa: RUF005
    chosen = tl.zeros((VOXELS,), tl.uint32)
    for bit in range(BITS):
        trial = chosen | (tl.full((VOXELS,), 1 << (BITS - 1), tl.uint32) >> bit)
        limit = _value(trial, BITS)[None, :]
        # Counted in floats: of integers the compiler makes bit masks, which takes longer.
        below = (suggestions[0] < limit).to(tl.float32)  # type: ignore[misc]
        for frame in tl.static_range(1, PT):
            below += (suggestions[frame] < limit).to(tl.float32)
        chosen = tl.where(tl.sum(below, axis=0) <= rank, trial, chosen)
    return _value(chosen, BITS)


@triton.jit
def _value(code, BITS: tl.constexpr):  # type: ignore[no-untyped-def]
    """The value that a code stands for, float32. Codes of 32 bits sort like floats; past infinity there is no more."""
    if BITS == 32:
        bits = tl.where(code >= _SIGN, code ^ _SIGN, code ^ _ONES)
        value = tl.where(code > _LARGEST, _LARGEST ^ _SIGN, bits).to(tl.float32, bitcast=True)
    else:
        value = code.to(tl.float32)
    return value


@triton.jit
def _mean(plane, sources, count, PT: tl.constexpr, VOXELS: tl.constexpr):  # type: ignore[no-untyped-def]
    total = tl.zeros((VOXELS,), tl.float32)
    for frame in tl.static_range(PT):
        total += tl.sum(tl.load(plane + sources[frame], mask=sources[frame] >= 0, other=0), axis=0)
    return total / tl.maximum(count, 1)  # beyond the end of the video nothing counts
