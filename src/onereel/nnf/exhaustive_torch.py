"""Exact search in plain torch: blocks of queries against blocks of keys by matrix products.

The product ranks the keys of a block (|q - k|^2 = |q|^2 - 2 qk + |k|^2 loses digits where q is near k); the block's
winner is then measured exactly, so the returned distance is always that of the returned key. Keys whose distances
differ by less than float32's rounding of |q|^2 may be taken for each other. Memory: two blocks of patches and one block
of distances, whatever the videos' sizes.
"""

import torch
from torch import Tensor

from onereel.nnf.field import Field, Size, grid_size, unravel
from onereel.nnf.patches import patch_matrix

_BLOCK = 2048  # patches per block: 2048 x 441 floats are 3.6 MB, the distances 16 MB


def exhaustive(queries: Tensor, keys: Tensor, patch: Size, *, weights: Tensor | None) -> Field:
    """Exact field of `queries` in `keys`, on their device; arguments as in `exhaustive_numba.exhaustive`."""
    query_size, key_size = (grid_size(tuple(video.shape[1:]), patch) for video in (queries, keys))  # type: ignore[arg-type]
    centre = keys.mean()  # small norms keep more digits
    queries, keys = queries - centre, keys - centre
    index, distance = [], []
    count = query_size[0] * query_size[1] * query_size[2]
    for block in torch.arange(count, device=queries.device).split(_BLOCK):
        patches = patch_matrix(queries, unravel(block, query_size), patch)  # (block, D)
        best, squared = nearest_patches(patches, keys, patch, key_size, weights)
        index.append(best)
        distance.append(squared / patches.shape[1])
    return Field(torch.cat(index).reshape(query_size), torch.cat(distance).reshape(query_size), key_size)


def nearest_patches(
    patches: Tensor, keys: Tensor, patch: Size, key_size: Size, weights: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Exact nearest keys of single patches.

    Args:
        patches: (N, C * pt * ph * pw) rows as `onereel.nnf.patches.patch_matrix` makes them.
        keys: (C, T', H', W').
        patch: (pt, ph, pw).
        key_size: the grid of valid key positions.
        weights: (Tk, Hk, Wk) factor per key, or None.

    Returns: (N,) flat index of the best key and (N,) sum of squared differences to it.
    """
    count = key_size[0] * key_size[1] * key_size[2]
    index = torch.zeros(len(patches), dtype=torch.long, device=keys.device)
    squared = torch.full((len(patches),), torch.inf, device=keys.device)
    cost = squared.clone()
    for block in torch.arange(count, device=keys.device).split(_BLOCK):
        others = patch_matrix(keys, unravel(block, key_size), patch)  # (block', D)
        factors = None if weights is None else weights.reshape(-1)[block]
        winner = _ranks(patches, others, factors).argmin(dim=1)
        exact = (patches - others[winner]).square().sum(dim=1)
        exact_cost = exact if factors is None else exact * factors[winner]
        better = exact_cost < cost
        index = torch.where(better, block[winner], index)
        squared = torch.where(better, exact, squared)
        cost = torch.where(better, exact_cost, cost)
    return index, squared


def _ranks(patches: Tensor, others: Tensor, factors: Tensor | None) -> Tensor:
    """(block, block') approximate weighted squared distances."""
    squared = others.square().sum(dim=1) - 2 * patches @ others.T
    squared += patches.square().sum(dim=1, keepdim=True)
    if factors is None:
        return squared
    # 0 * inf: an equal patch that must not be taken
    return squared.clamp_(min=0).mul_(factors).nan_to_num_(nan=torch.inf, posinf=torch.inf)
