"""Inversion of frames, and their denoising with the source's activations."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from onereel.backbones.latent import Condition
from onereel.diffusion.samplers import Predict, ddim, ddim_inversion, timesteps_of
from onereel.methods.plug_and_play.config import PlugAndPlayConfig
from onereel.methods.plug_and_play.injection import injected, layers_of
from onereel.methods.sdedit.editing import Editing


class PlugAndPlayed:
    """Plug-and-Play of some frames.

    Args:
        editing: clip, prompt and model.
        config: settings.
    """

    def __init__(self, editing: Editing, config: PlugAndPlayConfig) -> None:
        self.editing, self.config = editing, config
        layers = layers_of(editing.model.unet)
        third = len(layers) // 3
        self._features = layers[third if config.feature_layer is None else config.feature_layer].features
        first = config.attention_from
        if first is None:
            first = third if config.feature_layer is None else config.feature_layer
        self._attentions = [each for layer in layers[first:] for each in layer.attentions]

    def edited(self, frames: slice) -> Tensor:
        """Latents (N, 4, h', w') of these frames after the edit."""
        source = self.inverted(frames)
        timesteps = self.editing.timesteps()
        label = f"frames {frames.start + 1} to {frames.start + len(source[timesteps[0]])} of {self.editing.count}"
        return ddim(
            self.editing.process,
            self.predict(frames, source),
            source[timesteps[0]],
            timesteps,
            progress=self.editing.job.progress,
            label=label,
        )

    def inverted(self, frames: slice) -> dict[int, Tensor]:
        """The source at the noise of every step of the sampling (section 3: x_t^G), by timestep."""
        editing, config = self.editing, self.config
        steps = config.num_inference_steps * config.inversion_substeps
        timesteps = timesteps_of(editing.process, steps)
        condition = editing.condition(config.source_prompt, frames)

        def predict(noisy: Tensor, timestep: int) -> Tensor:
            return editing.model.predict(noisy, timestep, condition)

        found = ddim_inversion(
            editing.process,
            predict,
            editing.latents[frames],
            timesteps,
            refinements=config.refinements,
            progress=editing.job.progress,
        )
        kept = dict(zip(timesteps, found, strict=True))
        return {timestep: kept[timestep] for timestep in editing.timesteps()}

    def predict(self, frames: slice, source: dict[int, Tensor]) -> Predict:
        """Guided predictions with the source's activations as long as they are injected.

        Args:
            frames: which.
            source: of `inverted`.
        """
        editing, timesteps = self.editing, self.editing.timesteps()
        own = editing.condition(self.config.source_prompt, frames)
        until_f, until_a = (round(share * len(timesteps)) for share in (self.config.tau_f, self.config.tau_a))
        features, attention = set(timesteps[:until_f]), set(timesteps[:until_a])

        def network(noisy: Tensor, timestep: int, conditions: Sequence[Condition]) -> Tensor:
            """The source goes first in the batch, and what is said of it is left out again."""
            modules: list[nn.Module] = [self._features] if timestep in features else []
            modules += self._attentions if timestep in attention else []
            if not modules:
                return editing.said(noisy, timestep, conditions)
            first = source[timestep]
            with injected(modules, 1 + len(conditions)):
                said = editing.said(torch.cat([first, noisy]), timestep, [own, *conditions])
            return said[len(first) :]

        return editing.guided(frames, network)
