"""What can be predicted without any model: the yardsticks that stand beside every method.

Motion is carried forward: optical flow is known at the pixels of frames that exist, and each takes its own to where it
leads (Baker et al. 2011, as their interpolation does); the colour is then read at the other end of the way that landed
at a pixel, which keeps it sharp. Reading the flow at the pixel to be filled, as warping backward does, would take it
from a place where it is not known: it is wrong as soon as something moves farther than its own size, as it does eight
frames ahead.

- Several ways to one pixel: what moves farther counts more (the square of its way), because objects usually move before
  a ground that rests; under a moving camera all ways are about equal and are averaged.
- No way to one, where something left or came in: the nearest pixel that was reached; where everything left the picture,
  it stays as it was.
"""

import numpy as np

from onereel.features.flow import FlowEstimator
from onereel.heldout.names import BICUBIC, BLEND, EXTRAPOLATE, INTERPOLATE, REPEAT
from onereel.metrics.align import resize_frames
from onereel.video.clip import Frames

_STILL = 0.01  # px^2: the weight of a pixel that does not move, of those that share its place
_REACHED = 0.1  # of a pixel's area: less does not count as reached


def predict(past: Frames, horizon: int, flow: FlowEstimator) -> dict[str, Frames]:
    """The next frames by every baseline.

    Args:
        past: (T, H, W, 3) uint8, T >= 2: the frames up to the origin; the last two are used.
        horizon: how many frames, >= 1.
        flow: estimates motion.

    Returns: (horizon, H, W, 3) uint8 by baseline.
    """
    before, last = past[-2], past[-1]
    # On the grid of the last frame, whose pixels move on; from there to the frame before is a step backward.
    step = -flow.estimate(last[None], before[None])[0]  # (H, W, 2) px
    moved = [_moved([(last, step * ahead)]) for ahead in range(1, horizon + 1)]
    return {REPEAT: np.repeat(last[None], horizon, axis=0), EXTRAPOLATE: np.stack(moved)}


def interpolate(given: Frames, flow: FlowEstimator) -> dict[str, Frames]:
    """The frames in the middle of each pair by every baseline.

    Both frames of a pair are moved half their way; what only one of them shows comes from that one.

    Args:
        given: (T, H, W, 3) uint8, T >= 2.
        flow: estimates motion.

    Returns: (T - 1, H, W, 3) uint8 by baseline.
    """
    first, second = given[:-1], given[1:]
    blend = (first.astype(np.uint16) + second + 1) // 2
    onward, back = flow.estimate(first, second) / 2, flow.estimate(second, first) / 2
    moved = [_moved([(a, f), (b, g)]) for a, b, f, g in zip(first, second, onward, back, strict=True)]
    return {BLEND: blend.astype(np.uint8), INTERPOLATE: np.stack(moved)}


def enlarge(given: Frames, height: int, width: int) -> dict[str, Frames]:
    """Frames (T, h, w, 3) uint8 at another size by every baseline: (T, `height`, `width`, 3) uint8."""
    return {BICUBIC: resize_frames(given, height, width)}


def splat(way: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The way of whatever lands at a pixel, when every pixel is moved by its `way`, shared among the four around.

    Args:
        way: (H, W, 2) px (dx, dy).

    Returns: (H, W, 2) mean way of what lands, (H, W) how much of each pixel's area was reached; what leaves the picture
        is lost.
    """
    height, width = way.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    way = way.astype(np.float64)
    x, y = columns + way[..., 0], rows + way[..., 1]
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    importance = _STILL + np.square(way).sum(axis=-1)
    total, weight, area = np.zeros((2, height * width)), np.zeros(height * width), np.zeros(height * width)
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        share = (1 - np.abs(x - left - right)) * (1 - np.abs(y - top - down))
        inside = (left + right >= 0) & (left + right < width) & (top + down >= 0) & (top + down < height)
        place = ((top + down) * width + left + right)[inside]
        each = (share * importance)[inside]
        area += np.bincount(place, share[inside], height * width)
        weight += np.bincount(place, each, height * width)
        for axis in (0, 1):
            total[axis] += np.bincount(place, each * way[..., axis][inside], height * width)
    mean = total / np.maximum(weight, 1e-12)
    return mean.T.reshape(height, width, 2), area.reshape(height, width)


def _moved(parts: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """(H, W, 3) uint8: pictures moved by their ways, averaged, with the places that none reached filled."""
    colours, areas = zip(*(_carried(picture, way) for picture, way in parts), strict=True)
    weights = np.stack(areas)  # (N, H, W)
    weights[weights < _REACHED] = 0
    frame = (np.stack(colours) * weights[..., None]).sum(axis=0)
    total = weights.sum(axis=0)
    if not total.any():
        return parts[0][0]
    return np.rint(_filled(frame / np.maximum(total, _REACHED)[..., None], total > 0)).clip(0, 255).astype(np.uint8)


def _carried(picture: np.ndarray, way: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) the colours that land at each pixel, (H, W) how much of its area they reach, at most all of it."""
    from scipy.ndimage import map_coordinates  # takes a moment to load

    landed, area = splat(way)
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    source = np.stack([rows - landed[..., 1], columns - landed[..., 0]])
    planes = np.moveaxis(picture.astype(np.float64), -1, 0)
    channels = [map_coordinates(plane, source, order=3, mode="nearest") for plane in planes]
    return np.stack(channels, axis=-1), np.minimum(area, 1.0)


def _filled(frame: np.ndarray, reached: np.ndarray) -> np.ndarray:
    """`frame` with the nearest reached pixel wherever one was not."""
    if reached.all():
        return frame
    from scipy.ndimage import distance_transform_edt

    rows, columns = distance_transform_edt(~reached, return_distances=False, return_indices=True)
    return frame[rows, columns]
