"""Which pictures of a source become frames, and how large they are."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from math import ceil

import numpy as np
from PIL import Image

from onereel.base.errors import ClipError
from onereel.ingest.footage import Footage, Picture, check_pixels
from onereel.ingest.request import IngestRequest, Position

MAX_BYTES = 4 * 10**9
"""Most bytes of frames that one clip may have."""

_FACTORS = (1, Fraction(1, 2), 2, Fraction(1, 3), 3, Fraction(1, 4), 4)
_ROUNDED = Fraction(2, 1000)  # seconds by which times may be off that were once in Matroska


@dataclass
class Selection:
    """The frames kept, with when they were shown.

    Attributes:
        frames: (H, W, 3) uint8 each.
        times: when each picture kept appears, in seconds; one entry a picture, also where it is repeated.
        end: when the last picture kept is replaced.
        seen: when the last picture of the source that was looked at is replaced.
        drawn: how many pictures were looked at.
    """

    frames: list[np.ndarray] = field(default_factory=list)
    times: list[Fraction] = field(default_factory=list)
    end: Fraction = Fraction(0)
    seen: Fraction = Fraction(0)
    drawn: int = 0


def select(
    footage: Footage, request: IngestRequest, where: str, watch: Callable[[Iterable[Picture]], Iterator[Picture]]
) -> Selection:
    """Draw the pictures that `request` asks for.

    Args:
        footage: where from.
        request: which, and how large.
        where: names the clip in errors.
        watch: progress; sees every picture that is drawn, kept or not.

    Raises: ClipError if none is left, or their frames would take more than `MAX_BYTES`.
    """
    height, width = target_size(footage, request, where)
    limit = _Limit(where, height, width)
    limit.check_ahead(footage, request)
    selection = Selection()
    pictures = watch(_seen(footage.pictures(_seekable(request)), selection))
    for picture, repeats in _choose(pictures, footage, request):
        limit.add(repeats, picture.time)
        frame = resize(picture.pixels(), height, width)
        selection.frames += [frame] * repeats
        selection.times.append(picture.time)
        selection.end = picture.end
    if not selection.frames:
        raise ClipError(where, _why_empty(request, selection.seen), "choose start and end within it")
    return selection


def target_size(footage: Footage, request: IngestRequest, where: str) -> tuple[int, int]:
    """(H, W) of the clip: the source's own; if pixels are not square or a height is asked for, that height with the
    width that keeps the picture's proportions, rounded to the nearest even number.
    """
    height, width = footage.size
    if request.height is not None or footage.aspect != 1:
        rows = request.height or height
        width = max(2, 2 * round(Fraction(rows * width, height) * footage.aspect / 2))
        height = rows
    check_pixels(where, height, width)
    return height, width


def resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """(H, W, 3) uint8 resampled with Pillow's bicubic kernel (a = -0.5), widened when shrinking (antialiased)."""
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))


def rate_of(selection: Selection, footage: Footage) -> Fraction:
    """Mean rate of the pictures kept; the declared one where the times agree with it as far as they are resolved."""
    count, span = len(selection.times), selection.end - selection.times[0]
    mean = (count / span).limit_denominator(10**6)
    if footage.rate and abs(count / footage.rate - span) <= 2 * footage.tick:
        mean = footage.rate
        if not _cut_short(selection):
            return mean
    return _steady_rate(selection, footage) or mean


def _steady_rate(selection: Selection, footage: Footage) -> Fraction | None:
    """The rate of pictures that follow each other evenly, though the header or the last picture's duration says
    otherwise, as of files that were rewrapped, or whose rate is their clock's; None for others.

    It is the declared rate, a multiple or part of it, or else what the times say.
    """
    times = selection.times
    if not footage.tick or len(times) < 3:
        return None
    measured = (len(times) - 1) / (times[-1] - times[0])
    guesses = [footage.rate * factor for factor in _FACTORS] if footage.rate else []
    for rate in (*guesses, measured):
        slack = max(2 * footage.tick, min(_ROUNDED, 1 / rate / 8))
        even = all(abs(time - times[0] - index / rate) <= slack for index, time in enumerate(times))
        if even and (rate != measured or _cut_short(selection)):
            return rate.limit_denominator(10**6)
    return None


def _cut_short(selection: Selection) -> bool:
    """Whether the last picture is shown for less than the one before it: how long it lasts is often a guess."""
    times = selection.times
    return len(times) > 2 and selection.end - times[-1] < times[-1] - times[-2]


def variable_rate(selection: Selection, footage: Footage) -> bool:
    """Whether the pictures kept were shown for different times, beyond the resolution of the times."""
    edges = [*selection.times, selection.end]
    if footage.tick and _cut_short(selection):
        edges.pop()
    shown = [after - before for before, after in pairwise(edges)]
    return max(shown) - min(shown) > max(2 * footage.tick, sum(shown) / len(shown) / 100)


def _choose(pictures: Iterator[Picture], footage: Footage, request: IngestRequest) -> Iterator[tuple[Picture, int]]:
    """Pictures to keep, each with how many frames it becomes."""
    slack = footage.tick / 2  # stored times are rounded: a picture may be meant up to half a tick earlier
    if request.fps is None or not footage.timed:
        return ((picture, 1) for picture in _within(pictures, request.start, request.end, slack))
    return _resampled(pictures, request.start, request.end, request.fps, slack)


def _within(pictures: Iterator[Picture], start: Position, end: Position | None, slack: Fraction) -> Iterator[Picture]:
    """Pictures that appear from `start` on and before `end`."""
    for picture in pictures:
        if end is not None and not _before(picture, end, slack):
            return
        if not _before(picture, start, slack):
            yield picture


def _before(picture: Picture, position: Position, slack: Fraction) -> bool:
    if isinstance(position, Fraction):
        return picture.time + slack < position
    assert picture.index is not None
    return picture.index < position


def _resampled(
    pictures: Iterator[Picture], start: Position, end: Position | None, fps: Fraction, slack: Fraction
) -> Iterator[tuple[Picture, int]]:
    """Pictures shown at times k / fps after `start`, for as long as the source lasts or until `end`."""
    origin = start if isinstance(start, Fraction) else None
    done = 0
    for picture in pictures:
        if isinstance(end, int) and not _before(picture, end, slack):
            return
        if origin is None:
            if _before(picture, start, slack):
                continue
            origin = picture.time
        until = min(picture.end, end) if isinstance(end, Fraction) else picture.end
        due = ceil((until - slack - origin) * fps) - done
        if due > 0:
            yield picture, due
            done += due
        if isinstance(end, Fraction) and picture.end >= end:
            return


def _seen(pictures: Iterator[Picture], selection: Selection) -> Iterator[Picture]:
    for picture in pictures:
        selection.seen = picture.end
        selection.drawn += 1
        yield picture


def _seekable(request: IngestRequest) -> Fraction | None:
    """When to seek to; frames can be counted only from the first one on."""
    if isinstance(request.end, int) or not isinstance(request.start, Fraction):
        return None
    return request.start


def _why_empty(request: IngestRequest, seen: Fraction) -> str:
    start, end = request.start, request.end
    if isinstance(start, int) or start >= seen:
        said = f"frame {start}" if isinstance(start, int) else f"{float(start):g} s"
        return f"start {said} is past its end ({float(seen):.2f} s)"
    return f"no frame begins between {float(start):g} s and {float(end or seen):g} s"


class _Limit:
    """Refuses a clip before its frames fill the memory."""

    def __init__(self, where: str, height: int, width: int) -> None:
        self._where, self._size, self._frame_bytes = where, f"{width}x{height}", height * width * 3
        self._count = 0

    def check_ahead(self, footage: Footage, request: IngestRequest) -> None:
        """Judge by the declared length, which may be somewhat wrong, before an hour is decoded in vain."""
        if footage.length is None or (footage.rate is None and request.fps is None):
            return
        if isinstance(request.start, Fraction) and request.start > footage.length * Fraction(21, 20) + 1:
            raise ClipError(self._where, _why_empty(request, footage.length), "choose start and end within it")
        fps = request.fps or footage.rate or Fraction(1)
        total = ceil(footage.length * fps)
        first = ceil(request.start * fps) if isinstance(request.start, Fraction) else request.start
        last = ceil(request.end * fps) if isinstance(request.end, Fraction) else request.end
        expected = min(total, last if last is not None else total) - first
        if expected * self._frame_bytes > 1.25 * MAX_BYTES:
            self._refuse(f"about {expected:,} frames", expected)

    def add(self, frames: int, time: Fraction) -> None:
        self._count += frames
        if self._count * self._frame_bytes > MAX_BYTES:
            self._refuse(f"{self._count:,} frames up to {float(time):.1f} s alone", self._count)

    def _refuse(self, frames: str, count: int) -> None:
        gigabytes = count * self._frame_bytes / 10**9
        most = MAX_BYTES // self._frame_bytes
        what = f"{frames} of {self._size} would take {gigabytes:.1f} GB, the limit is {MAX_BYTES / 10**9:g} GB"
        remedy = f"keep at most {most:,} frames with start and end, or set a smaller height"
        raise ClipError(self._where, what, remedy)
