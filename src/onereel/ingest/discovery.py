"""Samples that somebody's code made: which files and folders are videos. The one description of what is a sample.

Whatever is ambiguous is refused in a line that says what to name; whatever looks like a picture or a video and is no
sample is listed as left out.
"""

import glob
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from onereel.base.errors import ClipError, ConfigError
from onereel.base.run_record import NAME as RECORD
from onereel.base.run_record import RunRecord, own_request
from onereel.ingest.series import (
    Contents,
    contents,
    first,
    frames_and_videos,
    frames_of,
    has_number,
    is_picture_name,
    is_video,
    natural_key,
    said,
    split_series,
)

_LOSSLESS = (".mkv", ".png", ".apng", ".y4m", ".bmp", ".dib", ".tif", ".tiff", ".ppm", ".pgm", ".pnm")
_HELPERS = (
    "thumb", "thumbs", "thumbnail", "thumbnails", "preview", "previews", "poster", "posters", "mask", "masks",
)  # fmt: skip
_FRAMES = ("frame", "frames", "image", "images", "img", "imgs", "picture", "pictures", "png", "pngs", "jpg", "jpgs")
_REMEDY = "give a video, a folder of videos, a folder of folders of numbered pictures, or a glob of them"


@dataclass(frozen=True)
class Found:
    """Samples, and what lies beside them.

    Attributes:
        samples: sources by sample name, in natural order (9 before 10).
        left_out: what looks like a picture or a video and is no sample: "name (why)".
    """

    samples: dict[str, str]
    left_out: tuple[str, ...] = ()

    def summary(self) -> str:
        """How many samples there are, which, and what was left out, in one line."""
        names = f"{len(self.samples)} sample{'s' if len(self.samples) > 1 else ''}: {first(self.samples, 6)}"
        return f"{names}; left out: {first(self.left_out, 6)}" if self.left_out else names


@dataclass
class _Sorted:
    """Paths on their way to `Found`."""

    samples: list[Path] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def leave(self, paths: Iterable[Path], why: str, shown: Callable[[Path], str] = lambda path: path.name) -> None:
        self.left_out += [f"{shown(path)}{'/' if path.is_dir() else ''} ({why})" for path in paths]


def discover(pattern: str | Path) -> dict[str, str]:
    """The samples of `find_samples` alone."""
    return find_samples(pattern).samples


def find_samples(pattern: str | Path) -> Found:
    """The videos that `pattern` means, by sample name, in natural order (9 before 10).

    Args:
        pattern: one video file; a folder of videos; a folder of numbered pictures (one sample); a folder of such
            folders; or a glob over files or folders of those kinds.

    - A folder in which `onereel generate` drew has a record of its run: its samples are the run's, no other file.
    - Of a sample in several formats the lossless one is taken: an mp4 beside an mkv of the same name is a preview.
    - Frames are pictures whose names differ in a number alone (`onereel.ingest.series`). Single pictures beside
      samples, pictures named as the videos beside them, and folders of previews or masks are no samples.
    - Two names of one file are one sample. Hidden files are left out.

    A sample is named after its file (without suffix) or its folder; where two would have the same name, after as much
    of their paths as differs.

    Raises: ClipError if there is none, or if it cannot be told what is meant: frames beside a video, several series of
        frames, one sample in several lossy formats, samples of several requests in one folder.
    """
    text = str(pattern)
    path = Path(text)
    where = f"samples '{text}'"
    if path.is_file():
        found = _Sorted([path])
    elif path.is_dir():
        found = _in_folder(path, where)
    elif glob.has_magic(text):
        found = _matching(text, where)
    else:
        raise ClipError(where, "there is no such file or folder", "check the path")
    if not found.samples:
        raise ClipError(where, "no video there", _REMEDY)
    samples = sorted(found.samples, key=lambda path: tuple(map(natural_key, path.parts)))
    return Found(dict(zip(_names(samples), map(str, samples), strict=True)), tuple(found.left_out))


def _matching(pattern: str, where: str) -> _Sorted:
    """What a glob names: each path judged by itself, as the user chose it."""
    paths = sorted(set(map(Path, _glob(pattern))))
    found = _Sorted()
    folders = [path for path in paths if path.is_dir()]
    files = [path for path in paths if not path.is_dir()]
    videos = [path for path in files if is_video(path)]
    _sort_folders(folders, found, shown=str)
    found.samples = _one_of_each([*videos, *found.samples], found, where)
    pictures = [path for path in files if path not in set(videos) and is_picture_name(path)]
    if pictures and not found.samples:
        what = f"matches single pictures ({said(pictures)}), and frames are a folder of pictures"
        raise ClipError(where, what, "name the folder")
    if pictures:
        found.left_out.append(f"{len(pictures)} pictures that are no samples by themselves")
    return found


def _glob(pattern: str) -> list[str]:
    # A folder that is there is meant by its name, brackets and all.
    path = Path(pattern)
    named = next(folder for folder in path.parents if folder.is_dir())
    folders_only = "/" if pattern.endswith("/") else ""
    escaped = f"{glob.escape(str(named))}/{path.relative_to(named)}{folders_only}"
    return glob.glob(escaped, recursive=True)  # noqa: PTH207 (Path.glob takes no absolute pattern)


def _in_folder(folder: Path, where: str) -> _Sorted:
    if (folder / RECORD).is_file() and (recorded := _recorded(folder, where)) is not None:
        return recorded
    try:
        inside = contents(folder)
    except OSError as error:
        raise ClipError(where, f"cannot be listed ({error.strerror})", "check its permissions") from error
    found = _Sorted()
    _sort_folders(inside.folders, found)
    if inside.videos:
        _beside_videos(inside, found, where)
    elif inside.pictures:
        _beside_pictures(folder, inside, found, where)
    elif inside.unread and not found.samples:
        frames_of(folder, where)  # raises, naming them
    found.leave(inside.unread, "a picture that is not read here")
    if not found.samples:
        _say_where(folder, inside, where)
    found.samples = _one_of_each(found.samples, found, where)
    _check_requests(found.samples, where)
    return found


def _recorded(folder: Path, where: str) -> _Sorted | None:
    """The samples that the folder's own record names; None where a file of its name is no record of ours."""
    try:
        record = RunRecord(folder)
    except ConfigError:
        return None
    if not record.samples:
        raise ClipError(where, f"its record {RECORD} names no sample yet", "draw them with `onereel generate`")
    samples = [folder / f"{name}.mkv" for name in record.samples]
    for sample in samples:
        if not sample.is_file():
            what = f"sample '{sample.name}' of its record {RECORD} is missing"
            raise ClipError(where, what, "draw it again, or name those to measure with a glob")
    found = _Sorted(samples)
    inside = contents(folder)
    kept = {*samples, *(path for path in inside.videos if _is_preview(path))}
    found.leave([p for p in (*inside.videos, *inside.pictures) if p not in kept], f"not of the run in {RECORD}")
    return found


def _beside_videos(inside: Contents, found: _Sorted, where: str) -> None:
    """Videos are samples; pictures beside them are posters of theirs, or single ones, and never frames."""
    stems = {video.stem for video in inside.videos}
    others = [picture for picture in inside.pictures if picture.stem not in stems]
    series, _ = split_series(others) if len(others) > 1 else ([], others)
    extracted = [folder for folder in found.samples if folder.name.lower() in _FRAMES]
    if series or extracted:
        raise frames_and_videos(series[0] if series else extracted, inside.videos, where)
    found.samples += inside.videos
    found.leave(inside.pictures, "a picture beside videos")


def _beside_pictures(folder: Path, inside: Contents, found: _Sorted, where: str) -> None:
    """Pictures of one series are a sample, and so are folders of such pictures; both at once are ambiguous."""
    series, strays = split_series(inside.pictures)
    if found.samples and (not series or len(inside.pictures) == 1):
        found.leave(inside.pictures, "a picture beside samples")
        return
    frames, strays = frames_of(folder, where)
    previews = [path for path in found.samples if _is_preview_of(path, frames)]
    if rest := [path for path in found.samples if path not in previews]:
        what = f"holds numbered pictures ({said(frames)}) and folders of pictures ({said(rest)}): which is meant?"
        raise ClipError(where, what, f"name the folders with a glob: '{folder}/*/', or move them elsewhere")
    found.samples = [folder]
    found.leave(previews, "smaller pictures of the same numbers")
    found.leave(strays, "not of the frames' series")


def _sort_folders(
    folders: Iterable[Path], found: _Sorted, shown: Callable[[Path], str] = lambda path: path.name
) -> None:
    """Folders of frames are samples; folders of helpers, of videos, or of pictures without numbers are left out."""
    for folder in folders:
        try:
            inside = contents(folder)
        except OSError as error:
            raise ClipError(f"'{folder}'", f"cannot be listed ({error.strerror})", "check its permissions") from error
        series, _ = split_series(inside.pictures)
        if not (inside.pictures or inside.videos or inside.unread):
            continue
        if folder.name.lower() in _HELPERS:
            found.leave([folder], "previews or masks", shown)
        elif len(series) > 1 or (series and (len(series[0]) > 1 or has_number(series[0][0]))):
            _, strays = frames_of(folder, f"sample '{folder}'")
            found.samples.append(folder)
            found.leave(strays, "not of the frames' series", lambda path: f"{shown(path.parent)}/{path.name}")
        elif inside.videos:
            found.leave([folder], "a folder of videos", shown)
        else:
            found.leave([folder], "pictures that are not numbered, or not read here", shown)


def _is_preview_of(folder: Path, frames: list[Path]) -> bool:
    """Whether a folder's pictures are those frames made smaller: the same numbers, fewer pixels."""
    smaller = contents(folder).pictures
    numbers = {_numbers(path) for path in frames}
    if not {_numbers(path) for path in smaller} <= numbers:
        return False
    sizes = []
    for path in (smaller[0], frames[0]):
        try:
            with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
                sizes.append(image.width * image.height)
        except Exception:  # Pillow's plugins raise nearly everything on damaged headers
            return False
    return sizes[0] < sizes[1]


def _numbers(path: Path) -> tuple[object, ...]:
    return tuple(value for kind, value in natural_key(path.stem) if kind == 0)


def _one_of_each(paths: list[Path], found: _Sorted, where: str) -> list[Path]:
    """One path of each sample, where links or several formats show it more than once."""
    real: dict[str, Path] = {}
    for path in sorted(paths, key=lambda path: path.is_symlink()):
        first = real.setdefault(os.path.realpath(path), path)
        if first is not path:
            found.leave([path], f"the same as '{first.name}'")
    same: dict[Path, list[Path]] = {}
    for path in real.values():
        same.setdefault(path if path.is_dir() else path.with_suffix(""), []).append(path)
    return [_best(formats, found, where) for formats in same.values()]


def _best(formats: list[Path], found: _Sorted, where: str) -> Path:
    """Of one sample in several formats the lossless one."""
    if len(formats) == 1:
        return formats[0]
    lossless = [path for path in formats if _is_lossless(path)]
    if len(lossless) != 1:
        kind = "" if formats[0].is_dir() else formats[0].suffix
        what = f"{said(formats)} are one sample in several formats, and none is the lossless one"
        raise ClipError(where, what, f"name one format with a glob, e.g. '{formats[0].parent}/*{kind or '/'}'")
    rest = [path for path in formats if path is not lossless[0]]
    others = [path for path in rest if not _is_preview(path)]
    found.leave(others, f"'{lossless[0].name}' is the same sample without loss")
    return lossless[0]


def _is_preview(path: Path) -> bool:
    """Whether a file is the mp4 or the GIF that lies beside our lossless files, which nobody needs to be told of."""
    return path.suffix.lower() in (".mp4", ".gif") and path.with_suffix(".mkv").is_file()


def _is_lossless(path: Path) -> bool:
    files = contents(path).pictures if path.is_dir() else (path,)
    return all(file.suffix.lower() in _LOSSLESS for file in files)


def _check_requests(samples: list[Path], where: str) -> None:
    """Refuse a folder in which our own samples were asked for in several ways: old ones lie among the new."""
    asked = [(path, request) for path in samples if (request := own_request(path)) is not None]
    others = [path for path, request in asked if request != asked[0][1]]
    if not others:
        return
    request = own_request(others[0]) or {}
    ways = [key for key, value in asked[0][1].items() if request.get(key) != value]
    alike = [path for path, request in asked if request == asked[0][1]]
    what = f"{said(alike)} and {said(others)} are of different requests ({', '.join(ways)})"
    raise ClipError(where, what, "name those to measure with a glob, or keep each request in a folder of its own")


def _say_where(folder: Path, inside: Contents, where: str) -> None:
    """Raise if there are samples one level below."""
    for path in inside.folders:
        try:
            below = contents(path)
            frames = next((deeper for deeper in below.folders if contents(deeper).pictures), None)
        except OSError:
            continue
        if below.videos or frames:
            last = f"*{below.videos[0].suffix}" if below.videos else "*/"
            what = f"no video there, but in the folders below, e.g. '{path.name}'"
            raise ClipError(where, what, f"name one of them, or all with a glob: '{folder}/*/{last}'")


def _names(paths: list[Path]) -> list[str]:
    stems = [path.name if path.is_dir() else path.stem for path in paths]
    if max(Counter(stems).values()) == 1:
        return stems
    shared = 0
    while len({path.parts[: shared + 1] for path in paths}) == 1:
        shared += 1
    names = ["-".join((*path.parts[shared:-1], stem)) for path, stem in zip(paths, stems, strict=True)]
    return names if max(Counter(names).values()) == 1 else ["-".join(path.parts[shared:]) for path in paths]
