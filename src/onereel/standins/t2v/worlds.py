"""What the stages are trained on: rendered worlds with captions, and batches of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from onereel.backbones.cascade.stages import PROCESS, Size
from onereel.backbones.cascade.text import tokens_of
from onereel.base.progress import Progress
from onereel.diffusion.process import Process
from onereel.scenes.world import CLASSES, MOTION, WorldSpec, describe, sample_world
from onereel.scenes.world.rendering import labels_of, render_specs
from onereel.standins.classes import one_group

NOISING = Process(PROCESS)
_SIDE = 64  # pixels that worlds are rendered with
_WORDINGS = 4  # captions of a clip, and as many of one frame of it
_CHUNK = 128  # clips rendered together
_DROPPED = 0.1  # of the prompts: for guidance
_RAREST = 8.0  # no clip counts more than so many times the average one


@dataclass(frozen=True)
class Captioned:
    """N clips and what they show, in tokens.

    Attributes:
        frames: (N, T, H, W, 3) uint8.
        videos: (N, W, L) int64, tokens of W captions of the clip.
        pictures: the same of one frame: nothing of motion.
        weight: (N,) float64, how often each is drawn.
    """

    frames: np.ndarray
    videos: Tensor
    pictures: Tensor
    weight: Tensor


class Batch(NamedTuple):
    """What a step learns from.

    Attributes:
        clean: (B, 3, T, H, W) float32 in [-1, 1], on the CPU.
        tokens: (B, L), of some an empty prompt.
        video: whether the frames follow each other; else T is 1.
    """

    clean: Tensor
    tokens: Tensor
    video: bool


def captioned(number: int, size: Size, progress: Progress) -> Captioned:
    """The first worlds, rendered, with captions and weights."""
    specs = drawn_specs(number)
    frames = rendered(specs, size, progress)
    return Captioned(frames, captions_of(specs), captions_of(specs, MOTION), evened(specs))


def drawn_specs(number: int, first: int = 0) -> list[WorldSpec]:
    """Worlds from seed `first` on; every second one with one group only, so that captions are plain."""
    specs = (sample_world(seed) for seed in range(first, first + number))
    return [one_group(spec) if index % 2 else spec for index, spec in enumerate(specs)]


def evened(specs: Sequence[WorldSpec]) -> Tensor:
    """Weights (N,) with which rare values of attributes are drawn more often: the root of how much rarer each of a
    clip's values is than if all were as frequent, multiplied; at most `_RAREST` times the average."""
    weights = np.ones(len(specs))
    for attribute, values in labels_of(specs).items():
        counts = Counter(values[values >= 0].tolist())
        shown = sum(counts.values()) / len(CLASSES[attribute])
        weights *= [(shown / counts[value]) ** 0.5 if value >= 0 else 1.0 for value in values.tolist()]
    weights /= weights.mean()
    return torch.from_numpy(weights.clip(max=_RAREST))


def rendered(specs: Sequence[WorldSpec], size: Size, progress: Progress) -> np.ndarray:
    """Clips of a stage's size, (N, T, H, W, 3) uint8: rendered with 64 x 64 pixels, and averaged."""
    frames = np.empty((len(specs), size.frames, size.height, size.width, 3), np.uint8)
    starts = range(0, len(specs), _CHUNK)
    high, wide = _SIDE // size.height, _SIDE // size.width
    for start in progress(starts, total=len(starts), label="render worlds"):
        part = specs[start : start + _CHUNK]
        large = render_specs(part, frames=size.frames, fps=size.fps, height=_SIDE, width=_SIDE).frames
        squares = large.reshape(len(part), size.frames, size.height, high, size.width, wide, 3)
        frames[start : start + _CHUNK] = np.rint(squares.mean((3, 5), dtype=np.float32))
    return frames


def captions_of(specs: Sequence[WorldSpec], leave: frozenset[str] = frozenset()) -> Tensor:
    """Tokens of several captions of each world: (N, W, L)."""
    texts = [describe(spec, wording, leave=leave).text for spec in specs for wording in range(_WORDINGS)]
    return tokens_of(texts).unflatten(0, (len(specs), _WORDINGS))


def batch_of(
    data: Captioned,
    generator: torch.Generator,
    *,
    videos: int,
    pictures: int,
    window: int | None = None,
    every: int = 1,
) -> Batch:
    """Draw a batch: of videos, or in every third one of single frames.

    Args:
        data: what there is.
        generator: decides.
        videos: how many in a batch of videos.
        pictures: how many in one of frames; 0: there are none.
        window: frames of each video, one after the other; None: all.
        every: the first one's number is a multiple of it.
    """
    video = not pictures or bool(torch.rand((), generator=generator) >= 1 / 3)
    count = videos if video else pictures
    which = torch.multinomial(data.weight, count, replacement=True, generator=generator)
    wording = torch.randint(_WORDINGS, (count,), generator=generator)
    total = data.frames.shape[1]
    length = (window or total) if video else 1
    first = torch.zeros(count, dtype=torch.int64)
    if length < total:
        first = every * torch.randint((total - length) // every + 1, (count,), generator=generator)
    frames = np.stack([data.frames[one, at : at + length] for one, at in zip(which, first, strict=True)])
    tokens = dropped((data.videos if video else data.pictures)[which, wording], generator)
    return Batch(torch.from_numpy(frames).permute(0, 4, 1, 2, 3).float() / 127.5 - 1, tokens, video)


def dropped(tokens: Tensor, generator: torch.Generator) -> Tensor:
    """Tokens (B, L) of which some prompts are empty, cut after the longest one."""
    empty = tokens_of([""])[0]
    tokens = tokens.clone()
    gone = torch.rand(len(tokens), generator=generator) < _DROPPED
    tokens[gone] = 0
    tokens[gone, : len(empty)] = empty
    return tokens[:, : int((tokens != 0).sum(1).max())]


def weighted_error(said: Tensor, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
    """Mean over a batch of the squared error of v, weighted by min-SNR."""
    error = (said - NOISING.target(clean, noise, level)).square().mean((1, 2, 3, 4))
    return (error * NOISING.min_snr_weight(level).to(error)).mean()
