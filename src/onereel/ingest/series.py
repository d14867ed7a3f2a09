"""What lies in a folder: pictures, videos, folders; and which of the pictures are the frames of one video.

The one place that says so, for a folder that becomes a clip and for folders of samples.
"""

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

from PIL import Image

from onereel.base.errors import ClipError
from onereel.ingest.structure import is_apng

VIDEO_SUFFIXES = (
    ".mkv", ".avi", ".mov", ".qt", ".mp4", ".m4v", ".3gp", ".3g2", ".mj2", ".webm", ".gif", ".apng", ".avifs", ".mpg",
    ".mpeg", ".mpe", ".m2v", ".vob", ".ts", ".mts", ".m2ts", ".flv", ".ogv", ".ogg", ".wmv", ".asf", ".mxf", ".nut",
    ".ivf", ".y4m", ".h264", ".264", ".hevc", ".h265", ".265", ".vvc", ".h266", ".266", ".obu", ".mjpeg", ".mjpg",
    ".dv", ".gxf", ".rm", ".rmvb", ".wtv",
)  # fmt: skip
_STILL_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".pnm", ".ppm", ".pgm",
    ".pbm",
)  # fmt: skip
_EITHER_SUFFIXES = (".png", ".webp", ".avif", ".tif", ".tiff")
"""One picture, or many: the file says which."""

_UNREAD_SUFFIXES = (
    ".heic", ".heif", ".jxl", ".exr", ".hdr", ".dpx", ".tga", ".psd", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".pfm",
    ".svg",
)  # fmt: skip
_ANIMATED = ("WEBP", "AVIF", "TIFF")
_JUNK = ("__macosx", "@eadir")

_NUMBER = re.compile(
    r"((?:(?<![^\W_])-)?"  # a minus is a sign unless a letter or digit stands before it
    r"(?:(?<!\d)(?<!\d\.)\d+\.\d+(?!\d|\.\d)|\d+))"  # 0.25 is one number, 2026.11.28 are three
)
_WHOLE = re.compile(r"(\d+)")

Key: TypeAlias = tuple[tuple[int, int | Fraction | str], ...]


@dataclass(frozen=True)
class Contents:
    """What lies in a folder, each in natural order; hidden files and what systems leave behind are no part of it.

    Attributes:
        pictures: files of one picture.
        videos: files of more than one, and all whose suffix says so, whether or not they can be decoded.
        folders: folders.
        unread: pictures of formats that are not read here.
    """

    pictures: tuple[Path, ...]
    videos: tuple[Path, ...]
    folders: tuple[Path, ...]
    unread: tuple[Path, ...]


def contents(folder: Path) -> Contents:
    """List a folder.

    Raises: OSError if it cannot be listed.
    """
    paths = [p for p in folder.iterdir() if not p.name.startswith(".") and p.name.lower() not in _JUNK]
    paths.sort(key=lambda path: (natural_key(path.stem), path.name))
    folders = [path for path in paths if path.is_dir()]
    files = [path for path in paths if not path.is_dir()]
    animated = {path: is_animated(path) for path in files if path.suffix.lower() in _EITHER_SUFFIXES}
    # A damaged file counts as what the others of its kind are, and is named when it is read.
    moving = {path.suffix.lower() for path, found in animated.items() if found}
    moves = {path for path, found in animated.items() if found or (found is None and path.suffix.lower() in moving)}
    return Contents(
        pictures=tuple(p for p in files if p.suffix.lower() in _STILL_SUFFIXES + _EITHER_SUFFIXES and p not in moves),
        videos=tuple(p for p in files if p.suffix.lower() in VIDEO_SUFFIXES or p in moves),
        folders=tuple(folders),
        unread=tuple(p for p in files if p.suffix.lower() in _UNREAD_SUFFIXES),
    )


def is_picture_name(path: Path) -> bool:
    """Whether the suffix is one of pictures, read here or not."""
    return path.suffix.lower() in _STILL_SUFFIXES + _EITHER_SUFFIXES + _UNREAD_SUFFIXES


def is_video(path: Path) -> bool:
    """Whether a file is a video by its suffix or, where that may mean a picture too, by its header."""
    suffix = path.suffix.lower()
    return suffix in VIDEO_SUFFIXES or (suffix in _EITHER_SUFFIXES and bool(is_animated(path)))


def is_animated(path: Path) -> bool | None:
    """Whether a picture file holds several pictures; None if its header cannot be read."""
    try:
        if is_apng(path):
            return True
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            return image.format in _ANIMATED and getattr(image, "is_animated", False)
    except Exception:  # Pillow's plugins raise nearly everything on damaged headers
        return None


def frames_of(folder: Path, where: str) -> tuple[list[Path], list[Path]]:
    """The pictures of a folder that are the frames of one video, in the order of their numbers; and those that are not.

    A series is pictures whose names differ in a number alone; gaps do not matter. A picture whose name is not of the
    series, such as a mask, is no frame.

    Raises: ClipError if there is none, if there are several series, or a video beside them, so that nobody can tell
        which is meant; or if two pictures have the same number.
    """
    try:
        found = contents(folder)
    except OSError as error:
        raise ClipError(where, f"cannot be listed ({error.strerror})", "check its permissions") from error
    if not found.pictures:
        raise _no_pictures(found, where)
    series, strays = split_series(found.pictures)
    if found.videos and series:
        raise frames_and_videos(series[0], found.videos, where)
    if len(series) > 1:
        groups = said_series(series)
        raise ClipError(where, f"holds several series of pictures: {groups}", "give each a folder of its own")
    if not series:
        what = f"holds pictures whose names do not number them: {said(strays)}"
        raise ClipError(where, what, "number the frames (0.png, 1.png), and keep nothing else beside them")
    _check_numbers(series[0], where)
    return series[0], strays


def frames_and_videos(frames: Sequence[Path], videos: Sequence[Path], where: str) -> ClipError:
    """The error for a folder that holds both, so that nobody can tell which is meant."""
    what = f"holds both pictures ({said(frames)}) and videos ({said(videos)}), which may be the same"
    named = f"name the video: '{videos[0]}'"
    if len(videos) > 1:
        named = f"name the videos with a glob: '{videos[0].parent}/*{videos[0].suffix}'"
    return ClipError(where, what, f"{named}, or move them elsewhere to use the pictures")


def split_series(pictures: Sequence[Path]) -> tuple[list[list[Path]], list[Path]]:
    """Series of pictures, each in the order of its numbers; and the pictures that belong to none.

    A picture that is alone is a series, whatever its name.
    """
    if len(pictures) == 1:
        return [list(pictures)], []
    alike: dict[tuple[str | None, ...], list[Path]] = {}
    for path in pictures:
        alike.setdefault(_template(path.stem), []).append(path)
    numbered = [group for template, group in alike.items() if None in template and len(group) > 1]
    series = [part for group in numbered for part in _parts(group)]
    frames = {path for group in numbered for path in group}
    return series, [path for path in pictures if path not in frames]


def has_number(path: Path) -> bool:
    """Whether a picture's name holds a number."""
    return None in _template(path.stem)


def natural_key(name: str, *, decimals: bool = True) -> Key:
    """Sort key under which frame 9 comes before frame 10, -1 before 0 and 0.25 before 0.5.

    Args:
        name: a name.
        decimals: whether 0.25 is one number; else it is two, and there are no signs.
    """
    parts = (_NUMBER if decimals else _WHOLE).split(name)
    # Every second part is a number.
    keys = [(0, _value(part)) if index % 2 else (1, part.casefold()) for index, part in enumerate(parts) if part]
    return tuple(keys)


def said(paths: Iterable[Path]) -> str:
    """File names for a message, the first three of them."""
    return first(f"'{path.name}'" for path in paths)


def said_series(series: Iterable[Sequence[Path]]) -> str:
    """Series for a message, the first three of them."""
    return first(f"'{group[0].name}' and {len(group) - 1} more" for group in series)


def first(words: Iterable[str], most: int = 3) -> str:
    """The first few words for a message, and how many others there are."""
    every = list(words)
    rest = len(every) - most
    return ", ".join(every[:most]) + (f" and {rest} other{'s' if rest > 1 else ''}" if rest > 0 else "")


def _value(text: str) -> int | Fraction:
    return Fraction(text) if "." in text else int(text)


def _template(stem: str) -> tuple[str | None, ...]:
    """A name with None in the place of each number."""
    return tuple(None if index % 2 else part.casefold() for index, part in enumerate(_NUMBER.split(stem)))


def _parts(group: list[Path]) -> list[list[Path]]:
    """The series that pictures of one template are: several, where no number of theirs tells all pictures apart."""
    columns = list(zip(*([value for kind, value in natural_key(p.stem) if kind == 0] for p in group), strict=True))
    varying = [column for column in columns if len(set(column)) > 1]
    if len(varying) < 2 or any(len(set(column)) == len(group) for column in varying):
        return [_ordered(group)]
    parts: dict[tuple[int | Fraction | str, ...], list[Path]] = {}
    for path, numbers in zip(group, zip(*varying, strict=True), strict=True):
        parts.setdefault(numbers[:-1], []).append(path)
    return [_ordered(part) for part in parts.values()]


def _ordered(group: list[Path]) -> list[Path]:
    keys = {natural_key(path.stem) for path in group}
    # shot_010.1 and shot_010.10 are frames 1 and 10 of a shot, not the same fraction.
    decimals = len(keys) == len(group)
    return sorted(group, key=lambda path: (natural_key(path.stem, decimals=decimals), path.name))


def _check_numbers(frames: Sequence[Path], where: str) -> None:
    for one, two in pairwise(frames):
        if natural_key(one.stem, decimals=False) == natural_key(two.stem, decimals=False):
            what = f"'{one.name}' and '{two.name}' have the same number"
            raise ClipError(where, what, "remove one of them")


def _no_pictures(found: Contents, where: str) -> ClipError:
    if found.unread:
        what = f"holds pictures that are not read here ({said(found.unread)})"
        return ClipError(where, what, "convert them to PNG")
    remedy = "give a folder of numbered pictures"
    if found.videos:
        remedy = f"name a video in it, e.g. '{found.videos[0].name}'"
    elif found.folders:
        remedy = f"name one of the folders in it, e.g. '{found.folders[0].name}'"
    return ClipError(where, "is a folder without pictures", remedy)
