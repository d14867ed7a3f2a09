"""What to inpaint: a mask clip or boxes per frame, and the colours that a person put into the hole as a cue."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt

from onereel.base.errors import MethodError
from onereel.methods.base import Inputs
from onereel.video.boxes import Box, read_boxes
from onereel.video.clip import Clip, Frames

_HALF = 127.5  # a mask's white and black may have been through a lossy codec


@dataclass(frozen=True)
class Hole:
    """What is missing.

    Attributes:
        free: (T, H, W) bool, True where the clip is to be filled in.
        frames: (T, H, W, 3) uint8, the clip with the cues painted into the hole.
    """

    free: np.ndarray
    frames: Frames

    def outlined(self) -> Frames:
        """`frames` with a white line along the inside of the hole, for people to see."""
        inside = np.ones((1, 3, 3), bool)
        frames = self.frames.copy()
        frames[self.free & ~binary_erosion(self.free, inside, border_value=1)] = 255
        return frames

    def width(self) -> float:
        """Diameter in px of the largest disc that fits into the hole in any frame; a box has its shorter side."""
        padded = np.pad(self.free, ((0, 0), (1, 1), (1, 1)), mode="edge")
        return 2 * max(float(distance_transform_edt(frame).max()) for frame in padded)


def read_hole(inputs: Inputs, cue: tuple[int, int, int] | None) -> Hole:
    """The hole that the inputs describe: role ``mask`` (white is missing) or ``boxes`` (a table).

    Args:
        inputs: the clip; its mask as a clip or file (video, picture or folder of pictures), of the clip's size and of
            one frame or as many; or boxes as a table (`onereel.video.boxes`), whose column ``colour``, ``#rrggbb``, a
            box's cue, may be left out.
        cue: RGB for everything missing that has no colour of its own; None leaves what the clip shows there.

    One of them is given (`onereel.methods.check_inputs`).

    Raises: MethodError in one line for anything that does not fit.
    """
    free, frames = np.zeros(inputs.clip.size, bool), inputs.clip.frames.copy()
    if (mask := inputs.shown("mask")) is not None:
        free |= _missing(mask, inputs.clip)
        if cue is not None:
            frames[free] = cue
    else:
        for box, colour in _read_boxes(inputs):
            free[box.where] = True
            if colour or cue:
                frames[box.where] = colour or cue
    if not free.any() or free.all():
        raise MethodError(
            "vgpnn, task 'inpaint'",
            "nothing is missing" if not free.any() else "everything is missing",
            "mark with white (or a box) what is to be filled in, and only that",
        )
    return Hole(free, frames)


def _missing(mask: Clip, clip: Clip) -> np.ndarray:
    frames, height, width = clip.size
    if mask.size not in ((frames, height, width), (1, height, width)):
        raise MethodError(
            "vgpnn, input 'mask'",
            f"is {'x'.join(map(str, mask.size))}, the clip {'x'.join(map(str, clip.size))}",
            "make a mask of the clip's size, with one frame or as many",
        )
    return mask.frames.mean(axis=-1) > _HALF


def _read_boxes(inputs: Inputs) -> list[tuple[Box, tuple[int, int, int] | None]]:
    boxes = read_boxes(inputs.files["boxes"], inputs.clip.size, optional=("colour",))
    return [(box, _colour(box)) for box in boxes]


def _colour(box: Box) -> tuple[int, int, int] | None:
    text = box.more.get("colour", "")
    if not text:
        return None
    try:
        if len(text) != 7 or text[0] != "#":
            raise ValueError(text)
        red, green, blue = bytes.fromhex(text[1:])
    except ValueError:
        raise MethodError(box.row, f"'{text}' is not a colour", "write e.g. #2040a0") from None
    return red, green, blue
