"""Wan2.1-VACE: the video transformer of `onereel.backbones.wan` with a second branch that reads what is known of the
video (Jiang et al. 2025, "VACE: All-in-One Video Creation and Editing"): diffusers' ``WanVACETransformer3DModel``.

What is known is a video, a mask of what is to be made, and pictures to refer to. The video counts twice: where the mask
is black it is kept, where it is white it says what is there (depth as a grey picture, say; grey: nothing). On published
weights nobody has yet seen this code; on tiny random ones it is diffusers' own pipeline to the last digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from onereel.backbones.loading import placed
from onereel.backbones.text import Text
from onereel.backbones.text_to_video import parameters_dtype, spread
from onereel.backbones.wan import Wan
from onereel.base.progress import Progress, no_progress


@dataclass(frozen=True)
class Controlled(Text):
    """Prompts, and what is known of their videos.

    Attributes:
        control: (B, 2 C + S * S, T', H', W') of `WanVace.control`, S the pixels of a latent's side.
        scale: how much it counts; 1 as in training.
    """

    control: Tensor
    scale: float = 1.0

    @classmethod
    def of(cls, text: Text, control: Tensor, scale: float) -> Controlled:
        """Prompts with one control for all of them."""
        return cls(text.states, text.mask, control.expand(len(text.states), -1, -1, -1, -1), scale)


class WanVace(Wan):
    """The transformer with its UMT5 encoder and autoencoder."""

    network_folder: ClassVar[str] = "transformer"

    @torch.no_grad()
    def control(self, video: Tensor, mask: Tensor, references: Sequence[Tensor] = ()) -> Tensor:
        """What is known, as the second branch reads it.

        Args:
            video: (3, T, H, W) in [-1, 1]: what is kept and what describes the rest; 0 where nothing is known.
            mask: (T, H, W) bool, true where the video is to be made.
            references: pictures (3, H, W) in [-1, 1], white around what they show.

        Returns: (1, 2 C + S * S, R + T', H', W') with R references before the video.
        """
        free = mask.to(video)[None]
        parts = torch.cat([self.encode((video * part)[None]) for part in (1 - free, free)], 1)
        pictures = [self.encode(picture[None, :, None]) for picture in references]
        latents = torch.cat([*(torch.cat([one, torch.zeros_like(one)], 1) for one in pictures), parts], 2)
        packed = self.packed(mask).to(latents)
        known = torch.zeros_like(packed[:, : len(pictures)])  # references are kept
        return torch.cat([latents, torch.cat([known, packed], 1)[None]], 1)

    def packed(self, mask: Tensor) -> Tensor:
        """A mask (T, H, W) at the latents' size, the pixels of a latent as channels: (S * S, T', H', W'). Of the frames
        in one latent the mask of one counts (as in diffusers' pipeline)."""
        frames, height, width = mask.shape
        tall, wide = height // self.side, width // self.side
        cells = mask.float().view(frames, tall, self.side, wide, self.side).permute(2, 4, 0, 1, 3).flatten(0, 1)
        size = (self.latent_frames(frames), tall, wide)
        return functional.interpolate(cells[None], size=size, mode="nearest-exact")[0]

    def predict(self, noisy: Tensor, timestep: Tensor | float, condition: Text, *, video: bool = True) -> Tensor:
        """See `LatentTextToVideo.predict`; of prompts alone, of which nothing is known, with zeros: enough to count.

        Raises: ValueError for pictures instead of videos, which this model was not trained with.
        """
        if not video:
            raise ValueError("knows no pictures, only videos")
        known = condition if isinstance(condition, Controlled) else self._unknown(condition, noisy)
        dtype, blocks = parameters_dtype(self.network), len(self.network.config.vace_layers)
        output: Tensor = self.network(
            noisy.to(dtype),
            spread(timestep, len(noisy), noisy.device),
            known.states.to(dtype),
            control_hidden_states=known.control.to(dtype),
            control_hidden_states_scale=torch.full((blocks,), known.scale, dtype=dtype, device=noisy.device),
        ).sample
        return output.float()

    def negative(self, text: Text, condition: Text) -> Text:
        """With the same control."""
        if not isinstance(condition, Controlled):
            return text
        return Controlled(text.states, text.mask, condition.control, condition.scale)

    @torch.no_grad()
    def controlled(
        self,
        prompt: str,
        control: Tensor,
        generator: torch.Generator,
        *,
        references: int = 0,
        conditioning_scale: float = 1.0,
        num_inference_steps: int = 50,
        guidance_scale: float = 5.0,
        negative_prompt: str = "",
        progress: Progress = no_progress,
        label: str = "denoising",
    ) -> Tensor:
        """A video of a prompt and of what is known of it.

        Args:
            prompt: a text.
            control: of `control`.
            generator: draws the noise, on the CPU.
            references: how many of `control`'s latents are those of references.
            conditioning_scale: how much the control counts.
            num_inference_steps, guidance_scale, negative_prompt, progress: as `TextToVideo.generate`.
            label: names the steps.

        Returns: (3, T, H, W) float32 in [-1, 1], on the CPU.
        """
        text, negative = (self.encode_prompt([each]) for each in (prompt, negative_prompt))
        condition = Controlled.of(text, control.to(self.device), conditioning_scale)
        start = torch.randn((1, self.channels, *control.shape[2:]), generator=generator).to(self.device)
        with placed(self.network, self.device, offload=self.offload):
            predict = self.guided(condition, negative, guidance_scale)
            latents = self.denoise(predict, start, num_inference_steps, progress, label)
        return self.decode(latents[:, :, references:])[0]

    def _said(self, noisy: Tensor, timestep: float, conditions: Sequence[Any]) -> Tensor:
        text = Text.joined(conditions)
        control = torch.cat([one.control for one in conditions])
        return self.predict(noisy, timestep, Controlled(text.states, text.mask, control, conditions[0].scale))

    def _unknown(self, text: Text, noisy: Tensor) -> Controlled:
        channels = self.network.config.vace_in_channels
        control = torch.zeros((len(noisy), channels, *noisy.shape[2:]), device=noisy.device)
        return Controlled(text.states, text.mask, control)
