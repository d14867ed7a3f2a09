"""A comparison as a folder: a page, tables in every format, figures."""

import csv
import io
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from onereel.base.files import write_text
from onereel.project.comparisons import (
    Animation,
    BestOf,
    Comparison,
    Grid,
    Ratings,
    Strip,
    Subjects,
    Sweep,
    Tradeoff,
    Truth,
)
from onereel.report.comparisons.animation import animation
from onereel.report.comparisons.best_of import best_of
from onereel.report.comparisons.grid import grid
from onereel.report.comparisons.material import Material, Shown
from onereel.report.comparisons.ratings import ratings
from onereel.report.comparisons.strip import strip
from onereel.report.comparisons.subjects import subjects
from onereel.report.comparisons.sweep import sweep
from onereel.report.comparisons.tradeoff import tradeoff
from onereel.report.comparisons.truth import truth
from onereel.report.page.figures import save
from onereel.report.page.write import swapped_in
from onereel.report.tables.formats import RENDERERS, to_html
from onereel.report.templating import environment

_ASSETS = ("report.css", "tools.css", "icon.svg", "tables.js")
_VALUES = "values.csv"


def write_comparison(asked: Comparison, material: Material, out_dir: Path) -> None:
    """Write ``index.html`` with tables and figures beside it, replacing an older one in one step.

    Args:
        asked: what is shown.
        material: of what.
        out_dir: the folder.

    Raises: ConfigError for an edit that is in none of the sets; ClipError for a sample that cannot be read.
    """
    shown = shown_of(asked, material)
    with swapped_in(out_dir) as folder:
        (folder / "assets").mkdir()
        for name in _ASSETS:
            shutil.copyfile(Path(__file__).parents[1] / "templates" / name, folder / "assets" / name)
        for table in shown.tables:
            for suffix, render in RENDERERS.items():
                write_text(folder / f"{table.name}{suffix}", render(table))
        for name, figure in shown.figures.items():
            save(figure, name, folder)
        if shown.rows:
            write_text(folder / _VALUES, _csv(shown.rows))
        page = (
            environment()
            .get_template("comparison.html.j2")
            .render(
                asked=asked,
                notes=shown.notes,
                tables=[(table, Markup(to_html(table))) for table in shown.tables],
                figures=list(shown.figures),
                values=_VALUES if shown.rows else "",
            )
        )
        write_text(folder / "index.html", page)


def shown_of(asked: Comparison, material: Material) -> Shown:
    """What a description asks for."""
    match asked:
        case BestOf():
            return best_of(asked, material)
        case Ratings():
            return ratings(asked, material)
        case Strip():
            return strip(asked, material)
        case Sweep():
            return sweep(asked, material)
        case Tradeoff():
            return tradeoff(asked, material)
        case Truth():
            return truth(asked, material)
        case Grid():
            return grid(asked, material)
        case Animation():
            return animation(asked, material)
        case Subjects():
            return subjects(asked, material)


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
