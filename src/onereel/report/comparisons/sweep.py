"""Measures over settings, with intervals over sources (Dreamix, Fig. 7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from onereel.metrics.aggregate import over_clips
from onereel.metrics.edits.judge import Judgement
from onereel.project.comparisons import Measure, Panel, Sweep
from onereel.report.comparisons.material import Material, Shown
from onereel.report.comparisons.ratings import TITLES, verdict
from onereel.report.page.figures import COLOURS
from onereel.report.tables.model import Block, Cell, Column, Row, Table


@dataclass(frozen=True)
class Point:
    """A measure at one value of a setting; None where no edit has the measure."""

    value: float
    measure: Measure
    cell: Cell | None


def sweep(asked: Sweep, material: Material) -> Shown:
    """The plot, and its values as a table."""
    found = {panel.axis: points_of(panel, asked.measures, material) for panel in asked.panels}
    judged = material.judged(asked.points)
    notes = tuple(verdict(claim, judged) for claim in asked.claims)
    return Shown(tables=(_table(asked, found),), figures={"settings": draw(asked, found)}, notes=notes)


def points_of(panel: Panel, measures: Sequence[Measure], material: Material) -> list[Point]:
    """Every measure at every value, values ascending; a mean over sources of the mean over their edits."""
    return [
        Point(value, measure, _cell(by_source(material.together(rows).judgements, measure)))
        for value, rows in sorted(panel.points.items())
        for measure in measures
    ]


def by_source(judgements: Sequence[Judgement], measure: Measure) -> dict[str, list[float]]:
    """A measure by the seed of the edits: those of one share their source, where sources are shared."""
    found: dict[str, list[float]] = {}
    for one in judgements:
        if (value := getattr(one, measure)) is not None:
            found.setdefault(one.name.rpartition("-")[2], []).append(float(value))
    return found


def _cell(values: Mapping[str, Sequence[float]]) -> Cell | None:
    if not values:
        return None
    found = over_clips(values)
    return Cell(found.mean, found.low, found.high, found.n, len(values), complete=True, protocol="")


def _table(asked: Sweep, found: Mapping[str, Sequence[Point]]) -> Table:
    columns = tuple(
        Column(name, name, *TITLES[name], stand_in=False, ours=True, published=False) for name in asked.measures
    )
    blocks = []
    for axis, points in found.items():
        values = list(dict.fromkeys(point.value for point in points))
        rows = tuple(
            Row(
                f"{value:g}",
                tuple(point.cell for point in points if point.value == value),
                (None,) * len(columns),
            )
            for value in values
        )
        blocks.append(Block(axis, "methods", rows))
    return Table("settings", asked.title, asked.caption, columns, tuple(blocks), (), over="edits, then sources")


def draw(asked: Sweep, found: Mapping[str, Sequence[Point]]) -> Figure:
    """A column a setting, a row a measure."""
    size = (2.3 * len(found) + 0.6, 1.7 * len(asked.measures) + 0.4)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(asked.measures), len(found), squeeze=False, sharey="row", sharex="col")
    for row, measure in zip(grid, asked.measures, strict=True):
        for axes, points in zip(row, found.values(), strict=True):
            _draw_line(axes, [point for point in points if point.measure == measure])
        title, unit, _ = TITLES[measure]
        row[0].set_ylabel(f"{title.partition(' (')[0]}{f', {unit}' if unit else ''}", fontsize=8.5)
    for axes, axis in zip(grid[-1], found, strict=True):
        axes.set_xlabel(axis, fontsize=8.5)
    return figure


def _draw_line(axes: Axes, points: Sequence[Point]) -> None:
    known = [(point.value, point.cell) for point in points if point.cell is not None]
    places, means = [value for value, _ in known], [cell.mean for _, cell in known]
    # Of one edit there is no interval.
    below = [cell.mean - (cell.mean if cell.low is None else cell.low) for _, cell in known]
    above = [(cell.mean if cell.high is None else cell.high) - cell.mean for _, cell in known]
    axes.errorbar(
        places, means, [below, above], c=COLOURS[0], marker="o", markersize=4, linewidth=1.4, elinewidth=1, capsize=3
    )
    axes.set_xticks(places, [f"{place:g}" for place in places])
    axes.grid(color="0.9", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
