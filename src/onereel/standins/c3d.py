"""The stand-in of C3D: a narrow C3D that tells setting, weather, style, kind, size, camera and motion of worlds.

The classifier on top is stored with the network, under ``head.``: scores need it, features do not.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from onereel.base.progress import Progress
from onereel.features.world_classifiers import OF_VIDEOS, C3DClassifier, prepared_videos
from onereel.scenes.world import FIRST_UNSEEN, WorldSpec
from onereel.standins.base import StandIn
from onereel.standins.classes import accuracies, classification_loss, labels, mirrored, one_group
from onereel.standins.worlds import Rendering, Worlds, draw, render_worlds, specs_from
from onereel.training.settings import TrainingConfig
from onereel.weights.store import Resolved

ATTRIBUTES = OF_VIDEOS
_CLIPS, _BATCH = 12288, 32
_RENDERING = Rendering(frames=16, fps=8)
_SCALE = 64  # about the deviation of 0..255 values; training divides by it, and the first kernels do so afterwards
_STILL = 0.35  # share of clips with things at rest that are kept: more than a third of all worlds are such


class C3DStandIn(StandIn):
    """A C3D of a quarter of the channels."""

    name, title, role = "c3d-world", "scene-trained C3D", "c3d"
    steps = 4000
    training = TrainingConfig(
        learning_rate=1e-3, drop_at=(), decay="cosine", warm_up=200, average=0.998, clip_norm=1.0, batch=_BATCH,
    )  # fmt: skip
    at_least: ClassVar[Mapping[str, float]] = {"direction": 0.9}
    about: ClassVar[Mapping[str, str]] = {
        "architecture": "C3D with a quarter of the channels (16, 32, 64, 128, 128) and a linear classifier",
        "data": f"{_CLIPS} worlds of one group of things, 16 frames of 64x64 px at 8 per second",
        "limits": "Its features know the edges, colours and slow motions of drawn scenes, not natural texture.",
    }

    def network(self) -> nn.Module:
        """C3D with a classifier."""
        return C3DClassifier()

    def data(self, progress: Progress, needed: Mapping[str, Resolved]) -> tuple[Worlds, dict[str, np.ndarray]]:
        """Worlds and their labels."""
        worlds = render_worlds(specs_from(0, _CLIPS, _balanced), _RENDERING, progress)
        return worlds, labels(worlds.specs, ATTRIBUTES)

    def loss(
        self, network: nn.Module, data: tuple[Worlds, dict[str, np.ndarray]], generator: torch.Generator, done: float
    ) -> torch.Tensor:
        """Of one batch."""
        worlds, truth = data
        which = draw(len(worlds), _BATCH, generator)
        flip = (torch.rand(_BATCH, generator=generator) < 0.5).numpy()
        device = next(network.parameters()).device
        frames = worlds.frames[which]
        frames = np.where(flip[:, None, None, None, None], frames[:, :, :, ::-1], frames)
        targets = {
            name: torch.from_numpy(mirrored(values[which], name, flip)).to(device) for name, values in truth.items()
        }
        return classification_loss(network(prepared_videos(frames, device) / _SCALE), targets)

    def finished(self, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The first kernels take what SVFID's protocol feeds."""
        return {**tensors, "trunk.conv1a.weight": tensors["trunk.conv1a.weight"] / _SCALE}

    def scores(self, weights: Resolved, *, device: torch.device | str = "cpu", clips: int = 256) -> dict[str, float]:
        """Accuracy by attribute, on worlds of one group."""
        worlds = render_worlds(specs_from(FIRST_UNSEEN, clips, one_group), _RENDERING)
        network = C3DClassifier().to(device)
        network.load_state_dict({key: value.float() for key, value in weights.tensors().items()})
        network.eval()
        with torch.inference_mode():
            parts = [
                network(prepared_videos(part, torch.device(device)))
                for part in np.array_split(worlds.frames, max(clips // 16, 1))
            ]
        return accuracies(torch.cat(parts).cpu().numpy(), labels(worlds.specs, ATTRIBUTES))


def _balanced(spec: WorldSpec) -> WorldSpec | None:
    single = one_group(spec)
    if single.groups[0].direction != "still":
        return single
    return single if np.random.default_rng(spec.seed).random() < _STILL else None
