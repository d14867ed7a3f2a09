"""Two measures against each other, a point for each setting of each method (Gen-1, Fig. 6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from onereel.metrics.aggregate import Interval, over_clips
from onereel.metrics.edits.judge import Judgement
from onereel.project.comparisons import Measure, Tradeoff
from onereel.report.comparisons.material import Material, Shown
from onereel.report.comparisons.ratings import TITLES, values_of, verdict
from onereel.report.page.figures import COLOURS, MARKERS
from onereel.report.tables.model import Block, Cell, Column, Row, Table

MADE = "Calibration: made from the truth"
_WIDE, _HIGH = 6.4, 4.8  # inches


@dataclass(frozen=True)
class Placed:
    """A point.

    Attributes:
        words: beside it.
        x, y: means over edits, then kinds, with their 95 % intervals.
    """

    words: str
    x: Interval
    y: Interval


def tradeoff(asked: Tradeoff, material: Material) -> Shown:
    """The plot, its values as a table, and what became of the claims."""
    judged = material.judged(asked.points)
    edits = {name for one in judged.values() for name in one}
    found = {
        name: _placed(asked, {point: list(judged[f"{name}: {point}"].values()) for point in points})
        for name, points in asked.series.items()
    }
    made = {name: material.calibrations(name, edits).judgements for name in asked.calibration}
    found[MADE] = _placed(asked, made)
    used = {name: points for name, points in found.items() if points}
    notes = tuple(verdict(claim, judged) for claim in asked.claims)
    return Shown(tables=(_table(asked, used),), figures={"tradeoff": draw(asked, used)}, notes=notes)


def _placed(asked: Tradeoff, points: Mapping[str, Sequence[Judgement]]) -> list[Placed]:
    """Points of which both measures are defined."""
    found = []
    for words, judgements in points.items():
        pair = [values_of(judgements, measure) for measure in (asked.x, asked.y)]
        if all(pair):
            found.append(Placed(words, *map(over_clips, pair)))
    return found


def draw(asked: Tradeoff, found: Mapping[str, Sequence[Placed]]) -> Figure:
    """A colour and a shape a method; what is made from the truth is grey."""
    figure = Figure(figsize=(_WIDE, _HIGH), layout="constrained")
    axes = figure.add_subplot()
    for index, (name, points) in enumerate(found.items()):
        grey = name == MADE
        look: dict[str, Any] = {
            "c": "0.55" if grey else COLOURS[index % len(COLOURS)], "marker": MARKERS[index % len(MARKERS)]
        }  # fmt: skip
        _draw_points(axes, points, look, linestyle="none" if grey else "-", label=name)
    for axis, measure in (("x", asked.x), ("y", asked.y)):
        title, unit, better = TITLES[measure]
        told = f" ({better} is better)" if better else ""
        getattr(axes, f"set_{axis}label")(f"{title}{f', {unit}' if unit else ''}{told}", fontsize=8.5)
    axes.grid(color="0.9", linewidth=0.6, zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=7.5, frameon=False, loc="best")
    return figure


def _draw_points(axes: Axes, points: Sequence[Placed], look: Mapping[str, Any], *, linestyle: str, label: str) -> None:
    across, up = ([getattr(point, name) for point in points] for name in ("x", "y"))
    axes.errorbar(
        [one.mean for one in across], [one.mean for one in up], xerr=_reach(across), yerr=_reach(up),
        linestyle=linestyle, linewidth=1.2, elinewidth=0.6, markersize=5, label=label.replace("$", r"\$"), zorder=3,
        **look,
    )  # fmt: skip
    for point in points:
        place = (point.x.mean, point.y.mean)
        axes.annotate(
            point.words, place, xytext=(4, 3), textcoords="offset points", fontsize=6.5, color=look["c"], zorder=5,
            path_effects=[withStroke(linewidth=1.5, foreground="white")],  # readable over lines
        )  # fmt: skip


def _reach(found: Sequence[Interval]) -> list[list[float]]:
    """How far intervals reach below and above; not at all where there is one value."""
    below = [one.mean - (one.mean if one.low is None else one.low) for one in found]
    above = [(one.mean if one.high is None else one.high) - one.mean for one in found]
    return [below, above]


def _table(asked: Tradeoff, found: Mapping[str, Sequence[Placed]]) -> Table:
    measures: tuple[Measure, ...] = (asked.x, asked.y)
    columns = tuple(Column(name, name, *TITLES[name], stand_in=False, ours=True, published=False) for name in measures)
    blocks = tuple(
        Block(
            name,
            "calibration" if name == MADE else "methods",
            tuple(Row(one.words, (_cell(one.x), _cell(one.y)), (None, None), calibration=name == MADE) for one in each),
        )
        for name, each in found.items()
    )
    return Table("tradeoff", asked.title, asked.caption, columns, blocks, (), over="edits, then kinds")


def _cell(found: Interval) -> Cell:
    return Cell(found.mean, found.low, found.high, found.n, found.n, complete=True, protocol="")
