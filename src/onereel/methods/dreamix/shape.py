"""Clips and pictures at the size that a model works at, and back (section 4.1, "Input Video Degradation")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from onereel.video.clip import Clip, Frames, to_frames, to_video
from onereel.video.pyramid import resize


@dataclass(frozen=True)
class Place:
    """Where a clip lies in the video that a model works on.

    Attributes:
        size: (T, H, W) of the clip at the model's scale; what is beyond was added.
        filled: (T, H, W) of the video.
    """

    size: tuple[int, int, int]
    filled: tuple[int, int, int]

    def out_of(self, video: Tensor) -> Tensor:
        """What was made of the video, (3, T, H, W), without what was added; it may be larger than the video was."""
        kept = (
            round(length * part / filled)
            for length, part, filled in zip(video.shape[1:], self.size, self.filled, strict=True)
        )
        frames, height, width = kept
        return video[:, :frames, :height, :width]


def at_work(video: Tensor, side: int, step: int, frames: int) -> tuple[Tensor, Place]:
    """A video at a model's scale: the shorter side becomes `side`, the aspect is kept; sides are filled up to multiples
    of `step` with the border's pixels, and the end with its own frames, backward and forward.

    Args:
        video: (3, T, H, W) in [-1, 1].
        side: pixels.
        step: pixels.
        frames: at least T.

    Returns: (3, frames, H', W') in [-1, 1], and where the video lies in it.
    """
    count, height, width = video.shape[1:]
    scale = side / min(height, width)
    size = (count, max(1, round(height * scale)), max(1, round(width * scale)))
    small = resize(video, size).clamp(-1, 1)
    missing = [-length % step for length in size[1:]]
    filled = functional.pad(small.transpose(0, 1), (0, missing[1], 0, missing[0]), mode="replicate").transpose(0, 1)
    return filled[:, there_and_back(count, frames)], Place(size, (frames, filled.shape[2], filled.shape[3]))


def there_and_back(count: int, length: int) -> Tensor:
    """Numbers of `count` frames, forward, then backward without the last one, and so on: (length,)."""
    if count == 1:
        return torch.zeros(length, dtype=torch.long)
    place = torch.arange(length) % (2 * count - 2)
    return torch.minimum(place, 2 * count - 2 - place)


def like(made: Tensor, place: Place, clip: Clip) -> Frames:
    """What a model made, (3, T, H, W) in [-1, 1], at a clip's size: (T, H, W, 3) uint8."""
    return to_frames(resize(place.out_of(made), clip.size))


@dataclass(frozen=True)
class Footage:
    """What is fine-tuned on, at a model's scale, in [-1, 1].

    Attributes:
        video: (3, T, H, W), or None.
        pictures: (3, 1, H, W) each: the video's frames, or pictures of any aspect.
    """

    video: Tensor | None
    pictures: Sequence[Tensor]


def footage_of(clip: Clip, side: int, step: int, frames: int) -> Footage:
    """A clip as a video, and as its frames (section 4.2: v and u).

    Args:
        clip: of any size.
        side, step: as in `at_work`.
        frames: as many the model sees in a clip of that length.
    """
    video, _ = at_work(to_video(clip.frames), side, step, frames)
    return Footage(video, [video[:, index : index + 1] for index in range(clip.size[0])])


def footage_of_pictures(pictures: Sequence[Frames], side: int, step: int) -> Footage:
    """Pictures, (1, H, W, 3) uint8 each, that belong to no video; what no multiple of `step` holds is cut off, since
    nobody shall learn repeated borders."""
    found = []
    for picture in pictures:
        large, place = at_work(to_video(picture), side, step, 1)
        height, width = (max(step, length // step * step) for length in place.size[1:])
        found.append(large[:, :, :height, :width])
    return Footage(None, found)


def draw_video(video: Tensor, count: int, window: Sequence[int], generator: torch.Generator) -> Tensor:
    """Windows of a video at random places: (count, C, t, h, w), no larger than `window` and the video."""
    size = [min(most, length) for most, length in zip(window, video.shape[1:], strict=True)]
    return torch.stack([_cut(video, size, generator) for _ in range(count)])


def draw_pictures(pictures: Sequence[Tensor], count: int, window: Sequence[int], generator: torch.Generator) -> Tensor:
    """Pictures, (C, 1, H, W) each, drawn and cut out at random: (count, C, 1, h, w); as far as there are enough, no
    picture twice."""
    size = [
        1,
        *(min(most, *(each.shape[axis] for each in pictures)) for axis, most in ((2, window[1]), (3, window[2]))),
    ]
    chosen: list[int] = []
    while len(chosen) < count:
        chosen += torch.randperm(len(pictures), generator=generator).tolist()
    return torch.stack([_cut(pictures[index], size, generator) for index in chosen[:count]])


def _cut(video: Tensor, size: Sequence[int], generator: torch.Generator) -> Tensor:
    starts = [
        int(torch.randint(length - part + 1, (), generator=generator))
        for part, length in zip(size, video.shape[1:], strict=True)
    ]
    return video[(slice(None), *(slice(start, start + part) for start, part in zip(starts, size, strict=True)))]
