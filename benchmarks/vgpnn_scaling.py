"""Seconds against voxels, as VGPNN's Fig. 6 shows them: VGPNN (PatchMatch) and GPNN* (exhaustive) on this machine.

Example::

    python benchmarks/vgpnn_scaling.py DATA/clips/airballoons --out results/benchmarks/scaling

writes ``scaling.csv`` and ``scaling.png`` and prints microseconds per voxel: about the same at all sizes for VGPNN,
growing for GPNN*. Grey points are published, or measured with the authors' public code on two cores.
"""

import argparse
import csv
import math
import resource
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numba
import numpy as np
import torch
from matplotlib.axes import Axes
from vgpnn import read_pictures

from onereel.base.files import atomic_path
from onereel.base.progress import terminal_progress
from onereel.methods import Inputs, Job, Task, configure, load_method
from onereel.video.clip import Clip

FRAMES = 13
HEIGHTS = {"vgpnn": (64, 96, 144, 208, 288), "gpnn": (32, 48, 64)}
PRESETS = {"vgpnn": "fast", "gpnn": "paper"}
KNOWN = {
    "VGPNN, published (Quadro RTX 8000)": [(13 * 144 * 256, 18)],
    "VGPNN, authors' code (two cores)": [(13 * 64 * 114, 225), (13 * 144 * 256, 1345)],
    "GPNN*, authors' code (two cores)": [(13 * 64 * 114, 414)],
}
COLUMNS = ("method", "frames", "height", "width", "seconds", "cpu_seconds", "us_per_voxel", "peak_gb")


def measure(name: str, clip: Clip, seed: int = 0) -> dict[str, float]:
    """Seconds of one sample."""
    method = load_method(name)
    config = configure(method, PRESETS[name])
    job = Job(torch.device("cpu"), progress=terminal_progress)
    wall, cpu = time.perf_counter(), time.process_time()
    method.sample(Task.GENERATE, Inputs(clip), config, seed, job)
    return {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}


def collect(pictures: Path, methods: list[str]) -> list[dict[str, object]]:
    rows = []
    for name in methods:
        measure(name, Clip(read_pictures(pictures, 5, 24)))  # compiles the kernels
        for height in HEIGHTS[name]:
            clip = Clip(read_pictures(pictures, FRAMES, height))
            voxels = math.prod(clip.size)
            spent = measure(name, clip)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
            size = dict(zip(COLUMNS[1:4], clip.size, strict=True))
            row = {"method": name, **size, **spent, "us_per_voxel": spent["seconds"] / voxels * 1e6, "peak_gb": peak}
            rows.append(row)
            print(
                "  ".join(
                    f"{key} {value:.4g}" if isinstance(value, float) else f"{value}" for key, value in row.items()
                )
            )
    return rows


def draw(axes: Axes, rows: list[dict[str, object]]) -> None:
    for name in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == name]
        voxels = np.array([row["frames"] * row["height"] * row["width"] for row in mine])
        title = load_method(name).title
        axes.loglog(
            voxels, [row["seconds"] for row in mine], "o-", label=f"{title}, onereel ({PRESETS[name]}, two cores)"
        )
    for marker, (label, points) in zip("s^v", KNOWN.items(), strict=True):
        axes.loglog(*zip(*points, strict=True), marker, color="0.5", label=label)
    axes.set(xlabel="voxels (13 frames)", ylabel="seconds a sample")
    axes.grid(which="both", alpha=0.2)
    axes.legend(fontsize=8, loc="upper right", bbox_to_anchor=(1, 0.8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path, help="folder of numbered pictures, at least 13")
    parser.add_argument("--methods", nargs="+", choices=HEIGHTS, default=list(HEIGHTS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/vgpnn_scaling"), help="without suffix")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    numba.set_num_threads(min(arguments.threads, numba.config.NUMBA_NUM_THREADS))
    rows = collect(arguments.pictures, arguments.methods)
    with atomic_path(arguments.out.with_suffix(".csv")) as path, path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    draw(axes, rows)
    with atomic_path(arguments.out.with_suffix(".png")) as path:
        figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
