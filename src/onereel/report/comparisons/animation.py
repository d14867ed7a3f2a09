"""Pictures in motion, as a table (Dreamix, section 5): the first frame keeps the picture, and moves as asked."""

from collections.abc import Sequence
from typing import Any

from onereel.jobs.animations import Moved, judge_moved
from onereel.metrics.aggregate import mean_interval
from onereel.project.comparisons import REBUILT, Animation
from onereel.report.comparisons.material import ComparedRun, Material, Shown
from onereel.report.tables.model import Block, Cell, Column, Row, Table, marked_best

_COLUMNS = (
    ("psnr", "First frame (PSNR)", "dB", "higher"),
    ("keeps", "Keeps the picture", "", "higher"),
    ("angle", "Off the asked path", "°", "lower"),
    ("length", "Length (1: as asked)", "", ""),
    ("moves", "Moves as asked", "", "higher"),
)


def animation(asked: Animation, material: Material) -> Shown:
    """A row for each group of runs, overall and by motion of the camera."""
    rows = measured(asked, material)
    columns = tuple(Column(*_named(one), stand_in=False, ours=True, published=False) for one in _COLUMNS)
    groups = {"": rows} | {f"Camera: {one}": [row for row in rows if row["camera"] == one] for one in _cameras(rows)}
    blocks = tuple(Block(title, "methods", tuple(_rows(asked, group, columns))) for title, group in groups.items())
    caption = (
        f"{asked.caption} Keeps the picture: at least {asked.psnr:g} dB, or at most {asked.below_rebuilt:g} dB below "
        f"what the model makes of the picture when nothing is noised or moved. Moves as asked: the mean motion is "
        f"within {asked.angle:g} degrees and {100 * asked.length:g} % of the camera's path."
    ).strip()
    table = Table("animation", asked.title, caption, columns, blocks, (), over="pictures")
    return Shown(tables=(table,), rows=rows)


def measured(asked: Animation, material: Material) -> list[dict[str, Any]]:
    """What every run's first sample is like; those that were rebuilt stand in the rows of their pictures."""
    rebuilt = [run for run in material.runs if run.label == REBUILT]
    others = [run for run in material.runs if run.label != REBUILT]
    best = {run.given["picture"]: one.psnr for run, one in zip(rebuilt, _judged(rebuilt, moving=False), strict=True)}
    return [
        _measured(asked, run, one, best.get(run.given["picture"]))
        for run, one in zip(others, _judged(others, moving=True), strict=True)
    ]


def _judged(runs: Sequence[ComparedRun], *, moving: bool) -> list[Moved]:
    return judge_moved([run.samples[0] for run in runs], [run.config for run in runs], moving=moving)


def _measured(asked: Animation, run: ComparedRun, one: Moved, best: float | None) -> dict[str, Any]:
    keeps = one.psnr >= asked.psnr or (best is not None and one.psnr >= best - asked.below_rebuilt)
    way = one.along
    moves = None if way is None else way.angle <= asked.angle and abs(way.length - 1) <= asked.length
    return {
        "run": run.run,
        "label": run.label,
        "picture": run.given["picture"].stem,
        "camera": run.config["camera"],
        "psnr": one.psnr,
        "rebuilt": best,
        "keeps": keeps,
        "angle": way and way.angle,
        "length": way and way.length,
        "moves": moves,
    }


def _rows(asked: Animation, group: Sequence[dict[str, Any]], columns: Sequence[Column]) -> list[Row]:
    rows = []
    for label in asked.runs:
        mine = [row for row in group if row["label"] == label]
        cells = tuple(_cell([row[name] for row in mine]) for name, *_ in _COLUMNS)
        rows.append(Row(label, cells, (None,) * len(cells)))
    rows = list(marked_best(rows, columns))
    known = {row["picture"]: row["rebuilt"] for row in group}
    if any(value is not None for value in known.values()):
        cells = (_cell(list(known.values())), *(None,) * (len(_COLUMNS) - 1))
        rows.append(Row("the picture, neither noised nor moved", cells, (None,) * len(cells), calibration=True))
    return rows


def _cell(values: Sequence[float | bool | None]) -> Cell | None:
    known = [float(value) for value in values if value is not None]
    if not known:
        return None
    found = mean_interval(known)
    return Cell(found.mean, found.low, found.high, found.n, found.n, complete=True, protocol="")


def _named(column: tuple[str, str, str, str]) -> tuple[str, str, str, str, str]:
    name, title, unit, better = column
    return name, name, title, unit, better


def _cameras(rows: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(row["camera"] for row in rows))
