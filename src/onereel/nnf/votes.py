"""Folding a field's patches back into a video by a vote.

A voxel that a patch of pt x ph x pw covers gets one suggestion from each patch that covers it: 3 x 7 x 7 = 147 inside,
fewer near the border, because patches lie wholly inside the video. The vote takes the median of them per channel (VGPNN
section 3: "choosing at each space-time pixel location the median of all suggestions"); of an even number it takes the
lower middle one, so that every value is one of the input's. The mean is the classical alternative.
"""

import math
from typing import Literal

import torch
from torch import Tensor

from onereel.nnf import vote_bytes, vote_numba, vote_torch
from onereel.nnf.engines import Engine, engine_for
from onereel.nnf.field import Field, Size, grid_size, ravel
from onereel.nnf.rounding import from_bytes, to_bytes
from onereel.nnf.vote_torch import Vote


def vote(
    values: Tensor,
    field: Field,
    patch: Size,
    size: Size,
    *,
    kind: Vote = "median",
    precision: Literal["float32", "uint8"] = "float32",
    engine: Engine = "auto",
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
    chosen = engine_for(engine, values.device)
    if precision == "uint8":
        rounded = to_bytes(values)
        if chosen == "triton" and kind == "median":
            return from_bytes(_triton(rounded, field, patch, size, kind))
        in_bytes = chosen == "numba" and kind == "median" and values.shape[0] <= vote_bytes.CHANNELS
        if in_bytes and math.prod(patch) <= vote_bytes.LARGEST_PATCH:
            return from_bytes(_bytes(rounded, field, patch, size))
        values = from_bytes(rounded)
    fold = {"numba": _numba, "torch": vote_torch.fold, "triton": _triton}[chosen]
    return fold(values, field, patch, size, kind)


def _triton(values: Tensor, field: Field, patch: Size, size: Size, kind: Vote) -> Tensor:
    from onereel.nnf import vote_triton  # not every machine has Triton

    return vote_triton.vote(values, field, patch, size, kind)


def _bytes(values: Tensor, field: Field, patch: Size, size: Size) -> Tensor:
    _check_count(values, size)
    channels, *value_size = values.shape
    frames = torch.zeros(*value_size, vote_bytes.CHANNELS, dtype=torch.uint8)
    frames[..., :channels] = values.permute(1, 2, 3, 0)
    keys = ravel(field.positions(), tuple(value_size)).numpy()  # type: ignore[arg-type]
    out = vote_bytes.fold_median(frames.numpy(), keys, patch, size[2])
    return torch.from_numpy(out[..., :channels]).permute(3, 0, 1, 2).contiguous()


def _numba(values: Tensor, field: Field, patch: Size, size: Size, kind: Vote) -> Tensor:
    _check_count(values, size)
    return vote_numba.fold(values, field, patch, size, median=kind == "median")


def _check_count(values: Tensor, size: Size) -> None:
    if max(values[0].numel(), math.prod(size)) >= 1 << 31:
        raise ValueError("a video of 2^31 voxels or more; vote with engine 'torch'")
