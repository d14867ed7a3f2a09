"""The stand-in of Inception v3: the same first layers, at full width, that tell setting, style and things of worlds.

The layers on top, which make them a classifier, are stored with the network under ``head.``: scores need them.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from onereel.base.progress import Progress
from onereel.features.world_classifiers import OF_PICTURES, InceptionClassifier, prepared_pictures
from onereel.scenes.world import FIRST_UNSEEN
from onereel.standins.base import StandIn
from onereel.standins.classes import accuracies, classification_loss, labels, one_group
from onereel.standins.worlds import Rendering, Worlds, draw, render_worlds, specs_from
from onereel.training.settings import TrainingConfig
from onereel.weights.store import Resolved

ATTRIBUTES = OF_PICTURES
_CLIPS, _BATCH = 24576, 64
_RENDERING = Rendering(frames=3, fps=1.5)


class InceptionStandIn(StandIn):
    """Inception's trunk with a small head."""

    name, title, role = "inception-world", "scene-trained Inception", "inception"
    steps = 6000
    training = TrainingConfig(
        learning_rate=1e-3, drop_at=(), decay="cosine", warm_up=200, average=0.998, clip_norm=1.0, batch=_BATCH
    )
    half = True
    at_least: ClassVar[Mapping[str, float]] = {"kind": 0.9}
    about: ClassVar[Mapping[str, str]] = {
        "architecture": "Inception v3 up to Conv2d_4a_3x3 (192 channels); two convolutions and a linear classifier",
        "data": f"{_CLIPS} worlds of one group of things, three frames of 64x64 px each",
        "limits": "Its features know the shapes and colours of drawn things, not natural texture.",
    }

    def network(self) -> nn.Module:
        """The trunk with a classifier."""
        return InceptionClassifier()

    def data(self, progress: Progress, needed: Mapping[str, Resolved]) -> tuple[Worlds, dict[str, np.ndarray]]:
        """Worlds and their labels."""
        worlds = render_worlds(specs_from(0, _CLIPS, one_group), _RENDERING, progress)
        return worlds, labels(worlds.specs, ATTRIBUTES)

    def loss(
        self, network: nn.Module, data: tuple[Worlds, dict[str, np.ndarray]], generator: torch.Generator, done: float
    ) -> torch.Tensor:
        """Of one batch."""
        worlds, truth = data
        which, when = draw(len(worlds), _BATCH, generator), draw(worlds.frames.shape[1], _BATCH, generator)
        device = next(network.parameters()).device
        images = prepared_pictures(worlds.frames[which, when], device)
        flip = (torch.rand(_BATCH, generator=generator) < 0.5).to(device)
        images = torch.where(flip[:, None, None, None], images.flip(3), images)
        targets = {name: torch.from_numpy(values[which]).to(device) for name, values in truth.items()}
        return classification_loss(network(images), targets)

    def scores(self, weights: Resolved, *, device: torch.device | str = "cpu", clips: int = 512) -> dict[str, float]:
        """Accuracy by attribute, on one frame each of worlds of one group."""
        worlds = render_worlds(specs_from(FIRST_UNSEEN, clips, one_group), _RENDERING)
        network = InceptionClassifier().to(device)
        network.load_state_dict({key: value.float() for key, value in weights.tensors().items()}, strict=True)
        network.eval()
        with torch.inference_mode():
            logits = network(prepared_pictures(worlds.frames[:, 1], torch.device(device)))
        return accuracies(logits.cpu().numpy(), labels(worlds.specs, ATTRIBUTES))
