"""A camera that moves over a picture: sequences of perspective transforms (section 5).

A transform is a 3 x 3 matrix that says where in the picture a place of the frame is taken from; places are in units of
the frame's sides, from (0, 0), the upper left corner, to (1, 1). What lies outside the picture is its reflection.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from onereel.methods.dreamix.config import Camera

Path: TypeAlias = NDArray[np.float64]
"""(T, 3, 3), a transform for each frame; that of the first one is the identity."""

_CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
_KNOTS = 4  # of a random path, after its start


def path_of(camera: Camera, amount: float, frames: int, aspect: float, generator: torch.Generator) -> Path:
    """A smooth path.

    Args:
        camera: kind of motion; the camera's: "pan left" shows what lies to the left, things move to the right.
        amount: how far over the whole path, see `DreamixConfig.camera_amount`.
        frames: T.
        aspect: width over height of the picture.
        generator: draws a random path; not read for others.

    Returns: (T, 3, 3).
    """
    share = np.linspace(0, 1, frames) if frames > 1 else np.zeros(1)
    if camera == "random":
        return _random_path(amount, share, generator)
    move = _MOVES[camera]
    return np.stack([move(amount * each, aspect) for each in share])


def moved(picture: Tensor, transform: NDArray[np.float64]) -> Tensor:
    """A picture (3, H, W) as a frame shows it: bilinear, reflected outside."""
    height, width = picture.shape[1:]
    y, x = torch.meshgrid(
        (torch.arange(height, dtype=torch.float64) + 0.5) / height,
        (torch.arange(width, dtype=torch.float64) + 0.5) / width,
        indexing="ij",
    )
    places = torch.stack([x, y, torch.ones_like(x)], -1) @ torch.from_numpy(np.ascontiguousarray(transform.T))
    grid = 2 * places[..., :2] / places[..., 2:] - 1
    shown = functional.grid_sample(
        picture[None], grid[None].to(picture), mode="bilinear", padding_mode="reflection", align_corners=False
    )
    return shown[0]


def flow_of(path: Path, height: int, width: int) -> NDArray[np.float64]:
    """How a still picture moves over the frames: (T-1, H, W, 2), pixels (dx, dy) from one frame to the next."""
    across, down = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    here = np.stack([across, down, np.ones_like(across)], -1)  # (H, W, 3)
    flows = []
    for before, after in itertools.pairwise(path):
        there = here @ (np.linalg.inv(after) @ before).T  # the same place of the picture, in the next frame
        flows.append((there[..., :2] / there[..., 2:] - here[..., :2]) * [width, height])
    return np.stack(flows) if flows else np.zeros((0, height, width, 2))


def perspective(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """The transform that takes the frame's corners, from the upper left one clockwise, to these (4, 2) places."""
    rows, right = [], []
    for (x, y), (u, v) in zip(_CORNERS, corners, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    return np.append(np.linalg.solve(np.array(rows), np.array(right)), 1.0).reshape(3, 3)


def _random_path(amount: float, share: NDArray[np.float64], generator: torch.Generator) -> Path:
    """Each corner follows a smooth curve through random places near its own; it goes no further than they do
    (a monotone cubic of Fritsch and Carlson 1980, which does not overshoot)."""
    from scipy.interpolate import PchipInterpolator

    drawn = torch.rand((_KNOTS, 4, 2), generator=generator, dtype=torch.float64).numpy()
    knots = np.concatenate([np.zeros((1, 4, 2)), amount * (2 * drawn - 1)])
    curve = PchipInterpolator(np.linspace(0, 1, _KNOTS + 1), knots)
    return np.stack([perspective(_CORNERS + each) for each in curve(share)])


def _pan(x: float, y: float) -> Callable[[float, float], NDArray[np.float64]]:
    def transform(way: float, aspect: float) -> NDArray[np.float64]:
        return np.array([[1.0, 0.0, x * way], [0.0, 1.0, y * way], [0.0, 0.0, 1.0]])

    return transform


def _zoom(power: int) -> Callable[[float, float], NDArray[np.float64]]:
    def transform(way: float, aspect: float) -> NDArray[np.float64]:
        scale = (1 + way) ** power
        return np.array([[scale, 0.0, (1 - scale) / 2], [0.0, scale, (1 - scale) / 2], [0.0, 0.0, 1.0]])

    return transform


def _rotation(sign: int) -> Callable[[float, float], NDArray[np.float64]]:
    def transform(way: float, aspect: float) -> NDArray[np.float64]:
        angle = sign * way * math.pi / 2
        cosine, sine = math.cos(angle), math.sin(angle)
        turn = np.array([[cosine, -sine / aspect], [sine * aspect, cosine]])  # sides differ in pixels
        found = np.eye(3)
        found[:2, :2] = turn
        found[:2, 2] = 0.5 - turn @ np.array([0.5, 0.5])
        return found

    return transform


_MOVES: Mapping[str, Callable[[float, float], NDArray[np.float64]]] = {
    "still": _pan(0, 0),
    "pan left": _pan(-1, 0),
    "pan right": _pan(1, 0),
    "pan up": _pan(0, -1),
    "pan down": _pan(0, 1),
    "zoom in": _zoom(-1),
    "zoom out": _zoom(1),
    "rotate left": _rotation(-1),
    "rotate right": _rotation(1),
}
