"""Boxes in a clip as a person writes them: a table with tabs, commas or semicolons between cells, one box a row.

Columns: frame, a number from 0, a range ``3-7`` or ``*``; top and left, inside the box, bottom and right, outside it,
in px; and what the reader asks for besides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onereel.base.errors import ConfigError, MethodError
from onereel.base.parsing import Layout, plain, read_rows, whole_number

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
    columns = (*COLUMNS, *required)
    layout = Layout("table of boxes", (*columns, *optional), columns, separators="\t,;", hashes=("colour",))
    try:
        return [_box(where, cells, size, layout.columns) for where, cells in read_rows(path, layout)]
    except ConfigError as error:
        raise MethodError(error.where, error.problem, error.remedy) from None


def _box(row: str, cells: Mapping[str, str], size: tuple[int, int, int], columns: Sequence[str]) -> Box:
    frames, height, width = size
    first, last = _frame_range(row, cells["frame"], frames)
    edges = [whole_number(plain(row, cells[name])) for name in COLUMNS[1:]]
    if None in edges:
        raise MethodError(row, "is not a box", f"write {', '.join(COLUMNS)}: e.g. 0-12, 40, 100, 72, 140")
    top, left, bottom, right = (edge for edge in edges if edge is not None)
    if not (0 <= first <= last < frames and 0 <= top < bottom <= height and 0 <= left < right <= width):
        raise MethodError(row, "leaves the clip or is empty", f"the clip is {frames}x{height}x{width}")
    more = {name: cells.get(name, "") for name in columns if name not in COLUMNS}
    return Box((slice(first, last + 1), slice(top, bottom), slice(left, right)), more, row)


def _frame_range(row: str, text: str, frames: int) -> tuple[int, int]:
    if text == "*":
        return 0, frames - 1
    first, _, last = plain(row, text).partition("-")
    numbers = whole_number(first.strip()), whole_number((last or first).strip())
    if numbers[0] is None or numbers[1] is None:
        remedy = "write 5, 3-7 or *; if a spreadsheet made a date of it, make its column text"
        raise MethodError(row, f"frame is '{text}'", remedy)
    return numbers[0], numbers[1]
