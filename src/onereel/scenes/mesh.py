"""Objects made of triangles whose corners move: every point of a triangle moves with its corners, exactly.

Corners are points in space seen in perspective. Across a triangle's picture the inverse of the distance is affine, the
distance itself is not; a point of the surface keeps its weights in space, lambda_i = (w_i / z_i) / sum_j (w_j / z_j),
where w are the weights in the picture and z the corners' distances.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from onereel.scenes.base import Array, Box, Moved

_SEAM = 0.0015  # scene units by which triangles overlap where they join, so that soft edges leave no seam
_TOUCH = 1e-6  # scene units within which a point counts as inside, so that rounding leaves no hole between triangles
_MARGIN = 0.02  # scene units beyond which nobody asks how far an outline is
_RUN = 512  # points that are held against triangles together
_KEPT = 4  # poses that are remembered


class Pose(NamedTuple):
    """A mesh at one time.

    Attributes:
        corners: (V, 2) float64, scene coordinates of one copy.
        depth: (V,) distances.
        colours: (V, 3) or (M, 3, 3): linear RGB per corner, or per triangle and corner.
    """

    corners: Array
    depth: Array
    colours: Array


class _Faces(NamedTuple):
    """A pose prepared for questions about points.

    Attributes:
        origin: (2,) what the numbers below are relative to.
        lines: (5, 3, M) coefficients: (x, y, 1) @ lines[k] = distance inwards of every edge, and of two caps across
            the ends of the longest edge, without which slivers would reach far beyond.
        seams: (5, M) how far each line is set back for soft outlines: `_SEAM` at joined edges, else 0.
        weights: (3, 3, M): (x, y, 1) @ weights[k] = barycentric coordinate of corner k.
        depth: (M, 3) distance of the corners.
        closeness: (3, M): (x, y, 1) @ closeness = 1 / distance.
        colours: (M, 3, 3) colours of the corners.
        low, high: (M, 2) corners of the box of every triangle, relative to the origin.
        box: around all corners.
        farthest: distance of the farthest corner.
    """

    origin: Array
    lines: Array
    seams: Array
    weights: Array
    depth: Array
    closeness: Array
    colours: Array
    low: Array
    high: Array
    box: Box
    farthest: float


@dataclass(frozen=True)
class Mesh:
    """An object of triangles.

    Attributes:
        name: key of its mask.
        triangles: (M, 3) int, indices of corners; neighbours share them; both sides are visible.
        pose: time -> Pose.
        period: spacing of its copies along x; infinite for one copy.
    """

    name: str
    triangles: Array
    pose: Callable[[float], Pose]
    period: float = math.inf
    _faces: dict[float, _Faces] = field(default_factory=dict, repr=False, compare=False)

    def distance(self, time: float) -> float:
        """Distance of the farthest corner."""
        return self._at(time).farthest

    def bounds(self, time: float) -> Box:
        """Around the corners."""
        return self._at(time).box

    def shape(self, x: Array, y: Array, time: float) -> Array:
        """Signed distance to the outline of the union of the triangles."""
        faces = self._at(time)
        points = self._points(x, y, faces)
        gap = np.full(len(points), _MARGIN, np.float32)
        for part, near in _neighbourhoods(points, faces):
            gap[part] = _outline(points[part], faces.lines[:, :, near], faces.seams[:, near])
        return gap.reshape(np.broadcast_shapes(x.shape, y.shape))

    def colour(self, x: Array, y: Array, time: float) -> Array:
        """Blended between the corners of the triangle in front."""
        faces = self._at(time)
        face, weights = self._pick(x, y, faces)
        return np.einsum("nc,nck->nk", np.clip(weights, 0, 1), faces.colours[face]).astype(np.float32)

    def depth(self, x: Array, y: Array, time: float) -> Array:
        """Of the point on the triangle in front."""
        faces = self._at(time)
        face, weights = self._pick(x, y, faces)
        return (1 / (weights / faces.depth[face]).sum(axis=1)).astype(np.float32)

    def move(self, x: Array, y: Array, time: float, later: float) -> Moved:
        """With the triangle; hidden where another triangle is in front of it later."""
        now, then = self._at(time), self._at(later)
        face, weights = self._pick(x, y, now)
        in_space = weights / now.depth[face]
        in_space = in_space / in_space.sum(axis=1, keepdims=True)
        own = (in_space * then.depth[face]).sum(axis=1)
        in_picture = in_space * then.depth[face] / own[:, None]
        target = np.einsum("nc,nck->nk", in_picture, self.pose(later).corners[self.triangles[face]])
        # Copies move alike: carry the shift from the first copy to the one that holds the point.
        target[:, 0] += x - (self._points(x, y, now)[:, 0] + now.origin[0])
        front, front_weights = self._pick(target[:, 0], target[:, 1], then)
        in_front = 1 / (front_weights / then.depth[front]).sum(axis=1)
        seen = (front == face) | (in_front >= own - 1e-4 * own)
        return Moved(target[:, 0].astype(np.float32), target[:, 1].astype(np.float32), seen)

    def _pick(self, x: Array, y: Array, faces: _Faces) -> tuple[Array, Array]:
        """Index of the triangle in front and barycentric weights (N, 3) for points (N,)."""
        points = self._points(x, y, faces)
        face = np.zeros(len(points), np.intp)
        for part, near in _neighbourhoods(points, faces):
            if not len(near):
                continue  # far from the mesh: any triangle will do
            gap = _gaps(points[part], faces.lines[:, :, near])
            closeness = points[part] @ faces.closeness[:, near]
            # The nearest of the triangles that hold the point; where none does, the one that misses it least.
            face[part] = near[np.where(gap < _TOUCH, -closeness, np.float32(1e6) + gap).argmin(axis=1)]
        weights = np.einsum("nk,cnk->nc", points, faces.weights[:, :, face].transpose(0, 2, 1))
        return face, weights

    def _points(self, x: Array, y: Array, faces: _Faces) -> Array:
        """(N, 3): x, y relative to the origin (of the nearest copy), and 1."""
        x, y = np.broadcast_arrays(x, y)
        u = x.ravel() - faces.origin[0]
        if not math.isinf(self.period):
            u = (u + self.period / 2) % self.period - self.period / 2
        return np.stack([u, y.ravel() - faces.origin[1], np.ones(u.shape)], axis=1).astype(np.float32)

    def _at(self, time: float) -> _Faces:
        if time not in self._faces:
            while len(self._faces) >= _KEPT:
                self._faces.pop(next(iter(self._faces)))
            self._faces[time] = _prepare(self.pose(time), self.triangles, self._neighbours)
        return self._faces[time]

    @cached_property
    def _neighbours(self) -> Array:
        """(3, K): (face, edge, another face at that edge) for every pair that shares an edge."""
        owners: dict[tuple[int, ...], list[tuple[int, int]]] = {}
        for face, corners in enumerate(self.triangles.tolist()):
            for edge in range(3):
                pair = corners[edge], corners[(edge + 1) % 3]
                owners.setdefault(tuple(sorted(pair)), []).append((face, edge))
        triples = [
            (face, edge, other)
            for sharing in owners.values()
            for face, edge in sharing
            for other, _ in sharing
            if other != face
        ]
        return np.array(triples, np.intp).reshape(-1, 3).T


def _neighbourhoods(points: Array, faces: _Faces) -> Iterator[tuple[slice, Array]]:
    """Runs of points (rows of a window, mostly) with the triangles that come nearer to them than the margin."""
    for start in range(0, len(points), _RUN):
        run = points[start : start + _RUN, :2]
        low, high = run.min(axis=0) - _MARGIN, run.max(axis=0) + _MARGIN
        near = ((faces.low <= high) & (faces.high >= low)).all(axis=1)
        yield slice(start, start + _RUN), np.flatnonzero(near)


def _gaps(points: Array, lines: Array) -> Array:
    """(N, M) float32: how far points (N, 3) are outside of every triangle; negative inside."""
    inwards = points @ lines[0]
    for line in lines[1:]:
        np.minimum(inwards, points @ line, out=inwards)
    return np.negative(inwards, out=inwards)


def _outline(points: Array, lines: Array, seams: Array) -> Array:
    """(N,) signed distance to the outline of the union: exact in sign, but without a notch where triangles join."""
    if not lines.shape[2]:
        return np.full(len(points), _MARGIN, np.float32)
    exact = points @ lines[0]
    joined = exact + seams[0]
    for line, seam in zip(lines[1:], seams[1:], strict=True):
        inwards = points @ line
        np.minimum(exact, inwards, out=exact)
        np.minimum(joined, inwards + seam, out=joined)
    outline = -joined.max(axis=1)
    return np.where(exact.max(axis=1) > -_TOUCH, np.minimum(outline, -_TOUCH), np.maximum(outline, _TOUCH))


def _prepare(pose: Pose, triangles: Array, neighbours: Array) -> _Faces:
    low, high = pose.corners.min(axis=0), pose.corners.max(axis=0)
    origin = (low + high) / 2
    corners = (pose.corners - origin)[triangles]  # (M, 3, 2)
    following = np.roll(corners, -1, axis=1)
    along = following - corners
    twice_area = along[:, 0, 0] * along[:, 1, 1] - along[:, 0, 1] * along[:, 1, 0]  # (M,), signed
    turn = np.where(twice_area < 0, -1.0, 1.0)
    length = np.maximum(np.hypot(along[..., 0], along[..., 1]), 1e-9)
    unit = along / length[..., None]
    across = np.stack([-unit[..., 1], unit[..., 0]], axis=2) * turn[:, None, None]
    face, edge, other = neighbours
    same_way = turn[face] == turn[other]  # no outline runs between these
    joined = np.zeros(triangles.shape)
    joined[face[same_way], edge[same_way]] = 1
    offset = -(across * corners).sum(axis=2)
    rows, longest = np.arange(len(triangles)), length.argmax(axis=1)
    start, end, axis = corners[rows, longest], following[rows, longest], unit[rows, longest]
    caps = np.stack([axis, -axis], axis=1)
    cap_offset = np.stack([-(axis * start).sum(axis=1), (axis * end).sum(axis=1)], axis=1)
    lines = np.concatenate([np.concatenate([across, caps], 1), np.concatenate([offset, cap_offset], 1)[..., None]], 2)
    weights = _barycentric(corners, twice_area)
    depth = pose.depth[triangles]
    return _Faces(
        origin=origin,
        lines=np.ascontiguousarray(lines.transpose(1, 2, 0), np.float32),
        seams=np.concatenate([_SEAM * joined, np.zeros((len(triangles), 2))], axis=1).T.astype(np.float32),
        weights=weights,
        depth=depth,
        closeness=np.einsum("ckm,mc->km", weights, 1 / depth).astype(np.float32),
        colours=pose.colours[triangles] if pose.colours.ndim == 2 else pose.colours,
        low=corners.min(axis=1),
        high=corners.max(axis=1),
        box=Box(*(low - 0.004), *(high + 0.004)),
        farthest=float(pose.depth.max()),
    )


def _barycentric(corners: Array, twice_area: Array) -> Array:
    """(3, 3, M) coefficients of the corners' weights; a triangle seen edge-on gets those of its centroid."""
    one, two, three = corners[:, 0], corners[:, 1], corners[:, 2]
    flat = np.abs(twice_area) < 1e-9
    scale = np.where(flat, 0.0, 1 / np.where(flat, 1.0, twice_area))
    weights = []
    for first, second in ((two, three), (three, one), (one, two)):
        gradient = np.stack([first[:, 1] - second[:, 1], second[:, 0] - first[:, 0]]) * scale
        start = np.where(flat, 1 / 3, -(gradient * first.T).sum(axis=0))
        weights.append(np.concatenate([gradient, start[None]]))
    return np.stack(weights)
