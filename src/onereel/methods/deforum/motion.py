"""How a rigid scene moves before a camera, found from flow and depth."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_ROUNDS = 12  # of weighing pixels again by how well they are explained
_RIDGE = 1e-6  # of the mean eigenvalue: where depth is flat, turning and moving sideways look alike


def camera_flow(flow: Tensor, depth: Tensor, *, field_of_view: float) -> Tensor:
    """The part of a flow that a moving camera before a scene at rest explains.

    The instantaneous motion of a pinhole camera (Longuet-Higgins and Prazdny 1980, Eq. 2) is linear in its turning, and
    in its shift times inverse depth. Inverse depth is known up to scale and shift, so what it is multiplied with has a
    constant beside it: nine numbers, by least squares. Pixels that they do not explain, as those of things that move by
    themselves, count less (Cauchy weights).

    Args:
        flow: (H, W, 2) pixels (dx, dy), at each pixel of one picture to another.
        depth: (H, W) inverse depth of that picture, up to scale and shift.
        field_of_view: degrees, of the width.

    Returns: (H, W, 2) pixels.
    """
    height, width = depth.shape
    focal = width / 2 / math.tan(math.radians(field_of_view) / 2)
    motions = _motions(depth.double(), focal).flatten(0, 2)  # (H * W * 2, 9)
    wanted = (flow.double() / focal).flatten()
    weights = torch.ones(height * width, dtype=torch.float64)
    found = torch.zeros(motions.shape[1], dtype=torch.float64)
    for _ in range(_ROUNDS):
        found = _solved(motions, wanted, weights.repeat_interleave(2))
        missed = (motions @ found - wanted).view(-1, 2).norm(dim=1)
        scale = missed.median().clamp(min=1e-9)
        weights = 1 / (1 + (missed / (2 * scale)).square())
    return ((motions @ found) * focal).view(height, width, 2).to(flow)


def _motions(depth: Tensor, focal: float) -> Tensor:
    """Flow in focal lengths for each of nine numbers: shift by inverse depth, shift alone, turning; (H, W, 2, 9)."""
    height, width = depth.shape
    rows = (torch.arange(height, dtype=depth.dtype) - (height - 1) / 2) / focal
    columns = (torch.arange(width, dtype=depth.dtype) - (width - 1) / 2) / focal
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    across = torch.stack([-one, zero, x], -1)  # dx for a shift in x, y and z
    down = torch.stack([zero, -one, y], -1)
    turned_across = torch.stack([x * y, -(1 + x * x), y], -1)
    turned_down = torch.stack([1 + y * y, -x * y, -x], -1)
    near = depth[..., None]
    return torch.stack(
        [torch.cat([near * across, across, turned_across], -1), torch.cat([near * down, down, turned_down], -1)], 2
    )


def _solved(motions: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
    weighted = motions * weights[:, None]
    square = motions.T @ weighted
    square = square + torch.eye(len(square), dtype=square.dtype) * (_RIDGE * square.diagonal().mean())
    return torch.linalg.solve(square, weighted.T @ wanted)
