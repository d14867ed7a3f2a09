"""What the stages are trained on: rendered worlds with captions, and batches of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from onereel.backbones.cascade.stages import PROCESS, Size
from onereel.base.progress import Progress
from onereel.diffusion.process import Process
from onereel.scenes.world import MOTION, WorldSpec
from onereel.scenes.world.rendering import render_specs
from onereel.standins.captioned import WORDINGS, captions_of, drawn_specs, dropped, evened

NOISING = Process(PROCESS)
_SIDE = 64  # pixels that worlds are rendered with
_CHUNK = 128  # clips rendered together


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
    wording = torch.randint(WORDINGS, (count,), generator=generator)
    total = data.frames.shape[1]
    length = (window or total) if video else 1
    first = torch.zeros(count, dtype=torch.int64)
    if length < total:
        first = every * torch.randint((total - length) // every + 1, (count,), generator=generator)
    frames = np.stack([data.frames[one, at : at + length] for one, at in zip(which, first, strict=True)])
    tokens = dropped((data.videos if video else data.pictures)[which, wording], generator)
    return Batch(torch.from_numpy(frames).permute(0, 4, 1, 2, 3).float() / 127.5 - 1, tokens, video)


def weighted_error(said: Tensor, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
    """Mean over a batch of the squared error of v, weighted by min-SNR."""
    error = (said - NOISING.target(clean, noise, level)).square().mean((1, 2, 3, 4))
    return (error * NOISING.min_snr_weight(level).to(error)).mean()
