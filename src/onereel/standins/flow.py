"""The stand-in of RAFT: torchvision's RAFT small, trained on exact flow.

Loss: the sequence loss of RAFT (Teed and Deng 2020, Eq. 7): the distance to the truth after every refinement, the later
ones weighing more. Pixels that are hidden in the next frame count as well: their flow is known here.

Most of a world is at rest or has no texture, and what moves does so by a fraction of RAFT's cells of 8 px: trained on
worlds alone the network never learns to match and stands still. So at first more than half of the pairs are two
textured layers, as in FlyingChairs (Dosovitskiy et al. 2015): a frame of a world, and an ellipse cut from another one
before it, each shifted, turned and scaled by itself. There everything moves, and a network that saw them to the end
sees motion in plain skies; what a world's ground looks like at rest it learns from the worlds' own pairs, which are all
it sees later.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from onereel.base.progress import Progress
from onereel.features.flow import ROLE, ClassicalFlow, FlowEstimator, RaftFlow
from onereel.scenes.world import FIRST_UNSEEN, WorldSpec
from onereel.standins.base import StandIn
from onereel.standins.worlds import Rendering, Worlds, draw, render_worlds, specs_from
from onereel.training.settings import TrainingConfig
from onereel.video.warping import fetch
from onereel.weights.store import Resolved

_BATCH = 8
_CLIPS = {2: 600, 4: 1800}  # worlds by frames per second: the fewer, the farther things go between two frames
_SIDE = 128  # the smallest picture that RAFT takes
_LAYERED = 0.6  # share of batches ...
_LAYERED_UNTIL = 0.55  # ... in this first part of the training; none later
_SHIFTS = (1.0, 24.0)  # pixels: largest shift of a layer, drawn evenly on a logarithmic scale
_TURN = 0.12  # largest turn, in radians, and change of scale
_CENTRE, _RADIUS = (0.15, 0.85), (0.1, 0.35)  # of the ellipse, in units of the side
_FARTHEST = 40.0  # pixels: what goes farther between two frames is left out
_SCORING = Rendering(frames=5, fps=4, height=_SIDE, width=_SIDE, flow=True)
_UPDATES = 5  # refinements while training
_GAMMA = 0.8

Pair = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
"""Two pictures (N, 3, H, W) in [-1, 1], the flow between them (N, 2, H, W) in pixels, where it counts (N, 1, H, W)."""


class FlowStandIn(StandIn):
    """RAFT small."""

    name, title, role = "raft-world", "scene-trained RAFT small", ROLE
    steps = 10_000
    training = TrainingConfig(
        learning_rate=6e-4, drop_at=(), decay="cosine", warm_up=300, average=0.998, clip_norm=1.0, batch=_BATCH,
    )  # fmt: skip
    half = True
    at_most: ClassVar[Mapping[str, float]] = {"relative_to_zero": 0.5}
    about: ClassVar[Mapping[str, str]] = {
        "architecture": "torchvision's raft_small",
        "data": f"pairs of two textured layers, cut from {sum(_CLIPS.values())} worlds of 128x128 px, and pairs of the "
        "worlds' own frames at 2 and 4 per second, in the later part of the training only these",
        "limits": "Worlds move by a few pixels a frame, rigidly or by panning and zooming; water and crowds it has "
        "not seen.",
    }

    def network(self) -> nn.Module:
        """RAFT small."""
        from torchvision.models.optical_flow import raft_small  # takes seconds to load

        return raft_small(weights=None)

    def data(self, progress: Progress, needed: Mapping[str, Resolved]) -> tuple[Worlds, ...]:
        """Worlds in which something moves, with their flow, by frames per second."""
        return tuple(
            render_worlds(
                specs_from(index * 100_000, count, _moving),
                Rendering(frames=3, fps=fps, height=_SIDE, width=_SIDE, flow=True),
                progress,
            )
            for index, (fps, count) in enumerate(_CLIPS.items())
        )

    def loss(
        self, network: nn.Module, data: tuple[Worlds, ...], generator: torch.Generator, done: float
    ) -> torch.Tensor:
        """Of one batch."""
        worlds = _draw_set(data, generator)
        layered = done < _LAYERED_UNTIL and float(torch.rand((), generator=generator)) < _LAYERED
        first, second, truth, counts = (layered_pair if layered else _own_pair)(worlds, generator)
        flip = (torch.rand(_BATCH, generator=generator) < 0.5)[:, None, None, None]
        first, second, truth, counts = (
            torch.where(flip, values.flip(3), values) for values in (first, second, truth, counts)
        )
        truth = torch.where(flip, truth * torch.tensor([-1.0, 1.0]).view(1, 2, 1, 1), truth)
        device = next(network.parameters()).device
        found = network(first.to(device), second.to(device), num_flow_updates=_UPDATES)
        truth, counts = truth.to(device), counts.to(device)
        terms = [
            _GAMMA ** (_UPDATES - 1 - step) * ((flow - truth).abs() * counts).mean() for step, flow in enumerate(found)
        ]
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


def layered_pair(worlds: Worlds, generator: torch.Generator) -> Pair:
    """Frames of worlds as backgrounds, and ellipses of others before them, that move each in its own way.

    The second picture is put together first; the first one is fetched from its layers along the flow, which is
    therefore exact.
    """
    ground, thing = (_images(worlds.frames[draw(len(worlds), _BATCH, generator), index]) for index in (0, 1))
    low, high = (np.log(shift) for shift in _SHIFTS)
    shift = float(np.exp(low + (high - low) * float(torch.rand((), generator=generator))))
    moves = [_affine(shift, generator) for _ in range(2)]
    mask = _ellipses(generator)
    second = torch.where(mask > 0.5, thing, ground)
    before = fetch(mask, moves[1].permute(0, 2, 3, 1))[0] > 0.5
    first = torch.where(
        before, fetch(thing, moves[1].permute(0, 2, 3, 1))[0], fetch(ground, moves[0].permute(0, 2, 3, 1))[0]
    )
    flow = torch.where(before, moves[1], moves[0])
    return first, second, flow, fetch(mask, flow.permute(0, 2, 3, 1))[1][:, None].float()


def _own_pair(worlds: Worlds, generator: torch.Generator) -> Pair:
    assert worlds.flow is not None
    which, when = draw(len(worlds), _BATCH, generator), draw(worlds.flow.shape[1], _BATCH, generator)
    truth = torch.from_numpy(worlds.flow[which, when]).permute(0, 3, 1, 2).float()
    counts = (truth.norm(dim=1, keepdim=True) < _FARTHEST).float()
    return _images(worlds.frames[which, when]), _images(worlds.frames[which, when + 1]), truth, counts


def _affine(shift: float, generator: torch.Generator) -> torch.Tensor:
    """(N, 2, side, side) flow of shifts, scalings and turns about the centre."""
    x, y = _grid()
    draws = (2 * torch.rand(4, _BATCH, 1, 1, generator=generator) - 1).unbind()
    right, down, scale, turn = draws[0] * shift, draws[1] * shift, draws[2] * _TURN, draws[3] * _TURN
    return torch.stack([right + scale * x - turn * y, down + scale * y + turn * x], 1)


def _ellipses(generator: torch.Generator) -> torch.Tensor:
    """(N, 1, side, side) of 0 and 1."""
    x, y = _grid()
    places, sizes = (torch.rand(2, _BATCH, 1, 1, generator=generator) for _ in range(2))
    centre = (_CENTRE[0] + (_CENTRE[1] - _CENTRE[0]) * places - 0.5) * _SIDE
    radius = (_RADIUS[0] + (_RADIUS[1] - _RADIUS[0]) * sizes) * _SIDE
    return ((((x - centre[0]) / radius[0]) ** 2 + ((y - centre[1]) / radius[1]) ** 2) < 1).float()[:, None]


def _grid() -> tuple[torch.Tensor, torch.Tensor]:
    """x and y of every pixel from the centre."""
    line = torch.arange(_SIDE) - (_SIDE - 1) / 2
    return line[None, :].expand(_SIDE, -1), line[:, None].expand(-1, _SIDE)


def _draw_set(sets: tuple[Worlds, ...], generator: torch.Generator) -> Worlds:
    """A set in proportion to its size."""
    ends = np.cumsum([len(worlds) for worlds in sets])
    return sets[int(np.searchsorted(ends, draw(int(ends[-1]), 1, generator)[0], side="right"))]


def _moving(spec: WorldSpec) -> WorldSpec | None:
    moves = spec.camera != "still" or any(group.direction != "still" for group in spec.groups)
    return spec if moves else None


def _images(frames: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 127.5 - 1
