"""The stand-in of a latent diffusion model's autoencoder: frames of worlds, and their depth as grey pictures.

Loss: absolute error, the root of each picture's mean squared error, and a little of the divergence from a standard
normal distribution (Rombach et al. 2022, appendix G: so little that latents stay sharp). The root counts a picture of
fine things on a plain sky as much as one of rough textures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from onereel.backbones.latent import LATENT_CHANNELS, SCALING, SIDE, decoded, load_autoencoder, new_autoencoder
from onereel.base.progress import Progress, no_progress
from onereel.features.depth import normalised
from onereel.scenes.world import FIRST_UNSEEN
from onereel.standins.base import StandIn
from onereel.standins.captioned import drawn_specs
from onereel.standins.latent_diffusion import frames_of, latents_of, pictures_of, plain_layout
from onereel.standins.worlds import Rendering, draw, render_worlds, specs_from
from onereel.training.settings import TrainingConfig
from onereel.weights.store import Resolved

_CLIPS, _BATCH, _DEPTHS = 12288, 16, 3  # so many of a batch are depth pictures
_RENDERING = Rendering(frames=2, fps=1, height=SIDE, width=SIDE, depth=True)
_DIVERGENCE = 1e-3  # of the mean over a latent's values
_FIRST_LOGVAR = -4.0  # of latents: with more noise hundreds of steps would pass before it is gone
_MEASURED = 512  # clips whose latents give the scaling factor
_CHUNK = 128


@dataclass(frozen=True)
class Pictures:
    """N clips of T frames.

    Attributes:
        frames: (N, T, H, W, 3) uint8.
        depths: (N, T, H, W) uint8, inverse depth, one scale for a clip: 255 the nearest.
    """

    frames: np.ndarray
    depths: np.ndarray


class AutoencoderStandIn(StandIn):
    """``AutoencoderKL``, a quarter of the side, four channels."""

    name, title, role = "latent-world-autoencoder", "scene-trained latent diffusion", "latent-diffusion"
    entry, part = "latent-world", "vae"
    steps = 14_000
    training = TrainingConfig(
        learning_rate=1e-3, drop_at=(), decay="cosine", warm_up=100, average=0.998, clip_norm=1.0, batch=_BATCH
    )
    half = True
    at_least: ClassVar[Mapping[str, float]] = {"psnr": 30.0, "psnr_depth": 30.0}
    about: ClassVar[Mapping[str, str]] = {
        "architecture": "diffusers' AutoencoderKL, 16, 32 and 64 channels, 64 px to 16x16 latents of 4 channels",
        "data": f"two frames each of {_CLIPS} worlds, mirrored by half, and their depth as grey pictures",
        "limits": "It knows the colours and textures of drawn scenes; of real clips it keeps large shapes.",
    }

    def network(self) -> nn.Module:
        """The autoencoder."""
        network = new_autoencoder()
        with torch.no_grad():
            network.quant_conv.bias[LATENT_CHANNELS:] = _FIRST_LOGVAR
        found: nn.Module = network
        return found

    def data(self, progress: Progress, needed: Mapping[str, Resolved]) -> Pictures:
        """Worlds and their depth."""
        return world_pictures(drawn_specs(_CLIPS), progress)

    def loss(self, network: Any, data: Pictures, generator: torch.Generator, done: float) -> Tensor:
        """Of one batch of both kinds of pictures."""
        device = next(network.parameters()).device
        plain_layout(network)
        pictures = _batch(data, generator).to(device)
        said = network.encode(pictures).latent_dist
        noise = torch.randn(said.mean.shape, generator=generator).to(device)
        error = network.decode(said.mean + said.std * noise).sample.float() - pictures
        roots = (error.square().mean((1, 2, 3)) + 1e-6).sqrt().mean()
        return error.abs().mean() + roots + _DIVERGENCE * said.kl().mean() / said.mean[0].numel()

    def finished(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """With the factor that gives the latents of worlds the spread 1."""
        network = new_autoencoder().eval()
        network.load_state_dict(tensors)
        frames = world_pictures(drawn_specs(_MEASURED)).frames
        with torch.inference_mode():
            spread = float(latents_of(network, frames.reshape(-1, *frames.shape[2:])).double().std())
        return {**tensors, SCALING: torch.tensor(1 / spread, dtype=torch.float64)}

    def scores(self, weights: Resolved, *, device: torch.device | str = "cpu", clips: int = 256) -> dict[str, float]:
        """``psnr``, ``psnr_depth``: mean over pictures, in dB, of frames and of depth; ``spread``: of the latents that
        a diffusion model sees, 1 where the scaling factor is right."""
        network = load_autoencoder(weights, self.part).to(device)
        found = world_pictures(specs_from(FIRST_UNSEEN, clips))
        frames = found.frames[:, 0]
        latents = latents_of(network, frames)
        return {
            "psnr": _psnr(network, latents, frames),
            "psnr_depth": _psnr(network, latents_of(network, as_grey := grey(found.depths[:, 0])), as_grey),
            "spread": float(latents.std()),
        }


def world_pictures(specs: Any, progress: Progress = no_progress) -> Pictures:
    """Worlds with exact depth, as features see it: inverse, scaled for every clip."""
    worlds = render_worlds(specs, _RENDERING, progress)
    assert worlds.depth is not None
    depths = [np.rint(255 * normalised(1 / depth.astype(np.float32))).astype(np.uint8) for depth in worlds.depth]
    return Pictures(worlds.frames, np.stack(depths))


def _batch(data: Pictures, generator: torch.Generator) -> Tensor:
    """(B, 3, H, W) in [-1, 1]; the last ones are depth."""
    which, when = draw(len(data.frames), _BATCH, generator), draw(data.frames.shape[1], _BATCH, generator)
    colour = data.frames[which[_DEPTHS:], when[_DEPTHS:]]
    depth = grey(data.depths[which[:_DEPTHS], when[:_DEPTHS]])
    pictures = pictures_of(np.concatenate([colour, depth]))
    mirrored = torch.rand(_BATCH, generator=generator) < 0.5
    return torch.where(mirrored[:, None, None, None], pictures.flip(3), pictures)


def grey(depths: np.ndarray) -> np.ndarray:
    """(..., H, W) -> (..., H, W, 3)."""
    return np.repeat(depths[..., None], 3, axis=-1)


def _psnr(network: Any, latents: Tensor, frames: np.ndarray) -> float:
    with torch.inference_mode():
        parts = [frames_of(decoded(network, part)) for part in latents.to(network.device).split(_CHUNK)]
    error = np.square(np.concatenate(parts).astype(np.float64) - frames).mean((1, 2, 3))
    return float((10 * np.log10(255**2 / np.maximum(error, 1e-2))).mean())
