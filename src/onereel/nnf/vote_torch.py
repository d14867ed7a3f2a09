"""The vote in plain torch: readable, for any device; what the faster engines are held to."""

from itertools import product
from typing import Literal

import torch
from torch import Tensor

from onereel.nnf.field import Field, Size, grid_positions

Vote = Literal["median", "mean"]
_CHUNK = 1 << 14  # voxels whose suggestions are held at once: 147 x 3 x 4 bytes each


def fold(values: Tensor, field: Field, patch: Size, size: Size, kind: Vote) -> Tensor:
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
