"""The first stage of the cascade."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from onereel.backbones.cascade.stages import BASE, BaseStage
from onereel.base.progress import Progress
from onereel.standins.base import StandIn
from onereel.standins.t2v.worlds import NOISING, Captioned, batch_of, captioned, weighted_error
from onereel.training.settings import TrainingConfig
from onereel.weights.store import Resolved

_CLIPS = 12288
_BATCH = 16
_PICTURES = 64  # of a batch without time: as much work as half a batch of videos


class T2VBase(StandIn):
    """The first stage: from a prompt, 8 frames of 16x16."""

    name, title, role = "t2v-world-base", "scene-trained text-to-video cascade", "text-to-video"
    entry, part = "t2v-world", "base"
    steps = 6_000
    training = TrainingConfig(
        learning_rate=1e-3, drop_at=(), decay="cosine", warm_up=200, average=0.999, clip_norm=1.0, batch=_BATCH,
    )  # fmt: skip
    half = True
    about: ClassVar[Mapping[str, str]] = {
        "architecture": "U-Net over space with temporal convolutions and attention over the places of all frames; a "
        "text transformer of its own",
        "data": f"{_CLIPS} worlds, 8 frames of 16x16 px at 4 per second, values of attributes evened out",
        "limits": "It knows the words of the scenes' captions, and drawn scenes.",
    }

    def network(self) -> nn.Module:
        """Text encoder and U-Net."""
        return BaseStage()

    def data(self, progress: Progress, needed: Mapping[str, Resolved]) -> Captioned:
        """Rendered worlds with captions."""
        return captioned(_CLIPS, BASE, progress)

    def loss(self, network: nn.Module, data: Captioned, generator: torch.Generator, done: float) -> Tensor:
        """Min-SNR-weighted error of v, of videos, or in every third batch of pictures."""
        device = next(network.parameters()).device
        clean, tokens, video = batch_of(data, generator, videos=_BATCH, pictures=_PICTURES)
        timestep = NOISING.draw_timesteps(len(clean), generator)
        level = NOISING.levels[timestep + 1]
        noise = torch.randn(clean.shape, generator=generator).to(device)
        clean = clean.to(device)
        noisy = NOISING.add_noise(clean, noise, level)
        said = network(noisy, timestep.to(device), tokens.to(device), video=video)
        return weighted_error(said, clean, noise, level)

    def scores(self, weights: Resolved, *, device: torch.device | str = "cpu", clips: int = 256) -> dict[str, float]:
        """Not known before the stages after it are there: a classifier reads no 16x16."""
        return {}
