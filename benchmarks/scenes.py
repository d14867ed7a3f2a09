"""Clips per second of the training scenes, and seconds for one clip of the others.

Example::

    NUMBA_NUM_THREADS=2 python benchmarks/scenes.py --clips 300

CPU seconds are those of all threads of this process, so that other work on the machine does not count; wall seconds do.
"""

import argparse
import time

import numba

from onereel.scenes import render, scene_names
from onereel.scenes.world import render_batch, render_specs, sample_world
from onereel.scenes.world.kinds import STYLES


def report(label: str, clips: int, wall: float, cpu: float) -> None:
    print(f"{label:24} {clips / wall:8.1f} clips/s  {clips / cpu:8.1f} clips per CPU second")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=200, help="clips of `world` per row")
    parser.add_argument("--size", type=int, default=64, help="pixels of a side")
    parser.add_argument("--frames", type=int, default=16)
    settings = parser.parse_args()
    size = {"frames": settings.frames, "height": settings.size, "width": settings.size}
    render_batch([0], **size)  # compiles
    print(f"{settings.frames} x {settings.size} x {settings.size}, {numba.get_num_threads()} threads")
    specs = [sample_world(seed) for seed in range(20 * settings.clips)]
    sets = {"world, as drawn": specs[: settings.clips]}
    sets |= {f"world, {style}": [s for s in specs if s.style == style][: settings.clips] for style in STYLES}
    for label, chosen in sets.items():
        wall, cpu = time.perf_counter(), time.process_time()
        for start in range(0, len(chosen), 32):
            render_specs(chosen[start : start + 32], **size)
        report(label, len(chosen), time.perf_counter() - wall, time.process_time() - cpu)
    for name in scene_names():
        if name != "world":
            wall, cpu = time.perf_counter(), time.process_time()
            render(name, **size)
            report(name, 1, time.perf_counter() - wall, time.process_time() - cpu)


if __name__ == "__main__":
    main()
