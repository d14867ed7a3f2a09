"""The clip sheet: one row a clip, tab-separated, checked before anything runs."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from onereel.base.errors import ConfigError
from onereel.base.names import valid_name
from onereel.base.parsing import Layout, plain, read_rows
from onereel.ingest.request import parse_request


@dataclass(frozen=True)
class ClipRow:
    """One row of the clip sheet; empty cells are None, or "" for texts.

    Attributes:
        name: the clip's name, see `valid_name`.
        source: file, folder, web address or scene, as `onereel.ingest.ingest` takes it.
        start: first frame (``12``) or time (``1.5``, ``1:02``).
        end: the first frame no longer kept, or time.
        fps: rate to resample to; of a folder of pictures, the rate at which they play.
        height: of the clip, in pixels.
        caption: what is to be seen, for methods that are guided by text.
        licence: of the source.
    """

    name: str
    source: str
    start: str | None = None
    end: str | None = None
    fps: str | None = None
    height: int | None = None
    caption: str = ""
    licence: str = ""

    def options(self) -> dict[str, Any]:
        """The keyword arguments of `onereel.ingest.ingest` that this row gives."""
        return {"name": self.name, "start": self.start, "end": self.end, "fps": self.fps, "height": self.height}


_COLUMNS = tuple(column.name for column in fields(ClipRow))
LAYOUT = Layout("clip sheet", _COLUMNS, required=("name", "source"), texts=("source", "caption", "licence"))


def read_clip_sheet(path: Path | str) -> dict[str, ClipRow]:
    """The rows of a sheet by name, in its order.

    A header line names the columns, in any order; lines that begin with ``#`` and blank lines are skipped.

    Raises: ConfigError naming file, line, what is wrong and what to do.
    """
    rows: dict[str, ClipRow] = {}
    taken: dict[str, str] = {}
    for where, cells in read_rows(Path(path), LAYOUT):
        row = _row(cells, where)
        # Compared without case, because some file systems keep one file for both.
        if (earlier := taken.setdefault(row.name.lower(), where)) != where:
            problem = f"clip '{row.name}' is already on {earlier.rpartition(', ')[2]}"
            raise ConfigError(where, problem, "give each clip its own name")
        rows[row.name] = row
    return rows


def _row(cells: Mapping[str, str], where: str) -> ClipRow:
    name = cells["name"]
    if not valid_name(plain(where, name)):
        remedy = "use up to 64 letters (A-Z, a-z), digits, _ and -, beginning with a letter or digit"
        raise ConfigError(where, f"'{name}' cannot be a clip's name", remedy)
    asked = {option: plain(where, cells[option]) for option in ("start", "end", "fps", "height") if option in cells}
    try:
        height = parse_request(**asked).height
    except ValueError as error:
        raise ConfigError(where, f"clip '{name}': {error}", "correct the cell or leave it empty") from None
    return ClipRow(
        name=name,
        source=cells["source"],
        start=asked.get("start"),
        end=asked.get("end"),
        fps=asked.get("fps"),
        height=height,
        caption=cells.get("caption", ""),
        licence=cells.get("licence", ""),
    )
