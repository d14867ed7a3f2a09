"""What is kept of a clip: its depth (or edges), with as much detail as t_s leaves (section 3.3)."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from onereel.backbones.cascade.layers import sinusoids
from onereel.backbones.latent import encoded
from onereel.base.errors import MethodError
from onereel.features.artefacts import read_artefact
from onereel.features.depth import normalised
from onereel.methods.base import CLIP, Inputs
from onereel.methods.gen1.config import STRUCTURE_LEVELS, Gen1Config, Structure
from onereel.video.clip import Clip, Frames

LEVEL_CHANNELS = 4
"""Of the sinusoidal embedding of t_s (section 3.3)."""
_LEAST = 4  # pixels that the last round leaves of the shorter side
_LONGEST = 16.0  # wave lengths of the embedding: 2 pi and 8 pi, so that both tell 0 from 7
_SMOOTHING = 1.0  # pixels of the Gaussian before edges are looked for


def signal_of(kind: Structure, frames: Frames, depth: np.ndarray | None) -> Tensor:
    """What represents a clip's structure, one scale for all of its frames.

    Args:
        kind: depth or edges.
        frames: (T, H, W, 3) uint8.
        depth: (T, H, W) inverse depth, where that is the kind.

    Returns: (T, H, W) float32 in [0, 1]: 1 the nearest point of the clip, or its strongest edge.
    """
    if kind == "edges":
        return torch.from_numpy(edges_of(frames))
    assert depth is not None
    return torch.from_numpy(normalised(depth.astype(np.float32)))


def edges_of(frames: Frames) -> np.ndarray:
    """Length of the gradient of the brightness of frames (T, H, W, 3) uint8, smoothed a little: (T, H, W) float32 in
    [0, 1], over the whole clip."""
    from scipy import ndimage  # a second; only jobs that look at edges wait for it

    grey = frames.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    spread = (0, _SMOOTHING, _SMOOTHING)
    down, right = (ndimage.gaussian_filter(grey, spread, order=order) for order in ((0, 1, 0), (0, 0, 1)))
    return normalised(np.hypot(down, right))


def coarsened(signal: Tensor, level: int) -> Tensor:
    """The signal after `level` rounds of blurring and downsampling, at its own size again.

    A round shrinks both sides by r, with r^7 = shorter side / 4 (the paper names no number; plain halving would leave
    half a pixel of 64). It averages with a triangle that is as wide as a new pixel's two neighbours, which is the blur.

    Args:
        signal: (N, H, W).
        level: t_s, 0 to 7; 0 changes nothing.

    Returns: (N, H, W).
    """
    size = signal.shape[1:]
    ratio = max(min(size) / _LEAST, 1.0) ** (1 / STRUCTURE_LEVELS)
    small = signal[:, None]
    for index in range(1, level + 1):
        wanted = tuple(max(1, round(length / ratio**index)) for length in size)
        small = functional.interpolate(small, wanted, mode="bilinear", antialias=True)
    return functional.interpolate(small, size, mode="bilinear")[:, 0] if level else signal


def structure_latents(autoencoder: Any, signal: Tensor) -> Tensor:
    """The signal as the model reads it, a grey picture through the autoencoder of the frames (section 3.3).

    Args:
        autoencoder: see `onereel.backbones.latent.encoded`.
        signal: (N, H, W) in [0, 1].

    Returns: (N, 4, H / 4, W / 4).
    """
    return encoded(autoencoder, (signal[:, None] * 2 - 1).expand(-1, 3, -1, -1))


def level_channels(levels: Tensor, size: tuple[int, ...]) -> Tensor:
    """Four channels that say t_s, (N,), everywhere: (N, 4, *size)."""
    said = sinusoids(levels, LEVEL_CHANNELS, _LONGEST)
    return said.view(*said.shape, *(1,) * len(size)).expand(-1, -1, *size)


def shown(inputs: Inputs, config: Gen1Config) -> Clip:
    """The structure of a run as the model reads it, in grey, at the clip's size."""
    signal = coarsened(
        signal_of(config.structure, inputs.clip.frames, read_depth(inputs, config)), config.structure_level
    )
    grey = (signal.clamp(0, 1) * 255).round().byte().numpy()
    return Clip(np.repeat(grey[..., None], 3, axis=-1), inputs.clip.fps)


def read_depth(inputs: Inputs, config: Gen1Config) -> np.ndarray | None:
    """The depth of the run's clip, (T, H, W); None where structure is something else.

    Raises: MethodError if it is missing, damaged or another clip's.
    """
    if config.structure != "depth":
        return None
    path = inputs.artefacts[CLIP, "depth"]
    depth = read_artefact(path, "depth")[0]["inverse_depth"]
    if depth.shape != inputs.clip.size:
        sizes = ["x".join(map(str, size)) for size in (depth.shape, inputs.clip.size)]
        raise MethodError(f"'{path}'", f"is the depth of {sizes[0]}, the clip is {sizes[1]}", "delete it")
    return depth
