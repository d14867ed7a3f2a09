"""What VACE is told of a clip, and its videos as a clip again."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from onereel.backbones.costs import check_sampling, sampling_cost
from onereel.backbones.families import family_of
from onereel.backbones.text_to_image import About
from onereel.backbones.text_to_video import default_dtype
from onereel.backbones.wan_vace import WanVace
from onereel.base.errors import WeightsError
from onereel.features.artefacts import read_artefact
from onereel.methods.base import CLIP, Inputs, Job, Task
from onereel.methods.gen1.masks import read_kept
from onereel.methods.vace.config import VaceConfig
from onereel.methods.vace.windows import Window, windows_of
from onereel.video.clip import Clip, Frames, to_frames, to_video
from onereel.video.pyramid import resize
from onereel.weights.store import Resolved

log = logging.getLogger(__name__)
_FAMILY = "wan-vace"


@dataclass(frozen=True)
class Told:
    """What is known, at the size that the model sees.

    Attributes:
        video: (3, T, h, w) in [-1, 1]: what is kept, and what describes the rest.
        free: (T, h, w) bool, true where the video is to be made.
        references: pictures (3, h, w) in [-1, 1].
    """

    video: Tensor
    free: Tensor
    references: tuple[Tensor, ...] = ()


def check(task: Task, inputs: Inputs, config: VaceConfig, job: Job) -> bool:
    """Refuse another model, a size that it cannot make, a mask that does not fit, and a device that is too small.

    Returns: whether the model has to be offloaded.
    Raises: WeightsError, MethodError in one line.
    """
    weights = job.backbone(config.backbone)
    model = skeleton_of(weights, default_dtype(job.device))
    height, width = size_for(model, inputs.clip, config)
    if task == Task.EDIT_MASKED:
        read_kept(inputs, "vace")
    if job.device.type == "meta":
        return False
    longest = max(one.stop - one.start + one.filling for one in _windows(inputs.clip, config))
    size = (longest, height, width)
    guided = config.guidance_scale > 1
    return check_sampling(model, sampling_cost(model, *size, guided=guided), size, job.device, guided=guided)


def skeleton_of(weights: Resolved, dtype: torch.dtype) -> WanVace:
    """The model without values.

    Raises: WeightsError if the weights are of another family.
    """
    where = f"weights '{weights.name}'"
    family_of(where, found := getattr(weights.entry, "family", ""))
    if found != _FAMILY:
        raise WeightsError(where, "is no VACE", "choose a model of the role video-editing")
    return WanVace.skeleton(weights, dtype=dtype)


def size_for(model: WanVace, clip: Clip, config: VaceConfig) -> tuple[int, int]:
    """Height and width at which the model sees a clip."""
    native = min(model.native.height, model.native.width)
    about = About(model.name, native, model.side, model.side_step, "optional", 0)
    return about.size_for(*clip.size[1:], config.size)


def edited(task: Task, inputs: Inputs, config: VaceConfig, seeds: list[int], job: Job) -> list[Frames]:
    """A sample for each seed, of the clip's size and length."""
    offload = check(task, inputs, config, job)
    weights = job.backbone(config.backbone)
    if not weights.stand_in:
        log.info("%s: nobody has yet seen this code on published weights; tell us what comes out", weights.title)
    model = WanVace.load(weights, device=job.device, offload=offload)
    told = told_of(task, inputs, config, size_for(model, inputs.clip, config))
    found = []
    for seed in seeds:
        video = made(model, told, inputs.prompt, config, torch.Generator().manual_seed(seed), job)
        frames = to_frames(resize(video, inputs.clip.size))
        if task == Task.EDIT_MASKED:
            frames = np.where(read_kept(inputs, "vace")[..., None], inputs.clip.frames, frames)
        found.append(frames)
    return found


def made(model: WanVace, told: Told, prompt: str, config: VaceConfig, generator: torch.Generator, job: Job) -> Tensor:
    """A video (3, T, h, w) in [-1, 1], window after window."""
    found = torch.zeros_like(told.video)
    windows = windows_of(told.video.shape[1], config.frames, config.overlap)
    for number, window in enumerate(windows, start=1):
        known = _known(told, found, window)
        control = model.control(known.video, known.free, known.references)
        video = model.controlled(
            prompt,
            control,
            generator,
            references=len(known.references),
            conditioning_scale=config.conditioning_scale,
            num_inference_steps=config.num_inference_steps,
            guidance_scale=config.guidance_scale,
            negative_prompt=config.negative_prompt,
            progress=job.progress,
            label="denoising" if len(windows) == 1 else f"denoising window {number} of {len(windows)}",
        )
        new = slice(window.start + window.known, window.stop)
        found[:, new] = video[:, window.known : window.stop - window.start]
    return found


def told_of(task: Task, inputs: Inputs, config: VaceConfig, size: tuple[int, int]) -> Told:
    """What the task tells the model of a clip.

    Args:
        task: `edit_structure`: depth everywhere; `edit_masked`: the clip where it stays, inside what the settings say.
        inputs: clip, depth, mask, and the picture ``content`` where there is one.
        config: settings.
        size: height and width at which the model sees frames.
    """
    shape = (len(inputs.clip.frames), *size)
    inner = torch.zeros(3, *shape)
    if task == Task.EDIT_STRUCTURE or config.inside == "depth":
        arrays, _ = read_artefact(inputs.artefacts[CLIP, "depth"], "depth")
        inverse = torch.from_numpy(arrays["inverse_depth"]).float()[None]
        inner = (2 * resize(inverse, shape).clamp(0, 1) - 1).expand(3, -1, -1, -1)
    content = inputs.shown("content")
    references = () if content is None else (on_white(to_video(content.frames[:1])[:, 0], size),)
    if task == Task.EDIT_STRUCTURE:
        return Told(inner, torch.ones(shape, dtype=torch.bool), references)
    source = resize(to_video(inputs.clip.frames), shape).clamp(-1, 1)
    changed = torch.from_numpy(~read_kept(inputs, "vace")).float()[None]
    free = resize(changed, shape)[0] > 0
    return Told(torch.where(free, inner, source), free, references)


def on_white(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """A picture (3, H, W) as large as fits into a white one of that size, in its middle (as diffusers' pipeline)."""
    height, width = picture.shape[1:]
    scale = min(size[0] / height, size[1] / width)
    tall, wide = max(1, int(height * scale)), max(1, int(width * scale))
    top, left = (size[0] - tall) // 2, (size[1] - wide) // 2
    canvas = torch.ones(3, *size)
    canvas[:, top : top + tall, left : left + wide] = resize(picture[:, None], (1, tall, wide)).clamp(-1, 1)[:, 0]
    return canvas


def _known(told: Told, made_before: Tensor, window: Window) -> Told:
    """What a window is told: its part, with what was made of it before as kept, and its last frame repeated."""
    where = torch.cat([torch.arange(window.start, window.stop), torch.full((window.filling,), window.stop - 1)])
    video, free = told.video[:, where].clone(), told.free[where].clone()
    video[:, : window.known] = made_before[:, window.start : window.start + window.known]
    free[: window.known] = False
    return Told(video, free, told.references)


def _windows(clip: Clip, config: VaceConfig) -> list[Window]:
    return windows_of(len(clip.frames), config.frames, config.overlap)
