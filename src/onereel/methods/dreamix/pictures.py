"""Pictures as inputs: one, a folder of them, the frames of a video."""

from __future__ import annotations

from pathlib import Path

from onereel import ingest
from onereel.base.errors import MethodError
from onereel.ingest.series import contents
from onereel.methods.base import Inputs
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
