"""Reading patches, and the vote against an oracle that collects every suggestion in a list."""

from itertools import product

import numpy as np
import pytest
import torch

from onereel.nnf import Field, grid_positions, grid_size, ravel
from onereel.nnf.patches import patch_matrix
from onereel.nnf.votes import vote

ENGINES = ("numba", "torch")


def random_video(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def random_field(query_size, key_size, seed: int = 0, *, coherent: bool = False) -> Field:
    """Random keys, or blocks of queries with one displacement each, as searches find them."""
    generator = torch.Generator().manual_seed(seed)
    positions = torch.stack([torch.randint(n, query_size, generator=generator) for n in key_size], dim=-1)
    if coherent:
        queries = grid_positions(query_size)
        blocks = positions[: (query_size[0] + 2) // 3, : (query_size[1] + 3) // 4, : (query_size[2] + 3) // 4]
        blocks = blocks.repeat_interleave(3, 0).repeat_interleave(4, 1).repeat_interleave(4, 2)
        blocks = blocks[: query_size[0], : query_size[1], : query_size[2]]
        positions = queries + blocks % 3
    return Field(ravel(positions, key_size), torch.zeros(query_size), key_size)


def oracle(values: np.ndarray, field: Field, patch, size, kind: str) -> np.ndarray:
    suggestions = {place: [] for place in product(*map(range, size))}
    for query, key in zip(
        product(*map(range, field.query_size)), field.positions().reshape(-1, 3).tolist(), strict=True
    ):
        for offset in product(*map(range, patch)):
            place = tuple(q + o for q, o in zip(query, offset, strict=True))
            t, h, w = (k + o for k, o in zip(key, offset, strict=True))
            suggestions[place].append(values[:, t, h, w])
    out = np.empty((len(values), *size), np.float32)
    for place, found in suggestions.items():
        ordered = np.sort(np.stack(found), axis=0)
        out[:, *place] = ordered[(len(found) - 1) // 2] if kind == "median" else ordered.mean(axis=0)
    return out


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ["median", "mean"])
@pytest.mark.parametrize("coherent", [False, True])
@pytest.mark.parametrize(
    ("channels", "value_size", "size", "patch"),
    [
        (3, (5, 10, 11), (5, 10, 11), (3, 7, 7)),
        (3, (4, 9, 8), (6, 8, 13), (3, 5, 5)),
        (1, (3, 4, 5), (2, 6, 4), (2, 1, 3)),
        (5, (3, 8, 8), (3, 7, 7), (3, 7, 7)),
        (2, (2, 3, 4), (3, 4, 2), (1, 1, 1)),
    ],
)
def test_vote_agrees_with_the_oracle(engine, kind, coherent, channels, value_size, size, patch):
    values = random_video(channels, *value_size)
    field = random_field(grid_size(size, patch), grid_size(value_size, patch), coherent=coherent)
    result = vote(values, field, patch, size, kind=kind, engine=engine)
    assert result.dtype == torch.float32
    np.testing.assert_allclose(
        result.numpy(),
        oracle(values.double().numpy(), field, patch, size, kind),
        rtol=0,
        atol=1e-5 if kind == "mean" else 0,
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ["median", "mean"])
@pytest.mark.parametrize("coherent", [False, True])
@pytest.mark.parametrize(
    ("channels", "value_size", "size", "patch"),
    [
        (3, (5, 10, 21), (5, 10, 40), (3, 7, 7)),
        (3, (4, 9, 8), (6, 8, 13), (3, 5, 5)),
        (1, (3, 4, 5), (2, 6, 17), (2, 1, 3)),
        (4, (3, 8, 8), (3, 7, 7), (3, 7, 7)),
        (5, (3, 8, 8), (3, 7, 7), (3, 7, 7)),
        (2, (4, 20, 9), (5, 18, 20), (4, 16, 5)),
    ],
)
def test_vote_on_bytes_agrees_with_the_oracle(engine, kind, coherent, channels, value_size, size, patch):
    """The fourth case fills a word, the fifth and the last are too large for the fast path."""
    values = torch.rand(channels, *value_size, generator=torch.Generator().manual_seed(1)) * 2 - 1
    field = random_field(grid_size(size, patch), grid_size(value_size, patch), coherent=coherent)
    result = vote(values, field, patch, size, kind=kind, precision="uint8", engine=engine)
    rounded = ((values.double() + 1) * 127.5).round() / 127.5 - 1
    np.testing.assert_allclose(result.numpy(), oracle(rounded.numpy(), field, patch, size, kind), rtol=0, atol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_identity_and_a_shift_are_copied_exactly(engine):
    values, patch = random_video(3, 6, 14, 15), (3, 7, 7)
    grid = grid_size((6, 14, 15), patch)
    identity = Field(ravel(grid_positions(grid), grid), torch.zeros(grid), grid)
    assert torch.equal(vote(values, identity, patch, (6, 14, 15), engine=engine), values)
    smaller = grid_size((5, 11, 13), patch)
    moved = Field(ravel(grid_positions(smaller) + torch.tensor([1, 3, 2]), grid), torch.zeros(smaller), grid)
    assert torch.equal(vote(values, moved, patch, (5, 11, 13), engine=engine), values[:, 1:, 3:, 2:])


def test_median_takes_values_that_occur_and_ignores_a_minority():
    values, patch = random_video(3, 5, 12, 12), (3, 7, 7)
    grid = grid_size((5, 12, 12), patch)
    index = ravel(grid_positions(grid), grid)
    broken = index.clone()
    broken[1, 2, 3] = 0
    assert torch.equal(vote(values, Field(broken, torch.zeros(grid), grid), patch, (5, 12, 12))[:, 2], values[:, 2])
    shuffled = vote(values, random_field(grid, grid), patch, (5, 12, 12))
    for channel in range(3):
        assert set(shuffled[channel].unique().tolist()) <= set(values[channel].unique().tolist())


def test_patch_matrix_cuts_patches():
    video = random_video(2, 5, 8, 9)
    positions = torch.tensor([[0, 0, 0], [2, 3, 1], [2, 1, 2]])
    rows = patch_matrix(video, positions, (3, 5, 7))
    assert rows.shape == (3, 2 * 3 * 5 * 7)
    for row, (t, h, w) in zip(rows, positions.tolist(), strict=True):
        assert torch.equal(row, video[:, t : t + 3, h : h + 5, w : w + 7].reshape(-1))
    assert patch_matrix(video, positions[:0], (3, 5, 7)).shape == (0, 210)


@pytest.mark.parametrize("position", [[3, 0, 0], [0, -1, 0], [0, 0, 3]])
def test_patches_outside_the_video_are_refused(position):
    with pytest.raises(ValueError, match="leave the grid"):
        patch_matrix(random_video(1, 5, 8, 9), torch.tensor([position]), (3, 5, 7))


def test_what_does_not_fit_together_is_refused():
    values, patch = random_video(3, 5, 10, 10), (3, 7, 7)
    field = random_field((3, 4, 4), (3, 4, 4))
    with pytest.raises(ValueError, match="does not fit"):
        vote(values, field, patch, (5, 10, 11))
    with pytest.raises(ValueError, match="does not fit"):
        vote(values[:, :, :9], field, patch, (5, 10, 10))
    with pytest.raises(ValueError, match="median or mean"):
        vote(values, field, patch, (5, 10, 10), kind="mode")
