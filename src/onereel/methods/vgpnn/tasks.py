"""What every task starts from: levels, a first guess, and the settings with what the task changes in them."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from onereel.base.errors import MethodError
from onereel.base.memory import available_memory
from onereel.methods.base import CLIP, Inputs, Job, Task
from onereel.methods.vgpnn import generate, inpaint, retarget
from onereel.methods.vgpnn.config import VGPNNConfig
from onereel.methods.vgpnn.holes import Hole, read_hole
from onereel.methods.vgpnn.synthesis import Level, levels_of
from onereel.video.clip import Clip, to_video
from onereel.video.pyramid import Pyramid, Size, build, load, resize

_BYTES_PER_VOXEL = 300  # of the larger of input and output, measured at the peak; see benchmarks/vgpnn.py

_ROLES = {Task.ANALOGY: "style", Task.SKETCH: "sketch"}

Prepared = tuple[list[Level], Tensor, VGPNNConfig]


def check(task: Task, inputs: Inputs, config: VGPNNConfig, job: Job) -> None:
    """Refuse what cannot be synthesised, without building anything.

    Raises: MethodError or ClipError, as what `PREPARE` holds for the task does.
    """
    match task:
        case Task.GENERATE | Task.RETARGET:
            _sizes(task, inputs, config, job.device)
        case Task.INPAINT:
            _hole(inputs, config, job.device)
        case _:
            _content_and_style(task, inputs, job.device)


def _sizes(task: Task, inputs: Inputs, config: VGPNNConfig, device: torch.device) -> tuple[list[Size], list[Size]]:
    """(T, H, W) of the clip and of the output on every level, coarsest first."""
    if task == Task.RETARGET and config.output_scale == (1, 1, 1):
        raise MethodError(
            "vgpnn, task 'retarget'", "output_scale is 1, 1, 1", "say the new size, e.g. output_scale=[1, 1, 0.6]"
        )
    sizes = config.ladder.sizes(inputs.clip.size)
    outputs = (generate if task == Task.GENERATE else retarget).output_sizes(sizes, config)
    _check_memory(sizes[-1], outputs[-1], device)
    return sizes, outputs


def _hole(inputs: Inputs, config: VGPNNConfig, device: torch.device) -> Hole:
    _check_memory(inputs.clip.size, inputs.clip.size, device)
    return read_hole(inputs, config.cue)


def _content_and_style(task: Task, inputs: Inputs, device: torch.device) -> tuple[Clip, Clip]:
    role = _ROLES[task]
    other = inputs.clips[role]
    if other.size[0] < 2:
        raise MethodError(f"vgpnn, input '{role}'", "has only one frame", "give a video")
    content, style = (inputs.clip, other) if task == Task.ANALOGY else (other, inputs.clip)
    _check_memory(style.size, content.size, device)
    return content, style


def _generate(inputs: Inputs, config: VGPNNConfig, job: Job, generator: torch.Generator) -> Prepared:
    sizes, outputs = _sizes(Task.GENERATE, inputs, config, job.device)
    pyramid = _pyramid(inputs, config, sizes).to(job.device)
    guess = generate.first_guess(pyramid.levels[0], outputs[0], config, generator)
    return levels_of(pyramid, outputs, config), guess, config


def _retarget(inputs: Inputs, config: VGPNNConfig, job: Job, generator: torch.Generator) -> Prepared:
    sizes, outputs = _sizes(Task.RETARGET, inputs, config, job.device)
    pyramid = _pyramid(inputs, config, sizes).to(job.device)
    alpha = config.retarget_alpha if config.alpha is None else config.alpha
    guess = resize(pyramid.levels[0], outputs[0])
    return levels_of(pyramid, outputs, config), guess, config.model_copy(update={"alpha": alpha})


def _inpaint(inputs: Inputs, config: VGPNNConfig, job: Job, generator: torch.Generator) -> Prepared:
    hole = _hole(inputs, config, job.device)
    pyramid = build(to_video(hole.frames), inpaint.ladder_of(hole, config)).to(job.device)
    return inpaint.levels_of(pyramid, hole, config), pyramid.levels[0], config


def _analogy(inputs: Inputs, config: VGPNNConfig, job: Job, generator: torch.Generator) -> Prepared:
    return _pair(Task.ANALOGY, inputs, config, job)


def _sketch(inputs: Inputs, config: VGPNNConfig, job: Job, generator: torch.Generator) -> Prepared:
    return _pair(Task.SKETCH, inputs, config, job)


def _pair(task: Task, inputs: Inputs, config: VGPNNConfig, job: Job) -> Prepared:
    from onereel.features.flow import ROLE, estimator_of  # flow brings torchvision along, which takes seconds
    from onereel.methods.vgpnn import analogy

    device = job.device
    content, style = _content_and_style(task, inputs, device)
    drawn = task == Task.SKETCH
    first, second = analogy.pyramids_of(content, style, config, device)
    bins = config.flow_bins_of(task)
    channels = None
    if bins:
        estimator = estimator_of(job.backbone(ROLE), device)
        channels = (
            analogy.dynamics(content, estimator, bins, drawn=drawn).to(device),
            analogy.dynamics(style, estimator, bins).to(device),
        )
    guess = analogy.first_guess(first, second, matched=drawn if config.match_colours is None else config.match_colours)
    return analogy.levels_of(first, second, channels, config), guess, config


def _pyramid(inputs: Inputs, config: VGPNNConfig, sizes: list[Size]) -> Pyramid:
    stored = inputs.artefacts.get((CLIP, "pyramid"))
    if stored is None:
        return build(to_video(inputs.clip.frames), config.ladder)
    pyramid = load(stored)
    if pyramid.sizes != sizes:
        raise MethodError(
            f"vgpnn, pyramid with levels {pyramid.sizes[0]} to {pyramid.sizes[-1]}",
            f"the clip and ladder {config.ladder.name} have other levels",
            "build the pyramid again from this clip and ladder",
        )
    return pyramid


def _check_memory(size: Size, output: Size, device: torch.device) -> None:
    voxels = max(size[0] * size[1] * size[2], output[0] * output[1] * output[2])
    needed, present = voxels * _BYTES_PER_VOXEL, available_memory(device)
    if needed > present:
        raise MethodError(
            f"vgpnn, output of {output[0]}x{output[1]}x{output[2]} (frames, height, width)",
            f"needs about {needed / 2**30:.1f} GiB, {device} has {present / 2**30:.1f}",
            "lower the clip's height or length, or output_scale",
        )


PREPARE: Mapping[Task, Callable[[Inputs, VGPNNConfig, Job, torch.Generator], Prepared]] = {
    Task.GENERATE: _generate,
    Task.RETARGET: _retarget,
    Task.INPAINT: _inpaint,
    Task.ANALOGY: _analogy,
    Task.SKETCH: _sketch,
}
