"""Tiny random networks of the classes of `gen1-world` and what goes with it, for tests alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from onereel.backbones import latent, prior
from onereel.backbones.video_unet import VideoUNet, new_video_unet
from onereel.base.files import sha256_of
from onereel.methods.gen1 import loading
from onereel.methods.gen1 import model as models
from onereel.weights.checkpoints import write_tensors
from onereel.weights.store import Resolved

NARROW = {"norm_num_groups": 4, "block_out_channels": (8, 16), "attention_head_dim": 2}
UNET = {**latent.IMAGE_UNET, **NARROW}


def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The classes of the shipped networks, a few channels wide."""
    small = {**latent.AUTOENCODER, "norm_num_groups": 4, "block_out_channels": (4, 8, 8)}
    monkeypatch.setattr(latent, "AUTOENCODER", small)
    # Kernels of bfloat16 are slow for so few channels.
    monkeypatch.setattr("onereel.training.execution._fastest", lambda device: torch.float32)
    for module in (models, loading):
        monkeypatch.setattr(module, "IMAGE_UNET", UNET)


def stored(folder: Path, entry: str, parts: Mapping[str, Mapping[str, Tensor]]) -> Resolved:
    folder.mkdir(exist_ok=True)
    files = {}
    for part, tensors in parts.items():
        write_tensors(folder / f"{part}.safetensors", tensors)
        files[part] = (folder / f"{part}.safetensors", sha256_of(folder / f"{part}.safetensors"))
    return Resolved(entry, "role", entry, entry, "", True, files)


def moving(network: VideoUNet) -> VideoUNet:
    """With temporal layers that say something."""
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in network.temporal.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return network


def network_of(channels: int = 12, frames: int = 16, seed: int = 0) -> VideoUNet:
    torch.manual_seed(seed)
    return new_video_unet(UNET, in_channels=channels, frames=frames).eval().requires_grad_(False)


def autoencoder() -> Any:
    torch.manual_seed(1)
    return latent.new_autoencoder(2.0).eval().requires_grad_(False)


def prior_tensors() -> dict[str, Tensor]:
    torch.manual_seed(6)
    network = prior.new_prior()
    return {**network.state_dict(), "clip_mean": torch.zeros(1, 256), "clip_std": torch.full((1, 256), 16.0)}
