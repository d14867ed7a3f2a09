"""Which frames of a long clip go through a model together."""

from typing import NamedTuple

_PACKED = 4  # frames of one latent, but for the first


class Window(NamedTuple):
    """Frames `start` to `stop` (not included), of which the first `known` are those of the window before; with
    `filling` copies of the last one behind it, as many as a model of 4n + 1 frames needs."""

    start: int
    stop: int
    known: int
    filling: int


def windows_of(count: int, longest: int, overlap: int) -> list[Window]:
    """Windows over `count` frames, none longer than `longest`, each but the first beginning with `overlap` frames of
    the one before; both are 4n + 1."""
    found: list[Window] = []
    start, known = 0, 0
    while not found or found[-1].stop < count:
        stop = min(start + longest, count)
        found.append(Window(start, stop, known, -(stop - start - 1) % _PACKED))
        start, known = stop - overlap, overlap
    return found
