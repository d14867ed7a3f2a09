"""Clips that are longer or larger than what a model sees: overlapping windows, one answer (not in the paper).

In every step of the denoising all windows are predicted from the same noisy latents, and where they overlap their
answers are averaged, each counting less towards its border (Bar-Tal et al. 2023, "MultiDiffusion", section 3). Before
that their colours are matched: each window's prediction is shifted, channel by channel, so that where two overlap their
means agree as well as they can for all pairs together. The noisy latents being the same, that is the same as matching
the clean pictures that the predictions mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Window:
    """A part of a clip.

    Attributes:
        frames: which.
        rows, columns: which.
    """

    frames: range
    rows: range
    columns: range

    def cut(self, values: Tensor) -> Tensor:
        """(..., T, H, W) -> (..., t, h, w); a view."""
        frames, rows, columns = (
            slice(part.start, part.stop, part.step) for part in (self.frames, self.rows, self.columns)
        )
        return values[..., frames, rows, columns]


def cover(length: int, window: int, overlap: float) -> list[range]:
    """Windows that cover `length` places, evenly spread, each two neighbours sharing at least that part of one."""
    if length <= window:
        return [range(length)]
    shared = min(max(1, round(window * overlap)), window - 1)
    count = -(-(length - shared) // (window - shared))
    starts = [round(index * (length - window) / (count - 1)) for index in range(count)]
    return [range(start, start + window) for start in starts]


def cover_apart(length: int, window: int, overlap: float, stride: int) -> list[range]:
    """The same of places `stride` apart: for each of the first `stride` places, those that follow it so."""
    found = []
    for first in range(min(stride, length)):
        places = range(first, length, stride)
        for part in cover(len(places), window, overlap):
            found.append(range(places[part.start], places[part.stop - 1] + 1, stride))
    return found


def windows_of(size: Sequence[int], window: Sequence[int], overlap: float, stride: int = 1) -> list[Window]:
    """Windows that cover a clip.

    Args:
        size: (T, H, W).
        window: the same of a window, at most.
        overlap: least share of a window that its neighbour sees, too, along each axis.
        stride: frames of the clip from one of a window to the next.
    """
    frames = cover_apart(size[0], window[0], overlap, stride)
    rows, columns = (cover(size[axis], window[axis], overlap) for axis in (1, 2))
    return [Window(each, row, column) for each in frames for row in rows for column in columns]


def blended(parts: Sequence[Tensor], windows: Sequence[Window], like: Tensor, *, match: bool) -> Tensor:
    """One answer of many.

    Args:
        parts: (C, t, h, w) for each window.
        windows: together they cover everything.
        like: (1, C, T, H, W), of the result's shape.
        match: whether to shift the parts so that their means agree where they overlap.

    Returns: (1, C, T, H, W).
    """
    shifts = matching_shifts(parts, windows, like.shape[2:]) if match and len(windows) > 1 else None
    total, weight = torch.zeros_like(like[0]), torch.zeros_like(like[0, :1])
    for index, (part, window) in enumerate(zip(parts, windows, strict=True)):
        own = _taper(part)
        moved = part if shifts is None else part + shifts[index].view(-1, 1, 1, 1)
        window.cut(total).add_(moved * own)
        window.cut(weight).add_(own)
    return (total / weight)[None]


def matching_shifts(parts: Sequence[Tensor], windows: Sequence[Window], size: Sequence[int]) -> Tensor:
    """What to add to each part, (W, C), so that where windows overlap the parts' means agree: least squares over all
    pairs of windows, weighted by how many places they share, and no shift on average."""
    count, channels = len(parts), parts[0].shape[0]
    system = torch.zeros(count, count, dtype=torch.float64)
    wanted = torch.zeros(count, channels, dtype=torch.float64)
    for one in range(count):
        for other in range(one + 1, count):
            shared = _shared(windows[one], windows[other])
            if shared is None:
                continue
            mine, theirs = (_own_places(shared, windows[at]).cut(parts[at]) for at in (one, other))
            places = mine[0].numel()
            gap = (theirs - mine).double().mean((1, 2, 3)).cpu() * places
            system[one, one] += places
            system[other, other] += places
            system[one, other] -= places
            system[other, one] -= places
            wanted[one] += gap
            wanted[other] -= gap
    # The system says nothing of a shift of all windows together: the least solution has none.
    return (torch.linalg.pinv(system, hermitian=True) @ wanted).to(parts[0])


def _shared(one: Window, other: Window) -> Window | None:
    """What two windows both see."""
    pairs = ((one.frames, other.frames), (one.rows, other.rows), (one.columns, other.columns))
    frames, rows, columns = (_common(*pair) for pair in pairs)
    return Window(frames, rows, columns) if frames and rows and columns else None


def _own_places(shared: Window, window: Window) -> Window:
    """A part of a window in the window's own places."""
    pairs = ((shared.frames, window.frames), (shared.rows, window.rows), (shared.columns, window.columns))
    return Window(*(_within(*pair) for pair in pairs))


def _common(one: range, other: range) -> range:
    """Places in both, which are as far apart in one as in the other; empty if they never meet."""
    places = [place for place in one if place in other]
    return range(places[0], places[-1] + 1, one.step) if places else range(0)


def _within(shared: range, whole: range) -> range:
    """Places of the clip as places of a window."""
    start = whole.index(shared[0])
    return range(start, start + len(shared))


def _taper(part: Tensor) -> Tensor:
    """Weights (1, t, h, w) that fall evenly from the middle to the borders, where they are above zero."""
    axes = []
    for length in part.shape[1:]:
        places = torch.arange(length, dtype=part.dtype, device=part.device)
        axes.append(torch.minimum(places + 1, length - places))
    return (axes[0][:, None, None] * axes[1][:, None] * axes[2])[None]
