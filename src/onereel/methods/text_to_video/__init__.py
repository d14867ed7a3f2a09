"""Text-to-video: a pretrained model and the prompt alone. The baseline of Dreamix (Molad et al. 2023, section 6.1): it
never sees the clip that the edit is of, so whatever it keeps of it, the prompt says.

Where Dreamix's Imagen Video is in the code: `onereel.backbones`; what replaces it, by name: ``config/backbones.yaml``.

A sample of `edit_text` has the clip's size and length, so that it can be measured as edits are: the model makes what it
was trained for, which is then resized, and played in the clip's time (frames are repeated or left out, never mixed).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import ClassVar

from onereel.methods import check_inputs, check_task
from onereel.methods.base import BaseMethod, Inputs, Job, Task
from onereel.methods.roles import Roles
from onereel.methods.text_to_video.config import TextToVideoConfig
from onereel.video.clip import Clip, Frames

__all__ = ["METHOD", "TextToVideo", "TextToVideoConfig"]

log = logging.getLogger(__name__)


class TextToVideo(BaseMethod):
    """Videos of a prompt, by a pretrained model. Nothing is trained."""

    name = "text_to_video"
    title = "Text to video"
    tasks = frozenset({Task.GENERATE, Task.EDIT_TEXT})
    roles: ClassVar[Mapping[Task, Roles]] = {
        Task.GENERATE: Roles(prompt="needed", clip="refused"),
        Task.EDIT_TEXT: Roles(prompt="needed"),
    }
    Config = TextToVideoConfig

    def backbones(self, task: Task, config: TextToVideoConfig) -> tuple[str, ...]:
        """The model."""
        return (config.backbone,)

    def together(self, config: TextToVideoConfig) -> int:
        """A few: the model is loaded once for them, and a kill loses no more."""
        return 4

    def check(self, task: Task, inputs: Inputs, config: TextToVideoConfig, job: Job) -> None:
        """Refuse a model that makes no videos, a size that it cannot make, and one for which memory is too small."""
        from onereel.backbones.costs import outlook

        check_inputs(self, task, inputs.clips, inputs.files)
        wanted = (config.frames, config.height, config.width)
        outlook(job.backbone(config.backbone), wanted, job.device, guided=config.guidance_scale > 1)

    def sample_many(
        self, task: Task, inputs: Inputs, config: TextToVideoConfig, seeds: Sequence[int], job: Job
    ) -> list[Clip | Frames]:
        """Videos of the prompt: as the model makes them, at its rate, or at the clip's size and rate.

        Raises: WeightsError, MethodError as `check`.
        """
        import torch

        from onereel.backbones.costs import outlook
        from onereel.backbones.text_to_video import load
        from onereel.methods.text_to_video.shape import as_made, like_the_clip

        check_task(self, task)
        weights, wanted = job.backbone(config.backbone), (config.frames, config.height, config.width)
        expected = outlook(weights, wanted, job.device, guided=config.guidance_scale > 1)
        if expected.parts:
            log.info("%s: %s", weights.title, expected.words(config.num_inference_steps, len(seeds)))
        model = load(weights, device=job.device, offload=expected.offload)
        native = model.native
        videos = model.generate(
            [inputs.prompt] * len(seeds),
            [torch.Generator().manual_seed(seed) for seed in seeds],
            frames=config.frames or native.frames,
            height=config.height or native.height,
            width=config.width or native.width,
            num_inference_steps=config.num_inference_steps,
            guidance_scale=config.guidance_scale,
            negative_prompt=config.negative_prompt,
            progress=job.progress,
        )
        if task == Task.GENERATE:
            return [as_made(video, native.fps) for video in videos]
        return [like_the_clip(video, inputs.clip) for video in videos]


METHOD = TextToVideo()
