"""What SVFID and SGFID make of known corruptions, with the weights named: do they rise with the strength?

    python benchmarks/corruptions.py CLIP... [--weights c3d-world inception-world] [--outputs FOLDER...]

A clip is a file or folder that `onereel ingest` takes, or ``scene:NAME?...``. For every clip, metric and kind of
corruption: the five values, and Spearman's rank correlation with the strength (1: always rising). With ``--outputs``,
folders of other people's samples of the first clip: every sample, its own corrupted copies, which should be further
from the input than it is, and other clips, which should be furthest.

    python benchmarks/corruptions.py CLIP... --rated --weights efficientnet-lite0

asks instead which of two damages of equal PSNR SGFID calls worse, and how often people would agree (`rated_damages`);
with ``--outputs``, whether other people's crisp samples are nearer to the first clip than soft copies of it are, and
nearer than soft copies of themselves.
"""

import argparse
from pathlib import Path

import numpy as np
from rated_damages import MOSTLY, QUALITIES, SURE, blur, equal_damages
from scipy.stats import spearmanr

from onereel import ingest
from onereel.metrics.align import align_clips
from onereel.metrics.base import Context
from onereel.metrics.registry import REGISTRY
from onereel.video.clip import Clip, Frames
from onereel.video.corruptions import KINDS, OF_FRAMES, STRENGTHS, corrupt
from onereel.weights.store import Resolved, Weights

_SHUFFLES = 5
METRICS = {"svfid": "c3d", "sgfid": "frame-features"}
_SOFT = (0.7, 1.0, 1.5)  # pixels, standard deviation
_SIDE = 112  # pixels a side of the crops that are damaged


class NamedWeights(Context):
    """Weights by entry, not the first of a role."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        store = Weights()
        entries = {name: store.entries[name] for name in names}
        self._named = {role: store.resolve(name) for name, one in entries.items() for role in (one.role, *one.roles)}

    def resolve(self, role: str) -> Resolved:
        """The named entry's weights."""
        return self._named[role]

    def measured(self) -> list[str]:
        """Metrics whose weights are named."""
        return [metric for metric, role in METRICS.items() if role in self._named]


def ranking(name: str, frames: Frames, context: Context) -> dict[str, tuple[list[float], float]]:
    """By kind of corruption: the five values, and their rank correlation with the strength.

    Which frames are shuffled matters as much as how many: the mean over some draws is taken.
    """
    metric = REGISTRY[name]
    found = {}
    for kind in KINDS if name == "svfid" else OF_FRAMES:
        seeds = range(_SHUFFLES if kind == "shuffle" else 1)
        values = [
            float(
                np.mean(
                    [metric.measure(frames, [corrupt(frames, kind, strength, seed=seed)], context) for seed in seeds]
                )
            )
            for strength in STRENGTHS
        ]
        found[kind] = values, float(spearmanr(STRENGTHS, values).statistic)
    return found


def main() -> None:
    """Print the tables as Markdown."""
    options = _options()
    context = NamedWeights(options.weights)
    clips = {source: ingest.load(source) for source in options.clips}
    print(f"Weights: {', '.join(options.weights)}.\n")
    if options.rated:
        rate(clips, context, options.frames)
    else:
        rank(clips, context, options.frames)
    for folder in options.outputs:
        (rate_outputs if options.rated else compare_outputs)(folder, clips, context)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--weights", nargs="+", default=["c3d-random", "inception-random"])
    parser.add_argument("--outputs", nargs="*", type=Path, default=[])
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--rated", action="store_true")
    return parser.parse_args()


def rank(clips: dict[str, Clip], context: NamedWeights, count: int) -> None:
    """Do values rise with the strength of every damage?"""
    print("| clip | metric | corruption | strength 1 | 2 | 3 | 4 | 5 | rank |\n" + "| --- " * 9 + "|")
    ranks: dict[str, list[float]] = {}
    for source, clip in clips.items():
        frames = clip.frames[:count]
        for name in context.measured():
            for kind, (values, rank) in ranking(name, frames, context).items():
                cells = " | ".join(f"{value:.3g}" for value in values)
                print(f"| {Path(source).stem} | {name} | {kind} | {cells} | {rank:.2f} |")
                ranks.setdefault(name, []).append(rank)
    for name, values in ranks.items():
        always = np.mean(np.array(values) > 0.999)
        print(f"\n{name}: mean rank correlation {np.mean(values):.3f}, rising always in {always:.0%}")


def rate(clips: dict[str, Clip], context: NamedWeights, count: int) -> None:
    """Of two damages of equal PSNR, is the one that people mind further away?"""
    agreed: dict[tuple[str, str], list[bool]] = {pair: [] for pair in (*SURE, *MOSTLY)}
    print("| clip | dB | brightness | warp | noise | blur | jpeg |\n" + "| --- " * 7 + "|")
    for source, clip in clips.items():
        top, left = ((size - _SIDE) // 2 for size in clip.size[1:])
        frames = clip.frames[:count:4, max(0, top) :, max(0, left) :][:, :_SIDE, :_SIDE]
        for quality in QUALITIES:
            damaged, level = equal_damages(frames, quality)
            values = {kind: REGISTRY["sgfid"].measure(frames, [copy], context) for kind, copy in damaged.items()}
            print(f"| {Path(source).stem} | {level:.1f} | {' | '.join(f'{value:.3g}' for value in values.values())} |")
            for mild, bad in agreed:
                agreed[mild, bad].append(values[mild] < values[bad])
    for label, pairs in (("sure", SURE), ("mostly", MOSTLY)):
        found = [one for pair in pairs for one in agreed[pair]]
        print(f"\n{label}: as people rate in {sum(found)} of {len(found)} pairs")
        print("; ".join(f"{mild} before {bad} {sum(agreed[mild, bad])}" for mild, bad in pairs))


def rate_outputs(folder: Path, clips: dict[str, Clip], context: NamedWeights) -> None:
    """Other people's samples of the first clip against soft copies of the clip and of themselves."""
    first = next(iter(clips.values())).frames[:8:2]
    metric = REGISTRY["sgfid"]
    soft = [metric.measure(first, [blur(first, deviation)], context) for deviation in _SOFT]
    print(f"\n{folder}: the clip, soft by {', '.join(map(str, _SOFT))} px: {', '.join(f'{x:.3g}' for x in soft)}")
    for label, source in ingest.discover(folder).items():
        sample = ingest.load(source).frames[:8:2]
        own, less = (metric.measure(first, [frames], context) for frames in (sample, blur(sample, 1)))
        before = sum(own < value for value in soft)
        print(f"- {label}: {own:.3g}, nearer than {before} of {len(soft)} soft copies of the clip; soft {less:.3g}")


def compare_outputs(folder: Path, clips: dict[str, Clip], context: NamedWeights) -> None:
    """Other people's samples of the first clip against spoilt copies of themselves, and against the other clips."""
    first, *others = clips.values()
    samples = {name: ingest.load(source) for name, source in ingest.discover(folder).items()}
    aligned = align_clips(first, samples, "crop+resize")
    print(f"\n{folder}: sample, then spoilt copies at strength 3 and other clips")
    for name in context.measured():
        metric, reference = REGISTRY[name], aligned.reference.frames
        for label, sample in aligned.samples.items():
            kinds = KINDS if name == "svfid" else OF_FRAMES
            own = metric.measure(reference, [sample.frames], context)
            spoilt = {k: metric.measure(reference, [corrupt(sample.frames, k, 3)], context) for k in kinds}
            other = [metric.measure(reference, [clip.frames], context) for clip in others]
            text = ", ".join(f"{kind} {value:.3g}" for kind, value in spoilt.items())
            further = sum(value > own for value in spoilt.values())
            beyond = sum(value > max(spoilt.values()) for value in other)
            print(
                f"- {name}, {label}: {own:.3g}; {text}; other clips {', '.join(f'{value:.3g}' for value in other)}; "
                f"further than the sample: {further} of {len(spoilt)} copies; "
                f"further than any copy: {beyond} of {len(other)} clips"
            )


if __name__ == "__main__":
    main()
