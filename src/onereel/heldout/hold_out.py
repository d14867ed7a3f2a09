"""Which frames of a clip a method may see, or at which size, and which it is asked for."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

from onereel.base.errors import ClipError
from onereel.methods.base import Task
from onereel.video.clip import Clip, Frames

_FLOW_FRAMES = 2  # motion needs two frames
_SMALLEST = 8  # pixels, each side of a clip that was made smaller


class Kind(StrEnum):
    """What is held out: the end of the clip, every second frame, or its size."""

    PREDICTION = "prediction"
    INTERPOLATION = "interpolation"
    SUPER_RESOLUTION = "super_resolution"

    @property
    def task(self) -> Task:
        """What a method is asked for."""
        return _TASKS[self]


_TASKS = {
    Kind.PREDICTION: Task.EXTRAPOLATE,
    Kind.INTERPOLATION: Task.UPSAMPLE_TIME,
    Kind.SUPER_RESOLUTION: Task.SUPER_RESOLVE,
}


@dataclass(frozen=True)
class HoldOut:
    """How a clip is split.

    Attributes:
        kind: what is held out.
        keep: the part of the frames that is known, in (0, 1); of a prediction only.
        horizon: how many frames are predicted from one origin, >= 1; of a prediction only.
        origins: at most so many origins, evenly spaced over those that there are; None for all.
        factor: how many times smaller the clip is made, >= 2; of a super-resolution only.
    """

    kind: Kind
    keep: float = 0.7
    horizon: int = 8
    origins: int | None = None
    factor: int = 2

    def plain(self) -> dict[str, Any]:
        """Plain values, for a job's parameters; `restore` is the way back."""
        return {**asdict(self), "kind": str(self.kind)}

    @classmethod
    def restore(cls, values: dict[str, Any]) -> HoldOut:
        """What `plain` was made of."""
        return cls(**{**values, "kind": Kind(values["kind"])})

    @property
    def tag(self) -> str:
        """The name of the known part, with which the known clip's name ends: ``past70``, ``even``, ``small2``."""
        match self.kind:
            case Kind.PREDICTION:
                return f"past{_percent(self.keep)}"
            case Kind.INTERPOLATION:
                return "even"
            case Kind.SUPER_RESOLUTION:
                return f"small{self.factor}"

    @property
    def text(self) -> str:
        """What is held out, in words."""
        if self.kind is Kind.INTERPOLATION:
            return "every second frame"
        if self.kind is Kind.SUPER_RESOLUTION:
            return f"the size, {self.factor} times that of the known clip"
        origins = f", at most {self.origins} origin{'s' if self.origins != 1 else ''}" if self.origins else ""
        return f"{self.horizon} frame{'s' if self.horizon != 1 else ''} ahead, {_percent(self.keep)} % known{origins}"


def known_clip(clip: Clip, split: HoldOut) -> Clip:
    """What may be trained on: the first `keep` frames, every second one at half the rate, or all, made smaller.

    Raises: ClipError if the clip is too short or too small for `split`.
    """
    if split.kind is Kind.SUPER_RESOLUTION:
        return Clip(_smaller(clip.frames, split.factor), clip.fps)
    if split.kind is Kind.PREDICTION:
        known = past_length(len(clip.frames), split.keep)
        find_origins(len(clip.frames), split)
        return Clip(clip.frames[:known], clip.fps)
    given, _ = alternate(len(clip.frames))
    return Clip(clip.frames[list(given)], clip.fps / 2)


def divisible(frames: Frames, factor: int) -> Frames:
    """Frames without the last rows and columns that `factor` leaves over."""
    height, width = (side // factor * factor for side in frames.shape[1:3])
    return frames[:, :height, :width]


def _smaller(frames: Frames, factor: int) -> Frames:
    height, width = (side // factor for side in frames.shape[1:3])
    if min(height, width) < _SMALLEST:
        problem = f"the clip would be {height}x{width} (height x width), {_SMALLEST} px a side are needed"
        raise ClipError(f"super-resolution by {factor}", problem, "take a larger clip or a smaller factor")
    from onereel.metrics.align import resize_frames  # the workflow reads this module; metrics bring torch along

    return resize_frames(divisible(frames, factor), height, width)


def past_length(frames: int, keep: float) -> int:
    """How many frames are known: `keep` x `frames`, rounded to the nearest, halves up."""
    # As a fraction of its digits: 0.7 is a little less than 7/10 in binary, which would round a half down.
    return math.floor(Fraction(str(keep)) * frames + Fraction(1, 2))


def find_origins(frames: int, split: HoldOut) -> tuple[int, ...]:
    """Indices of the frames from which is predicted.

    The last known frame, and every later one that has `horizon` frames after it; at most `split.origins` of them,
    evenly spaced, the first among them.

    Raises: ClipError if fewer than two frames are known or fewer than `horizon` are held out.
    """
    known = past_length(frames, split.keep)
    held = frames - known
    if known < _FLOW_FRAMES or held < split.horizon:
        problem = f"of its {frames} frames {known} are known and {held} held out"
        remedy = f"at least {_FLOW_FRAMES} and {split.horizon} are needed: change keep, horizon or the clip"
        raise ClipError(f"prediction {split.horizon} ahead", problem, remedy)
    found = range(known - 1, frames - split.horizon)
    if split.origins is None or split.origins >= len(found):
        return tuple(found)
    return tuple(found[index * len(found) // split.origins] for index in range(split.origins))


def alternate(frames: int) -> tuple[range, range]:
    """Indices of the given and of the held-out frames: every held-out frame stands between two given ones.

    The last frame of an even count has no neighbour after it and is left out of both.

    Raises: ClipError for fewer than three frames.
    """
    if frames < 3:
        raise ClipError("interpolation", f"the clip has {frames} frames, 3 are needed", "take a longer clip")
    whole = frames - (frames + 1) % 2
    return range(0, whole, 2), range(1, whole, 2)


def _percent(share: float) -> str:
    return f"{float(Fraction(str(share)) * 100):g}"
