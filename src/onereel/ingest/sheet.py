"""The clip sheet: one row a clip, tab-separated, checked before anything runs."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from onereel.errors import ConfigError
from onereel.ingest.request import parse_request

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def valid_name(name: str) -> bool:
    """Whether `name` is safe as a file's name, a Snakemake wildcard and a word on a command line.

    Up to 64 of A-Z a-z 0-9 _ -, beginning with a letter or a digit. No dot: it would begin a suffix, or lead upwards.
    """
    return _NAME.fullmatch(name) is not None


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
_REQUIRED = ("name", "source")


def read_clip_sheet(path: Path | str) -> dict[str, ClipRow]:
    """The rows of a sheet by name, in its order.

    A header line names the columns, in any order; lines that begin with ``#`` and blank lines are skipped.

    Raises: ConfigError naming file, line, what is wrong and what to do.
    """
    lines = _lines(Path(path))
    number, header = next(lines, (1, ""))
    columns = [cell.strip() for cell in header.split("\t")] if header else []
    _check_columns(columns, f"{path}, line {number}")
    rows: dict[str, ClipRow] = {}
    taken: dict[str, int] = {}
    for number, line in lines:
        where = f"{path}, line {number}"
        row = _row(line, columns, where)
        # Compared without case, because some file systems keep one file for both.
        if (earlier := taken.setdefault(row.name.lower(), number)) != number:
            raise ConfigError(where, f"clip '{row.name}' is already on line {earlier}", "give each clip its own name")
        rows[row.name] = row
    return rows


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number, text) of the lines that count."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read ({error.strerror})", "check the path") from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), "is not UTF-8 text", "save it as tab-separated UTF-8") from error
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.rstrip("\r")
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line


def _check_columns(columns: list[str], where: str) -> None:
    for position, column in enumerate(columns):
        if column not in _COLUMNS:
            nearest = difflib.get_close_matches(column.lower(), _COLUMNS, n=1, cutoff=0.5)
            remedy = f"did you mean '{nearest[0]}'?" if nearest else f"the columns are {', '.join(_COLUMNS)}"
            if " " in column or "," in column:
                remedy = "separate columns with tabs"
            raise ConfigError(where, f"no such column '{column}'", remedy)
        if column in columns[:position]:
            raise ConfigError(where, f"column '{column}' appears twice", "remove one")
    for column in _REQUIRED:
        if column not in columns:
            raise ConfigError(where, f"there is no column '{column}'", f"begin with a line of {' '.join(_COLUMNS)}")


def _row(line: str, columns: list[str], where: str) -> ClipRow:
    cells = [cell.strip() for cell in line.split("\t")]
    while len(cells) > len(columns) and not cells[-1]:
        cells.pop()
    if len(cells) > len(columns):
        what = f"{len(cells)} cells for {len(columns)} columns"
        raise ConfigError(where, what, "separate cells by one tab each, and use none inside a cell")
    values = dict.fromkeys(_COLUMNS, "") | dict(zip(columns, cells, strict=False))
    _check_row(values, where)
    return ClipRow(
        name=values["name"],
        source=values["source"],
        start=values["start"] or None,
        end=values["end"] or None,
        fps=values["fps"] or None,
        height=int(values["height"]) if values["height"] else None,
        caption=values["caption"],
        licence=values["licence"],
    )


def _check_row(values: Mapping[str, str], where: str) -> None:
    name = values["name"]
    if not valid_name(name):
        what = f"'{name}' cannot be a clip's name" if name else "the name is empty"
        remedy = "use up to 64 letters (A-Z, a-z), digits, _ and -, beginning with a letter or digit"
        raise ConfigError(where, what, remedy)
    if not values["source"]:
        raise ConfigError(where, f"clip '{name}' has no source", "give a file, a folder, an address or scene:NAME")
    try:
        parse_request(values["start"], values["end"], values["fps"], values["height"])
    except ValueError as error:
        raise ConfigError(where, f"clip '{name}': {error}", "correct the cell or leave it empty") from None
