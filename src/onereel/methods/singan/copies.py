"""A naive edit, for `compose`: boxes of a clip copied to other places of it, with the hard borders that this makes."""

from pathlib import Path

import numpy as np

from onereel.base.errors import MethodError
from onereel.base.parsing import whole_number
from onereel.video.boxes import Box, read_boxes
from onereel.video.clip import Clip

TARGET = ("to_top", "to_left")
"""Where a box's upper left corner goes, in px; columns besides those of `onereel.video.boxes`."""


def pasted(clip: Clip, path: Path) -> tuple[Clip, np.ndarray]:
    """The clip with every box of a table copied, in order, within each frame.

    Args:
        clip: what is copied from, as it was.
        path: the table.

    Returns: the edited clip, and (T, H, W) bool, True for what was pasted.
    Raises: MethodError for a table that is not one, or a box that would leave the picture.
    """
    frames, changed = clip.frames.copy(), np.zeros(clip.size, bool)
    for box in read_boxes(path, clip.size, required=TARGET):
        target = _target(box, clip.size)
        frames[target] = clip.frames[box.where]
        changed[target] = True
    if not changed.any():
        raise MethodError(f"'{path}'", "copies nothing", "add a row")
    return Clip(frames, clip.fps), changed


def _target(box: Box, size: tuple[int, int, int]) -> tuple[slice, slice, slice]:
    when, rows, columns = box.where
    top, left = (whole_number(box.more[name]) for name in TARGET)
    if top is None or left is None:
        raise MethodError(box.row, "does not say where the box goes", "write to_top, to_left: e.g. 40, 100")
    bottom, right = top + rows.stop - rows.start, left + columns.stop - columns.start
    if top < 0 or left < 0 or bottom > size[1] or right > size[2]:
        problem = f"its copy would reach from {top}, {left} to {bottom}, {right} (rows, columns)"
        raise MethodError(box.row, problem, f"keep it within the clip's {size[1]} rows and {size[2]} columns")
    return when, slice(top, bottom), slice(left, right)
