"""Calibration rows: what the metrics say of the input itself and of four known ways to spoil it.

They are no competitors. A reader who sees that re-encoding the input with H.264 costs as much SVFID as a method's
output does knows what that number means.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np

from onereel.methods.base import BaseMethod, Inputs, Job, MethodConfig, Task
from onereel.video.clip import Clip, Frames, write_h264


class Kind(StrEnum):
    """What is done to the input."""

    IDENTITY = "identity"
    SHUFFLE = "shuffle"
    NOISE = "noise"
    H264 = "h264"


class CalibrationConfig(MethodConfig):
    """One way to treat the input."""

    kind: Kind = Kind.IDENTITY
    """identity: the input; shuffle: its frames in random order; noise: Gaussian noise; h264: an H.264 round trip."""
    noise_std: float = 10.0
    """Standard deviation of the noise in grey levels (0..255)."""


class Calibration(BaseMethod):
    """The input itself, or a known corruption of it."""

    name = "calibration"
    title = "Calibration"
    calibration = True
    tasks = frozenset({Task.GENERATE})
    Config = CalibrationConfig

    def sample_many(self, task: Task, inputs: Inputs, config: Any, seeds: Sequence[int], job: Job) -> list[Frames]:
        """The treated input, (T, H, W, 3) uint8, for each seed."""
        return [_treated(inputs.clip, config, np.random.default_rng(seed)) for seed in seeds]


def _treated(clip: Clip, config: CalibrationConfig, rng: np.random.Generator) -> Frames:
    frames = clip.frames
    match config.kind:
        case Kind.IDENTITY:
            return frames
        case Kind.SHUFFLE:
            return frames[rng.permutation(len(frames))]
        case Kind.NOISE:
            noise = rng.normal(0, config.noise_std, frames.shape)
            return (frames + noise).round().clip(0, 255).astype(np.uint8)
        case Kind.H264:
            return _h264_round_trip(clip)
        case other:
            raise ValueError(f"kind '{other}': choose one of {', '.join(Kind)}")


def _h264_round_trip(clip: Clip) -> Frames:
    """The frames as they come back from the H.264 of previews that people watch."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_h264(path, clip)
        with av.open(str(path)) as container:
            decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    height, width = clip.frames.shape[1:3]
    return np.stack(decoded)[:, :height, :width]


METHOD = Calibration()
