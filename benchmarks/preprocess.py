"""How fast preprocessing is: frames per second of depth, CLIP embeddings and flow, batched, with the weights named.

    python benchmarks/preprocess.py [--frames 64] [--height 144] [--width 256] [--weights auto|real|stand-in]

Every estimator runs once to warm up and three times measured on the same frames of the scene `birds`; the median and
the time of the first call, with the loading of weights, are printed. Networks take a chunk of frames at once; the last
column shows what that is worth. TV-L1 knows pairs only.
"""

import argparse
import statistics
import time
from collections.abc import Callable

from onereel.base.devices import resolve_device
from onereel.features.depth import DepthEstimator
from onereel.features.flow import FlowEstimator, estimator_of
from onereel.features.text_image import ClipEmbedder
from onereel.scenes import render
from onereel.video.clip import Frames
from onereel.weights.store import Weights


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--height", type=int, default=144)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--weights", default="auto", choices=("auto", "real", "stand-in"))
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    frames = render("birds", seed=0, frames=options.frames, height=options.height, width=options.width).frames
    device, store = resolve_device(options.device), Weights()
    print(f"{options.frames} frames of {options.height}x{options.width} on {device}.\n")
    print(
        "| step | weights | first call s | frames per second | one frame at a time |\n| --- | --- | --- | --- | --- |"
    )
    clip, depth, flow = (store.resolve(role, options.weights) for role in ("clip", "depth", "flow"))
    steps: dict[str, tuple[str, Callable[..., Callable[[Frames], object]]]] = {
        "CLIP": (clip.printed, lambda **how: ClipEmbedder(clip, device=device, **how).images),
        "depth": (depth.printed, lambda **how: DepthEstimator(depth, device=device, **how).estimate),
        "flow": (flow.printed, lambda **_: _pairs(estimator_of(flow, device))),
    }
    for name, (title, build) in steps.items():
        start = time.perf_counter()
        run = build()
        run(frames)
        first = time.perf_counter() - start
        whole = _rate(run, frames)
        single = "" if flow.library and name == "flow" else f"{_rate(build(chunk=1), frames):.1f}"
        print(f"| {name} | {title} | {first:.1f} | {whole:.1f} | {single} |")


def _pairs(estimator: FlowEstimator) -> Callable[[Frames], object]:
    return lambda frames: estimator.estimate(frames[:-1], frames[1:])


def _rate(run: Callable[[Frames], object], frames: Frames) -> float:
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        run(frames)
        seconds.append(time.perf_counter() - start)
    return len(frames) / statistics.median(seconds)


if __name__ == "__main__":
    main()
