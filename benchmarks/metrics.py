"""Time of coherence, completeness and the field behind NNFDIV and NNFDIST, and whether their searches are exact.

    python benchmarks/metrics.py clip.mkv sample.mkv

For each sample: seconds of this process (CPU) and of the clock, the least of `--repeats`; nearest patches of some
queries against a comparison of all pairs; the field against that of floats alone, which must be the same bit by bit.
"""

import argparse
import time
from collections.abc import Callable
from typing import TypeVar
from unittest.mock import patch as replaced

import numpy as np
import torch

from onereel import ingest
from onereel.metrics.coherence import Coherence
from onereel.metrics.patch_search import draw_positions, nearest_errors
from onereel.metrics.registry import REGISTRY
from onereel.nnf import grid_size, problem_numba
from onereel.nnf.exhaustive_torch import nearest_patches
from onereel.nnf.patches import patch_matrix
from onereel.video.clip import Frames, to_video

Result = TypeVar("Result")


def timed(work: Callable[[], Result], repeats: int) -> tuple[Result, str]:
    """What `work` returns, and its least times."""
    cpu, wall = [], []
    for _ in range(repeats):
        started = time.process_time(), time.perf_counter()
        result = work()
        cpu.append(time.process_time() - started[0])
        wall.append(time.perf_counter() - started[1])
    return result, f"{min(cpu):.2f} CPU s, {min(wall):.2f} s"


def difference(errors: np.ndarray, queries: Frames, keys: Frames, count: int) -> float:
    """The largest relative difference between some of the errors and those of all pairs, by matrix products."""
    settings = Coherence().settings
    positions = draw_positions(queries.shape[:3], settings.patch, settings.count, settings.seed)
    some = torch.linspace(0, len(positions) - 1, count).long()
    patches = patch_matrix(to_video(queries), positions[some], settings.patch)
    _, squared = nearest_patches(
        patches, to_video(keys), settings.patch, grid_size(keys.shape[:3], settings.patch), None
    )
    expected = squared.double().numpy() / patches.shape[1]
    return float((np.abs(errors[some] - expected) / np.maximum(expected, 1e-6)).max())


def report(name: str, reference: Frames, sample: Frames, repeats: int, checked: int) -> None:
    settings = Coherence().settings
    for metric, queries, keys in (("coherence", sample, reference), ("completeness", reference, sample)):
        positions = draw_positions(queries.shape[:3], settings.patch, settings.count, settings.seed)
        errors, cost = timed(lambda q=queries, p=positions, k=keys: nearest_errors(q, p, k, settings.patch), repeats)
        gap = difference(errors, queries, keys, checked)
        print(
            f"{name} {metric} {errors.mean():.6g}: {cost}; {checked} patches against all pairs: {gap:.1g}", flush=True
        )
    measure = REGISTRY["nnfdiv"].extract
    field, cost = timed(lambda: measure(sample, reference), repeats)
    print(f"{name} field: {cost}", flush=True)
    with replaced.object(problem_numba, "STEP", 0.0):  # bytes say nothing
        slow, cost = timed(lambda: measure(sample, reference), repeats)
    equal = all(np.array_equal(one, other) for one, other in zip(field, slow, strict=True))
    print(f"{name} field, floats alone: {cost}; {'the same' if equal else 'ANOTHER FIELD'}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference")
    parser.add_argument("samples", nargs="+")
    parser.add_argument("--frames", type=int, help="only so many first frames of each")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--check", type=int, default=20, help="patches to compare with all pairs")
    settings = parser.parse_args()
    reference, *samples = (
        ingest.load(name).frames[: settings.frames] for name in (settings.reference, *settings.samples)
    )
    for name, sample in zip(settings.samples, samples, strict=True):
        report(name, reference, sample, settings.repeats, settings.check)


if __name__ == "__main__":
    main()
