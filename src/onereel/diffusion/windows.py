"""Videos that are longer or wider than a network was trained for: it sees overlapping windows, step by step.

All windows are denoised together, and where they overlap what they say is averaged in every step (Bar-Tal et al. 2023,
"MultiDiffusion", Eq. 5), so that they end as one video and not as several with seams. Weights fall linearly to a
window's border and are divided by their sum, or seams would be over-exposed.

Windows that share few pixels still drift apart in colour. What two windows say of the pixels that both see differs by a
constant in each channel; constants that bring all windows together are subtracted. Every prediction type is affine in
the clean sample, so that is the same as shifting their colours.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import TypeAlias

import torch
from torch import Tensor

Slice: TypeAlias = "slice[int, int, None]"
Over: TypeAlias = Callable[..., Tensor]
"""``over(run, *videos)``: what `run` says of videos (B, C, T, H, W) of one size, whole or in windows."""
Region: TypeAlias = tuple[Slice, ...]


def whole(run: Callable[..., Tensor], *videos: Tensor) -> Tensor:
    """An `Over` without windows."""
    return run(*videos)


@dataclass(frozen=True)
class Windows:
    """An `Over` of windows.

    Attributes:
        size: (T, H, W), the most that is seen at once.
        overlap: share of a window's length that the next one sees, too, at least, in (0, 1).
        step: (T, H, W), windows begin at multiples of it; `size`, and the videos, are multiples, too.
        match_colours: whether constants are subtracted, see above.
    """

    size: tuple[int, int, int]
    overlap: float = 0.25
    step: tuple[int, int, int] = (1, 1, 1)
    match_colours: bool = True

    def __call__(self, run: Callable[..., Tensor], *videos: Tensor) -> Tensor:
        """What `run` says of all windows, as one video; of a video that is no larger than a window, `run` itself."""
        size = videos[0].shape[2:]
        regions = self.regions((size[0], size[1], size[2]))
        if len(regions) == 1:
            return run(*videos)
        said = [run(*(video[:, :, *region] for video in videos)) for region in regions]
        if self.match_colours:
            offsets = _offsets(said, regions)
            said = [each + offset.to(each) for each, offset in zip(said, offsets, strict=True)]
        total = said[0].new_zeros((*said[0].shape[:2], *size))
        weights = said[0].new_zeros(size)
        for each, region in zip(said, regions, strict=True):
            weight = self._weight(region, size).to(each)
            total[:, :, *region] += weight * each
            weights[region] += weight
        return total / weights

    def regions(self, size: tuple[int, int, int]) -> list[Region]:
        """The windows of a video of this size, (T, H, W) each."""
        axes = [
            [slice(start, start + min(window, length)) for start in _starts(length, window, self.overlap, step)]
            for length, window, step in zip(size, self.size, self.step, strict=True)
        ]
        return list(product(*axes))

    def _weight(self, region: Region, size: Sequence[int]) -> Tensor:
        """(T, H, W) of a window: rising from every border that is not the video's."""
        weight = torch.ones(())
        for axis, (part, length, window) in enumerate(zip(region, size, self.size, strict=True)):
            count = part.stop - part.start
            rise = max(1.0, self.overlap * window)
            place = torch.arange(count) + 0.5
            left = place / rise if part.start > 0 else torch.ones(count)
            right = (count - place) / rise if part.stop < length else torch.ones(count)
            column = [-1 if other == axis else 1 for other in range(3)]
            weight = weight * torch.minimum(left, right).clamp(max=1).reshape(column)
        return weight


def _starts(length: int, window: int, overlap: float, step: int) -> list[int]:
    """Where windows begin, evenly spread; the last one ends with the video."""
    if length <= window:
        return [0]
    shared = min(window - step, math.ceil(overlap * window / step) * step)
    count = 1 + math.ceil((length - window) / (window - shared))
    return [round(index * (length - window) / (count - 1) / step) * step for index in range(count)]


def _offsets(said: Sequence[Tensor], regions: Sequence[Region]) -> list[Tensor]:
    """(B, C, 1, 1, 1) for each window: constants of mean zero after which windows differ least where they overlap, each
    pair weighed by how much they share (a least-squares problem on the graph of windows)."""
    count = len(said)
    laplacian = torch.zeros(count, count, dtype=torch.float64)
    pull = torch.zeros(count, *said[0].shape[:2], dtype=torch.float64)
    for one, other in combinations(range(count), 2):
        shared = [
            slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(regions[one], regions[other], strict=True)
        ]
        if any(part.start >= part.stop for part in shared):
            continue
        size = float(math.prod(part.stop - part.start for part in shared))
        apart = (_part(said[one], regions[one], shared) - _part(said[other], regions[other], shared)).double()
        difference = apart.mean((2, 3, 4)).cpu() * size
        laplacian[one, one] += size
        laplacian[other, other] += size
        laplacian[one, other] -= size
        laplacian[other, one] -= size
        pull[one] -= difference
        pull[other] += difference
    found = torch.linalg.pinv(laplacian, hermitian=True) @ pull.flatten(1)
    return [each.view(*said[0].shape[:2], 1, 1, 1) for each in found]


def _part(said: Tensor, region: Region, shared: Sequence[Slice]) -> Tensor:
    """What a window says of a region of the video that lies in it."""
    inside = [
        slice(part.start - place.start, part.stop - place.start) for part, place in zip(shared, region, strict=True)
    ]
    return said[:, :, *inside]
