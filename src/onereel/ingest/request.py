"""What a user asks of a source: which part, at which rate, at which height."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from onereel.base.parsing import decimal_point, whole_number

Position: TypeAlias = int | Fraction
"""A place in a source: an int is a frame's index (0 is the first), a Fraction is seconds after the first frame."""

MAX_FPS = 1000
MAX_HEIGHT = 8192

_INDEX = re.compile(r"[0-9]+")
_SECONDS = re.compile(r"([0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)s?")
_CLOCK = re.compile(r"(?:([0-9]+):)?([0-9]+):([0-9]{1,2}(?:[.,][0-9]*)?)")
_RATE = re.compile(r"[+-]?[0-9]*[.,]?[0-9]*(?:/[0-9]+)?")  # no exponent: 1e999999999 takes a Fraction minutes
_GROUPED = re.compile(r"[0-9]{1,3},[0-9]{3}")


@dataclass(frozen=True)
class IngestRequest:
    """How a source becomes a clip.

    Attributes:
        start: the first frame kept, or the time from which frames are kept.
        end: the first frame no longer kept, or the time from which frames are no longer kept; None for all.
        fps: rate to resample to; None keeps every decoded frame.
        height: height of the clip in pixels; None keeps the source's.
    """

    start: Position = 0
    end: Position | None = None
    fps: Fraction | None = None
    height: int | None = None

    def __post_init__(self) -> None:
        if self.end is None:
            return
        if self.end == 0:
            raise ValueError("end is 0, so nothing is left")
        if type(self.start) is type(self.end) and self.start >= self.end:
            raise ValueError(f"start ({_say(self.start)}) is not before end ({_say(self.end)})")


def parse_request(
    start: str | int | None = None,
    end: str | int | None = None,
    fps: str | float | Fraction | None = None,
    height: str | int | None = None,
) -> IngestRequest:
    """The request that the cells of a sheet or the options of a command line mean; empty means not given.

    Raises: ValueError in words for a user, naming the setting.
    """
    first = None if _empty(start) else parse_position(str(start), "start")
    return IngestRequest(
        start=first if first is not None else 0,
        end=None if _empty(end) else parse_position(str(end), "end"),
        fps=None if _empty(fps) else parse_fps(fps),  # type: ignore[arg-type]
        height=None if _empty(height) else _parse_height(str(height)),
    )


def parse_position(text: str, setting: str = "position") -> Position:
    """A frame index (``12``), seconds (``1.5``, ``12s``) or a clock (``1:02.5``, ``1:00:02``).

    Raises: ValueError naming `setting`.
    """
    text = text.strip()
    if _GROUPED.fullmatch(text):
        raise ValueError(f"{setting} '{text}' may be a thousand or a decimal; write it without the comma")
    if _INDEX.fullmatch(text):
        return int(text)
    if match := _SECONDS.fullmatch(text):
        return _seconds(match[1])
    if match := _CLOCK.fullmatch(text):
        hours, minutes, seconds = int(match[1] or 0), int(match[2]), _seconds(match[3])
        if seconds < 60 and (match[1] is None or minutes < 60):
            return (hours * 60 + minutes) * 60 + seconds
    if text.startswith("-"):
        raise ValueError(f"{setting} '{text}' is negative; count from the first frame")
    raise ValueError(f"{setting} '{text}' is neither a frame (12) nor a time (1.5, 12s, 1:02.5)")


def parse_fps(value: str | float | Fraction) -> Fraction:
    """A rate in frames per second, exactly: ``12``, ``23.976``, ``30000/1001``.

    Raises: ValueError unless 0 < rate <= 1000.
    """
    # Through text, because 23.976 as a float is a fraction that nobody means.
    text = str(value).strip()
    try:
        if not _RATE.fullmatch(text):
            raise ValueError(text)
        rate = Fraction(decimal_point(text))
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"fps '{value}' is not a number of frames per second (12, 23.976, 30000/1001)") from None
    if not 0 < rate <= MAX_FPS:
        raise ValueError(f"fps {value} is outside 0 < fps <= {MAX_FPS}")
    return rate


def _parse_height(text: str) -> int:
    height = whole_number(text.strip())
    if height is None:
        raise ValueError(f"height '{text}' is not a whole number of pixels")
    if not 1 <= height <= MAX_HEIGHT:
        raise ValueError(f"height {height} is outside 1..{MAX_HEIGHT} pixels")
    return height


def _seconds(text: str) -> Fraction:
    return Fraction(text.replace(",", "."))


def _empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _say(position: Position) -> str:
    return f"{float(position):g} s" if isinstance(position, Fraction) else f"frame {position}"
