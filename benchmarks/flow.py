"""Estimators of optical flow against the exact flow of scenes, on clips whose flow nobody knows, and against the clock.

    python benchmarks/flow.py scenes                        # mean end-point error in pixels, lower is better
    python benchmarks/flow.py clips fish.mp4 birds.gif      # PSNR in dB, higher is better
    python benchmarks/flow.py speed                         # pairs a second, beside scikit-image's TV-L1

`scenes` takes 72x128 px, seeds 0 and 1, three pairs each, and unseen worlds as in the score of `raft-world`. `clips`
scales the first frames to 72 px and measures each frame, read from the next one along the flow, against itself, and
every second frame, made of its neighbours half their way along the flow, against the real one. `speed` has pairs of
144x256 px, and takes the shortest of several times in turns; NUMBA_NUM_THREADS is the most threads.
"""

import argparse
import time
from collections.abc import Sequence

import numba
import numpy as np
import torch
from skimage.registration import optical_flow_tvl1

from onereel import ingest
from onereel.features.flow import ClassicalFlow, FlowEstimator, estimator_of
from onereel.heldout import baselines
from onereel.heldout.names import INTERPOLATE
from onereel.metrics.align import resize_frames
from onereel.metrics.base import Context
from onereel.metrics.registry import REGISTRY
from onereel.scenes import render
from onereel.standins.flow import end_point_errors, scoring_worlds
from onereel.video.clip import Frames
from onereel.video.warping import fetch
from onereel.weights.store import Weights

SCENES = ("balloons", "birds", "water", "sketch")
HEIGHT = 72


class Still:
    """No motion at all: the yardstick."""

    title = "no motion"

    def estimate(self, first: Frames, second: Frames) -> np.ndarray:
        """Zeros."""
        return np.zeros((*first.shape[:3], 2), np.float32)


class ScikitImage:
    """Its TV-L1, whose flow ours is."""

    title = "TV-L1 (scikit-image)"

    def estimate(self, first: Frames, second: Frames) -> np.ndarray:
        """Pair by pair."""
        luma = np.array([0.2126, 0.7152, 0.0722], np.float32) / 255
        pairs = zip(first.astype(np.float32) @ luma, second.astype(np.float32) @ luma, strict=True)
        found = [optical_flow_tvl1(*pair, attachment=30, prefilter=True) for pair in pairs]
        return np.stack(found).transpose(0, 2, 3, 1)[..., ::-1]  # (dy, dx) -> (dx, dy)


def estimators(names: Sequence[str]) -> list[FlowEstimator]:
    return [Still(), *(estimator_of(Weights().resolve(name)) for name in names)]


def scene_errors(estimator: FlowEstimator, name: str, fps: int) -> float:
    scenes = [render(name, seed=seed, frames=4, height=HEIGHT, width=128, fps=fps) for seed in (0, 1)]
    errors = [estimator.estimate(scene.frames[:-1], scene.frames[1:]) - scene.flow for scene in scenes]
    return float(np.mean([np.linalg.norm(error, axis=-1).mean() for error in errors]))


def clip_quality(estimator: FlowEstimator, frames: Frames) -> tuple[float, float]:
    first, second = frames[:-1], frames[1:]
    following = torch.from_numpy(second).permute(0, 3, 1, 2).float()
    read = fetch(following, torch.from_numpy(estimator.estimate(first, second)))[0].permute(0, 2, 3, 1).numpy()
    between = baselines.interpolate(frames[::2], estimator)[INTERPOLATE]
    psnr, context = REGISTRY["psnr"], Context()
    return (
        psnr.measure(first, [np.rint(read).astype(np.uint8)], context),
        psnr.measure(frames[1 : 2 * len(between) : 2], [between], context),
    )


def seconds(estimator: FlowEstimator, first: Frames, second: Frames) -> tuple[float, float]:
    """A pair takes, of the clock and of all cores."""
    clock, cores = time.perf_counter(), time.process_time()
    estimator.estimate(first, second)
    return (time.perf_counter() - clock) / len(first), (time.process_time() - cores) / len(first)


def speed(pairs: int = 16, few: int = 2, repeats: int = 5) -> None:
    """Print both TV-L1s, with every number of threads."""
    frames = render("birds", seed=0, frames=pairs + 1, height=144, width=256, fps=8).frames
    many, some = (frames[:-1], frames[1:]), (frames[:few], frames[1 : few + 1])
    ours, theirs = ClassicalFlow(), ScikitImage()
    ours.estimate(*some)  # compiles
    for threads in range(1, numba.config.NUMBA_NUM_THREADS + 1):
        numba.set_num_threads(threads)
        times = np.min([(seconds(ours, *many), seconds(theirs, *some)) for _ in range(repeats)], axis=0)
        print(f"{threads} threads: {times[1, 1] / times[0, 1]:.1f} times less of the cores' time")
        for estimator, (clock, cores) in zip((ours, theirs), times, strict=True):
            print(f"  {estimator.title}: {1 / clock:.1f} pairs a second, {1000 * cores:.0f} ms of the cores a pair")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("scenes", "clips", "speed"))
    parser.add_argument("clips", nargs="*")
    parser.add_argument("--weights", nargs="+", default=["tv-l1", "raft-world"], help="entries of config/weights.yaml")
    parser.add_argument("--frames", type=int, default=13)
    settings = parser.parse_args()
    if settings.what == "speed":
        return speed()
    found = estimators(settings.weights)
    if settings.what == "scenes":
        worlds = scoring_worlds(64)
        for estimator in found:
            cells = [f"{name} {fps}/s {scene_errors(estimator, name, fps):.3f}" for fps in (12, 4) for name in SCENES]
            print(f"{estimator.title}: worlds {end_point_errors(estimator, worlds)['epe']:.3f}, {', '.join(cells)}")
    for source in settings.clips:
        frames = ingest.load(source).frames[: settings.frames]
        frames = resize_frames(frames, HEIGHT, round(frames.shape[2] * HEIGHT / frames.shape[1] / 2) * 2)
        for estimator in found:
            read, between = clip_quality(estimator, frames)
            print(f"{source}, {estimator.title}: next frame read back {read:.1f} dB, half way {between:.1f} dB")


if __name__ == "__main__":
    main()
