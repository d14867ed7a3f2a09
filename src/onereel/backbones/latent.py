"""The small latent diffusion models of worlds: which of diffusers' networks they are, and how their weights are read.

Every network is of a class of diffusers as it comes, with a configuration of ours. The autoencoder's scaling factor is
measured after its training, and kept with its tensors.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from onereel.features.seeded import load_frozen
from onereel.weights.store import Resolved

SIDE, LATENT_SIDE, LATENT_CHANNELS = 64, 16, 4
"""Pixels of a picture's side, and what its latent has."""
AUTOENCODER: Mapping[str, Any] = {
    "down_block_types": ("DownEncoderBlock2D",) * 3,
    "up_block_types": ("UpDecoderBlock2D",) * 3,
    "block_out_channels": (16, 48, 96),
    "layers_per_block": 1,
    "latent_channels": LATENT_CHANNELS,
    "norm_num_groups": 8,
    "sample_size": SIDE,
    "mid_block_add_attention": False,
    "scaling_factor": 1.0,
    "force_upcast": False,
}
"""Of ``AutoencoderKL``; its scaling factor is that of the weights."""
SCALING = "scaling_factor"
"""Beside the autoencoder's tensors: a float64 number."""


def new_autoencoder(scaling_factor: float = 1.0) -> Any:
    """An untrained ``AutoencoderKL``."""
    from diffusers import AutoencoderKL  # seconds; only jobs that need it wait for it

    return AutoencoderKL.from_config({**AUTOENCODER, SCALING: scaling_factor})


def load_autoencoder(weights: Resolved, part: str = "vae") -> Any:
    """A frozen ``AutoencoderKL``; latents for a diffusion model are ``encode(...) * config.scaling_factor``.

    Raises: WeightsError if the part is missing, or its tensors are not those of the network.
    """
    tensors = weights.tensors(part)
    factor = float(tensors.get(SCALING, torch.ones(())))
    state = {name: value.float() for name, value in tensors.items() if name != SCALING}
    return load_frozen(new_autoencoder(factor), weights, state)


def encoded(autoencoder: Any, pictures: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) in [-1, 1] as a diffusion model sees them: (B, 4, H/4, W/4), of spread about 1."""
    latents: Tensor = autoencoder.encode(pictures).latent_dist.mode() * autoencoder.config.scaling_factor
    return latents


def decoded(autoencoder: Any, latents: Tensor) -> Tensor:
    """Inverse of `encoded`, as good as the autoencoder is; in [-1, 1]."""
    pictures: Tensor = autoencoder.decode(latents / autoencoder.config.scaling_factor).sample
    return pictures.clamp(-1, 1)
