"""The later stages of the cascade: twice the frames, then twice the side, twice.

They see few frames at a time: what happens in a second of video is enough to learn what a stage adds.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from onereel.backbones.cascade.pipeline import Cascade
from onereel.backbones.cascade.stages import LATER, NOISIEST, LaterStage, brought_to, reduced
from onereel.base.progress import Progress
from onereel.standins.base import StandIn
from onereel.standins.t2v.scoring import cascade_scores
from onereel.standins.t2v.worlds import NOISING, Captioned, batch_of, captioned, weighted_error
from onereel.training.settings import TrainingConfig
from onereel.weights.store import Resolved

_CLIPS = 6144
_BATCH = 8


class _LaterStandIn(StandIn):
    """A later stage.

    Attributes:
        window: frames of a clip that a step sees.
        pictures: in a batch without time; 0: there are none.
    """

    title, role = "scene-trained text-to-video cascade", "text-to-video"
    entry = "t2v-world"
    training = TrainingConfig(
        learning_rate=1e-3, drop_at=(), decay="cosine", warm_up=200, average=0.998, clip_norm=1.0, batch=_BATCH
    )
    half = True
    window: ClassVar[int]
    pictures: ClassVar[int]

    def network(self) -> nn.Module:
        """Text encoder and U-Net."""
        return LaterStage(LATER[self.part].network)

    def data(self, progress: Progress, needed: Mapping[str, Resolved]) -> Captioned:
        """Rendered worlds with captions."""
        return captioned(_CLIPS, LATER[self.part].made, progress)

    def loss(self, network: nn.Module, data: Captioned, generator: torch.Generator, done: float) -> Tensor:
        """Min-SNR-weighted error of v, given what the stage before would have made, with noise."""
        device = next(network.parameters()).device
        stage = LATER[self.part]
        every = stage.made.frames // stage.before.frames
        clean, tokens, video = batch_of(
            data, generator, videos=_BATCH, pictures=self.pictures, window=self.window, every=every
        )
        timestep = NOISING.draw_timesteps(len(clean), generator)
        noise = torch.randn(clean.shape, generator=generator).to(device)
        clean = clean.to(device)
        low = reduced(clean, stage.before, stage.made)
        augmentation = torch.randint(NOISIEST, (len(clean),), generator=generator)
        stirred = torch.randn(low.shape, generator=generator).to(device)
        low = brought_to(NOISING.add_noise(low, stirred, NOISING.levels[augmentation + 1]), *clean.shape[2:])
        level = NOISING.levels[timestep + 1]
        noisy = NOISING.add_noise(clean, noise, level)
        said = network(noisy, timestep.to(device), tokens.to(device), low, augmentation.to(device), video=video)
        return weighted_error(said, clean, noise, level)

    def scores(self, weights: Resolved, *, device: torch.device | str = "cpu", clips: int = 256) -> dict[str, float]:
        """None of its own: only a whole cascade makes what classifiers can read."""
        return {}


class T2VTemporal(_LaterStandIn):
    """Twice the frames."""

    name, part = "t2v-world-temporal", "temporal"
    steps = 2000
    window, pictures = 8, 0
    about: ClassVar[Mapping[str, str]] = {
        "architecture": "U-Net over space with temporal convolutions; a text transformer of its own",
        "data": f"{_CLIPS} worlds, from 4 to 8 frames a second of 16x16 px, noise in what it is given",
        "limits": "It knows drawn scenes.",
    }


class T2VSpatial1(_LaterStandIn):
    """Twice the side: 32x32."""

    name, part = "t2v-world-spatial1", "spatial1"
    steps = 3000
    window, pictures = 4, 32
    about: ClassVar[Mapping[str, str]] = {
        "architecture": "U-Net over space with temporal convolutions; a text transformer of its own",
        "data": f"{_CLIPS} worlds, from 16x16 to 32x32 px, noise in what it is given",
        "limits": "It knows the words of the scenes' captions, and drawn scenes.",
    }


class T2VSpatial2(_LaterStandIn):
    """Twice the side again: 64x64. With it the cascade is whole, so its scores are this one's; the stages before are
    needed for those alone."""

    name, part = "t2v-world-spatial2", "spatial2"
    steps = 2500
    window, pictures = 4, 32
    about: ClassVar[Mapping[str, str]] = {
        "architecture": "U-Net over space with temporal convolutions; a text transformer of its own",
        "data": f"{_CLIPS} worlds, from 32x32 to 64x64 px, noise in what it is given",
        "limits": "It knows the words of the scenes' captions, and drawn scenes.",
    }
    needs = ("t2v-world-base", "t2v-world-temporal", "t2v-world-spatial1")
    at_least: ClassVar[Mapping[str, float]] = {"setting": 0.8, "time": 0.8}  # of few clips; see docs/stand_ins.md

    def scores(self, weights: Resolved, *, device: torch.device | str = "cpu", clips: int = 256) -> dict[str, float]:
        """Of the whole cascade; see `cascade_scores`."""
        return cascade_scores(Cascade.load(weights, device=device), clips)
