"""Samples that somebody else's code made: which files and folders are videos."""

import glob
from collections import Counter
from pathlib import Path

from onereel.errors import ClipError
from onereel.ingest.series import natural_key
from onereel.ingest.structure import is_apng

VIDEO_SUFFIXES = (
    ".mkv", ".avi", ".mov", ".mp4", ".m4v", ".webm", ".gif", ".apng", ".webp", ".mpg", ".mpeg", ".ts", ".flv", ".ogv",
    ".wmv", ".y4m",
)  # fmt: skip


def discover(pattern: str | Path) -> dict[str, str]:
    """The videos that `pattern` means, by sample name, in natural order (9 before 10).

    Args:
        pattern: one video file; a folder of videos; a folder of numbered pictures (one sample); a folder of such
            folders; or a glob over files or folders of those kinds.

    A sample is named after its file (without suffix) or its folder; where two would have the same name, after as much
    of their paths as differs. Hidden files and files that are no videos are left out, and so is an mp4 beside an mkv
    of the same name: it is a preview.

    Raises: ClipError if there is none.
    """
    text = str(pattern)
    path = Path(text)
    if path.is_file():
        found = [path]
    elif path.is_dir():
        found = _in_folder(path)
    elif glob.has_magic(text):
        found = [p for p in map(Path, _glob(text)) if _is_sample(p)]
    else:
        raise ClipError(f"samples '{text}'", "there is no such file or folder", "check the path")
    found = sorted(_without_previews(found), key=lambda p: tuple(map(natural_key, p.parts)))
    if not found:
        remedy = "give a video, a folder of videos, a folder of folders of numbered pictures, or a glob of them"
        raise ClipError(f"samples '{text}'", "no video there", remedy)
    return dict(zip(_names(found), map(str, found), strict=True))


def _glob(pattern: str) -> list[str]:
    return glob.glob(pattern, recursive=True)  # noqa: PTH207 (Path.glob takes no absolute pattern)


def _in_folder(folder: Path) -> list[Path]:
    inside = [p for p in folder.iterdir() if _is_sample(p)]
    return inside or ([folder] if bool(folder) else [])


def _is_sample(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    if path.is_dir():
        return bool(bool(path))
    return path.suffix.lower() in VIDEO_SUFFIXES or _is_animated_png(path)


def _is_animated_png(path: Path) -> bool:
    return path.suffix.lower() == ".png" and path.is_file() and is_apng(path)


def _without_previews(paths: list[Path]) -> list[Path]:
    lossless = {path.with_suffix("") for path in paths if path.suffix.lower() == ".mkv"}
    return [p for p in dict.fromkeys(paths) if p.suffix.lower() != ".mp4" or p.with_suffix("") not in lossless]


def _names(paths: list[Path]) -> list[str]:
    stems = [path.name if path.is_dir() else path.stem for path in paths]
    if max(Counter(stems).values()) == 1:
        return stems
    if len({path.parent for path in paths}) == 1:
        return [path.name for path in paths]
    shared = 0
    while len({path.parts[: shared + 1] for path in paths}) == 1:
        shared += 1
    names = ["-".join((*path.parts[shared:-1], stem)) for path, stem in zip(paths, stems, strict=True)]
    return names if max(Counter(names).values()) == 1 else ["-".join(path.parts[shared:]) for path in paths]
