"""The stand-in of MiDaS DPT: a small DPT on worlds with exact depth.

Loss: the scale-invariant error of log inverse depth (Eigen et al. 2014, Eq. 3, with lambda = 0.85) and the same of its
differences between neighbours at four scales, as MiDaS matches gradients (Ranftl et al. 2020, Eq. 11).
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from onereel.base.progress import Progress
from onereel.features.depth import ROLE, DepthEstimator
from onereel.features.dpt import DPT, Shape
from onereel.scenes.world import FIRST_UNSEEN
from onereel.standins.base import StandIn
from onereel.standins.worlds import Rendering, Worlds, draw, render_worlds, specs_from
from onereel.training.settings import TrainingConfig
from onereel.weights.store import Resolved

_CLIPS, _BATCH = 8192, 32
_SIZES = ((64, 64), (64, 112))  # square, and what a 16:9 clip becomes
_SHAPE = Shape(image=64, patch=8, width=128, depth=8, channels=(32, 64, 96, 128), features=48)
_FLOOR = 1e-3  # inverse scene units: the sky is at 1/40
_START = 0.3  # inverse depth before training: from below zero no gradient would come back through the last ReLU
_LAMBDA = 0.85
_GRADIENTS = 0.5
_PAIRS = 20_000
_TELLING = 1.1  # depths whose ratio is less are not told apart


class DepthStandIn(StandIn):
    """A DPT of 2 million parameters."""

    name, title, role = "dpt-world", "scene-trained DPT", ROLE
    steps = 6000
    training = TrainingConfig(
        learning_rate=5e-4, drop_at=(), decay="cosine", warm_up=100, average=0.998, clip_norm=1.0, batch=_BATCH
    )
    half = True
    at_least: ClassVar[Mapping[str, float]] = {"ordinal": 0.95}
    at_most: ClassVar[Mapping[str, float]] = {"relative_to_constant": 0.5}
    about: ClassVar[Mapping[str, str]] = {
        "architecture": "DPT with a vision transformer of width 128, 8 blocks, patches of 8 px at 64 px",
        "data": f"{_CLIPS} worlds of each of the sizes 64x64 and 64x112, two frames each, exact depth",
        "limits": "Worlds have flat ground, hills, towers, and upright flat things whose size tells their distance. On "
        "real clips it separates sky and ground and some large shapes; it does not know their depth.",
    }

    def network(self) -> nn.Module:
        """A DPT."""
        network = DPT(_SHAPE)
        nn.init.constant_(network.head[2].bias, _START)  # type: ignore[arg-type]
        return network

    def data(self, progress: Progress, needed: Mapping[str, Resolved]) -> tuple[Worlds, ...]:
        """Worlds of both sizes."""
        return tuple(
            render_worlds(specs_from(index * _CLIPS, _CLIPS), _rendering(size), progress)
            for index, size in enumerate(_SIZES)
        )

    def loss(
        self, network: nn.Module, data: tuple[Worlds, ...], generator: torch.Generator, done: float
    ) -> torch.Tensor:
        """One batch of one size."""
        worlds = data[int(draw(len(data), 1, generator)[0])]
        which, when = draw(len(worlds), _BATCH, generator), draw(worlds.frames.shape[1], _BATCH, generator)
        device = next(network.parameters()).device
        assert worlds.depth is not None
        images = torch.from_numpy(worlds.frames[which, when]).permute(0, 3, 1, 2).to(device) / 127.5 - 1
        depth = torch.from_numpy(worlds.depth[which, when]).to(device).float()
        flip = (torch.rand(_BATCH, generator=generator) < 0.5).to(device)
        images = torch.where(flip[:, None, None, None], images.flip(3), images)
        depth = torch.where(flip[:, None, None], depth.flip(2), depth)
        bright = (0.8 + 0.4 * torch.rand(_BATCH, 3, 1, 1, generator=generator)).to(device)
        found = network(((images + 1) * bright - 1).clamp(-1, 1)).float()
        return depth_loss(found, depth)

    def scores(self, weights: Resolved, *, device: torch.device | str = "cpu", clips: int = 256) -> dict[str, float]:
        """``silog``: scale-invariant RMSE of log depth (deviation of log prediction minus log truth within a frame);
        ``silog_constant``: that of one depth for all; ``relative_to_constant``: their ratio; ``ordinal``: share of
        pairs of points, at least 10 % apart in depth, whose order is right."""
        worlds = render_worlds(specs_from(FIRST_UNSEEN, clips), _rendering(_SIZES[0]))
        assert worlds.depth is not None
        truth = worlds.depth[:, 0].astype(np.float32)
        found = DepthEstimator(weights, device=device).estimate(worlds.frames[:, 0])
        error = np.log(found.clip(_FLOOR)) + np.log(truth)  # log of inverse depth, minus that of the truth
        own, constant = (float(np.sqrt(values.var(axis=(1, 2)).mean())) for values in (error, np.log(truth)))
        ordinal = ordinal_accuracy(found, 1 / truth)
        return {
            "silog": own,
            "silog_constant": constant,
            "relative_to_constant": own / constant,
            "ordinal": ordinal,
        }


def depth_loss(found: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
    """Of inverse depth (N, H, W) against depth in scene units; see the module."""
    error = (found.clamp(min=0) + _FLOOR).log() - (1 / depth + _FLOOR).log()
    spread = (error.square().mean((1, 2)) - _LAMBDA * error.mean((1, 2)).square() + 1e-6).sqrt().mean()
    return spread + _GRADIENTS * sum(_steps(functional.avg_pool2d(error[:, None], 2**k)) for k in range(4)) / 4


def ordinal_accuracy(found: np.ndarray, truth: np.ndarray) -> float:
    """Share of pairs of points of a frame in the right order.

    Args:
        found, truth: (N, H, W) inverse depth; pairs whose true depths differ by less than a tenth are left out.
    """
    rng = np.random.default_rng(0)
    count, height, width = truth.shape
    frame, first, second = (rng.integers(limit, size=_PAIRS) for limit in (count, height * width, height * width))
    one, other = (truth.reshape(count, -1)[frame, place] for place in (first, second))
    told = np.maximum(one / other, other / one) > _TELLING
    found_one, found_other = (found.reshape(count, -1)[frame, place] for place in (first, second))
    return float((((found_one > found_other) == (one > other)) & (found_one != found_other))[told].mean())


def _rendering(size: tuple[int, int]) -> Rendering:
    return Rendering(frames=2, fps=1, height=size[0], width=size[1], depth=True)


def _steps(error: torch.Tensor) -> torch.Tensor:
    return error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()
