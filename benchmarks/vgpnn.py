"""Seconds, memory and patch quality of VGPNN samples.

Example, the size at which the paper reports 18 s on a Quadro RTX 8000 (the first 13 frames of a folder of pictures)::

    python benchmarks/vgpnn.py DATA/clips/airballoons --frames 13 --preset paper --seeds 3 --out vgpnn.csv

Coherence and completeness are mean squared differences per element between 3x7x7 patches (values in [-1, 1]) and their
exact nearest neighbours, output to input and input to output, over the same 5000 seeded patch positions for everyone.
With `--samples FOLDER` the videos in a folder of numbered pictures are measured instead of generated ones.
"""

import argparse
import csv
import resource
import statistics
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numba
import numpy as np
import torch
from PIL import Image

from onereel.base.files import atomic_path
from onereel.base.parsing import parse_settings
from onereel.base.progress import terminal_progress
from onereel.methods import Inputs, Job, Task, configure, load_method
from onereel.nnf import grid_size, unravel
from onereel.nnf.exhaustive_torch import nearest_patches
from onereel.nnf.patches import patch_matrix
from onereel.video.clip import Clip, Frames, to_frames, to_video
from onereel.video.pyramid import resize

PATCH = (3, 7, 7)
COLUMNS = ("sample", "wall_s", "cpu_s", "peak_gb", "coherence", "completeness", "psnr")


def read_pictures(folder: Path, frames: int | None, height: int | None) -> Frames:
    """(T, H, W, 3) from a folder of numbered pictures, optionally cut and scaled."""
    paths = sorted((path for path in folder.iterdir() if path.suffix in (".png", ".jpg")), key=lambda p: int(p.stem))
    pictures = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths[:frames]])
    if height is None or height == pictures.shape[1]:
        return pictures
    width = round(pictures.shape[2] * height / pictures.shape[1])
    return to_frames(resize(to_video(pictures), (len(pictures), height, width)))


def patch_distance(source: Frames, target: Frames, count: int) -> float:
    """Mean over seeded patches of `source` of the exact mean squared difference to the nearest patch of `target`."""
    queries, keys = to_video(source), to_video(target)
    size = grid_size(tuple(queries.shape[1:]), PATCH)
    total = size[0] * size[1] * size[2]
    chosen = torch.randperm(total, generator=torch.Generator().manual_seed(0))[:count]
    patches = patch_matrix(queries, unravel(chosen, size), PATCH)
    _, squared = nearest_patches(patches, keys, PATCH, grid_size(tuple(keys.shape[1:]), PATCH), None)
    return float(squared.double().mean()) / patches.shape[1]


def psnr(frames: Frames, reference: Frames) -> float:
    """Decibels; NaN where the sizes differ."""
    if frames.shape != reference.shape:
        return float("nan")
    error = np.square(frames.astype(float) - reference).mean()
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def measured(frames: Frames, reference: Frames, patches: int) -> dict[str, float]:
    return {
        "coherence": patch_distance(frames, reference, patches),
        "completeness": patch_distance(reference, frames, patches),
        "psnr": psnr(frames, reference),
    }


def generated(clip: Clip, arguments: argparse.Namespace) -> Iterable[dict[str, object]]:
    """One row per seed; a first small sample compiles the kernels, so that no row counts that."""
    method = load_method("vgpnn")
    settings = parse_settings(";".join(arguments.set), "--set")
    config = configure(method, arguments.preset, settings)
    job = Job(torch.device(arguments.device), progress=terminal_progress)
    for seed in [None, *range(arguments.seeds)]:
        inputs = Inputs(clip if seed is not None else Clip(np.ascontiguousarray(clip.frames[:, ::4, ::4])))
        wall, cpu = time.perf_counter(), time.process_time()
        frames = method.sample(Task.GENERATE, inputs, config, seed or 0, job)
        spent = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
        if seed is not None:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
            yield {"sample": seed, **spent, "peak_gb": peak, "frames": frames}


def collected(clip: Clip, arguments: argparse.Namespace) -> list[dict[str, object]]:
    if arguments.samples:
        folders = sorted(path for path in arguments.samples.iterdir() if path.is_dir()) or [arguments.samples]
        rows = [{"sample": path.name, "frames": read_pictures(path, None, arguments.height)} for path in folders]
    else:
        rows = list(generated(clip, arguments))  # before the measuring, whose memory is not the method's
    for row in rows:
        frames = row.pop("frames")
        row.update(measured(frames, clip.frames, arguments.patches))
    return rows


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path, help="folder of numbered pictures")
    parser.add_argument("--frames", type=int, help="only the first so many")
    parser.add_argument("--height", type=int, help="scale to so many rows")
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a single setting")
    parser.add_argument("--seeds", type=int, default=1, help="samples, seeds 0, 1, ...")
    parser.add_argument("--patches", type=int, default=5000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--samples", type=Path, help="measure these instead of generating")
    parser.add_argument("--out", type=Path, help="also write the rows as csv")
    return parser.parse_args()


def main() -> None:
    arguments = parsed()
    torch.set_num_threads(arguments.threads)
    numba.set_num_threads(min(arguments.threads, numba.config.NUMBA_NUM_THREADS))
    clip = Clip(read_pictures(arguments.pictures, arguments.frames, arguments.height))
    rows = collected(clip, arguments)
    numbers = [name for name in COLUMNS[1:] if name in rows[0]]
    medians: dict[str, object] = {name: statistics.median(row[name] for row in rows) for name in numbers}
    rows.append({"sample": "median", **medians})
    print(f"{arguments.pictures.name} {'x'.join(map(str, clip.size))}, preset {arguments.preset} {arguments.set}")
    for row in rows:
        print(
            "  ".join(f"{name} {row[name]:.4g}" if name in numbers else f"{row[name]}" for name in ("sample", *numbers))
        )
    if arguments.out:
        with atomic_path(arguments.out) as path, path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, ("sample", *numbers))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    sys.exit(main())
