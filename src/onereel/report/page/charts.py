"""Plots of the page as geometry for inline SVG: trade-offs with one point per run, and training curves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from onereel.report.page.tradeoffs import Axis, Point, Scale, Tradeoff, axis_scale, look
from onereel.report.tables.numerals import brief
from onereel.training.curves import read_curves

WIDTH, HEIGHT = 420, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 12, 52
SHAPES = ("circle", "square", "triangle", "diamond", "cross", "down")
COLOURS = 6
_MAX_POINTS = 300
_LOG_RANGE = 50


@dataclass(frozen=True)
class Tick:
    """A tick's place in px and its text."""

    place: float
    text: str


@dataclass(frozen=True)
class Look:
    """How the points of a method are drawn: index of the colour, name of the shape."""

    colour: int
    shape: str


@dataclass(frozen=True)
class Mark:
    """A point: place in px, how it is drawn, what a viewer is told of it."""

    point: Point
    x: float
    y: float
    look: Look
    text: str


@dataclass(frozen=True)
class Chart:
    """A trade-off, placed."""

    plot: Tradeoff
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    legend: tuple[tuple[Look, str], ...]
    box: tuple[float, float, float, float] = (_LEFT, _TOP, WIDTH - _RIGHT, HEIGHT - _BOTTOM)


@dataclass(frozen=True)
class Curve:
    """One column of a training log as an SVG path."""

    name: str
    path: str
    last: str


@dataclass(frozen=True)
class Curves:
    """A part's training curves, placed."""

    part: str
    steps: str
    up: tuple[Tick, ...]
    curves: tuple[Curve, ...]
    log: bool
    box: tuple[float, float, float, float] = (_LEFT, _TOP, WIDTH - _RIGHT, 160)


def chart(plot: Tradeoff) -> Chart:
    """Place a trade-off in a box of `WIDTH` x `HEIGHT` px."""
    across = axis_scale([point.x for point in plot.points], log=plot.x.log)
    up = axis_scale([point.y for point in plot.points], log=plot.y.log)
    places = (look(index, COLOURS, len(SHAPES)) for index in range(len(plot.methods)))
    looks = {method: Look(colour, SHAPES[shape]) for method, (colour, shape) in zip(plot.methods, places, strict=True)}
    marks = tuple(
        Mark(point, _x(across(point.x)), _y(up(point.y)), looks[point.method], _told(plot, point))
        for point in plot.points
    )
    used = {point.method for point in plot.points}
    return Chart(
        plot=plot,
        across=tuple(Tick(_x(across(tick)), _tick_text(tick)) for tick in across.ticks),
        up=tuple(Tick(_y(up(tick)), _tick_text(tick)) for tick in up.ticks),
        marks=marks,
        legend=tuple((looks[method], method) for method in plot.methods if method in used),
    )


def training_curves(part: str, path: Path) -> Curves | None:
    """Every numeric column of a ``curves.tsv`` over its step; None if the file holds fewer than two steps."""
    columns = _read_columns(path)
    steps = columns.pop("step", [])
    values = [value for column in columns.values() for value in column if math.isfinite(value)]
    if len(steps) < 2 or not values:
        return None
    log = min(values) > 0 and max(values) > _LOG_RANGE * min(values)
    scale = axis_scale(values, log=log)
    floor = Curves.box[3]
    ticks = tuple(Tick(_y(scale(tick), floor), _tick_text(tick)) for tick in scale.ticks)
    curves = tuple(
        Curve(name, _path(steps, column, scale, floor), brief(column[-1])) for name, column in columns.items()
    )
    return Curves(part, f"{steps[0]:g} – {steps[-1]:g}", ticks, curves, log)


def _told(plot: Tradeoff, point: Point) -> str:
    values = "; ".join(f"{_short(axis)} {brief(value)}" for axis, value in ((plot.x, point.x), (plot.y, point.y)))
    return f"{point.method} on {point.clip} (run {point.run}): {values}"


def _short(axis: Axis) -> str:
    return axis.title.split(" (")[0]


def _x(share: float) -> float:
    return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)


def _y(share: float, floor: float = HEIGHT - _BOTTOM) -> float:
    return round(floor - share * (floor - _TOP), 1)


def _tick_text(value: float) -> str:
    if value and (abs(value) < 1e-3 or abs(value) >= 1e5):
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    return f"{value:.6g}"


def _read_columns(path: Path) -> dict[str, list[float]]:
    """Columns of numbers by name, thinned to at most 300 rows; a cell that is no number is NaN."""
    rows = read_curves(path)
    rows = [*rows[: -1 : max(len(rows) // _MAX_POINTS, 1)], *rows[-1:]]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name, math.nan) for row in rows] for name in names}


def _path(steps: Sequence[float], values: Sequence[float], scale: Scale, floor: float) -> str:
    """A polyline; it is interrupted where the training logged no finite number."""
    span = (steps[-1] - steps[0]) or 1
    commands, pen = [], "M"
    for step, value in zip(steps, values, strict=True):
        if not math.isfinite(value) or not math.isfinite(step):
            pen = "M"
            continue
        commands.append(f"{pen}{_x((step - steps[0]) / span)} {_y(scale(value), floor)}")
        pen = "L"
    return " ".join(commands)
