"""Estimators of optical flow against the exact flow of scenes, and on clips whose flow nobody knows.

    python benchmarks/flow.py scenes                        # mean end-point error in pixels, lower is better
    python benchmarks/flow.py clips fish.mp4 birds.gif      # PSNR in dB, higher is better

`scenes` takes 72x128 px, seeds 0 and 1, three pairs each, and unseen worlds as in the score of `raft-world`. `clips`
scales the first frames to 72 px and measures each frame, read from the next one along the flow, against itself, and
every second frame, made of its neighbours half their way along the flow, against the real one.
"""

import argparse
from collections.abc import Sequence

import numpy as np
import torch

from onereel import ingest
from onereel.features.flow import FlowEstimator, estimator_of
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("scenes", "clips"))
    parser.add_argument("clips", nargs="*")
    parser.add_argument("--weights", nargs="+", default=["tv-l1", "raft-world"], help="entries of config/weights.yaml")
    parser.add_argument("--frames", type=int, default=13)
    settings = parser.parse_args()
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
