"""A clip, a prompt and a model of pictures: what every editor that edits frame by frame computes with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from onereel.backbones.latent import Condition, joined
from onereel.backbones.text_to_image import TextToImage, text_to_image_of
from onereel.backbones.text_to_video import default_dtype
from onereel.base.errors import MethodError
from onereel.diffusion.guidance import (
    CONDITIONAL,
    UNCONDITIONAL,
    Branch,
    Conditioned,
    classifier_free_weights,
    combined,
)
from onereel.diffusion.samplers import Predict, ddim, timesteps_of
from onereel.features.artefacts import read_artefact
from onereel.methods.base import CLIP, Inputs, Job
from onereel.methods.sdedit.config import FrameEditorConfig
from onereel.training.estimates import check_memory
from onereel.video.clip import Frames, to_frames, to_video
from onereel.video.pyramid import resize

if TYPE_CHECKING:
    from onereel.diffusion.process import Process


def check(name: str, inputs: Inputs, config: FrameEditorConfig, job: Job, *, depth: bool) -> None:
    """Refuse a model that cannot make such pictures, a size that it cannot make, and one that memory is too small for.

    Args:
        name: of the method.
        inputs: with the clip.
        config: settings.
        job: with the model's weights; of these, configurations alone are read.
        depth: whether the method gives the model depth.

    Raises: WeightsError, MethodError in one line.
    """
    weights = job.backbone(config.backbone)
    kind = text_to_image_of(weights)
    about = kind.about_of(weights)
    if depth and about.depth == "none":
        remedy = "choose stable-diffusion-2-depth, or latent-world"
        raise MethodError(f"{name}, backbone '{about.name}'", "reads no depth", remedy)
    if not depth and about.depth == "needed":
        remedy = "choose stable-diffusion-1.5, or latent-world"
        raise MethodError(f"{name}, backbone '{about.name}'", "makes nothing without depth", remedy)
    height, width = about.size_for(*inputs.clip.size[1:], config.size)
    dtype = default_dtype(job.device)
    prompts = 1 + (config.guidance_scale > 1)

    def bytes_of(frames: int, shares: int = 1) -> int:
        tall, wide = (max(1, side // shares // about.step) * about.step for side in (height, width))
        return kind.memory_of(weights, tall, wide, frames * prompts, dtype)

    if job.device.type != "meta":
        batch = min(config.batch, len(inputs.clip.frames))
        ways = {"batch=1": lambda: bytes_of(1), "batch=1 and half the size": lambda: bytes_of(1, 2)}
        check_memory(f"backbone '{about.name}'", bytes_of(batch), job.device, ways)


class Editing:
    """What is computed of a clip once, whatever the seed.

    Args:
        inputs: clip, prompt, and depth where it is read.
        config: settings.
        job: with the model's weights.
        depth: whether the model is given depth.

    Attributes:
        size: height and width at which it sees frames.
    """

    def __init__(self, inputs: Inputs, config: FrameEditorConfig, job: Job, *, depth: bool = False) -> None:
        self.inputs, self.config, self.job, self._depth = inputs, config, job, depth
        self._weights = job.backbone(config.backbone)
        about = text_to_image_of(self._weights).about_of(self._weights)
        self.size = about.size_for(*inputs.clip.size[1:], config.size)

    @cached_property
    def model(self) -> TextToImage:
        """The model of pictures, loaded once it is needed."""
        return text_to_image_of(self._weights).load(self._weights, device=self.job.device)

    @property
    def process(self) -> Process:
        """The model's diffusion."""
        return self.model.process

    @property
    def count(self) -> int:
        """Frames of the clip."""
        return len(self.inputs.clip.frames)

    @cached_property
    def pictures(self) -> Tensor:
        """The clip as the model sees it, (T, 3, h, w) in [-1, 1]; few frames at a time, as they may be large."""
        frames = (self.inputs.clip.frames[part] for part in self.batches())
        videos = [resize(to_video(some), (len(some), *self.size)).clamp(-1, 1) for some in frames]
        return torch.cat(videos, 1).transpose(0, 1).to(self.job.device)

    @cached_property
    def latents(self) -> Tensor:
        """Those of `pictures`, (T, 4, h', w')."""
        return self.encode(self.pictures)

    @cached_property
    def depth(self) -> Tensor:
        """Inverse depth (T, h, w) in [0, 1] on one scale, 1 the nearest, at the size that the model sees."""
        arrays, _ = read_artefact(self.inputs.artefacts[CLIP, "depth"], "depth")
        found = torch.from_numpy(arrays["inverse_depth"]).float()
        return resize(found[None], (len(found), *self.size))[0].clamp(0, 1)

    @cached_property
    def backward_flow(self) -> Tensor:
        """For every frame but the first, where what it shows was in the frame before: (T-1, h, w, 2) pixels (dx, dy) of
        the size that the model sees."""
        height, width = self.size
        if self.count < 2:
            return torch.zeros(0, height, width, 2)
        arrays, _ = read_artefact(self.inputs.artefacts[CLIP, "flow"], "flow")
        backward = torch.from_numpy(arrays["backward"]).float()  # (T-1, H, W, 2)
        scaled = backward * torch.tensor([width / backward.shape[2], height / backward.shape[1]])
        return resize(scaled.permute(3, 0, 1, 2), (len(scaled), height, width)).permute(1, 2, 3, 0)

    @cached_property
    def structure(self) -> Tensor | None:
        """Depth as the model reads it, frame by frame; None where it is given none."""
        if not self._depth:
            return None
        return torch.cat([self.model.structure_of(self.depth[part]) for part in self.batches()])

    def batches(self) -> Iterator[slice]:
        """Frames that go through the network together."""
        step = self.config.batch
        return (slice(first, min(first + step, self.count)) for first in range(0, self.count, step))

    def encode(self, pictures: Tensor) -> Tensor:
        """Pictures (N, 3, h, w) as latents, some at a time."""
        return torch.cat([self.model.encode(part) for part in pictures.split(self.config.batch)])

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures (N, 3, h, w) in [-1, 1] of latents, some at a time."""
        return torch.cat([self.model.decode(part) for part in latents.split(self.config.batch)])

    def noise(self, generator: torch.Generator, count: int | None = None) -> Tensor:
        """What frames start from, (N, 4, h', w'), for all frames or so many, as the settings say."""
        wanted = count or self.count
        shape = self.latents.shape[1:]
        if self.config.noise == "same":
            drawn = torch.randn((1, *shape), generator=generator).expand(wanted, *shape)
        else:
            drawn = torch.stack([torch.randn(shape, generator=generator) for _ in range(wanted)])
        return drawn.to(self.job.device)

    def condition(self, prompt: str, frames: slice) -> Condition:
        """A prompt for each of these frames, with their depth."""
        if prompt not in self._read:
            self._read[prompt] = self.model.encode_prompt([prompt])
        read = self._read[prompt]
        count = len(range(*frames.indices(self.count)))
        return Condition(
            read.states.expand(count, -1, -1),
            None if read.mask is None else read.mask.expand(count, -1),
            None if self.structure is None else self.structure[frames],
        )

    @cached_property
    def _read(self) -> dict[str, Condition]:
        return {}

    def guided(self, frames: slice, network: Conditioned | None = None) -> Predict:
        """Predictions of these frames for the prompt, exaggerated as the settings say.

        Args:
            frames: which.
            network: in place of the model's own.
        """
        said = network or self.said
        branches = {
            UNCONDITIONAL: Branch(said, self.condition(self.config.negative_prompt, frames)),
            CONDITIONAL: Branch(said, self.condition(self.inputs.prompt, frames)),
        }
        return combined(branches, classifier_free_weights(self.config.guidance_scale))

    def said(self, noisy: Tensor, timestep: int, conditions: Sequence[Condition]) -> Tensor:
        """A `Conditioned` of the model."""
        return self.model.predict(noisy, timestep, joined(conditions))

    def timesteps(self, strength: float = 1.0) -> list[int]:
        """Those of the last share of the steps; none for a share of 0."""
        return timesteps_of(self.process, self.config.num_inference_steps, strength=strength) if strength else []

    def all_renewed(self, generator: torch.Generator, strength: float) -> Tensor:
        """`renewed` of the clip, every frame for itself: latents (T, 4, h', w')."""
        noise = self.noise(generator)
        return torch.cat([self.renewed(self.latents[part], noise[part], strength, part) for part in self.batches()])

    def renewed(self, latents: Tensor, noise: Tensor, strength: float, frames: slice) -> Tensor:
        """Noise latents and remove the noise again, towards the prompt (Meng et al. 2022, Algorithm 1).

        Args:
            latents: (N, 4, h', w') of these frames.
            noise: the same shape, standard normal.
            strength: share of the steps that are run; 0 changes nothing, 1 keeps nothing.
            frames: which.
        """
        timesteps = self.timesteps(strength)
        # Stable Diffusion's last step is not quite pure noise: of a new picture nothing must shine through.
        kept = self.process.level_of(timesteps[0] if timesteps else -1) if strength < 1 else 0.0
        level = torch.full((len(latents),), kept)
        start = self.process.add_noise(latents, noise, level.to(latents.device))
        last = range(*frames.indices(self.count))[-1] + 1
        label = f"frames {frames.start + 1} to {last} of {self.count}"
        return ddim(self.process, self.guided(frames), start, timesteps, progress=self.job.progress, label=label)

    def finished(self, pictures: Tensor) -> Frames:
        """Pictures (T, 3, h, w) as frames of the clip's size; few at a time, as they may be large.

        Raises: MethodError for NaN.
        """
        size = self.inputs.clip.size[1:]
        parts = (pictures[part].float().cpu().transpose(0, 1) for part in self.batches())
        return np.concatenate([to_frames(resize(part, (part.shape[1], *size))) for part in parts])
