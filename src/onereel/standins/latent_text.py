"""The stand-in of a text-to-image model that reads depth, too (``stable-diffusion-2-depth``).

Half of the depth pictures are exact, half are estimated by the project's `dpt-world`, as those of clips are; a fifth is
left out, so that a prompt alone is enough.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from onereel.backbones.latent import TextModel, TextNetwork, read_tokens
from onereel.base.progress import Progress
from onereel.features.depth import DepthEstimator, normalised
from onereel.scenes.world import MOTION, describe
from onereel.standins.base import StandIn
from onereel.standins.captioned import captions_of, drawn_specs, dropped, evened
from onereel.standins.latent import grey, world_pictures
from onereel.standins.latent_diffusion import (
    BATCH,
    BOUNDS,
    TRAINING,
    diffusion_loss,
    drawn,
    generated,
    latents_of,
    plain_attention,
    plain_layout,
    pool_latents,
    scored,
    unseen_specs,
)
from onereel.weights.store import Resolved, Weights

_CLIPS = 16384
_FLAT = 0.2  # share of pictures whose depth is left out


@dataclass(frozen=True)
class Told:
    """N worlds of two frames.

    Attributes:
        latents: (N, 2, 4, H, W) float32.
        structures: the same of depth: exact of the first frame, estimated of the second one.
        tokens: (N, W, L) int64, of W captions without motion.
        weight: (N,) float64, how often each world is drawn.
    """

    latents: Tensor
    structures: Tensor
    tokens: Tensor
    weight: Tensor


class LatentText(StandIn):
    """``UNet2DConditionModel`` on latents that reads a prompt and a depth picture, with the transformer that reads the
    prompt."""

    name, title, role = "latent-world-depth-text", "scene-trained latent diffusion", "latent-diffusion"
    entry, part = "latent-world", "depth_text"
    needs = ("latent-world-autoencoder",)
    steps = 4500
    training = TRAINING
    half = True
    at_least: ClassVar[Mapping[str, float]] = BOUNDS
    about: ClassVar[Mapping[str, str]] = {
        "architecture": "diffusers' UNet2DConditionModel, 64 and 128 channels, on 16x16 latents of 4 channels and 4 of "
        "a depth picture; attention at 8x8; a text transformer of width 128, 3 layers, on clip-world's tokens",
        "data": f"two frames each of {_CLIPS} worlds with captions, values of attributes evened out; exact depth, and "
        "that of dpt-world",
        "limits": "It knows the words of the scenes' captions, none of motion, and drawn scenes.",
    }

    def network(self) -> nn.Module:
        """Text transformer and denoiser."""
        network = TextNetwork()
        plain_attention(network.unet)
        return network

    def data(self, progress: Progress, needed: Mapping[str, Resolved]) -> Told:
        """Latents, depth and captions of worlds."""
        specs = drawn_specs(_CLIPS)
        pictures = world_pictures(specs, progress)
        depths = pictures.depths
        depths[:, 1] = _estimated(pictures.frames[:, 1])
        autoencoder = needed[self.needs[0]]
        return Told(
            pool_latents(autoencoder, pictures.frames, progress),
            pool_latents(autoencoder, grey(depths), progress),
            captions_of(specs, MOTION),
            evened(specs),
        )

    def loss(self, network: Any, data: Told, generator: torch.Generator, done: float) -> Tensor:
        """Of one batch."""
        plain_layout(network)
        device = next(network.parameters()).device
        batch = drawn(data.weight, data.latents.shape[1], generator)
        wording = torch.randint(data.tokens.shape[1], (BATCH,), generator=generator)
        tokens = dropped(data.tokens[batch.which, wording], generator)
        structure = data.structures[batch.which, batch.when]
        structure[torch.rand(BATCH, generator=generator) < _FLAT] = 0
        condition = read_tokens(network.text, tokens.to(device))._replace(structure=structure.to(device))
        return diffusion_loss(network.unet, data.latents[batch.which, batch.when].to(device), condition, generator)

    def scores(self, weights: Resolved, *, device: torch.device | str = "cpu", clips: int = 256) -> dict[str, float]:
        """Attributes that captions of unseen worlds name, read off pictures made of captions and exact depth, see
        `scored`; those that begin with ``flat_`` are of captions alone."""
        specs = unseen_specs(clips)
        captions = [describe(spec, index, leave=MOTION) for index, spec in enumerate(specs)]
        named = [frozenset(fact["attribute"].rpartition(".")[2] for fact in caption.facts) for caption in captions]
        pictures = world_pictures(specs)
        truth = pictures.frames[:, 0]
        model = TextModel(weights, device=device)
        structure = latents_of(model.autoencoder, grey(pictures.depths[:, 0]))
        prompts = [caption.text for caption in captions]
        told, flat = model.encode_prompt(prompts, structure), model.encode_prompt(prompts)
        found = scored(lambda scale: generated(model, told, scale), specs, truth, named, device=device)
        alone = scored(lambda scale: generated(model, flat, scale), specs, truth, named, device=device)
        return found | {f"flat_{name}": value for name, value in alone.items() if not name.endswith("_true")}


def _estimated(frames: np.ndarray) -> np.ndarray:
    """Depth pictures (N, H, W) uint8 of frames (N, H, W, 3), each on its own scale, by the project's `dpt-world`."""
    found = DepthEstimator(Weights().resolve("dpt-world")).estimate(frames)
    return np.stack([np.rint(255 * normalised(each[None])[0]) for each in found]).astype(np.uint8)
