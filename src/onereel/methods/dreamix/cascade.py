"""Dreamix on the pixel cascade: only the base sees the corrupted input, each later stage what the one before made."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from onereel.backbones.cascade.pipeline import Cascade
from onereel.backbones.cascade.stages import BASE, LATER, Size, reduced
from onereel.backbones.text_to_video import text_to_video_of
from onereel.base.errors import MethodError
from onereel.base.progress import Progress, no_progress
from onereel.diffusion.samplers import sdedit
from onereel.diffusion.windows import Windows
from onereel.methods.dreamix.config import DreamixConfig
from onereel.methods.dreamix.editor import Editor, Material, check_stages
from onereel.methods.dreamix.shape import Footage
from onereel.training.adapters import Patterns
from onereel.weights.store import Resolved

_STEP = 8  # pixels of the cascade's videos: every stage's network halves what it sees
_WHOLE = list(LATER.values())[-1].made
_MADE: dict[str, Size] = {"base": BASE, **{part: stage.made for part, stage in LATER.items()}}
_ADAPTED = ("spatial", "temporal", "attention")


class CascadeEditor(Editor):
    """The cascade of Imagen Video's kind.

    Args:
        model: with its weights.
        config: settings.
    """

    stages: ClassVar[tuple[str, ...]] = ("base", "spatial1", "spatial2")
    step = _STEP

    def __init__(self, model: Cascade, config: DreamixConfig) -> None:
        self.model, self.config = model, config
        self.native, self.device = model.native, model.device

    @classmethod
    def load(
        cls,
        weights: Resolved,
        config: DreamixConfig,
        device: torch.device,
        *,
        training: bool,
        upscaler: Resolved | None = None,
    ) -> Self:
        """See `Editor.load`."""
        model = text_to_video_of(weights).load(weights, device=device)
        assert isinstance(model, Cascade)
        return cls(model, config)

    @classmethod
    def check(
        cls,
        weights: Resolved,
        config: DreamixConfig,
        device: torch.device,
        size: tuple[int, int, int],
        *,
        tuned: bool,
        upscaler: Resolved | None = None,
    ) -> None:
        """Stages that there are, and no second model: all stages together take some ten megabytes."""
        if tuned:
            check_stages(config, cls.stages)
        if upscaler:
            problem = "is for latent models: the cascade has super-resolution of its own"
            raise MethodError("dreamix, setting 'upscaler'", problem, "leave it out")

    def frames_for(self, count: int) -> int:
        """An even number: the base sees every second frame."""
        return count + count % 2

    def network(self, stage: str) -> nn.Module:
        """The U-Net; the encoder of prompts stays as it is (appendix A.1)."""
        unet: nn.Module = (self.model.base if stage == "base" else self.model.later[stage]).unet
        return unet

    def targets(self, stage: str) -> Patterns:
        """Every layer of the blocks."""
        return lambda name: any(word in name for word in _ADAPTED)

    def material(self, stage: str, footage: Footage) -> Material:
        """Pixels, averaged; frames of the video as many a second as the stage makes."""
        made = _MADE[stage]

        def seen(video: Tensor) -> Tensor:
            return reduced(video[None].to(self.device), made, _WHOLE)[0]

        return Material(
            None if footage.video is None else seen(footage.video),
            [seen(picture) for picture in footage.pictures],
            (made.frames, made.height, made.width),
            self.model.read(stage, [self.config.token]),
        )

    def error(
        self, stage: str, network: nn.Module, clean: Tensor, text: Any, generator: torch.Generator, *, video: bool
    ) -> Tensor:
        """See `Cascade.loss`."""
        return self.model.loss(stage, network, clean, text, generator, video=video)

    def save_memory(self) -> None:
        """Nothing: it fits anywhere."""

    @torch.no_grad()
    def edit(
        self,
        video: Tensor,
        prompt: str,
        strength: float,
        generator: torch.Generator,
        *,
        progress: Progress = no_progress,
    ) -> Tensor:
        """See `Editor.edit`."""
        config, model = self.config, self.model
        over = {part: self._windows(part) for part in _MADE}
        said = model.guided([prompt], config.negative_prompt, config.guidance_scale)

        def predict(noisy: Tensor, timestep: int) -> Tensor:
            return over["base"](lambda part: said(part, timestep), noisy)

        stochastic = config.sampler == "stochastic"
        current = sdedit(
            model.process, predict, reduced(video[None].to(self.device), BASE, _WHOLE), strength,
            config.num_inference_steps, [generator], stochastic=stochastic, progress=progress, label="base",
        ).clamp(-1, 1)  # fmt: skip
        for part in model.later:
            steps = config.temporal_steps if part == "temporal" else config.spatial_steps
            current = model.raised(
                part, current, [prompt], [generator], num_inference_steps=steps, stochastic=stochastic,
                over=over[part], progress=progress,
            )  # fmt: skip
        return current[0].cpu()

    def _windows(self, part: str) -> Windows:
        made = _MADE[part]
        side = _STEP * made.height // _WHOLE.height
        frames = 2 if part == "temporal" else 1  # every second frame is given, the first one of a window, too
        return Windows(
            (made.frames, made.height, made.width),
            self.config.overlap,
            (frames, side, side),
            self.config.match_colours,
        )
