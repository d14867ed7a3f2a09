"""Boxes in a clip as a person writes them: a table of tab- or comma-separated values, one box a row.

Columns: frame, a number from 0, a range ``3-7`` or ``*``; top and left, inside the box, bottom and right, outside it,
in px; and what the reader asks for besides.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onereel.errors import MethodError

COLUMNS = ("frame", "top", "left", "bottom", "right")


@dataclass(frozen=True)
class Box:
    """One row.

    Attributes:
        where: frames, rows and columns of the clip.
        more: text of the further columns.
        row: names the row in errors.
    """

    where: tuple[slice, slice, slice]
    more: Mapping[str, str]
    row: str


def read_boxes(
    path: Path, size: tuple[int, int, int], *, required: Sequence[str] = (), optional: Sequence[str] = ()
) -> list[Box]:
    """The boxes of a table.

    Args:
        path: the file.
        size: of the clip, (T, H, W).
        required: further columns that must be there.
        optional: further columns that may be there.

    Raises: MethodError for a file that cannot be read, other columns, a row that is no box, or a box outside the clip.
    """
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError):
        raise MethodError(f"'{path}'", "is no text file that can be read", "give a table of boxes") from None
    rows = csv.DictReader(lines, delimiter="\t" if lines and "\t" in lines[0] else ",")
    if rows.fieldnames is None:
        raise MethodError(f"'{path}'", "is empty", f"give the columns {', '.join((*COLUMNS, *required))} and rows")
    header = [name.strip() for name in rows.fieldnames]
    known = (*COLUMNS, *required, *optional)
    if not {*COLUMNS, *required} <= set(header) <= set(known):
        raise MethodError(f"'{path}'", f"has the columns {', '.join(header)}", f"use {', '.join(known)}")
    rows.fieldnames = header
    return [_box(f"'{path}', row {number}", row, size) for number, row in enumerate(rows, start=1)]


def _box(row: str, cells: Mapping[str, str | None], size: tuple[int, int, int]) -> Box:
    if None in cells:
        raise MethodError(row, "has more cells than columns", "check its tabs")  # csv keeps the rest under None
    frames, height, width = size
    texts = {name: (text or "").strip() for name, text in cells.items() if name is not None}
    try:
        first, last = _frame_range(texts["frame"], frames)
        top, left, bottom, right = (int(texts[name]) for name in COLUMNS[1:])
    except ValueError:
        raise MethodError(row, "is not a box", f"write {', '.join(COLUMNS)}: e.g. 0-12, 40, 100, 72, 140") from None
    if not (0 <= first <= last < frames and 0 <= top < bottom <= height and 0 <= left < right <= width):
        raise MethodError(row, "leaves the clip or is empty", f"the clip is {frames}x{height}x{width}")
    more = {name: text for name, text in texts.items() if name not in COLUMNS}
    return Box((slice(first, last + 1), slice(top, bottom), slice(left, right)), more, row)


def _frame_range(text: str, frames: int) -> tuple[int, int]:
    if text == "*":
        return 0, frames - 1
    first, _, last = text.partition("-")
    return int(first), int(last or first)
