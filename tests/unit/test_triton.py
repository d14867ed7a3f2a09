"""The Triton engine against the torch engine and plain loops.

With a GPU the kernels run compiled. Without one they run under Triton's interpreter, in a process of their own, because
Triton decides when it is first imported whether it interprets; and they are compiled for a GPU that is not there, which
finds what the interpreter lets pass.
"""

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from onereel.methods import Inputs, Job, Task, load_method
from onereel.methods.vgpnn import VGPNNConfig
from onereel.nnf import Field, SearchConfig, engines, grid_size, search
from onereel.nnf.rounding import from_bytes
from onereel.nnf.votes import vote
from onereel.video.clip import Clip, to_frames
from onereel.video.pyramid import Ladder
from tests.unit.test_nnf import all_distances, generator, whole_numbers
from tests.unit.test_patches import random_field, random_video

HAS_TRITON = importlib.util.find_spec("triton") is not None
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
RUNS = HAS_TRITON and (INTERPRETED or torch.cuda.is_available())
DEVICE = "cpu" if INTERPRETED else "cuda"

pytestmark = pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # 0 * inf, in the interpreter's numpy
kernels = pytest.mark.skipif(not RUNS, reason="no GPU here: run under the interpreter, by a test of its own")

# Its interpreter counts loops by `int` of an array, which NumPy 2.4 refuses.
TRITON = tuple(map(int, importlib.metadata.version("triton").split(".")[:2])) if HAS_TRITON else (0, 0)
loops = pytest.mark.skipif(INTERPRETED and TRITON < (3, 7), reason="Triton before 3.7 interprets no loops")


@pytest.fixture(autouse=True)
def _large_blocks(monkeypatch):
    """The interpreter takes long per operation, however much one does."""
    if RUNS and INTERPRETED:
        from onereel.nnf import exhaustive_triton, patchmatch_triton, vote_triton

        monkeypatch.setattr(patchmatch_triton, "LANES", 1024)
        monkeypatch.setattr(vote_triton, "ELEMENTS", 1 << 15)
        for name, value in (("ROWS", 2), ("COLUMNS", 4), ("LANES", 8)):
            monkeypatch.setattr(exhaustive_triton, name, value)


# PatchMatch


def both(queries: torch.Tensor, keys: torch.Tensor, **arguments) -> list[Field]:
    """What the torch and the triton engine find."""
    moved = {name: value.to(DEVICE) if torch.is_tensor(value) else value for name, value in arguments.items()}
    return [
        search(queries.to(DEVICE), keys.to(DEVICE), generator=generator(3), engine=engine, **moved)
        for engine in ("torch", "triton")
    ]


def assert_same(fields: list[Field]) -> None:
    assert torch.equal(fields[0].index, fields[1].index)
    assert torch.equal(fields[0].distance, fields[1].distance)


CASES = [
    (3, (4, 9, 10), (3, 8, 11), (3, 7, 7)),
    (1, (3, 6, 5), (6, 5, 8), (2, 3, 4)),
    (16, (3, 5, 6), (3, 6, 5), (3, 3, 3)),
    (7, (2, 4, 9), (3, 5, 4), (1, 1, 1)),
    (2, (3, 7, 7), (3, 7, 7), (3, 7, 7)),
    (3, (5, 7, 5), (6, 8, 4), (5, 7, 1)),  # more rows than stay in registers
]


@kernels
@pytest.mark.parametrize(
    ("channels", "query_size", "key_size", "patch", "steered"),
    [*((*case, True) for case in CASES), (*CASES[0], False)],
)
@pytest.mark.parametrize("precision", ["float32", "uint8"])
def test_patchmatch_finds_the_same_field(channels, query_size, key_size, patch, precision, steered):
    queries, keys = whole_numbers(channels, *query_size), whole_numbers(channels, *key_size, seed=1)
    if precision == "uint8":
        queries, keys = (from_bytes((video + 4) * 31) for video in (queries, keys))
    query_grid, key_grid = grid_size(query_size, patch), grid_size(key_size, patch)
    arguments = {}
    if steered:
        weights = torch.randint(1, 4, key_grid, generator=generator(2)).float()
        mask = torch.rand(key_grid, generator=generator(4)) < 0.7
        mask[0, 0, 0] = True
        count = int(np.prod(key_grid))
        index = torch.arange(int(np.prod(query_grid))).reshape(query_grid) % count
        initial = Field(index.to(DEVICE), torch.zeros(query_grid, device=DEVICE), key_grid)
        arguments = {"key_weights": weights, "key_mask": mask, "initial": initial}
    method = SearchConfig(sweeps=2, steps=(2, 1), radii=(2, 1), precision=precision)
    fields = both(queries, keys, patch=patch, method=method, **arguments)
    assert_same(fields)
    if steered:
        assert bool(mask.reshape(-1)[fields[1].index.cpu()].all())


@kernels
def test_a_key_at_distance_0_that_must_not_be_taken_is_not():
    """Infinity times zero is not less than anything."""
    keys = whole_numbers(2, 2, 6, 8)
    mask = torch.rand(grid_size((2, 6, 8), (2, 3, 3)), generator=generator(1)) < 0.5
    fields = both(keys, keys, patch=(2, 3, 3), method=SearchConfig(sweeps=4), key_mask=mask)
    assert_same(fields)
    assert bool(mask.reshape(-1)[fields[1].index.cpu()].all())


@kernels
def test_blocks_of_queries_and_registers_do_not_matter(monkeypatch):
    from onereel.nnf import patchmatch_triton

    queries, keys = random_video(3, 2, 5, 7), random_video(3, 3, 6, 6, seed=1)
    fields = []
    for lanes, kept in ((1024, 128), (32, 128), (32, 0)):
        monkeypatch.setattr(patchmatch_triton, "LANES", lanes)
        monkeypatch.setattr(patchmatch_triton, "_KEPT", kept)
        fields.append(both(queries, keys, patch=(2, 3, 3), method=SearchConfig(sweeps=1))[1])
    for field in fields[1:]:
        assert torch.equal(field.index, fields[0].index)
        torch.testing.assert_close(field.distance, fields[0].distance)


# Exhaustive search


@kernels
@loops
@pytest.mark.parametrize(
    ("channels", "query_size", "key_size", "patch", "steered"),
    [
        (3, (3, 9, 8), (3, 8, 8), (3, 7, 7), True),
        (1, (3, 6, 5), (3, 5, 8), (2, 3, 4), False),
        (5, (1, 3, 6), (2, 4, 9), (1, 1, 1), True),
        (2, (3, 7, 7), (3, 7, 7), (3, 7, 7), False),
    ],
)
def test_exhaustive_search_takes_the_first_of_the_best(channels, query_size, key_size, patch, steered):
    queries, keys = whole_numbers(channels, *query_size), whole_numbers(channels, *key_size, seed=1)
    grid, elements = grid_size(key_size, patch), channels * int(np.prod(patch))
    sums = np.rint(all_distances(queries, keys, patch) * elements)  # (queries, keys)
    weights = torch.randint(1, 4, grid, generator=generator(2)).float() if steered else torch.ones(grid)
    mask = torch.rand(grid, generator=generator(4)) < 0.7 if steered else torch.ones(grid, dtype=torch.bool)
    mask[0, 0, 0] = True
    best = np.where(mask.reshape(-1), sums * weights.reshape(-1).numpy(), np.inf).argmin(axis=1)
    arguments = {"key_weights": weights, "key_mask": mask} if steered else {}
    field = both(queries, keys, patch=patch, method="exhaustive", **arguments)[1]
    assert field.key_size == grid
    np.testing.assert_array_equal(field.index.cpu().reshape(-1), best)
    expected = (sums[np.arange(len(best)), best] / elements).astype(np.float32)
    np.testing.assert_array_equal(field.distance.cpu().reshape(-1), expected)


@kernels
@loops
def test_an_equal_patch_that_is_masked_is_not_taken():
    keys = whole_numbers(1, 2, 5, 6)
    mask = torch.zeros(grid_size((2, 5, 6), (2, 3, 3)), dtype=torch.bool)
    mask[0, 1, 2] = True
    field = both(keys, keys, patch=(2, 3, 3), method="exhaustive", key_mask=mask)[1]
    assert bool((field.index == 1 * 4 + 2).all())


# Vote


VOTES = [
    (3, (4, 9, 11), (5, 10, 8), (3, 7, 7)),
    (2, (4, 9, 8), (3, 8, 13), (3, 5, 5)),
    (1, (3, 4, 5), (2, 6, 4), (2, 1, 3)),
    (5, (3, 8, 8), (3, 7, 7), (3, 7, 7)),
    (2, (2, 3, 4), (3, 4, 2), (1, 1, 1)),
]


@kernels
@pytest.mark.parametrize(("channels", "value_size", "size", "patch"), VOTES)
@pytest.mark.parametrize("precision", ["float32", "uint8"])
@pytest.mark.parametrize("kind", ["median", "mean"])
def test_the_vote_agrees(channels, value_size, size, patch, precision, kind):
    values = random_video(channels, *value_size).clamp(-1, 1).to(DEVICE)
    drawn = random_field(grid_size(size, patch), grid_size(value_size, patch))
    field = Field(drawn.index.to(DEVICE), drawn.distance.to(DEVICE), drawn.key_size)
    torchs, tritons = (
        vote(values, field, patch, size, kind=kind, precision=precision, engine=engine)
        for engine in ("torch", "triton")
    )
    if kind == "median":
        assert torch.equal(tritons, torchs)
    else:
        torch.testing.assert_close(tritons, torchs)


# A method


@kernels
def test_vgpnn_gives_the_same_sample(monkeypatch):
    config = VGPNNConfig(
        ladder=Ladder(factor_time=1, factor_space=1.5, min_side=7, levels=2),
        patch=(3, 5, 5),
        em_iterations=1,
        search=SearchConfig(sweeps=1, precision="uint8"),
    )
    clip = Clip(to_frames(random_video(3, 4, 10, 11).mul(0.4)))
    samples = []
    for engine in ("torch", "triton"):
        monkeypatch.setattr(engines, "engine_for", lambda name, device, engine=engine: engine)
        job = Job(torch.device(DEVICE))
        samples.append(load_method("vgpnn").sample(Task.GENERATE, Inputs(clip), config, 0, job))
    assert samples[1].shape == clip.frames.shape
    assert (samples[0] == samples[1]).mean() > 0.98, "rounding may turn a float search's choice"


# Where it runs


@pytest.mark.skipif(RUNS or not HAS_TRITON, reason="this is the process, or there is no Triton")
def test_the_kernels_run_under_the_interpreter():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(Path(__file__))]
    run = subprocess.run(command, env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


COMPILE = """
import sys, torch
from onereel.nnf import votes
from onereel.nnf import engines
assert "triton" not in sys.modules, f"{votes}: not every machine has it"

import triton
from triton.backends.compiler import GPUTarget

class Hopper:
    def get_current_target(self): return GPUTarget("cuda", 90, 32)
    def get_current_device(self): return 0
    def get_current_stream(self, device): return 0

triton.runtime.driver.set_active(Hopper())
compiled, run = set(), triton.JITFunction.run

def only_compile(kernel, *arguments, grid, warmup, **options):
    compiled.add(kernel.__name__)
    return run(kernel, *arguments, grid=grid, warmup=True, **options)

triton.JITFunction.run = only_compile
from onereel.nnf import Field, SearchConfig, exhaustive_triton, grid_size, patchmatch_triton, vote_triton

patch, grid = (2, 3, 3), (2, 4, 1)
for video in (torch.zeros(3, 3, 6, 3), torch.zeros(3, 3, 6, 3, dtype=torch.uint8), torch.zeros(32, 3, 6, 3)):
    start = torch.zeros(grid, dtype=torch.long)
    patchmatch_triton.patchmatch(
        video, video, patch, SearchConfig(sweeps=1), weights=torch.ones(grid), start=start, seed=1
    )
    vote_triton.vote(video, Field(start, start.float(), grid), patch, (3, 6, 3), "median")
exhaustive_triton.exhaustive(torch.zeros(1, 3, 6, 3), torch.zeros(1, 3, 6, 3), patch, weights=torch.ones(grid))
assert compiled == {"_measure", "_sweep", "_search", "_fold"}, compiled
"""


@pytest.mark.skipif(INTERPRETED or not HAS_TRITON, reason="in the other process, or there is no Triton")
def test_the_kernels_compile_for_hopper(tmp_path):
    environment = os.environ | {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", COMPILE], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_auto_takes_triton_where_it_can(monkeypatch):
    cuda, cpu = torch.device("cuda", 0), torch.device("cpu")
    monkeypatch.setattr(engines, "find_spec", lambda name: object())
    assert engines.engine_for("auto", cuda) == "triton"
    assert engines.engine_for("triton", cuda) == "triton"
    assert (engines.engine_for("auto", cpu), engines.engine_for("auto", torch.device("mps"))) == ("numba", "torch")
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    assert engines.engine_for("auto", cuda) == "torch"
    with pytest.raises(ValueError, match="needs the package triton"):
        engines.engine_for("triton", cuda)


@pytest.mark.skipif(INTERPRETED or not HAS_TRITON, reason="under the interpreter it may")
def test_triton_refuses_the_cpu():
    with pytest.raises(ValueError, match="TRITON_INTERPRET=1"):
        search(whole_numbers(1, 3, 7, 7), whole_numbers(1, 3, 7, 7), generator=generator(), engine="triton")
    field = random_field((1, 1, 1), (1, 1, 1))
    with pytest.raises(ValueError, match="TRITON_INTERPRET=1"):
        vote(random_video(1, 3, 7, 7), field, (3, 7, 7), (3, 7, 7), engine="triton")
