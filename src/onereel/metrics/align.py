"""Bringing samples to the reference's length and size, only as far as the run says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch.nn.functional import interpolate

from onereel.base.errors import MetricError
from onereel.base.names import ALIGNMENTS
from onereel.video.clip import Clip, Frames


@dataclass(frozen=True)
class Aligned:
    """Clips that may be compared.

    Attributes:
        reference: the reference, cut where the samples are shorter; None where there is none.
        samples: the samples by name.
        text: what was done, for the table's foot; empty if nothing was.
        equal: whether all have one length and size.
    """

    reference: Clip | None
    samples: Mapping[str, Clip]
    text: str
    equal: bool


def align_clips(reference: Clip, samples: Mapping[str, Clip], how: str = "") -> Aligned:
    """Make all clips equally long and large, or refuse.

    Args:
        reference: the input clip.
        samples: samples by name.
        how: '' refuses any difference; 'crop' keeps the first frames, as many as the shortest clip has; 'resize' scales
            the samples to the reference's height and width (bicubic, antialiased); 'crop+resize' does both; 'keep'
            leaves all as they are, for metrics that are defined for any size.

    Raises: MetricError if clips differ in a way that `how` does not cover, with both sizes and the remedy.
    """
    if how not in ALIGNMENTS:
        raise MetricError(f"align '{how}'", "no such way", f"leave it empty or use {', '.join(ALIGNMENTS[1:])}")
    parts: list[str] = []
    if how != "keep":
        if "resize" in how:
            samples = _resize(reference, samples, parts)
        if "crop" in how:
            reference, samples = _crop(reference, samples, parts)
        _refuse_differences(reference, samples)
    equal = all(clip.size == reference.size for clip in samples.values())
    if not equal:
        sizes = ", ".join(sorted({_times(clip.size) for clip in samples.values()}))
        parts.append(f"compared at their own sizes: samples {sizes}, input {_times(reference.size)}")
    return Aligned(reference, samples, "; ".join(parts), equal)


def resize_frames(frames: Frames, height: int, width: int) -> Frames:
    """Scale frames (T, H, W, 3) uint8, bicubic with antialias, rounded to nearest; one frame in memory at a time."""
    out = []
    for frame in torch.from_numpy(frames):
        image = frame.permute(2, 0, 1)[None].to(torch.float32)  # (1, 3, H, W)
        scaled = interpolate(image, (height, width), mode="bicubic", antialias=True, align_corners=False)
        out.append(scaled.round().clamp(0, 255).to(torch.uint8)[0].permute(1, 2, 0))
    return torch.stack(out).numpy()


def _resize(reference: Clip, samples: Mapping[str, Clip], parts: list[str]) -> Mapping[str, Clip]:
    _, height, width = reference.size
    sizes = sorted({clip.size[1:] for clip in samples.values()} - {(height, width)})
    if not sizes:
        return samples
    found = ", ".join(_times(size) for size in sizes)
    parts.append(f"samples resized from {found} to {height}x{width} (height x width), bicubic, antialiased")
    return {
        name: clip
        if clip.size[1:] == (height, width)
        else replace(clip, frames=resize_frames(clip.frames, height, width))
        for name, clip in samples.items()
    }


def _crop(reference: Clip, samples: Mapping[str, Clip], parts: list[str]) -> tuple[Clip, Mapping[str, Clip]]:
    shortest = min(clip.size[0] for clip in (reference, *samples.values()))
    lengths = sorted({clip.size[0] for clip in samples.values()} - {shortest})
    if lengths:
        parts.append(f"samples cropped from {_join(lengths)} to their first {shortest} frames")
    if reference.size[0] > shortest:
        parts.append(f"input cropped from {reference.size[0]} to its first {shortest} frames")
    cut = {name: replace(clip, frames=clip.frames[:shortest]) for name, clip in samples.items()}
    return replace(reference, frames=reference.frames[:shortest]), cut


def _refuse_differences(reference: Clip, samples: Mapping[str, Clip]) -> None:
    for name, clip in samples.items():
        if clip.size == reference.size:
            continue
        length, size = clip.size[0] != reference.size[0], clip.size[1:] != reference.size[1:]
        way = "+".join(part for part, needed in (("crop", length), ("resize", size)) if needed)
        raise MetricError(
            f"sample '{name}'",
            f"is {_times(clip.size)} (frames x height x width), the input is {_times(reference.size)}",
            f"say how to align them: '{way}' makes them equal, 'keep' measures what any size allows",
        )


def _times(size: Sequence[int]) -> str:
    return "x".join(map(str, size))


def _join(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
