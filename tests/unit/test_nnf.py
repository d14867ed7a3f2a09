"""Fields: every engine against plain loops, PatchMatch against exhaustive search, weights, determinism, memory."""

import subprocess
import sys
from itertools import product
from pathlib import Path

import numba
import numpy as np
import pytest
import torch
from PIL import Image

from onereel.nnf import Field, SearchConfig, completeness_weights, grid_positions, grid_size, ravel, search, unravel
from onereel.nnf.exhaustive_torch import nearest_patches
from onereel.nnf.patches import patch_matrix
from onereel.video.clip import to_video
from onereel.video.pyramid import resize

ENGINES = ("numba", "torch")
PATCH = (3, 7, 7)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def whole_numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    """Small integers: their squared differences have exact sums in float32, in any order."""
    return torch.randint(-4, 5, shape, generator=generator(seed)).float()


def texture(*shape: int, seed: int = 0) -> torch.Tensor:
    """A smooth random video, so that neighbours tell something about each other."""
    coarse = torch.randn((shape[0], *(max(2, n // 3) for n in shape[1:])), generator=generator(seed))
    return resize(coarse, shape[1:]).clamp(-1, 1)


def all_distances(queries: torch.Tensor, keys: torch.Tensor, patch) -> np.ndarray:
    """(queries, keys) mean squared differences, patch by patch."""
    grids = [list(product(*map(range, grid_size(tuple(v.shape[1:]), patch)))) for v in (queries, keys)]
    rows = [
        np.stack([v[:, t : t + patch[0], h : h + patch[1], w : w + patch[2]].numpy().ravel() for t, h, w in grid])
        for v, grid in zip((queries.double(), keys.double()), grids, strict=True)
    ]
    return np.stack([np.square(row - rows[1]).mean(axis=1) for row in rows[0]])


def distances_of(field: Field, table: np.ndarray) -> np.ndarray:
    """What the oracle's table says about the keys that a field names."""
    index = field.index.reshape(-1).numpy()
    return table[np.arange(len(index)), index]


CASES = [
    (3, (5, 10, 12), (4, 11, 9), (3, 7, 7)),
    (1, (3, 6, 5), (6, 5, 8), (2, 3, 4)),
    (16, (3, 5, 6), (3, 6, 5), (3, 3, 3)),
    (7, (2, 4, 9), (3, 5, 4), (1, 1, 1)),
    (2, (3, 7, 7), (3, 7, 7), (3, 7, 7)),
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("channels", "query_size", "key_size", "patch"), CASES)
@pytest.mark.parametrize("weighted", [False, True])
def test_exhaustive_search_agrees_with_plain_loops(engine, channels, query_size, key_size, patch, weighted):
    queries, keys = torch.randn(channels, *query_size, generator=generator()), texture(channels, *key_size)
    table = all_distances(queries, keys, patch)
    weights = torch.rand(grid_size(key_size, patch), generator=generator(1)) + 0.2 if weighted else None
    field = search(queries, keys, patch=patch, method="exhaustive", key_weights=weights, engine=engine)
    assert field.key_size == grid_size(key_size, patch)
    assert field.query_size == grid_size(query_size, patch)
    factors = weights.reshape(-1).double().numpy() if weighted else np.ones(table.shape[1])
    found = distances_of(field, table)
    np.testing.assert_allclose(found * factors[field.index.reshape(-1)], (table * factors).min(axis=1), rtol=1e-5)
    np.testing.assert_allclose(field.distance.reshape(-1), found, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("channels", "query_size", "key_size", "patch"), CASES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("started", [False, True])
def test_both_patchmatch_engines_find_the_same_field(channels, query_size, key_size, patch, weighted, started):
    queries, keys = whole_numbers(channels, *query_size), whole_numbers(channels, *key_size, seed=1)
    query_grid, key_grid = grid_size(query_size, patch), grid_size(key_size, patch)
    count = int(np.prod(key_grid))
    weights = torch.randint(1, 4, key_grid, generator=generator(2)).float() if weighted else None
    initial = Field(
        torch.arange(int(np.prod(query_grid))).reshape(query_grid) % count, torch.zeros(query_grid), key_grid
    )
    fields = [
        search(
            queries,
            keys,
            patch=patch,
            method=SearchConfig(sweeps=10),  # steps recur: one engine knows which neighbours proposed the same before
            key_weights=weights,
            initial=initial if started else None,
            generator=generator(3),
            engine=engine,
        )
        for engine in ENGINES
    ]
    assert torch.equal(fields[0].index, fields[1].index)
    torch.testing.assert_close(fields[0].distance, fields[1].distance)
    np.testing.assert_allclose(
        fields[0].distance.reshape(-1), distances_of(fields[0], all_distances(queries, keys, patch)), rtol=1e-6
    )


def byte_video(*shape: int, seed: int = 0) -> torch.Tensor:
    """What an 8-bit picture holds."""
    return torch.randint(0, 256, shape, generator=generator(seed)) / 127.5 - 1


@pytest.mark.parametrize(("channels", "query_size", "key_size", "patch"), CASES)
@pytest.mark.parametrize("weighted", [False, True])
def test_comparing_bytes_loses_nothing_of_8_bit_pictures(channels, query_size, key_size, patch, weighted):
    queries, keys = byte_video(channels, *query_size), byte_video(channels, *key_size, seed=1)
    table = all_distances(queries, keys, patch)
    weights = torch.rand(grid_size(key_size, patch), generator=generator(2)) + 0.2 if weighted else None
    fields = []
    for engine in ENGINES:
        method = SearchConfig(sweeps=3, precision="uint8")
        field = search(
            queries, keys, patch=patch, method=method, key_weights=weights, generator=generator(3), engine=engine
        )
        np.testing.assert_allclose(field.distance.reshape(-1), distances_of(field, table), rtol=1e-5)
        fields.append(field)
    assert (fields[0].index == fields[1].index).float().mean() > 0.99, "weights may round two costs to one"
    plain = search(
        queries, keys, patch=patch, method=SearchConfig(sweeps=3), key_weights=weights, generator=generator(3)
    )
    assert float(fields[0].distance.mean()) == pytest.approx(float(plain.distance.mean()), rel=0.02)


def test_bytes_are_rounded_and_clipped():
    queries, keys = torch.full((3, 3, 7, 7), 1.7), torch.full((3, 3, 7, 7), 0.1)
    field = search(queries, keys, method=SearchConfig(precision="uint8"), generator=generator())
    assert float(field.distance) == pytest.approx((1 - (round(1.1 * 127.5) / 127.5 - 1)) ** 2, rel=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("method", ["patchmatch", "exhaustive"])
@pytest.mark.parametrize("weighted", [False, True])
def test_masked_keys_are_never_taken(engine, method, weighted):
    keys = texture(3, 5, 16, 18)
    queries = keys.clone()  # the best key of every query is its own place, at distance 0
    grid = grid_size((5, 16, 18), PATCH)
    mask = torch.rand(grid, generator=generator(1)) < 0.3
    weights = torch.rand(grid, generator=generator(2)) + 0.5 if weighted else None
    start = Field(ravel(grid_positions(grid), grid), torch.zeros(grid), grid)
    found = search(
        queries,
        keys,
        method=method,
        key_mask=mask,
        key_weights=weights,
        initial=start,
        generator=generator(),
        engine=engine,
    )
    assert bool(mask.reshape(-1)[found.index].all())
    table = all_distances(queries, keys, PATCH)
    np.testing.assert_allclose(found.distance.reshape(-1), distances_of(found, table), rtol=1e-4, atol=1e-6)
    if method == "exhaustive":
        factors = np.ones(table.shape[1]) if weights is None else weights.reshape(-1).double().numpy()
        best = np.where(mask.reshape(-1), table * factors, np.inf).min(axis=1)
        np.testing.assert_allclose(distances_of(found, table) * factors[found.index.reshape(-1)], best, rtol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_no_sweep_only_measures_the_start(engine):
    queries, keys = texture(3, 4, 12, 12), texture(3, 4, 12, 12, seed=1)
    grid = grid_size((4, 12, 12), PATCH)
    start = Field(ravel(grid_positions(grid), grid), torch.full(grid, torch.inf), grid)
    field = search(queries, keys, method=SearchConfig(sweeps=0), initial=start, generator=generator(), engine=engine)
    assert torch.equal(field.index, start.index)
    assert torch.equal(field.offsets(), torch.zeros(*grid, 3, dtype=torch.long))
    np.testing.assert_allclose(
        field.distance.reshape(-1), distances_of(start, all_distances(queries, keys, PATCH)), rtol=1e-5
    )


def test_sweeps_only_improve_and_reach_the_best():
    queries, keys = texture(3, 5, 20, 22), texture(3, 5, 20, 22, seed=1)
    best = search(queries, keys, method="exhaustive")
    before = None
    for sweeps in (0, 1, 4, 16, 200):
        field = search(queries, keys, method=SearchConfig(sweeps=sweeps), generator=generator())
        assert bool((field.distance >= best.distance - 1e-6).all())
        if before is not None:
            assert bool((field.distance <= before).all()), "more sweeps of one seed made a query worse"
        before = field.distance
    assert field.distance.mean() <= best.distance.mean() * 1.001


def test_a_known_displacement_is_found():
    keys = texture(3, 8, 40, 44)
    queries = keys[:, 2:7, 5:30, 9:37].contiguous()
    field = search(queries, keys, generator=generator())
    assert (field.offsets() == torch.tensor([2, 5, 9])).all(dim=-1).float().mean() > 0.999
    exact = search(queries, keys, method="exhaustive")
    assert torch.equal(exact.offsets(), torch.tensor([2, 5, 9]).expand(exact.offsets().shape))
    assert not exact.distance.any()


def test_weights_make_keys_dear():
    keys = texture(3, 4, 20, 20)
    twice = torch.cat([keys, keys], dim=3)  # every patch of the left half occurs again on the right
    grid = grid_size((4, 20, 40), PATCH)
    weights = torch.ones(grid)
    weights[..., :20] = 100.0
    queries = keys + 0.05 * torch.randn(keys.shape, generator=generator())
    for method in ("patchmatch", "exhaustive"):
        plain = search(queries, twice, method=method, generator=generator())
        steered = search(queries, twice, method=method, key_weights=weights, generator=generator())
        assert (plain.positions()[..., 2] < 20).any()
        assert bool((steered.positions()[..., 2] >= 20).all())
        torch.testing.assert_close(steered.distance, plain.distance, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_completeness_weights_are_equation_2(engine):
    queries, keys = texture(2, 4, 10, 11), texture(2, 5, 9, 12, seed=1)
    nearest = all_distances(queries, keys, PATCH).min(axis=0)  # over queries, per key
    weights = completeness_weights(queries, keys, 0.02, method="exhaustive", engine=engine)
    assert weights.shape == grid_size((5, 9, 12), PATCH)
    np.testing.assert_allclose(weights.reshape(-1), 1 / (0.02 + nearest), rtol=1e-4)
    approximate = completeness_weights(queries, keys, 0.02, generator=generator(), engine=engine)
    np.testing.assert_allclose(approximate.reshape(-1), weights.reshape(-1), rtol=0.1)
    with pytest.raises(ValueError, match="alpha"):
        completeness_weights(queries, keys, 0, method="exhaustive")


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one core")
@pytest.mark.parametrize("method", ["patchmatch", "exhaustive"])
def test_threads_do_not_matter_and_seeds_do(method):
    queries, keys = texture(3, 5, 30, 31), texture(3, 6, 28, 35, seed=1)
    fields = []
    for threads in (1, 2):
        numba.set_num_threads(threads)
        fields.append(search(queries, keys, method=method, generator=generator(7)))
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    assert torch.equal(fields[0].index, fields[1].index)
    assert torch.equal(fields[0].distance, fields[1].distance)
    if method == "patchmatch":
        few = [search(queries, keys, method=SearchConfig(sweeps=1), generator=generator(seed)) for seed in (7, 8)]
        assert not torch.equal(few[0].index, few[1].index)


def test_a_field_scales_to_another_level():
    small, large = (3, 10, 12), (5, 19, 23)
    identity = Field(ravel(grid_positions(small), small), torch.zeros(small), small)
    scaled = identity.resized(large, large)
    assert torch.equal(scaled.index, ravel(grid_positions(large), large))
    assert bool(scaled.distance.isinf().all())
    shifted = Field(ravel(grid_positions(small) + torch.tensor([0, 3, -4]), small), torch.zeros(small), small)
    middle = shifted.resized(large, large).offsets()[2, 4:10, 14:20]
    assert torch.equal(middle, torch.tensor([0, 6, -8]).expand(middle.shape))
    assert int(shifted.resized((4, 30, 40), (3, 8, 9)).index.max()) < 3 * 8 * 9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"queries": torch.full((3, 4, 9, 9), torch.nan)}, "NaN"),
        ({"keys": torch.full((3, 4, 9, 9), torch.inf)}, "infinity"),
        ({"queries": torch.zeros(2, 4, 9, 9)}, "channels"),
        ({"keys": torch.zeros(3, 4, 9, 9, dtype=torch.float64)}, "float32"),
        ({"queries": torch.zeros(3, 2, 9, 9)}, "does not fit"),
        ({"key_weights": torch.ones(5)}, "one value per key"),
        ({"key_weights": torch.zeros(2, 3, 3)}, "positive"),
        ({"key_mask": torch.zeros(2, 3, 3, dtype=torch.bool)}, "allows no key"),
        ({"key_mask": torch.ones(2, 3, 3)}, "bool"),
        ({"generator": None}, r"torch\.Generator"),
        ({"engine": "cuda"}, "engine must be"),
        ({"initial": Field(torch.zeros(1, 1, 1).long(), torch.zeros(1, 1, 1), (2, 3, 3))}, "initial field"),
    ],
)
def test_what_cannot_be_searched_is_refused(change, message):
    arguments = {"queries": torch.zeros(3, 4, 9, 9), "keys": torch.zeros(3, 4, 9, 9), "generator": generator()}
    arguments |= change
    with pytest.raises(ValueError, match=message):
        search(arguments.pop("queries"), arguments.pop("keys"), **arguments)


@pytest.mark.parametrize("settings", [{"steps": (0,)}, {"radii": (256,)}, {"steps": ()}, {"sweeps": -1}, {"sweep": 3}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        SearchConfig(**settings)


@pytest.mark.peer
def test_patchmatch_is_within_2_percent_of_exhaustive_search_on_a_real_clip(shared: Path):
    """13x72x128; the exact optimum on 3000 seeded queries, the mean of PatchMatch's field on the same ones.

    Queries are the clip backwards and darker, so that nothing matches exactly and motion is against the keys'.
    """
    paths = [shared / f"data/clips/airballoons/{number}.png" for number in range(1, 14)]
    clip = to_video(np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths]))
    keys = resize(clip, (13, 72, 128)).clamp(-1, 1)
    queries = keys.flip(1) * 0.9
    grid = grid_size((13, 72, 128), PATCH)
    field = search(queries, keys, method=SearchConfig(sweeps=40), generator=generator())
    chosen = torch.randperm(field.index.numel(), generator=generator(1))[:3000]
    patches = patch_matrix(queries, unravel(chosen, grid), PATCH)
    _, squared = nearest_patches(patches, keys, PATCH, grid, None)
    exact, found = float(squared.mean()) / patches.shape[1], float(field.distance.reshape(-1)[chosen].mean())
    assert exact * (1 - 1e-4) <= found <= 1.02 * exact


MEMORY = """
import resource, torch
from onereel.nnf import Field, SearchConfig, search
from onereel.nnf.votes import vote

def run(size, sweeps=1):
    generator = torch.Generator().manual_seed(0)
    video = torch.rand(3, *size, generator=generator)
    field = search(video, video.flip(1), method=SearchConfig(sweeps=sweeps), generator=generator)
    vote(video, field, (3, 7, 7), size)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

print(run((4, 9, 10)), run((13, 72, 128)), run((13, 144, 256)))
"""


def test_memory_is_linear_in_voxels():
    """A search and a vote in a fresh process; unfolded patches would take 1764 bytes a voxel for each video."""
    output = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True).stdout
    base, small, large = map(int, output.split())
    assert small - base < 250 * 13 * 72 * 128 + 4e6
    assert large - base < 250 * 13 * 144 * 256 + 4e6
