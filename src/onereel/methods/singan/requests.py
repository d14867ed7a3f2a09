"""What a task asks of a pyramid, worked out before anything runs: sizes, lengths, where it starts, what cannot be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from onereel.base.errors import MethodError
from onereel.gan import guards
from onereel.gan.settings import Side
from onereel.methods.base import Inputs, Task
from onereel.methods.singan.cascade import frames_at_once, scaled
from onereel.methods.singan.config import PyramidConfig
from onereel.methods.singan.copies import pasted
from onereel.video.clip import Clip


@dataclass(frozen=True)
class PyramidRequest:
    """A task for a pyramid that is trained, or is yet to be.

    Attributes:
        label: names method and task in errors.
        inputs: the clip, and what else the task reads (`onereel.methods.check_inputs`).
        config: settings.
        sides: (H, W) of the pyramid's levels, coarsest first.
        frames: of the pyramid's reconstruction.
        device: where it runs.
    """

    label: str
    inputs: Inputs
    config: PyramidConfig
    sides: Sequence[Side]
    frames: int
    device: torch.device

    def shown(self, role: str) -> Clip:
        """A further clip, or a file with one."""
        clip = self.inputs.shown(role)
        assert clip is not None, "inputs were checked"
        return clip


@dataclass(frozen=True)
class Outline:
    """What is to be drawn.

    Attributes:
        frames: of the sample.
        sides: (H, W) of every level, or of every pass of `super_resolve`; the last is the sample's.
        start: what takes the place of a level's output; None: noise is all there is.
    """

    frames: int
    sides: Sequence[Side]
    start: Clip | None = None


def outline(task: Task, request: PyramidRequest) -> Outline:
    """What the task draws.

    Raises: MethodError for settings that do not fit the clip or the pyramid, a sample that is too small, or one that
    is too large for memory; ClipError for inputs that cannot be read.
    """
    planned = _OUTLINES[task](request)
    channels = max(request.config.channels_of(level) for level in range(len(request.sides)))
    size = (planned.frames, *planned.sides[-1])
    guards.check_output(
        request.label, size, channels, frames_at_once(planned.frames, request.config.depth), request.device
    )
    return planned


def _generate(request: PyramidRequest) -> Outline:
    config = request.config
    length, height, width = config.output_scale
    frames = config.frames or max(1, round(request.inputs.clip.size[0] * length))
    sides = scaled(request.sides, height, width)
    if config.start_level:
        _check_start(request, frames, sides)
    return Outline(frames, sides)


def _check_start(request: PyramidRequest, frames: int, sides: Sequence[Side]) -> None:
    level, count = request.config.start_level, len(request.sides)
    where = f"{request.label}, start_level {level}"
    if level >= count:
        problem = f"the pyramid has {count} levels, none is left to draw"
        raise MethodError(where, problem, f"set start_level to {count - 1} or less")
    if sides != list(request.sides) or frames != request.frames:
        height, width = request.sides[-1]
        raise MethodError(
            where,
            f"the layout that it keeps is {request.frames}x{height}x{width} (frames, height, width)",
            f"set frames={request.frames} and leave output_scale, or set start_level=0",
        )


def _lengthen(request: PyramidRequest) -> Outline:
    frames, known = request.config.lengthen_frames, request.frames
    if frames <= known:
        raise MethodError(
            f"{request.label}, lengthen_frames {frames}",
            f"the pyramid is trained on {known} frames: this is no longer",
            f"set lengthen_frames above {known}, or train_frames lower",
        )
    return Outline(frames, request.sides)


def _slow_motion(request: PyramidRequest) -> Outline:
    return Outline(request.frames, request.sides)


def _compose(request: PyramidRequest) -> Outline:
    level, count = request.config.compose_level, len(request.sides)
    if level >= count:
        raise MethodError(
            f"{request.label}, compose_level {level}",
            f"the pyramid has {count} levels, none is left to mend the seams",
            "lower compose_level or take a larger height",
        )
    copies = request.inputs.files.get("copies")
    edited = pasted(request.inputs.clip, copies)[0] if copies else request.shown("edited")
    return Outline(edited.size[0], _sides_of(request, edited), edited)


def _motion_transfer(request: PyramidRequest) -> Outline:
    if len(request.sides) < 2:
        raise MethodError(request.label, "the pyramid has one level, it needs two", "take a larger height")
    if request.config.levels_3d < 2:
        # Equal frames with equal noise stay equal through 2D levels.
        raise MethodError(
            f"{request.label}, levels_3d {request.config.levels_3d}",
            "no level above the coarsest sees time",
            "set levels_3d=2 or more",
        )
    picture = request.shown("picture")
    return Outline(request.config.transfer_frames, _sides_of(request, picture), Clip(picture.frames[:1], picture.fps))


def _super_resolve(request: PyramidRequest) -> Outline:
    config = request.config
    count, height, width = request.inputs.clip.size
    passes = config.super_passes or config.super_factor
    scales = [config.super_factor ** (number / passes) for number in range(1, passes + 1)]
    return Outline(count, [(round(height * scale), round(width * scale)) for scale in scales])


def _sides_of(request: PyramidRequest, clip: Clip) -> list[Side]:
    """Sizes of the levels for a given clip, which is scaled to the pyramid's shorter side and keeps its shape."""
    finest = request.sides[-1]
    _, height, width = clip.size
    scale = min(finest) / min(height, width)
    return scaled(request.sides, height * scale / finest[0], width * scale / finest[1])


_OUTLINES: Mapping[Task, Callable[[PyramidRequest], Outline]] = {
    Task.GENERATE: _generate,
    Task.LENGTHEN: _lengthen,
    Task.SLOW_MOTION: _slow_motion,
    Task.COMPOSE: _compose,
    Task.MOTION_TRANSFER: _motion_transfer,
    Task.SUPER_RESOLVE: _super_resolve,
}
