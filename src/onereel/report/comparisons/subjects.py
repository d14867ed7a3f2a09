"""Videos of named subjects, as a table (Dreamix, section 5): is it the subject, though the prompt only names it?"""

from collections.abc import Sequence
from typing import Any

from onereel.jobs.animations import read_subjects
from onereel.metrics.aggregate import mean_interval
from onereel.project.comparisons import Subjects
from onereel.report.comparisons.material import Material, Shown
from onereel.report.tables.model import Block, Cell, Column, Row, Table, marked_best
from onereel.scenes.world import CLASSES

_ALL = "all"


def subjects(asked: Subjects, material: Material) -> Shown:
    """A row for each group of runs: shares of videos in which an attribute is the subject's, and all of them are."""
    runs = material.runs
    read = read_subjects(
        [run.samples[0] for run in runs], [next(iter(run.given.values())) for run in runs], asked.attributes
    )
    rows = [
        {"run": run.run, "label": run.label, **_flat(one)} for run, one in zip(runs, read, strict=True)
    ]  # one line a video
    names = (*asked.attributes, _ALL)
    columns = tuple(
        Column(name, name, "All of them" if name == _ALL else name.capitalize(), "%", "higher", False, True, False)
        for name in names
    )
    shown = [Row(label, _cells(rows, label, names), (None,) * len(names)) for label in asked.runs]
    chance = tuple(_cell([100 / len(CLASSES[name])]) for name in asked.attributes)
    blocks = (
        Block("", "methods", tuple(marked_best(shown, columns))),
        Block("", "calibration", (Row("guessed", (*chance, None), (None,) * len(names), calibration=True),)),
    )
    caption = f"{asked.caption} Read off the videos, and off what subjects were learned from, by the same classifiers."
    table = Table("subjects", asked.title, caption.strip(), columns, blocks, (), over="videos")
    return Shown(tables=(table,), rows=rows)


def _flat(one: dict[str, tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, (read, own) in one.items():
        found |= {name: read == own, f"{name} read": read, f"{name} of the subject": own}
    return {**found, _ALL: all(read == own for read, own in one.values())}


def _cells(rows: Sequence[dict[str, Any]], label: str, names: Sequence[str]) -> tuple[Cell, ...]:
    mine = [row for row in rows if row["label"] == label]
    return tuple(_cell([100.0 * row[name] for row in mine]) for name in names)


def _cell(values: Sequence[float]) -> Cell:
    found = mean_interval(values)
    return Cell(found.mean, found.low, found.high, found.n, found.n, complete=True, protocol="")
