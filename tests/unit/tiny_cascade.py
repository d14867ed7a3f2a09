"""A tiny random cascade of the real classes, resolved as `t2v-world`, for tests alone."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from onereel.backbones.cascade.network import NetworkConfig, StageNetwork
from onereel.backbones.cascade.pipeline import Cascade
from onereel.backbones.cascade.stages import LATER, BaseStage, LaterStage
from onereel.weights.entries import StandInEntry
from onereel.weights.store import Resolved


def speaking(network: nn.Module, seed: int = 0) -> nn.Module:
    """The network with every layer that starts at zero drawn."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        if not parameter.any():
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.1
    return network.eval().requires_grad_(False)


def tiny_cascade() -> Cascade:
    """Two blocks a stage."""
    torch.manual_seed(0)
    base = BaseStage()
    base.unet = StageNetwork(NetworkConfig((8, 16), (1, 1), heads=2, joint_attention=True))
    later = {}
    for part, stage in LATER.items():
        network = replace(stage.network, widths=(8, 16), blocks=(1, 1), heads=2)
        later[part] = speaking(LaterStage(network))
    return Cascade(speaking(base), later, dtype=torch.float32)  # type: ignore[arg-type]


def patched(monkeypatch: pytest.MonkeyPatch, cascade: Cascade) -> Resolved:
    """Weights whose model is a copy of this one, each time they are loaded."""
    monkeypatch.setattr(Cascade, "load", classmethod(lambda cls, weights, **_: copy.deepcopy(cascade)))
    title = "tiny random cascade"
    entry = StandInEntry(kind="stand-in", role="text-to-video", title=title, seed=0, sha256="ab" * 32, family="cascade")
    return Resolved("t2v-world", entry.role, title, title, entry.sha256, True, {}, 0, entry=entry)
