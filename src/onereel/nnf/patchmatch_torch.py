"""PatchMatch in plain torch: the readable reference, and the path on CUDA.

Same candidates, same draws and same order as `patchmatch_numba`, so both give the same field up to rounding. All
queries of a chunk are updated together; a distance is summed patch element by patch element from gathered voxels, so
memory stays linear in the number of voxels.
"""

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from onereel.nnf import draws
from onereel.nnf.field import Field, Size, grid_positions, grid_size, ravel, unravel
from onereel.nnf.settings import SearchConfig

_CHUNK = 1 << 18  # queries whose distances are summed at once: bounds the gathered voxels to a few megabytes


@dataclass(frozen=True)
class _Problem:
    queries: Tensor  # (voxels, C)
    keys: Tensor  # (voxels', C)
    query_video: Size
    key_video: Size
    query_size: Size
    key_size: Size
    patch: Size
    weights: Tensor | None  # (keys,)
    places: Tensor  # (queries, 3) every query's own position


def patchmatch(
    queries: Tensor,
    keys: Tensor,
    patch: Size,
    config: SearchConfig,
    *,
    weights: Tensor | None,
    start: Tensor,
    seed: int,
) -> Field:
    """Approximate field of `queries` in `keys`, on their device; arguments as in `patchmatch_numba.patchmatch`."""
    problem = _problem(queries, keys, patch, weights)
    count = len(problem.places)
    positions = unravel(start.reshape(-1), problem.key_size)
    costs = _costs(problem, positions)
    for sweep, (step, radius) in enumerate(config.schedule(), start=1):
        bits = draws.query_keys(seed, sweep, count, queries.device)
        positions, costs = _sweep(problem, positions, costs, bits, step, radius)
    distance = _distances(problem, positions) / (queries.shape[0] * patch[0] * patch[1] * patch[2])
    index = ravel(positions, problem.key_size)
    return Field(index.reshape(problem.query_size), distance.reshape(problem.query_size), problem.key_size)


def _problem(queries: Tensor, keys: Tensor, patch: Size, weights: Tensor | None) -> _Problem:
    sizes: list[Size] = [tuple(video.shape[1:]) for video in (queries, keys)]  # type: ignore[misc]
    query_size, key_size = (grid_size(size, patch) for size in sizes)
    return _Problem(
        queries=queries.float().flatten(1).T.contiguous(),
        keys=keys.float().flatten(1).T.contiguous(),
        query_video=sizes[0],
        key_video=sizes[1],
        query_size=query_size,
        key_size=key_size,
        patch=patch,
        weights=None if weights is None else weights.reshape(-1),
        places=grid_positions(query_size, queries.device).reshape(-1, 3),
    )


def _sweep(
    problem: _Problem, positions: Tensor, costs: Tensor, bits: Tensor, step: int, radius: int
) -> tuple[Tensor, Tensor]:
    """One sweep: every candidate is built from the field before the sweep, then compared in a fixed order."""
    best, best_costs = positions, costs
    for candidate in _candidates(problem, positions, bits, step, radius):
        candidate_costs = _costs(problem, candidate)
        better = candidate_costs < best_costs
        best = torch.where(better[:, None], candidate, best)
        best_costs = torch.where(better, candidate_costs, best_costs)
    return best, best_costs


def _candidates(problem: _Problem, positions: Tensor, bits: Tensor, step: int, radius: int):  # type: ignore[no-untyped-def]
    """Yield (queries, 3) positions, 14 times: what six neighbours propose, each also jittered; then the random ones."""
    size = problem.key_size
    for neighbour, (axis, side) in enumerate(product(range(3), (-step, step))):
        proposal = _clamped(_proposal(problem, positions, axis, side), size)
        yield proposal
        yield _clamped(proposal + draws.jitter(draws.draw(bits, 4 + neighbour), radius), size)
    yield _clamped(positions + draws.jitter(draws.draw(bits, 3), radius), size)
    yield torch.stack([draws.below(draws.draw(bits, axis), length) for axis, length in enumerate(size)], dim=-1)


def _proposal(problem: _Problem, positions: Tensor, axis: int, step: int) -> Tensor:
    neighbours = problem.places.clone()
    neighbours[:, axis] = (neighbours[:, axis] + step).clamp(0, problem.query_size[axis] - 1)
    return positions[ravel(neighbours, problem.query_size)] - (neighbours - problem.places)


def _clamped(positions: Tensor, size: Size) -> Tensor:
    return positions.clamp(min=0).minimum(torch.tensor(size, device=positions.device) - 1)


def _costs(problem: _Problem, positions: Tensor) -> Tensor:
    """(queries,) weighted sums of squared differences."""
    distances = _distances(problem, positions)
    return distances if problem.weights is None else distances * problem.weights[ravel(positions, problem.key_size)]


def _distances(problem: _Problem, positions: Tensor) -> Tensor:
    """(queries,) sums of squared differences between every query's patch and the key patch at its position."""
    queries = ravel(problem.places, problem.query_video)
    keys = ravel(positions, problem.key_video)
    _, query_height, query_width = problem.query_video
    _, key_height, key_width = problem.key_video
    total = torch.zeros(len(queries), device=queries.device)
    for chunk in torch.arange(len(queries), device=queries.device).split(_CHUNK):
        part, first, other = total[chunk], queries[chunk], keys[chunk]
        for t, h, w in product(*(range(extent) for extent in problem.patch)):
            left = problem.queries[first + (t * query_height + h) * query_width + w]
            right = problem.keys[other + (t * key_height + h) * key_width + w]
            part += (left - right).square().sum(dim=-1)
        total[chunk] = part
    return total
