"""The space-time pyramid of a video: sizes of its levels, cubic resampling, and its file.

Source: VGPNN (Haim et al. 2022), section 3: x_n is x downscaled by r^n in time and space, straight from x, by cubic
interpolation on all three axes. Here level 0 is the coarsest (the paper counts the other way). What the paper leaves
open: where each axis stops shrinking (`min_frames`, `min_side`), how sizes are rounded (up), how borders are read
(replicated) and which cubic kernel is meant (Keys' with a = -0.5, stretched by the ratio on the way down).

torch is imported where it is used: a ladder is part of methods' settings, which load without it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from onereel.base.errors import ConfigError, MethodError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Size = tuple[int, int, int]
"""(T, H, W)."""

_ROUNDING_SLACK = 1e-9  # 144 / 1.2**2 must count as 100, whatever the last bit says.
_NAME = re.compile(r"t(?P<time>[\d.]+)-s(?P<space>[\d.]+)-min(?P<frames>\d+)x(?P<side>\d+)(-n(?P<levels>\d+))?")


class Ladder(BaseModel):
    """The sizes of a pyramid's levels, as a rule.

    Level n below the finest measures the clip's size divided by factor^n, rounded up; frames stop shrinking at
    `min_frames`, the shorter side of the picture at `min_side`, and the levels end where both have stopped.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    factor_time: float = Field(default=1.2, ge=1, le=16)
    """Ratio of frame counts between neighbouring levels, 1 keeps every frame (VGPNN 3: r = 6/5)."""
    factor_space: float = Field(default=1.2, gt=1, le=16)
    """Ratio of heights and widths between neighbouring levels (VGPNN 3: r = 6/5)."""
    min_frames: int = Field(default=3, ge=1)
    """Frames of the coarsest level (authors' code: 3, one patch)."""
    min_side: int = Field(default=15, ge=1)
    """Pixels of the shorter side of the coarsest level (authors' code: 15)."""
    levels: int | None = Field(default=None, ge=1)
    """At most so many levels, the finest ones; fewer keep more of the input's layout. None: as many as there are."""

    @property
    def name(self) -> str:
        """A name that is safe in a path and that `parse` reads back, e.g. ``t1.2-s1.2-min3x15``."""
        time, space = (repr(factor).removesuffix(".0") for factor in (self.factor_time, self.factor_space))
        most = "" if self.levels is None else f"-n{self.levels}"
        return f"t{time}-s{space}-min{self.min_frames}x{self.min_side}{most}"

    @classmethod
    def parse(cls, name: str) -> Ladder:
        """The ladder of that `name`.

        Raises: ConfigError if it is no such name.
        """
        match = _NAME.fullmatch(name)
        try:
            if match is None:
                raise ValueError("no match")
            return cls(
                factor_time=float(match["time"]),
                factor_space=float(match["space"]),
                min_frames=int(match["frames"]),
                min_side=int(match["side"]),
                levels=None if match["levels"] is None else int(match["levels"]),
            )
        except ValueError as error:  # pydantic's ValidationError is one, too
            raise ConfigError(f"ladder '{name}'", "no such ladder", "write one like t1.2-s1.2-min3x15") from error

    def sizes(self, size: Size) -> list[Size]:
        """(T, H, W) of every level of a clip of that size, coarsest first.

        Raises: MethodError if the clip is smaller than the coarsest level.
        """
        self._check(size)
        frames, height, width = size
        levels = [size]
        if self.levels == 1:
            return levels
        for step in range(1, 10_000):  # ends by itself: every factor above 1 reaches its minimum
            coarse_frames = self._frames(frames, step)
            coarse_height, coarse_width = self._sides(height, width, step)
            level = (coarse_frames, coarse_height, coarse_width)
            if level != levels[-1]:  # small factors round to the same size several times
                levels.append(level)
            if self._is_coarsest(level) or len(levels) == self.levels:
                break
        return levels[::-1]

    def _check(self, size: Size) -> None:
        frames, height, width = size
        if frames < self.min_frames:
            problem = f"has {frames} frames, the coarsest level needs {self.min_frames}"
            raise MethodError(_named(size), problem, "take a longer clip or lower ladder.min_frames")
        if min(height, width) < self.min_side:
            problem = f"the shorter side has {min(height, width)} pixels, the coarsest level needs {self.min_side}"
            raise MethodError(_named(size), problem, "take a larger height or lower ladder.min_side")

    def _frames(self, frames: int, step: int) -> int:
        return max(self.min_frames, _rounded_up(frames / self.factor_time**step))

    def _sides(self, height: int, width: int, step: int) -> tuple[int, int]:
        scale = self.factor_space**-step
        short = min(height, width)
        if _rounded_up(short * scale) > self.min_side:
            return _rounded_up(height * scale), _rounded_up(width * scale)
        return height * self.min_side // short, width * self.min_side // short

    def _is_coarsest(self, level: Size) -> bool:
        frames, height, width = level
        return (frames == self.min_frames or self.factor_time == 1) and min(height, width) == self.min_side


@dataclass(frozen=True)
class Pyramid:
    """The levels of a video, level 0 the coarsest.

    Attributes:
        levels: each (3, T, H, W) float32 in [-1, 1].
    """

    levels: tuple[Tensor, ...]

    @property
    def sizes(self) -> list[Size]:
        """(T, H, W) of every level, coarsest first."""
        return [size_of(level) for level in self.levels]

    def to(self, device: torch.device | str) -> Pyramid:
        """The same levels on `device`."""
        return Pyramid(tuple(level.to(device) for level in self.levels))


def size_of(video: Tensor) -> Size:
    """(T, H, W) of a (C, T, H, W) video."""
    frames, height, width = video.shape[-3:]
    return frames, height, width


def build(video: Tensor, ladder: Ladder) -> Pyramid:
    """The pyramid of a video, each level resampled straight from it and clamped to [-1, 1] (cubic kernels overshoot).

    Args:
        video: (3, T, H, W) float32 in [-1, 1].
        ladder: sizes of the levels.

    Raises: MethodError if the video is smaller than the ladder's coarsest level.
    """
    return Pyramid(tuple(resize(video, size).clamp(-1, 1) for size in ladder.sizes(size_of(video))))


def save(path: Path | str, pyramid: Pyramid) -> None:
    """Write a pyramid as safetensors; the same pyramid always gives the same bytes."""
    from onereel.base import tensorfiles

    tensorfiles.save(path, {f"level_{index:03d}": level for index, level in enumerate(pyramid.levels)})


def load(path: Path | str) -> Pyramid:
    """Read a pyramid that `save` wrote.

    Raises: MethodError if the file is missing or is no pyramid.
    """
    from onereel.base import tensorfiles

    try:
        tensors = tensorfiles.load(path)
    except ValueError as error:
        raise MethodError(f"pyramid '{path}'", str(error), "delete it and build it again") from None
    names = [f"level_{index:03d}" for index in range(len(tensors))]
    if not names or set(names) != set(tensors) or not all(map(_is_level, tensors.values())):
        raise MethodError(f"pyramid '{path}'", "holds other tensors than levels", "delete it and build it again")
    return Pyramid(tuple(tensors[name] for name in names))


def _is_level(tensor: Tensor) -> bool:
    import torch

    whole = tensor.ndim == 4 and len(tensor) == 3 and min(tensor.shape) > 0 and tensor.dtype == torch.float32
    return whole and bool(torch.isfinite(tensor).all())


def resize(video: Tensor, size: Size) -> Tensor:
    """Resample a video with a separable cubic kernel; antialiased on axes that shrink, exact where nothing changes.

    Sample i of n reads position (i + 0.5) * m / n - 0.5 of m samples; beyond the border the last sample repeats. Values
    may leave the input's range by the kernel's overshoot. The result does not depend on the number of threads.

    Args:
        video: (C, T, H, W) floats.
        size: (T, H, W) to reach, each >= 1.

    Returns: (C, T, H, W), dtype and device of `video`.
    """
    if min(size) < 1:
        raise ValueError(f"size must be positive on every axis, got {size}")
    for axis, length in enumerate(size, start=1):
        if video.shape[axis] != length:
            video = _resize_axis(video, axis, length)
    return video


def _resize_axis(video: Tensor, axis: int, length: int) -> Tensor:
    sources, weights = _taps(video.shape[axis], length)
    column = [-1 if dimension == axis else 1 for dimension in range(video.ndim)]
    # One multiply-add per tap instead of a matrix product: linear cost, and sums in the same order on every machine.
    total: Tensor | None = None
    for source, weight in zip(sources, weights, strict=True):
        term = video.index_select(axis, source.to(video.device))
        factor = weight.to(video).reshape(column)
        total = term.mul_(factor) if total is None else total.addcmul_(term, factor)
    if total is None:
        raise ValueError("a kernel without taps")
    return total


@lru_cache(maxsize=256)
def _taps(source: int, target: int) -> tuple[Tensor, Tensor]:
    """Positions that each new sample reads, clamped to the border, and their weights: (taps, target) each."""
    import torch

    ratio = source / target
    stretch = max(ratio, 1.0)
    centre = (torch.arange(target, dtype=torch.float64) + 0.5) * ratio - 0.5  # (target,)
    reach = math.ceil(2 * stretch)
    position = centre.floor().long() + torch.arange(1 - reach, reach + 1)[:, None]  # (taps, target)
    weight = _cubic((position - centre) / stretch)
    return position.clamp(0, source - 1), weight / weight.sum(dim=0)


def _cubic(distance: Tensor) -> Tensor:
    """Keys' cubic convolution kernel with a = -0.5 (IEEE TASSP 29, 1981, eq. 15)."""
    x = distance.abs()
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return near.where(x <= 1, far.where(x < 2, 0.0))


def _rounded_up(value: float) -> int:
    return math.ceil(value - _ROUNDING_SLACK)


def _named(size: Size) -> str:
    return f"clip of {size[0]}x{size[1]}x{size[2]} (frames, height, width)"
