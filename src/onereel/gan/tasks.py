"""What the SinGAN family is asked for: every task from a trained pyramid (SinGAN-GIF, section 5)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from onereel.clip import Clip, to_frames, to_video
from onereel.errors import MethodError
from onereel.gan import guards
from onereel.gan.cascade import Cascade, draw_noise, scaled, to_side
from onereel.gan.config import PyramidConfig
from onereel.gan.copies import pasted
from onereel.gan.parts import part_of
from onereel.gan.settings import Side
from onereel.methods.base import Inputs, Task


@dataclass(frozen=True)
class Job:
    """One request.

    Attributes:
        label: names method and task in errors.
        inputs: the clip and further clips.
        cascade: the trained pyramid of the task.
        generator: of the sample's seed, on the CPU.
    """

    label: str
    inputs: Inputs
    cascade: Cascade
    generator: torch.Generator

    @property
    def config(self) -> PyramidConfig:
        """Settings."""
        return self.cascade.config

    def clip_of(self, role: str) -> Clip:
        """A further clip, or a file with one, that the caller has seen to be given."""
        clip = self.inputs.shown(role)
        assert clip is not None
        return clip


def draw(
    label: str,
    task: Task,
    inputs: Inputs,
    config: PyramidConfig,
    *,
    weights: Mapping[str, Path],
    device: torch.device,
    seed: int,
) -> Clip:
    """One sample.

    The inputs are those that the task asks for (`onereel.methods.check_inputs`).

    Raises: MethodError for settings that do not fit the clip or the pyramid.
    """
    part = part_of(task, config)
    cascade = Cascade.load(weights[part.name], config, part, device)
    job = Job(f"{label}, task '{task}'", inputs, cascade, torch.Generator().manual_seed(seed))
    video = _DRAW[task](job)
    return Clip(to_frames(video[0].clamp(-1, 1)), inputs.clip.fps)


def _generate(job: Job) -> Tensor:
    """Any size and length (section 5.1)."""
    config, cascade = job.config, job.cascade
    length, height, width = config.output_scale
    frames = config.frames or max(1, round(job.inputs.clip.size[0] * length))
    sides = scaled(cascade.sides, height, width)
    _check_output(job, frames, sides[-1])
    if config.start_level:
        _check_start(job, frames, sides)
    return cascade.run(None, 0, sides, job.generator, frames=frames, kept=config.start_level)


def _check_start(job: Job, frames: int, sides: Sequence[Side]) -> None:
    where, cascade = f"{job.label}, start_level {job.config.start_level}", job.cascade
    if job.config.start_level >= cascade.count:
        problem = f"the pyramid has {cascade.count} levels, none is left to draw"
        raise MethodError(where, problem, f"set start_level to {cascade.count - 1} or less")
    if sides != list(cascade.sides) or frames != cascade.frames:
        height, width = cascade.sides[-1]
        raise MethodError(
            where,
            f"the layout that it keeps is {cascade.frames}x{height}x{width} (frames, height, width)",
            f"set frames={cascade.frames} and leave output_scale, or set start_level=0",
        )


def _lengthen(job: Job) -> Tensor:
    """Section 5.3."""
    frames, known = job.config.lengthen_frames, job.cascade.frames
    if frames <= known:
        raise MethodError(
            f"{job.label}, lengthen_frames {frames}",
            f"the pyramid was trained on {known} frames: this is no longer",
            f"set lengthen_frames above {known}, or train_frames lower",
        )
    _check_output(job, frames, job.cascade.sides[-1])
    return job.cascade.run(None, 0, job.cascade.sides, job.generator, frames=frames)


def _slow_motion(job: Job) -> Tensor:
    """Section 5.2: k (T - 1) + 1 frames at the clip's rate, so that it plays k times slower."""
    cascade = job.cascade
    kept = cascade.count if job.config.slow_start == "clip" else 0
    return cascade.run(None, 0, cascade.sides, job.generator, frames=cascade.frames, kept=kept)


def _compose(job: Job) -> Tensor:
    """Section 5.4: an edited clip in the place of a coarse level's output, several times over."""
    level, cascade = job.config.compose_level, job.cascade
    if level >= cascade.count:
        raise MethodError(
            f"{job.label}, compose_level {level}",
            f"the pyramid has {cascade.count} levels, none is left to mend the seams",
            "lower compose_level or take a larger height",
        )
    video = to_video(_edited(job).frames, device=cascade.device)[None]
    sides = _sides_of(job, video)
    _check_output(job, video.shape[2], sides[-1])
    for _ in range(job.config.compose_passes):
        coarse = to_side(video, sides[level - 1]).clamp(-1, 1)
        video = cascade.run(coarse, level, sides, job.generator)
    return video


def _edited(job: Job) -> Clip:
    """A clip that somebody edited, or ours with boxes copied."""
    copies = job.inputs.files.get("copies")
    return pasted(job.inputs.clip, copies)[0] if copies else job.clip_of("edited")


def _motion_transfer(job: Job) -> Tensor:
    """Section 5.6: a picture, repeated, in the place of the coarsest level's output."""
    cascade = job.cascade
    if cascade.count < 2:
        raise MethodError(job.label, "the pyramid has one level, it needs two", "take a larger height")
    if job.config.levels_3d < 2:
        # Equal frames with equal noise stay equal through 2D levels.
        raise MethodError(
            f"{job.label}, levels_3d {job.config.levels_3d}",
            "no level above the coarsest sees time",
            "set levels_3d=2 or more",
        )
    picture = to_video(job.clip_of("picture").frames[:1], device=cascade.device)[None]
    sides = _sides_of(job, picture)
    _check_output(job, job.config.transfer_frames, sides[-1])
    small = to_side(picture, sides[0]).clamp(-1, 1).expand(-1, -1, job.config.transfer_frames, -1, -1)
    return cascade.run(small, 1, sides, job.generator)


def _super_resolve(job: Job) -> Tensor:
    """Section 5.5: again and again through the finest generator, each time a little larger."""
    config, cascade = job.config, job.cascade
    passes = config.super_passes or config.super_factor
    video = to_video(job.inputs.clip.frames, device=cascade.device)[None]
    height, width = video.shape[3:]
    last = cascade.count - 1
    for number in range(1, passes + 1):
        scale = config.super_factor ** (number / passes)
        side = (round(height * scale), round(width * scale))
        _check_output(job, video.shape[2], side)
        noise = draw_noise(config, cascade.part, last, (video.shape[2], *side), job.generator).to(cascade.device)
        amplitude = config.super_noise * cascade.sigmas[last]
        video = cascade.refine(last, to_side(video, side).clamp(-1, 1), amplitude * noise)
    return video


def _sides_of(job: Job, video: Tensor) -> list[Side]:
    """Sizes of the levels for a given video, which is scaled to the pyramid's shorter side and keeps its shape."""
    finest = job.cascade.sides[-1]
    height, width = video.shape[3:]
    scale = min(finest) / min(height, width)
    return scaled(job.cascade.sides, height * scale / finest[0], width * scale / finest[1])


def _check_output(job: Job, frames: int, side: Side) -> None:
    cascade = job.cascade
    guards.check_output(job.label, (frames, *side), cascade.channels, cascade.frames_at_once(frames), cascade.device)


_DRAW: Mapping[Task, Callable[[Job], Tensor]] = {
    Task.GENERATE: _generate,
    Task.LENGTHEN: _lengthen,
    Task.SLOW_MOTION: _slow_motion,
    Task.COMPOSE: _compose,
    Task.MOTION_TRANSFER: _motion_transfer,
    Task.SUPER_RESOLVE: _super_resolve,
}
