"""Training curves on disk: tab-separated numbers under a header whose first column is ``step``.

They are for people to look at. What is damaged in them is left out, and never stops a training or a report.
"""

import csv
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

_LARGEST = 1e100  # beyond it sums and scales overflow; no loss gets there
log = logging.getLogger(__name__)


def read_curves(path: Path) -> list[dict[str, float]]:
    """The rows of a file, each with the cells that hold a number; none of a file that is missing or no such table."""
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
    except (OSError, ValueError, csv.Error) as error:
        log.warning("'%s' is damaged (%s): its curves are left out", path, error)
        return []
    return [numbers for row in rows if "step" in (numbers := _numbers(row))]


def curves_text(rows: Sequence[Mapping[str, float]], first: Sequence[str] = ("step",)) -> str:
    """Rows as such a file holds them: the columns `first`, then all others; a cell that a row has not is empty."""
    names = list(dict.fromkeys([*first, *(name for row in rows for name in row)]))
    lines = [names, *([f"{row[name]:.7g}" if name in row else "" for name in names] for row in rows)]
    return "".join("\t".join(line) + "\n" for line in lines)


def _numbers(row: dict[str, str | None]) -> dict[str, float]:
    """Cells by column; csv keeps cells beyond the header under None."""
    values = {name: _parse(text) for name, text in row.items() if name}
    return {name: value for name, value in values.items() if abs(value) < _LARGEST}


def _parse(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
