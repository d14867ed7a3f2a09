"""What every task starts from: levels, a first guess, and the settings with what the task changes in them."""

import os
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from onereel.base.errors import MethodError
from onereel.methods.base import Inputs, Task
from onereel.methods.vgpnn import generate, inpaint, retarget
from onereel.methods.vgpnn.config import VGPNNConfig
from onereel.methods.vgpnn.holes import read_hole
from onereel.methods.vgpnn.synthesis import Level, levels_of
from onereel.video.clip import to_video
from onereel.video.pyramid import Pyramid, Size, build, resize

_BYTES_PER_VOXEL = 300  # of the larger of input and output, measured at the peak; see benchmarks/vgpnn.py

Prepared = tuple[list[Level], Tensor, VGPNNConfig]


def _generate(inputs: Inputs, config: VGPNNConfig, device: torch.device, generator: torch.Generator) -> Prepared:
    sizes = config.ladder.sizes(inputs.clip.size)
    outputs = generate.output_sizes(sizes, config)
    _check_memory(sizes[-1], outputs[-1], device)
    pyramid = _pyramid(inputs, config, sizes).to(device)
    guess = generate.first_guess(pyramid.levels[0], outputs[0], config, generator)
    return levels_of(pyramid, outputs, config), guess, config


def _retarget(inputs: Inputs, config: VGPNNConfig, device: torch.device, generator: torch.Generator) -> Prepared:
    if config.output_scale == (1, 1, 1):
        raise MethodError(
            "vgpnn, task 'retarget'", "output_scale is 1, 1, 1", "say the new size, e.g. output_scale=[1, 1, 0.6]"
        )
    sizes = config.ladder.sizes(inputs.clip.size)
    outputs = retarget.output_sizes(sizes, config)
    _check_memory(sizes[-1], outputs[-1], device)
    pyramid = _pyramid(inputs, config, sizes).to(device)
    alpha = config.retarget_alpha if config.alpha is None else config.alpha
    guess = resize(pyramid.levels[0], outputs[0])
    return levels_of(pyramid, outputs, config), guess, config.model_copy(update={"alpha": alpha})


def _inpaint(inputs: Inputs, config: VGPNNConfig, device: torch.device, generator: torch.Generator) -> Prepared:
    _check_memory(inputs.clip.size, inputs.clip.size, device)
    hole = read_hole(inputs, config.cue)
    pyramid = build(to_video(hole.frames), inpaint.ladder_of(hole, config)).to(device)
    return inpaint.levels_of(pyramid, hole, config), pyramid.levels[0], config


def _analogy(inputs: Inputs, config: VGPNNConfig, device: torch.device, generator: torch.Generator) -> Prepared:
    return _pair(inputs, config, device, task=Task.ANALOGY, role="style")


def _sketch(inputs: Inputs, config: VGPNNConfig, device: torch.device, generator: torch.Generator) -> Prepared:
    return _pair(inputs, config, device, task=Task.SKETCH, role="sketch")


def _pair(inputs: Inputs, config: VGPNNConfig, device: torch.device, *, task: Task, role: str) -> Prepared:
    from onereel.features.flow import ROLE, estimator_of  # flow brings torchvision along, which takes seconds
    from onereel.methods.vgpnn import analogy

    other = inputs.clips[role]
    if other.size[0] < 2:
        raise MethodError(f"vgpnn, input '{role}'", "has only one frame", "give a video")
    content, style = (inputs.clip, other) if task == Task.ANALOGY else (other, inputs.clip)
    _check_memory(style.size, content.size, device)
    drawn = task == Task.SKETCH
    first, second = analogy.pyramids_of(content, style, config, device)
    bins = config.flow_bins_of(task)
    channels = None
    if bins:
        estimator = estimator_of(inputs.network(ROLE), device)
        channels = (
            analogy.dynamics(content, estimator, bins, drawn=drawn).to(device),
            analogy.dynamics(style, estimator, bins).to(device),
        )
    guess = analogy.first_guess(first, second, matched=drawn if config.match_colours is None else config.match_colours)
    return analogy.levels_of(first, second, channels, config), guess, config


def _pyramid(inputs: Inputs, config: VGPNNConfig, sizes: list[Size]) -> Pyramid:
    if inputs.pyramid is None:
        return build(to_video(inputs.clip.frames), config.ladder)
    if inputs.pyramid.sizes != sizes:
        raise MethodError(
            f"vgpnn, pyramid with levels {inputs.pyramid.sizes[0]} to {inputs.pyramid.sizes[-1]}",
            f"the clip and ladder {config.ladder.name} have other levels",
            "build the pyramid again from this clip and ladder",
        )
    return inputs.pyramid


def _check_memory(size: Size, output: Size, device: torch.device) -> None:
    voxels = max(size[0] * size[1] * size[2], output[0] * output[1] * output[2])
    needed, present = voxels * _BYTES_PER_VOXEL, _memory(device)
    if needed > present:
        raise MethodError(
            f"vgpnn, output of {output[0]}x{output[1]}x{output[2]} (frames, height, width)",
            f"needs about {needed / 2**30:.1f} GiB, {device} has {present / 2**30:.1f}",
            "lower the clip's height or length, or output_scale",
        )


def _memory(device: torch.device) -> int:
    """Bytes that the device has in all."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


PREPARE: Mapping[Task, Callable[[Inputs, VGPNNConfig, torch.device, torch.Generator], Prepared]] = {
    Task.GENERATE: _generate,
    Task.RETARGET: _retarget,
    Task.INPAINT: _inpaint,
    Task.ANALOGY: _analogy,
    Task.SKETCH: _sketch,
}
