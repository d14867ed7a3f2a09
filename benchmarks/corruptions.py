"""What SVFID and SGFID make of known corruptions, with the weights named: do they rise with the strength?

    python benchmarks/corruptions.py CLIP... [--weights c3d-world inception-world] [--outputs FOLDER...]

A clip is a file or folder that `onereel ingest` takes, or ``scene:NAME?...``. For every clip, metric and kind of
corruption: the five values, and Spearman's rank correlation with the strength (1: always rising). With ``--outputs``,
folders of other people's samples of the first clip: every sample, its own corrupted copies, which should be further
from the input than it is, and other clips, which should be furthest.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from onereel import ingest
from onereel.metrics.align import align_clips
from onereel.metrics.base import Context
from onereel.metrics.registry import REGISTRY
from onereel.video.clip import Clip, Frames
from onereel.video.corruptions import KINDS, OF_FRAMES, STRENGTHS, corrupt
from onereel.weights.store import Resolved, Weights

_SHUFFLES = 5
METRICS = {"svfid": "c3d", "sgfid": "inception"}


class NamedWeights(Context):
    """Weights by entry, not the first of a role."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        store = Weights()
        self._named = {store.entries[name].role: store.resolve(name) for name in names}

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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--weights", nargs="+", default=["c3d-random", "inception-random"])
    parser.add_argument("--outputs", nargs="*", type=Path, default=[])
    parser.add_argument("--frames", type=int, default=16)
    options = parser.parse_args()
    context = NamedWeights(options.weights)
    clips = {source: ingest.load(source) for source in options.clips}
    print(f"Weights: {', '.join(options.weights)}.\n")
    print("| clip | metric | corruption | strength 1 | 2 | 3 | 4 | 5 | rank |\n" + "| --- " * 9 + "|")
    ranks: dict[str, list[float]] = {}
    for source, clip in clips.items():
        frames = clip.frames[: options.frames]
        for name in context.measured():
            for kind, (values, rank) in ranking(name, frames, context).items():
                cells = " | ".join(f"{value:.3g}" for value in values)
                print(f"| {Path(source).stem} | {name} | {kind} | {cells} | {rank:.2f} |")
                ranks.setdefault(name, []).append(rank)
    for name, values in ranks.items():
        always = np.mean(np.array(values) > 0.999)
        print(f"\n{name}: mean rank correlation {np.mean(values):.3f}, rising always in {always:.0%}")
    for folder in options.outputs:
        compare_outputs(folder, clips, context)


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
