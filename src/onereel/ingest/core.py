"""From any source to a clip and its manifest."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from onereel.base.errors import ClipError
from onereel.base.progress import Progress, no_progress
from onereel.ingest.download import download, is_address, parse_address, without_password
from onereel.ingest.footage import Footage, Picture
from onereel.ingest.movie import Movie
from onereel.ingest.pictures import HEAD_BYTES, Animation, Folder, is_picture
from onereel.ingest.request import IngestRequest, parse_request
from onereel.ingest.scene import SceneFootage, is_scene
from onereel.ingest.selection import Selection, rate_of, select, target_size, variable_rate
from onereel.ingest.structure import broken_checksum, is_apng, is_motion_jpeg, missing_part
from onereel.video.clip import Clip, claims_to_be_clip, recognise, stack

DOWNLOADS = Path("data/downloads")


def ingest(
    source: str,
    *,
    name: str = "clip",
    start: str | None = None,
    end: str | None = None,
    fps: str | float | Fraction | None = None,
    height: int | None = None,
    downloads: Path | str = DOWNLOADS,
    progress: Progress = no_progress,
    allow_single: bool = False,
) -> tuple[Clip, dict[str, Any]]:
    """Turn any source into a clip: upright, opaque, RGB, square pixels, one rate.

    Args:
        source: a video (mp4, mov, mkv, webm, avi and others), a GIF, APNG, WebP, AVIF or TIFF, a folder of numbered
            pictures,
            ``scene:NAME?seed=3&frames=16&height=144&width=256&fps=12``, or an http(s) address, which may end in
            ``#sha256=`` and what the file must have.
        name: the clip's name, for errors and the manifest.
        start: first frame (an index: ``12``) or time from which frames are kept (``1.5``, ``12s``, ``1:02.5``), in
            seconds after the source's first frame. Times seek; an index is reached by counting decoded frames.
        end: like `start`; the first that is not kept. An end past the source's is noted in the manifest.
        fps: resample: frame k is what is shown k / fps after the start. None keeps every decoded frame once, at their
            mean rate. Pictures in a folder carry no times: `fps` (else 12) is then the rate at which they play.
        height: resample pictures to this height (bicubic, antialiased), width in proportion to the nearest even.
        downloads: folder for files from the web.
        progress: watches decoding.
        allow_single: accept a source of one frame.

    Returns: the clip, and a manifest that JSON can hold.

    Raises: ClipError, one line that names the clip, what is wrong and what to do.

    Colours follow the file's tags (see `onereel.ingest.colour`). Transparency is shown over white. Interlaced frames
    are kept as stored.
    """
    where = f"clip '{name}' ({without_password(source)})"
    try:
        request = parse_request(start, end, fps, height)
    except ValueError as error:
        raise ClipError(where, str(error), "correct the setting or leave it out") from None
    with _open(source, where, request, Path(downloads), progress) as footage:

        def watch(pictures: Iterable[Picture]) -> Iterator[Picture]:
            return progress(pictures, total=_expected(footage), label=f"decode {name}")

        selection = select(footage, request, where, watch)
        clip = _clip(selection, footage, request, where, allow_single)
        return clip, _manifest(name, source, footage, request, selection, clip)


def load(source: str | Path, *, allow_single: bool = False) -> Clip:
    """A clip from any source, as it is; what `onereel.video.clip.write` wrote comes back exactly, rewrapped or not.

    Raises: ClipError.
    """
    if claims_to_be_clip(source) and (clip := recognise(source)) is not None:
        return clip
    return ingest(str(source), name=Path(without_password(str(source))).stem or "clip", allow_single=allow_single)[0]


@dataclass(frozen=True)
class Look:
    """What a source says of itself, before it is decoded.

    Attributes:
        size: (H, W) of its pictures, upright.
        length: seconds; None where it does not say.
        rate: frames per second; None where it does not say.
    """

    size: tuple[int, int]
    length: Fraction | None
    rate: Fraction | None

    @property
    def text(self) -> str:
        """For people: ``1920x1080, 31.0 s, 29.97 fps``."""
        height, width = self.size
        length = f", {float(self.length):.1f} s" if self.length else ""
        return f"{width}x{height}{length}" + (f", {float(self.rate):.4g} fps" if self.rate else "")


def look(source: str) -> Look:
    """What a file or a folder of pictures says of itself: its head is read, no frame is decoded.

    Raises: ClipError.
    """
    where = f"clip '{without_password(source)}'"
    with _open(source, where, parse_request(None, None, None, None), DOWNLOADS, no_progress) as footage:
        return Look(footage.size, footage.length, footage.rate)


def _open(source: str, where: str, request: IngestRequest, downloads: Path, progress: Progress) -> Footage:
    if is_scene(source):
        return SceneFootage(source)
    if is_address(source):
        path = download(parse_address(source, where), downloads, where, progress)
    else:
        path = Path(source)
    try:
        if path.is_dir():
            return Folder(path, where, request.fps)
        head = _head(path, where)
        if (lost := missing_part(path)) is not None:
            raise ClipError(where, f"is truncated: {lost}", "copy it again, or repair it with a video tool")
        if claims_to_be_clip(path) and (broken := broken_checksum(path)) is not None:
            raise ClipError(where, f"is damaged: {broken}", "make or fetch it again")
    except OSError as error:
        raise ClipError(where, f"cannot be read ({error.strerror})", "check the path and its permissions") from error
    if is_picture(head) and not is_apng(path) and not is_motion_jpeg(path):
        return Animation(path, where, request.fps)
    return Movie(path, where, request.fps)


def _head(path: Path, where: str) -> bytes:
    if not path.exists():
        raise ClipError(where, "there is no such file or folder", "check the source's path")
    if not path.is_file():
        raise ClipError(where, "is neither a file nor a folder", "give a video file or a folder of pictures")
    if path.stat().st_size == 0:
        raise ClipError(where, "is an empty file", "copy or download it again")
    with path.open("rb") as stream:
        return stream.read(HEAD_BYTES)


def _clip(selection: Selection, footage: Footage, request: IngestRequest, where: str, allow_single: bool) -> Clip:
    if len(selection.frames) == 1 and not allow_single:
        given = request.start != 0 or request.end is not None or (request.fps is not None and footage.timed)
        what = "start, end and fps leave one frame" if given else "has only one frame"
        raise ClipError(where, f"{what}; a clip needs two or more", "keep a longer part" if given else "give a video")
    fps = request.fps if request.fps and footage.timed else rate_of(selection, footage)
    return Clip(stack(selection.frames), fps)


def _manifest(
    name: str, source: str, footage: Footage, request: IngestRequest, selection: Selection, clip: Clip
) -> dict[str, Any]:
    facts = footage.facts
    return {
        "name": name,
        "source": without_password(source),
        "sha256": footage.sha256(),
        "frames": len(clip.frames),
        "size": list(clip.size),
        "fps": str(clip.fps),
        "container": facts.container,
        "codec": facts.codec,
        "colour": {
            "pixel_format": facts.pixel_format,
            "range": facts.range,
            "matrix": facts.matrix,
            "alpha": facts.alpha,
        },
        "rotation": facts.rotation,
        "sample_aspect_ratio": str(facts.sample_aspect_ratio),
        "variable_frame_rate": variable_rate(selection, footage),
        "declared_fps": str(footage.rate) if footage.rate else None,
        "resampled_fps": str(request.fps) if request.fps and footage.timed else None,
        "trims": _trims(request, selection),
        "resize": _resize(footage, request),
        "decoder": dict(footage.versions),
        "notes": [*facts.notes, *_notes(request, selection)],
        **footage.extra,
    }


def _trims(request: IngestRequest, selection: Selection) -> dict[str, Any]:
    return {
        "start": _position(request.start),
        "end": _position(request.end) if request.end is not None else None,
        "first_frame_seconds": float(selection.times[0]),
        "end_seconds": float(selection.end),
    }


def _position(position: int | Fraction) -> dict[str, Any]:
    return {"seconds": float(position)} if isinstance(position, Fraction) else {"frame": position}


def _resize(footage: Footage, request: IngestRequest) -> dict[str, Any] | None:
    before, after = footage.size, target_size(footage, request, "")
    if before == after:
        return None
    return {"from": list(before), "to": list(after), "kernel": "bicubic, antialiased", "enlarged": after[0] > before[0]}


def _notes(request: IngestRequest, selection: Selection) -> list[str]:
    """What a reader of the manifest should know about the part that was taken."""
    if isinstance(request.end, Fraction) and request.end > selection.seen:
        return [f"end {float(request.end):g} s is past the source's end ({float(selection.seen):g} s)"]
    if isinstance(request.end, int) and request.end > selection.drawn:
        return [f"end {request.end} is past the source's last frame; it has {selection.drawn}"]
    return []


def _expected(footage: Footage) -> int:
    """Pictures in the source, as far as it says, for the progress bar."""
    return round(footage.length * footage.rate) if footage.length and footage.rate else 0
