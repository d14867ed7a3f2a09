"""Rendered worlds to train and to score on: many small clips in memory, with the truth that a task needs."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count, islice

import numpy as np
import torch

from onereel.base.progress import Progress, no_progress
from onereel.scenes.world import WorldSpec, render_specs, sample_world

_CHUNK = 128  # clips rendered together


@dataclass(frozen=True)
class Worlds:
    """N clips.

    Attributes:
        specs: what they show.
        frames: (N, T, H, W, 3) uint8.
        depth: (N, T, H, W) float16, scene units; None where it was not kept.
        flow: (N, T-1, H, W, 2) float16 pixels; None where it was not kept.
        occluded: (N, T-1, H, W) bool; None where flow was not kept.
    """

    specs: tuple[WorldSpec, ...]
    frames: np.ndarray
    depth: np.ndarray | None = None
    flow: np.ndarray | None = None
    occluded: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.specs)


@dataclass(frozen=True)
class Rendering:
    """How worlds are rendered.

    Attributes:
        frames: T.
        fps: frames per second; things stay in the picture for two seconds.
        height, width: pixels.
        depth, flow: whether to keep them.
    """

    frames: int
    fps: float
    height: int = 64
    width: int = 64
    depth: bool = False
    flow: bool = False


def specs_from(
    first: int, number: int, wanted: Callable[[WorldSpec], WorldSpec | None] = lambda spec: spec
) -> tuple[WorldSpec, ...]:
    """The first `number` worlds from seed `first` on that `wanted` lets pass, as it returns them."""
    changed = (wanted(sample_world(seed)) for seed in count(first))
    return tuple(islice((spec for spec in changed if spec is not None), number))


def render_worlds(specs: Sequence[WorldSpec], how: Rendering, progress: Progress = no_progress) -> Worlds:
    """Render worlds, some at a time, keeping only what is asked for."""
    shape = (len(specs), how.frames, how.height, how.width)
    frames = np.empty((*shape, 3), np.uint8)
    depth = np.empty(shape, np.float16) if how.depth else None
    steps = (shape[0], shape[1] - 1, *shape[2:])
    flow, occluded = (np.empty((*steps, 2), np.float16), np.empty(steps, bool)) if how.flow else (None, None)
    starts = range(0, len(specs), _CHUNK)
    for start in progress(starts, total=len(starts), label="render worlds"):
        part = slice(start, start + _CHUNK)
        batch = render_specs(specs[part], frames=how.frames, fps=how.fps, height=how.height, width=how.width)
        frames[part] = batch.frames
        if depth is not None:
            depth[part] = batch.depth
        if flow is not None and occluded is not None:
            flow[part], occluded[part] = batch.flow, batch.occluded
    return Worlds(tuple(specs), frames, depth, flow, occluded)


def draw(limit: int, number: int, generator: torch.Generator) -> np.ndarray:
    """`number` whole numbers below `limit`."""
    return torch.randint(limit, (number,), generator=generator).numpy()


def shares(flags: Iterable[bool]) -> float:
    """How many are true, in [0, 1]."""
    return float(np.mean([bool(flag) for flag in flags]))
