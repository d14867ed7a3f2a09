"""Exact nearest neighbours of a drawn subset of a clip's patches among all patches of another clip."""

from collections.abc import Iterator

import torch

Size = tuple[int, int, int]

_KEYS = 1 << 12  # key patches per block; scores of one block and query block stay in the cache
_QUERIES = 1 << 10  # query patches per block
_SPARSE = 1 / 128  # share of pairs above which comparing all of them in one product is faster
_PAIRS = 1 << 15  # pairs compared in full at a time
_DIRECTIONS = 48  # coordinates of a projected patch
_ROUNDING = 1e-5  # of the squared norms, in float32 sums of a few dozen products


def draw_positions(size: Size, patch: Size, count: int, seed: int) -> torch.Tensor:
    """Positions (N, 3) int64 of patches in a video of `size`: `count` of them drawn without replacement, or all.

    The same seed draws the same positions for the same size, in ascending order.

    Raises: ValueError if the patch does not fit.
    """
    grid = _grid(size, patch)
    total = grid[0] * grid[1] * grid[2]
    if total > count:
        generator = torch.Generator().manual_seed(seed)
        index = torch.randperm(total, generator=generator)[:count].sort().values
    else:
        index = torch.arange(total)
    return _unravel(index, grid)


def nearest_errors(queries: torch.Tensor, positions: torch.Tensor, keys: torch.Tensor, patch: Size) -> torch.Tensor:
    """Mean squared difference per element between patches of `queries` and their nearest patches of `keys`.

    Exact, without comparing every pair in full: projected onto a few principal directions, with the length of what is
    left as one more coordinate, two patches are never further apart than in full (triangle inequality). Only pairs
    whose projections are nearer than the best full distance so far are compared in full. The patch at the query's own
    place is the first candidate, so equal clips give exactly 0. Memory: a copy of each clip and a few blocks.

    Args:
        queries: (C, T, H, W) float32.
        positions: (N, 3) first voxels (t, h, w) of the query patches.
        keys: (C, T, H, W) float32 on the same device.
        patch: (t, h, w) extent.

    Returns: (N,) float64, of the nearest patch, computed in float64.
    Raises: ValueError if the patch does not fit into the keys.
    """
    grid = _grid(_size(keys), patch)
    shift = keys.mean()  # differences stay, norms shrink, and with them rounding
    patches = _gather(queries - shift, positions, patch)  # (N, D)
    basis = _principal_directions(patches)
    reduced = _reduce(patches, basis)
    index = _ravel(positions.minimum(torch.tensor(grid) - 1), grid).to(keys.device)
    best = (patches - _gather(keys - shift, _unravel(index, grid), patch)).square().sum(dim=1)
    for first, block in _key_blocks(keys - shift, patch):
        reduced_block = _reduce(block, basis)
        for start in range(0, len(patches), _QUERIES):
            some = slice(start, start + _QUERIES)
            distance, found = _nearest_in_block(patches[some], reduced[some], block, reduced_block, best[some])
            index[some] = torch.where(found >= 0, found + first, index[some])
            best[some] = distance
    matches = _gather(keys, _unravel(index, grid), patch).double()
    return (_gather(queries, positions, patch).double() - matches).square().mean(dim=1).cpu()


def _nearest_in_block(
    patches: torch.Tensor, reduced: torch.Tensor, block: torch.Tensor, reduced_block: torch.Tensor, best: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Squared distances (N,), at most `best`, and the keys (N,) of the block that improved them, -1 where none did.

    Args:
        patches, reduced: (N, D) queries and (N, R) their projections.
        block, reduced_block: (M, D) keys and (M, R) their projections.
        best: (N,) squared distances so far.
    """
    norms, key_norms = reduced.square().sum(dim=1), reduced_block.square().sum(dim=1)
    lower = torch.addmm(key_norms, reduced, reduced_block.T, alpha=-2)  # squared distance less the query's norm
    # Rounding of norms that cancel must not hide a candidate.
    slack = _ROUNDING * (norms + key_norms.max()) - norms
    least, guess = lower.min(dim=1)
    found = torch.full_like(guess, -1)
    alive = (least <= best + slack).nonzero().squeeze(1)  # most queries have no candidate in most blocks
    first = (patches[alive] - block[guess[alive]]).square_().sum(dim=1)
    better = first < best[alive]
    found[alive[better]] = guess[alive[better]]
    best = best.clone()
    best[alive[better]] = first[better]
    candidates = lower[alive] <= (best + slack)[alive, None]
    if int(candidates.sum()) > _SPARSE * lower.numel():  # noise against pictures: projections tell nothing apart
        return _nearest_dense(patches, block, best, found)
    rows, columns = candidates.nonzero(as_tuple=True)
    rows = alive[rows]
    for start in range(0, len(rows), _PAIRS):
        row, column = rows[start : start + _PAIRS], columns[start : start + _PAIRS]
        exact = (patches[row] - block[column]).square_().sum(dim=1)
        nearest = best.scatter_reduce(0, row, exact, "amin")
        wins = (exact == nearest[row]) & (exact < best[row])
        found[row[wins]] = column[wins]
        best = nearest
    return best, found


def _nearest_dense(
    patches: torch.Tensor, block: torch.Tensor, best: torch.Tensor, found: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """`_nearest_in_block` with every pair compared in full; the winner's distance is computed from differences."""
    guess = torch.addmm(block.square().sum(dim=1), patches, block.T, alpha=-2).argmin(dim=1)
    distance = (patches - block[guess]).square_().sum(dim=1)
    return torch.minimum(best, distance), torch.where(distance < best, guess, found)


def _principal_directions(patches: torch.Tensor) -> torch.Tensor:
    """(D, R) orthonormal directions along which patches (N, D) vary most."""
    scatter = (patches.T @ patches).double()
    return torch.linalg.eigh(scatter).eigenvectors[:, -_DIRECTIONS:].to(patches.dtype)


def _reduce(patches: torch.Tensor, basis: torch.Tensor) -> torch.Tensor:
    """(N, R + 1): coordinates along the basis, and the length of the rest."""
    inside = patches @ basis
    rest = (patches.square().sum(dim=1) - inside.square().sum(dim=1)).clamp_min(0).sqrt()
    return torch.cat((inside, rest[:, None]), dim=1)


def _key_blocks(keys: torch.Tensor, patch: Size) -> Iterator[tuple[int, torch.Tensor]]:
    """Flat index of the first key of every block, and the block's patches (M, D)."""
    frames, height, width = _grid(_size(keys), patch)
    rows = max(1, _KEYS // width)
    for t in range(frames):
        for row in range(0, height, rows):
            stop = min(row + rows, height)
            slab = keys[:, t : t + patch[0], row : stop + patch[1] - 1]
            block = _view(slab, patch).squeeze(1)  # (C, rows, W', t, h, w)
            yield (t * height + row) * width, block.permute(1, 2, 0, 3, 4, 5).flatten(2).flatten(0, 1)


def _gather(video: torch.Tensor, positions: torch.Tensor, patch: Size) -> torch.Tensor:
    """Patches (N, D) at positions (N, 3)."""
    t, h, w = positions.to(video.device).unbind(dim=1)
    return _view(video, patch)[:, t, h, w].transpose(0, 1).flatten(1)


def _view(video: torch.Tensor, patch: Size) -> torch.Tensor:
    """(C, T', H', W', t, h, w) view of every patch; no copy."""
    return video.unfold(1, patch[0], 1).unfold(2, patch[1], 1).unfold(3, patch[2], 1)


def _size(video: torch.Tensor) -> Size:
    _, frames, height, width = video.shape
    return frames, height, width


def _grid(size: Size, patch: Size) -> Size:
    if any(length < extent for length, extent in zip(size, patch, strict=True)):
        text = [("x".join(map(str, item))) for item in (patch, size)]
        raise ValueError(f"a patch of {text[0]} does not fit into a clip of {text[1]} (frames x height x width)")
    frames, height, width = (length - extent + 1 for length, extent in zip(size, patch, strict=True))
    return frames, height, width


def _unravel(index: torch.Tensor, grid: Size) -> torch.Tensor:
    _, height, width = grid
    return torch.stack((index // (height * width), index // width % height, index % width), dim=1)


def _ravel(positions: torch.Tensor, grid: Size) -> torch.Tensor:
    _, height, width = grid
    return (positions[:, 0] * height + positions[:, 1]) * width + positions[:, 2]
