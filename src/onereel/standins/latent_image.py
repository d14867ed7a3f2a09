"""The stand-in of an image model that reads CLIP's image embeddings (``sd-image-variations``; Gen-1, Sec. 4.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from onereel.backbones.latent import IMAGE_UNET, Condition, ImageModel, new_unet
from onereel.base.progress import Progress
from onereel.standins.base import StandIn
from onereel.standins.captioned import drawn_specs, evened
from onereel.standins.latent_diffusion import (
    BATCH,
    BOUNDS,
    DROPPED,
    TRAINING,
    diffusion_loss,
    drawn,
    generated,
    plain_attention,
    plain_layout,
    pool_latents,
    scored,
    unseen_specs,
)
from onereel.standins.prior import clip_world, raw_images
from onereel.standins.worlds import Rendering, render_worlds
from onereel.weights.store import Resolved

_CLIPS = 16384
_RENDERING = Rendering(frames=2, fps=1)
_SPREAD = 16.0  # of the values of clip-world's embeddings


@dataclass(frozen=True)
class Seen:
    """N worlds of T frames.

    Attributes:
        latents: (N, T, 4, H, W) float32.
        embeddings: (N, T, D) float32, values of spread 1, about.
        weight: (N,) float64, how often each world is drawn.
    """

    latents: Tensor
    embeddings: Tensor
    weight: Tensor


class LatentImage(StandIn):
    """``UNet2DConditionModel`` on latents that reads an image embedding of `clip-world`."""

    name, title, role = "latent-world-image", "scene-trained latent diffusion", "latent-diffusion"
    entry, part = "latent-world", "image"
    needs = ("latent-world-autoencoder",)
    steps = 8000
    training = TRAINING
    half = True
    at_least: ClassVar[Mapping[str, float]] = BOUNDS
    about: ClassVar[Mapping[str, str]] = {
        "architecture": "diffusers' UNet2DConditionModel, 64 and 128 channels, on 16x16 latents of 4 channels; "
        "attention at 8x8, which reads one embedding of clip-world",
        "data": f"two frames each of {_CLIPS} worlds, values of attributes evened out",
        "limits": "It knows drawn scenes, and of an embedding what clip-world sees.",
    }

    def network(self) -> nn.Module:
        """The denoiser."""
        network: nn.Module = new_unet(IMAGE_UNET)
        plain_attention(network)
        return network

    def data(self, progress: Progress, needed: Mapping[str, Resolved]) -> Seen:
        """Latents and embeddings of worlds."""
        specs = drawn_specs(_CLIPS)
        frames = render_worlds(specs, _RENDERING, progress).frames
        latents = pool_latents(needed[self.needs[0]], frames, progress)
        embeddings = raw_images(clip_world(), frames.reshape(-1, *frames.shape[2:])).unflatten(0, frames.shape[:2])
        return Seen(latents, embeddings / _SPREAD, evened(specs))

    def loss(self, network: Any, data: Seen, generator: torch.Generator, done: float) -> Tensor:
        """Of one batch; embeddings have spread 1 here, see `finished`."""
        plain_layout(network)
        device = next(network.parameters()).device
        batch = drawn(data.weight, data.latents.shape[1], generator)
        tokens = data.embeddings[batch.which, batch.when][:, None].clone()
        tokens[torch.rand(BATCH, generator=generator) < DROPPED] = 0
        clean = data.latents[batch.which, batch.when].to(device)
        return diffusion_loss(network, clean, Condition(tokens.to(device)), generator)

    def finished(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """With kernels that take embeddings as CLIP gives them, whose values are many times as large."""
        reading = (".attn2.to_k.weight", ".attn2.to_v.weight")
        return {name: value / _SPREAD if name.endswith(reading) else value for name, value in tensors.items()}

    def scores(self, weights: Resolved, *, device: torch.device | str = "cpu", clips: int = 256) -> dict[str, float]:
        """Attributes that are read off pictures made of the embeddings of unseen worlds, see `scored`."""
        specs = unseen_specs(clips)
        frames = render_worlds(specs, _RENDERING).frames[:, 0]
        model = ImageModel(weights, device=device)
        condition = model.condition(raw_images(clip_world(device), frames))
        return scored(lambda scale: generated(model, condition, scale), specs, frames, None, device=device)
