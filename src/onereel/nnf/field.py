"""The answer of a nearest-neighbour search: the field, and the grids of patch positions that it lives on."""

from dataclasses import dataclass

import torch
from torch import Tensor

Size = tuple[int, int, int]
"""(T, H, W)."""


@dataclass(frozen=True)
class Field:
    """The nearest key of every query patch.

    Attributes:
        index: (Tq, Hq, Wq) int64, flat index of the key patch in the grid of valid key positions (row-major).
        distance: (Tq, Hq, Wq) float32, mean squared difference per element, never weighted.
        key_size: (Tk, Hk, Wk), the grid of valid key positions.
    """

    index: Tensor
    distance: Tensor
    key_size: Size

    @property
    def query_size(self) -> Size:
        """(Tq, Hq, Wq), the grid of valid query positions."""
        frames, height, width = self.index.shape
        return frames, height, width

    def positions(self) -> Tensor:
        """(Tq, Hq, Wq, 3) int64: the first voxel (t, h, w) of every query's key patch."""
        return unravel(self.index, self.key_size)

    def offsets(self) -> Tensor:
        """(Tq, Hq, Wq, 3) int64: key position minus query position."""
        return self.positions() - grid_positions(self.query_size, self.index.device)

    def resized(self, query_size: Size, key_size: Size) -> "Field":
        """The field of a finer or coarser level, as a start for a search there; its distances are not known (inf).

        Each new query takes the displacement of the old query at the same relative place, scaled to the new key grid.
        """
        device = self.index.device
        place = [_nearest(new, old, device) for new, old in zip(query_size, self.query_size, strict=True)]
        old_queries = torch.stack(torch.meshgrid(*place, indexing="ij"), dim=-1)  # (Tq, Hq, Wq, 3)
        offsets = self.offsets()[tuple(old_queries.unbind(-1))].double()
        ratio = [_ratio(new, old) for new, old in zip(key_size, self.key_size, strict=True)]
        offsets = (offsets * torch.tensor(ratio, dtype=torch.float64, device=device)).round().long()
        index = ravel(offsets + grid_positions(query_size, device), key_size)
        return Field(index, torch.full(query_size, torch.inf, device=device), key_size)


def grid_size(size: Size, patch: Size) -> Size:
    """How many positions a patch has in a video of that size, per axis.

    Raises: ValueError if the patch does not fit.
    """
    if min(patch) < 1 or any(length < extent for length, extent in zip(size, patch, strict=True)):
        raise ValueError(
            f"a patch of {_times(patch)} does not fit into a video of {_times(size)} (frames, height, width)"
        )
    frames, height, width = (length - extent + 1 for length, extent in zip(size, patch, strict=True))
    return frames, height, width


def grid_positions(size: Size, device: torch.device | str = "cpu") -> Tensor:
    """(T, H, W, 3) int64: every position (t, h, w) of a grid."""
    axes = [torch.arange(length, device=device) for length in size]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def unravel(index: Tensor, size: Size) -> Tensor:
    """Flat row-major indices (...) of a grid as positions (..., 3)."""
    _, height, width = size
    return torch.stack((index // (height * width), index // width % height, index % width), dim=-1)


def ravel(positions: Tensor, size: Size) -> Tensor:
    """Positions (..., 3), clamped to the grid, as flat row-major indices (...)."""
    t, h, w = (positions[..., axis].clamp(0, length - 1) for axis, length in enumerate(size))
    return (t * size[1] + h) * size[2] + w


def _nearest(new: int, old: int, device: torch.device) -> Tensor:
    centre = (torch.arange(new, dtype=torch.float64, device=device) + 0.5) * old / new
    return centre.floor().long().clamp(0, old - 1)


def _ratio(new: int, old: int) -> float:
    # Distances between the first and the last position scale; a grid of one position has none.
    return (new - 1) / (old - 1) if old > 1 else 1.0


def _times(size: Size) -> str:
    return "x".join(str(length) for length in size)
