"""The stand-in of RAFT: torchvision's RAFT small, trained on the exact flow of worlds.

Loss: the sequence loss of RAFT (Teed and Deng 2020, Eq. 7): the distance to the truth after every refinement, the later
ones weighing more. Pixels that are hidden in the next frame count as well: their flow is known here.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from onereel.features.flow import ROLE, ClassicalFlow, FlowEstimator, RaftFlow
from onereel.progress import Progress
from onereel.standins.base import StandIn
from onereel.standins.worlds import FIRST_UNSEEN, Rendering, Worlds, draw, render_worlds, specs_from
from onereel.training.settings import TrainingConfig
from onereel.weights import Resolved

_CLIPS, _BATCH = 3072, 6
_RENDERING = Rendering(frames=5, fps=4, height=128, width=128, flow=True)
_SCORING = Rendering(frames=5, fps=4, height=128, width=128, flow=True)
_UPDATES = 6  # refinements while training
_GAMMA = 0.8


class FlowStandIn(StandIn):
    """RAFT small."""

    name, title, role = "raft-world", "scene-trained RAFT small", ROLE
    steps = 4000
    training = TrainingConfig(
        learning_rate=4e-4, drop_at=(), decay="cosine", warm_up=200, average=0.998, clip_norm=1.0, batch=_BATCH
    )
    half = True
    at_most: ClassVar[Mapping[str, float]] = {"relative_to_zero": 0.5}
    about: ClassVar[Mapping[str, str]] = {
        "architecture": "torchvision's raft_small",
        "data": f"{_CLIPS} worlds of 128x128 px at 4 frames per second, exact flow",
        "limits": "Worlds move by a few pixels a frame, rigidly or by panning and zooming; water and crowds it has "
        "not seen.",
    }

    def network(self) -> nn.Module:
        """RAFT small."""
        from torchvision.models.optical_flow import raft_small  # takes seconds to load

        return raft_small(weights=None)

    def data(self, progress: Progress) -> Worlds:
        """Worlds with their flow."""
        return render_worlds(specs_from(0, _CLIPS), _RENDERING, progress)

    def loss(self, network: nn.Module, data: Worlds, generator: torch.Generator) -> torch.Tensor:
        """Of one batch."""
        assert data.flow is not None
        which, when = draw(len(data), _BATCH, generator), draw(data.flow.shape[1], _BATCH, generator)
        device = next(network.parameters()).device
        pair = [_images(data.frames[which, when + step], device) for step in (0, 1)]
        truth = torch.from_numpy(data.flow[which, when]).to(device).permute(0, 3, 1, 2).float()
        flip = (torch.rand(_BATCH, generator=generator) < 0.5).to(device)[:, None, None, None]
        pair = [torch.where(flip, image.flip(3), image) for image in pair]
        sign = torch.tensor([-1.0, 1.0], device=device).view(1, 2, 1, 1)
        truth = torch.where(flip, truth.flip(3) * sign, truth)
        found = network(*pair, num_flow_updates=_UPDATES)
        terms = [_GAMMA ** (_UPDATES - 1 - step) * (flow - truth).abs().mean() for step, flow in enumerate(found)]
        return torch.stack(terms).sum()

    def scores(self, weights: Resolved, *, device: torch.device | str = "cpu", clips: int = 64) -> dict[str, float]:
        """``epe``: mean end-point error in pixels over all pixels; ``epe_zero``: that of no motion;
        ``relative_to_zero``: their ratio; ``epe_moving``, ``epe_moving_zero``: where more than half a pixel moves."""
        worlds = scoring_worlds(clips)
        return end_point_errors(RaftFlow(weights, device=device), worlds)


def scoring_worlds(clips: int) -> Worlds:
    """Worlds that no flow was trained on."""
    return render_worlds(specs_from(FIRST_UNSEEN, clips), _SCORING)


def end_point_errors(estimator: FlowEstimator, worlds: Worlds) -> dict[str, float]:
    """Scores of any estimator; see `FlowStandIn.scores`."""
    assert worlds.flow is not None
    truth = worlds.flow.astype(np.float32)
    found = np.stack([estimator.estimate(clip[:-1], clip[1:]) for clip in worlds.frames])
    error, length = np.linalg.norm(found - truth, axis=-1), np.linalg.norm(truth, axis=-1)
    moving = length > 0.5
    return {
        "epe": float(error.mean()),
        "epe_zero": float(length.mean()),
        "relative_to_zero": float(error.mean() / length.mean()),
        "epe_moving": float(error[moving].mean()),
        "epe_moving_zero": float(length[moving].mean()),
    }


def classical_scores(clips: int = 64) -> dict[str, float]:
    """The same of TV-L1, which needs no weights."""
    return end_point_errors(ClassicalFlow(), scoring_worlds(clips))


def _images(frames: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(frames)).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
