"""How the SinGAN family draws: every task from a trained pyramid (SinGAN-GIF, section 5)."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from onereel.methods.base import Inputs, Job, Task
from onereel.methods.singan.cascade import Cascade, draw_noise, to_side
from onereel.methods.singan.config import PyramidConfig
from onereel.methods.singan.fit import check_clip
from onereel.methods.singan.parts import pyramid_of
from onereel.methods.singan.requests import Outline, PyramidRequest, outline
from onereel.video.clip import Clip, to_frames, to_video


def check(label: str, task: Task, inputs: Inputs, config: PyramidConfig, device: torch.device) -> None:
    """Refuse what no training mends; what it raises, `draw` would raise after the training.

    Raises: MethodError as `onereel.methods.singan.requests.outline` and `onereel.methods.singan.fit.check_clip` do;
    ClipError.
    """
    part = pyramid_of(task, config)
    known = inputs.clip.frames[: config.train_frames]
    sides = check_clip(part, known, config, f"{label} {part.name}")
    outline(task, PyramidRequest(_named(label, task), inputs, config, sides, part.frames(len(known)), device))


def draw(
    label: str,
    task: Task,
    inputs: Inputs,
    config: PyramidConfig,
    seeds: Sequence[int],
    job: Job,
) -> list[Clip]:
    """A sample for each seed, one after the other.

    Raises: MethodError for settings that do not fit the clip or the pyramid; ClipError for inputs that cannot be read.
    """
    part = pyramid_of(task, config)
    cascade = Cascade.load(job.models[part.name], config, part, job.device)
    request = PyramidRequest(_named(label, task), inputs, config, cascade.sides, cascade.frames, job.device)
    planned = outline(task, request)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    videos = (_DRAW[task](cascade, planned, inputs, generator) for generator in generators)
    return [Clip(to_frames(video[0].clamp(-1, 1)), inputs.clip.fps) for video in videos]


def _named(label: str, task: Task) -> str:
    return f"{label}, task '{task}'"


def _generate(cascade: Cascade, planned: Outline, inputs: Inputs, generator: torch.Generator) -> Tensor:
    """Any size and length (section 5.1)."""
    kept = cascade.config.start_level
    return cascade.run(None, 0, planned.sides, generator, frames=planned.frames, kept=kept)


def _lengthen(cascade: Cascade, planned: Outline, inputs: Inputs, generator: torch.Generator) -> Tensor:
    """Section 5.3."""
    return cascade.run(None, 0, planned.sides, generator, frames=planned.frames)


def _slow_motion(cascade: Cascade, planned: Outline, inputs: Inputs, generator: torch.Generator) -> Tensor:
    """Section 5.2: k (T - 1) + 1 frames at the clip's rate, so that it plays k times slower."""
    kept = cascade.count if cascade.config.slow_start == "clip" else 0
    return cascade.run(None, 0, planned.sides, generator, frames=planned.frames, kept=kept)


def _compose(cascade: Cascade, planned: Outline, inputs: Inputs, generator: torch.Generator) -> Tensor:
    """Section 5.4: an edited clip in the place of a coarse level's output, several times over."""
    level, video = cascade.config.compose_level, _start(planned, cascade.device)
    for _ in range(cascade.config.compose_passes):
        coarse = to_side(video, planned.sides[level - 1]).clamp(-1, 1)
        video = cascade.run(coarse, level, planned.sides, generator)
    return video


def _motion_transfer(cascade: Cascade, planned: Outline, inputs: Inputs, generator: torch.Generator) -> Tensor:
    """Section 5.6: a picture, repeated, in the place of the coarsest level's output."""
    small = to_side(_start(planned, cascade.device), planned.sides[0]).clamp(-1, 1)
    return cascade.run(small.expand(-1, -1, planned.frames, -1, -1), 1, planned.sides, generator)


def _super_resolve(cascade: Cascade, planned: Outline, inputs: Inputs, generator: torch.Generator) -> Tensor:
    """Section 5.5: again and again through the finest generator, each time a little larger."""
    video, last = to_video(inputs.clip.frames, device=cascade.device)[None], cascade.count - 1
    amplitude = cascade.config.super_noise * cascade.sigmas[last]
    for side in planned.sides:
        noise = draw_noise(cascade.config, cascade.part, last, (planned.frames, *side), generator).to(cascade.device)
        video = cascade.refine(last, to_side(video, side).clamp(-1, 1), amplitude * noise)
    return video


def _start(planned: Outline, device: torch.device) -> Tensor:
    """What takes the place of a level's output, (1, 3, T, H, W)."""
    assert planned.start is not None
    return to_video(planned.start.frames, device=device)[None]


_DRAW: Mapping[Task, Callable[[Cascade, Outline, Inputs, torch.Generator], Tensor]] = {
    Task.GENERATE: _generate,
    Task.LENGTHEN: _lengthen,
    Task.SLOW_MOTION: _slow_motion,
    Task.COMPOSE: _compose,
    Task.MOTION_TRANSFER: _motion_transfer,
    Task.SUPER_RESOLVE: _super_resolve,
}
