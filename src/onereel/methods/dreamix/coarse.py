"""A coarse video of pictures, which an edit makes real (section 5, "Dreamix for Single Images")."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from onereel.methods.base import Inputs
from onereel.methods.dreamix.camera import Path, moved, path_of
from onereel.methods.dreamix.config import DreamixConfig
from onereel.methods.dreamix.pictures import pictures_of
from onereel.methods.dreamix.shape import at_work
from onereel.video.clip import to_video


def coarse_of(
    inputs: Inputs, config: DreamixConfig, side: int | None, frames: int, generator: torch.Generator
) -> Tensor:
    """The coarse video of the run's pictures: (3, T, H, W) in [-1, 1].

    Args:
        inputs: with pictures; all of them take the first one's shape.
        config: the camera.
        side: pixels of the shorter side; None: the first picture's.
        frames: T.
        generator: draws a random path, before anything else that a sample draws.
    """
    pictures = [to_video(each) for each in pictures_of(inputs)]
    small = [_scaled(each, side or min(pictures[0].shape[2:])) for each in pictures]
    height, width = small[0].shape[2:]
    path = path_of(config.camera, config.camera_amount, frames, width / height, generator)
    return coarse_video([_filling(each, height, width) for each in small], path, dissolve=config.between == "dissolve")


def _scaled(picture: Tensor, side: int) -> Tensor:
    """(3, 1, H, W) with this shorter side."""
    return at_work(picture, side, 1, 1)[0]


def _filling(picture: Tensor, height: int, width: int) -> Tensor:
    """A picture that fills a frame of another aspect: enlarged, and cut around its middle."""
    if picture.shape[2:] == (height, width):
        return picture
    scale = max(height / picture.shape[2], width / picture.shape[3])
    large = _scaled(picture, math.ceil(min(picture.shape[2:]) * scale - 1e-9))
    top, left = (large.shape[2] - height) // 2, (large.shape[3] - width) // 2
    return large[:, :, top : top + height, left : left + width]


def coarse_video(pictures: Sequence[Tensor], path: Path, *, dissolve: bool) -> Tensor:
    """A coarse video of pictures: every frame shows the picture whose turn it is, moved along the path.

    Args:
        pictures: (3, 1, H, W) each, of one size.
        path: a transform for each of T frames, see `onereel.methods.dreamix.camera`.
        dissolve: mix neighbours, so that the first frame is the first picture and the last the last; else each is shown
            for its share of the time.

    Returns: (3, T, H, W).
    """
    count = len(path)
    place = np.linspace(0, len(pictures) - 1, count) if dissolve else (np.arange(count) * len(pictures)) // count
    frames = []
    for number, transform in zip(place, path, strict=True):
        before, share = int(number), float(number - int(number))
        shown = pictures[before][:, 0]
        if share:
            shown = (1 - share) * shown + share * pictures[before + 1][:, 0]
        frames.append(moved(shown, transform))
    return torch.stack(frames, 1)
