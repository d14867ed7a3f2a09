"""Pictures as inputs, and as a coarse video that an edit makes real (section 5, "Dreamix for Single Images")."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from onereel import ingest
from onereel.base.errors import MethodError
from onereel.ingest.series import contents
from onereel.methods.base import Inputs
from onereel.methods.dreamix.camera import Path as CameraPath
from onereel.methods.dreamix.camera import moved
from onereel.video.clip import Frames

PICTURE, IMAGES, VIDEO = "picture", "images", "video"


def pictures_of(inputs: Inputs) -> list[Frames]:
    """The pictures of a run, (1, H, W, 3) uint8 each, of any sizes: the first frame of its picture, those of its folder
    by name, or all frames of its video.

    Raises: MethodError for a folder without pictures; ClipError for files that cannot be read.
    """
    if (shown := inputs.shown(PICTURE)) is not None:
        return [shown.frames[:1]]
    if (shown := inputs.shown(VIDEO)) is not None:
        return [shown.frames[index : index + 1] for index in range(shown.size[0])]
    return [ingest.load(path, allow_single=True).frames[:1] for path in pictures_in(inputs.files[IMAGES])]


def pictures_in(folder: Path) -> tuple[Path, ...]:
    """The pictures of a folder, by name.

    Raises: MethodError if there is none.
    """
    found = contents(folder)
    if not found.pictures:
        told = "has videos, and no pictures" if found.videos else "has no pictures"
        raise MethodError(f"dreamix, folder '{folder}'", told, "name a folder of PNG or JPEG files")
    return found.pictures


def coarse_video(pictures: Sequence[Tensor], path: CameraPath, *, dissolve: bool) -> Tensor:
    """A coarse video of pictures: every frame shows the picture whose turn it is, moved along the path.

    Args:
        pictures: (3, 1, H, W) each, of one size.
        path: a transform for each of T frames, see `onereel.methods.dreamix.camera`.
        dissolve: mix neighbours, so that the first frame is the first picture and the last the last; else each is shown
            for its share of the time.

    Returns: (3, T, H, W).
    """
    count = len(path)
    place = np.linspace(0, len(pictures) - 1, count) if dissolve else (np.arange(count) * len(pictures)) // count
    frames = []
    for number, transform in zip(place, path, strict=True):
        before, share = int(number), float(number - int(number))
        shown = pictures[before][:, 0]
        if share:
            shown = (1 - share) * shown + share * pictures[before + 1][:, 0]
        frames.append(moved(shown, transform))
    return torch.stack(frames, 1)
