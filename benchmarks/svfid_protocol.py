"""Which layer and input range of C3D give the published SVFID values? Neither was published with code.

    python benchmarks/svfid_protocol.py DIR --published 0.0072 [--layers conv1 conv2] [--frames 13]

DIR holds one folder per clip with ``input`` (a folder of pictures, or ``input.*``, a video) and ``samples`` (videos, or
folders of pictures) of the method whose value was published: VGPNN 0.0072, HP-VAE-GAN 0.0081 (VGPNN, Table 1: 10 clips
of 13x144x256, 10 samples each). Every layer, pooling and input range is measured; mean over samples, then over clips;
the nearest in ratio comes first. With stand-in weights the ranking says nothing about the papers, and that is printed.
"""

import argparse
import itertools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

from onereel import ingest
from onereel.base.progress import terminal_progress
from onereel.features.c3d import LAYERS, InputRange, SVFIDProtocol
from onereel.metrics.aggregate import Interval, over_clips
from onereel.metrics.align import align_clips
from onereel.metrics.base import Context
from onereel.metrics.svfid import SVFID
from onereel.video.clip import Clip

Case = tuple[Clip, Mapping[str, Clip]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR", help="one folder per clip: input, samples")
    parser.add_argument("--published", type=float, default=0.0072, help="value to look for")
    parser.add_argument("--layers", nargs="+", choices=LAYERS, default=list(LAYERS))
    parser.add_argument("--ranges", nargs="+", choices=get_args(InputRange), default=list(get_args(InputRange)))
    parser.add_argument("--frames", type=int, help="use only the first frames of every clip")
    parser.add_argument("--weights", default="auto", help="auto, real or stand-in")
    parser.add_argument("--cache", type=Path, help="folder of feature statistics, kept between calls")
    arguments = parser.parse_args()
    cases = dict(read_cases(arguments.folder, arguments.frames))
    if not cases:
        raise SystemExit(f"error: {arguments.folder} holds no folder with input and samples; see --help")
    context = Context(weights=arguments.weights, cache=arguments.cache)
    grid = list(protocols(arguments.layers, arguments.ranges))
    rows = [
        (protocol, scan(protocol, cases, context))
        for protocol in terminal_progress(grid, total=len(grid), label="scan")
    ]
    report(rows, arguments.published, context)


def read_cases(folder: Path, frames: int | None) -> Iterator[tuple[str, Case]]:
    """Clips with their samples, all cut to the shortest of each clip."""
    for clip in sorted(path for path in folder.iterdir() if path.is_dir()):
        inputs = sorted(clip.glob("input")) + sorted(clip.glob("input.*"))
        if not inputs or not (clip / "samples").exists():
            continue
        reference = cut(ingest.load(inputs[0]), frames)
        samples = {name: cut(ingest.load(source), frames) for name, source in ingest.discover(clip / "samples").items()}
        aligned = align_clips(reference, samples, "crop+resize")
        print(f"{clip.name}: {len(samples)} samples. {aligned.text}")
        yield clip.name, (aligned.reference, aligned.samples)


def cut(clip: Clip, frames: int | None) -> Clip:
    return Clip(clip.frames[:frames], clip.fps)


def protocols(layers: list[str], ranges: list[InputRange]) -> Iterator[SVFIDProtocol]:
    for layer, pool, input_range in itertools.product(layers, (False, True), ranges):
        if not (pool and layer == LAYERS[-1]):
            yield SVFIDProtocol(layer, pool, input_range)


def scan(protocol: SVFIDProtocol, cases: Mapping[str, Case], context: Context) -> Interval:
    metric = SVFID(protocol)
    values = {
        name: [metric.measure(reference.frames, [sample.frames], context) for sample in samples.values()]
        for name, (reference, samples) in cases.items()
    }
    return over_clips(values)


def report(rows: list[tuple[SVFIDProtocol, Interval]], published: float, context: Context) -> None:
    rows = sorted(rows, key=lambda row: abs(math.log(max(row[1].mean, 1e-30) / published)))
    weights = context.resolve("c3d")
    print(f"\nweights: {weights.printed}{' (stand-in: says nothing about the papers)' if weights.stand_in else ''}")
    print(f"{'protocol':34} {'SVFID':>12} {'times ' + format(published, 'g'):>14}")
    for protocol, interval in rows:
        print(f"{protocol.name:34} {interval.mean:12.5g} {interval.mean / published:14.4g}")
    print(f"\nclosest to {published:g}: {rows[0][0].name}")


if __name__ == "__main__":
    main()
