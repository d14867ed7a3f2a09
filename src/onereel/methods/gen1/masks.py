"""Where an edit may change a clip. What a mask's white means is said by the name of the input: `keep` or `edit`."""

import logging

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_max_pool3d

from onereel.base.errors import MethodError
from onereel.methods.base import Inputs
from onereel.video.clip import Clip, Frames

log = logging.getLogger(__name__)
KEEP, EDIT = "keep", "edit"
_HALF = 127.5  # a mask's white and black may have been through a lossy codec
_DIMMED = 0.35  # of the brightness of what may change, where it is shown
_TINT = np.array([255, 0, 255]) * 0.4


def read_kept(inputs: Inputs, method: str = "gen1") -> np.ndarray:
    """What stays as it is: white of the input `keep`, black of the input `edit`.

    Args:
        inputs: with one of them.
        method: as errors name it.

    Returns: (T, H, W) bool.
    Raises: MethodError if the mask is not of the clip's size, or keeps everything; ClipError if it cannot be read.
    """
    role = KEEP if KEEP in (*inputs.clips, *inputs.files) else EDIT
    mask = inputs.shown(role)
    assert mask is not None  # `check_inputs` has seen to it
    frames, height, width = inputs.clip.size
    where = f"{method}, input '{role}'"
    if mask.size not in ((frames, height, width), (1, height, width)):
        sizes = ["x".join(map(str, size)) for size in (mask.size, inputs.clip.size)]
        remedy = "make a mask of the clip's size, with one frame or as many"
        raise MethodError(where, f"is {sizes[0]}, the clip {sizes[1]}", remedy)
    white = np.broadcast_to(mask.frames.mean(axis=-1) > _HALF, (frames, height, width))
    kept = white if role == KEEP else ~white
    if kept.all():
        meant = "is to stay" if role == KEEP else "is to change"
        problem = f"is all {'white' if role == KEEP else 'black'}: nothing is to change"
        raise MethodError(where, problem, f"paint white what {meant}, and only that")
    if not kept.any():
        log.warning("%s keeps nothing: all of the clip is redrawn", where)
    return kept


def kept_latents(kept: np.ndarray, size: tuple[int, ...]) -> Tensor:
    """Places (1, 1, T, h, w) bool of latents all of whose pixels stay: what is at the border is made anew, or the model
    could not join what it makes to what is there."""
    free = adaptive_max_pool3d(torch.from_numpy(~kept)[None].float(), size)
    return (free == 0)[None]


def shown(clip: Clip, kept: np.ndarray) -> Clip:
    """The clip with what may change dark and purple, for people to see which side of the mask is which."""
    dimmed: Frames = (clip.frames * _DIMMED + _TINT).astype(np.uint8)
    return Clip(np.where(kept[..., None], clip.frames, dimmed), clip.fps)
