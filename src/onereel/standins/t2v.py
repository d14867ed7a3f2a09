"""The stand-in of a text-to-video cascade: pixels, in stages, in the manner of Imagen Video (Ho et al. 2022).

Every stage is trained alone. Worlds are drawn so that no attribute is rare: each has a weight that falls with how often
its values occur. A third of the batches are pictures without time, of which the temporal layers see nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from onereel.backbones.cascade.stages import BASE, PROCESS, BaseStage
from onereel.backbones.cascade.text import tokens_of
from onereel.base.progress import Progress
from onereel.diffusion.process import Process
from onereel.scenes.world import CLASSES, MOTION, WorldSpec, describe, sample_world
from onereel.scenes.world.rendering import labels_of, render_specs
from onereel.standins.base import StandIn
from onereel.standins.classes import one_group
from onereel.training.settings import TrainingConfig
from onereel.weights.store import Resolved

_CLIPS = 12288
_WORDINGS = 4  # captions of a clip, and as many of one frame of it
_CHUNK = 128  # clips rendered together
_BATCH = 16
_PICTURES = 64  # of a batch without time: as much work as half a batch of videos
_DROPPED = 0.1  # of the prompts: for guidance
_PROCESS = Process(PROCESS)
_RAREST = 8.0  # no clip counts more than so many times the average one


@dataclass(frozen=True)
class Captioned:
    """N clips and what they show, in tokens.

    Attributes:
        frames: (N, T, H, W, 3) uint8.
        videos: (N, W, L) int64, tokens of W captions of the clip.
        pictures: the same of one frame: nothing of motion.
        weight: (N,) float64, how often each is drawn.
    """

    frames: np.ndarray
    videos: Tensor
    pictures: Tensor
    weight: Tensor


def drawn_specs(number: int, first: int = 0) -> list[WorldSpec]:
    """Worlds from seed `first` on; every second one with one group only, so that captions are plain."""
    specs = (sample_world(seed) for seed in range(first, first + number))
    return [one_group(spec) if index % 2 else spec for index, spec in enumerate(specs)]


def evened(specs: Sequence[WorldSpec]) -> Tensor:
    """Weights (N,) with which rare values of attributes are drawn more often: the root of how much rarer each of a
    clip's values is than if all were as frequent, multiplied; at most `_RAREST` times the average."""
    weights = np.ones(len(specs))
    for attribute, values in labels_of(specs).items():
        counts = Counter(values[values >= 0].tolist())
        shown = sum(counts.values()) / len(CLASSES[attribute])
        weights *= [(shown / counts[value]) ** 0.5 if value >= 0 else 1.0 for value in values.tolist()]
    weights /= weights.mean()
    return torch.from_numpy(weights.clip(max=_RAREST))


def render_base(specs: Sequence[WorldSpec], progress: Progress) -> np.ndarray:
    """Clips of the base's size, (N, T, H, W, 3) uint8: rendered at four times its side, and averaged."""
    size = BASE.frames, BASE.height, BASE.width
    frames = np.empty((len(specs), *size, 3), np.uint8)
    starts = range(0, len(specs), _CHUNK)
    for start in progress(starts, total=len(starts), label="render worlds"):
        part = specs[start : start + _CHUNK]
        large = render_specs(part, frames=size[0], fps=BASE.fps, height=4 * size[1], width=4 * size[2]).frames
        squares = large.reshape(len(part), size[0], size[1], 4, size[2], 4, 3)
        frames[start : start + _CHUNK] = np.rint(squares.mean((3, 5), dtype=np.float32))
    return frames


def captions_of(specs: Sequence[WorldSpec], leave: frozenset[str] = frozenset()) -> Tensor:
    """Tokens of several captions of each world: (N, W, L)."""
    texts = [describe(spec, wording, leave=leave).text for spec in specs for wording in range(_WORDINGS)]
    return tokens_of(texts).unflatten(0, (len(specs), _WORDINGS))


class T2VBase(StandIn):
    """The first stage: from a prompt, 8 frames of 16x16."""

    name, title, role = "t2v-world-base", "scene-trained text-to-video cascade", "text-to-video"
    entry, part = "t2v-world", "base"
    steps = 10_000
    training = TrainingConfig(
        learning_rate=1e-3, drop_at=(), decay="cosine", warm_up=200, average=0.999, clip_norm=1.0, batch=_BATCH,
    )  # fmt: skip
    half = True
    about: ClassVar[Mapping[str, str]] = {
        "architecture": "U-Net over space with temporal convolutions and attention; a text transformer of its own",
        "data": f"{_CLIPS} worlds, 8 frames of 16x16 px at 4 per second, values of attributes evened out",
        "limits": "It knows the words of the scenes' captions, and drawn scenes.",
    }

    def network(self) -> nn.Module:
        """Text encoder and U-Net."""
        return BaseStage()

    def data(self, progress: Progress, needed: Mapping[str, Resolved]) -> Captioned:
        """Rendered worlds with captions."""
        specs = drawn_specs(_CLIPS)
        frames = render_base(specs, progress)
        return Captioned(frames, captions_of(specs), captions_of(specs, MOTION), evened(specs))

    def loss(self, network: nn.Module, data: Captioned, generator: torch.Generator, done: float) -> Tensor:
        """Min-SNR-weighted error of v, of videos, or in every third batch of pictures."""
        device = next(network.parameters()).device
        video = bool(torch.rand((), generator=generator) >= 1 / 3)
        count = _BATCH if video else _PICTURES
        which = torch.multinomial(data.weight, count, replacement=True, generator=generator)
        wording = torch.randint(_WORDINGS, (count,), generator=generator)
        if video:
            frames, tokens = data.frames[which.numpy()], data.videos[which, wording]
        else:
            frame = torch.randint(data.frames.shape[1], (count,), generator=generator)
            frames, tokens = data.frames[which.numpy(), frame.numpy()][:, None], data.pictures[which, wording]
        tokens = dropped(tokens, generator)
        clean = torch.from_numpy(frames).to(device).permute(0, 4, 1, 2, 3).float() / 127.5 - 1
        process = _PROCESS
        timestep = process.draw_timesteps(count, generator)
        level = process.levels[timestep + 1]
        noise = torch.randn(clean.shape, generator=generator).to(device)
        noisy = process.add_noise(clean, noise, level)
        said = network(noisy, timestep.to(device), tokens.to(device), video=video)
        error = (said - process.target(clean, noise, level)).square().mean((1, 2, 3, 4))
        return (error * process.min_snr_weight(level).to(error)).mean()

    def scores(self, weights: Resolved, *, device: torch.device | str = "cpu", clips: int = 256) -> dict[str, float]:
        """Not known before the stages after it are there: a classifier reads no 16x16."""
        return {}


def dropped(tokens: Tensor, generator: torch.Generator) -> Tensor:
    """Tokens (B, L) of which some prompts are empty, cut after the longest one."""
    empty = tokens_of([""])[0]
    tokens = tokens.clone()
    gone = torch.rand(len(tokens), generator=generator) < _DROPPED
    tokens[gone] = 0
    tokens[gone, : len(empty)] = empty
    return tokens[:, : int((tokens != 0).sum(1).max())]
