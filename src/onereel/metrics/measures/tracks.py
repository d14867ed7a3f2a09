"""Points followed through a video along its flow, and how well the tracks of two videos match."""

from dataclasses import dataclass

import numpy as np

from onereel.video.warping import occluded

_STILL = 0.001  # of the frame's diagonal: steps below it are noise of the flow
_LEAST_SHARED = 0.5  # of the steps: tracks that are both in sight for less are not compared


@dataclass(frozen=True)
class Tracks:
    """Steps of points.

    Attributes:
        steps: (N, T-1, 2) float32, pixels (dx, dy).
        alive: (N, T-1) bool: the point is in sight before and after the step.
    """

    steps: np.ndarray
    alive: np.ndarray


def still_below(height: int, width: int) -> float:
    """Length of a step, in pixels, below which a point stands still."""
    return _STILL * float(np.hypot(height, width))


def track(forward: np.ndarray, backward: np.ndarray, grid: int) -> Tracks:
    """Follow points along flow, until they are hidden or leave the frame.

    Args:
        forward, backward: (T-1, H, W, 2) pixels (dx, dy): to the next frame, and from that back.
        grid: points along each side in the first frame.
    """
    count, height, width, _ = forward.shape
    hidden = occluded(forward, backward)
    centres = [(np.arange(grid) + 0.5) * length / grid - 0.5 for length in (height, width)]
    rows, columns = np.meshgrid(*centres, indexing="ij")
    places = np.stack([columns, rows], -1).reshape(-1, 2).astype(np.float32)  # (N, 2), x and y
    alive = np.ones(len(places), bool)
    steps = np.zeros((len(places), count, 2), np.float32)
    seen = np.zeros((len(places), count), bool)
    for index in range(count):
        step = _sampled(forward[index], places)
        nearest = np.rint(places).astype(int).clip(0, [width - 1, height - 1])
        places = places + step
        inside = ((places >= 0) & (places <= [width - 1, height - 1])).all(1)
        alive = alive & inside & ~hidden[index, nearest[:, 1], nearest[:, 0]]
        steps[:, index], seen[:, index] = step, alive
    return Tracks(steps, seen)


def fidelity(one: Tracks, other: Tracks, still: float) -> tuple[float | None, float]:
    """Mean similarity of every track and its best match in the other video, over both directions, and the share of
    tracks that have a match; see `MotionFidelity`.

    Args:
        one, other: of two videos of one length.
        still: see `still_below`.
    """
    similar = _similarity(one, other, still)
    best = np.concatenate([similar.max(1), similar.max(0)])
    matched = np.isfinite(best)
    ways = [values[np.isfinite(values)] for values in (similar.max(1), similar.max(0))]
    if not all(len(values) for values in ways):
        return None, float(matched.mean())
    return float(np.mean([values.mean() for values in ways])), float(matched.mean())


def _similarity(one: Tracks, other: Tracks, still: float) -> np.ndarray:
    """(N, M) mean cosine of the steps at which both are in sight; -inf where these are too few."""
    (first, first_still), (second, second_still) = _directions(one, still), _directions(other, still)
    alive, others_alive = one.alive.astype(np.float32), other.alive.astype(np.float32)
    shared = alive @ others_alive.T  # (N, M) steps
    total = first.reshape(len(first), -1) @ second.reshape(len(second), -1).T
    total += (first_still * alive) @ (second_still * others_alive).T
    least = max(1.0, _LEAST_SHARED * one.steps.shape[1])
    return np.where(shared >= least, total / np.maximum(shared, 1), -np.inf)


def _directions(tracks: Tracks, still: float) -> tuple[np.ndarray, np.ndarray]:
    """(N, T-1, 2) steps of length 1, zero where they stand still or are hidden; (N, T-1) which stand still."""
    lengths = np.linalg.norm(tracks.steps, axis=-1)
    stands = lengths < still
    moving = tracks.alive & ~stands
    unit = np.where(moving[..., None], tracks.steps / np.maximum(lengths, 1e-12)[..., None], 0)
    return unit.astype(np.float32), stands.astype(np.float32)


def _sampled(flow: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Bilinear values of a flow (H, W, 2) at places (N, 2) (x, y)."""
    height, width, _ = flow.shape
    x, y = places[:, 0].clip(0, width - 1), places[:, 1].clip(0, height - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, below = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (x - left)[:, None], (y - top)[:, None]
    upper = flow[top, left] * (1 - across) + flow[top, right] * across
    lower = flow[below, left] * (1 - across) + flow[below, right] * across
    return (upper * (1 - down) + lower * down).astype(np.float32)
