"""Trade-offs that a table hides: pairs of quantities, one point per run; for the page and for printed figures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from onereel.report.load.project import DONE, Project, RunEntry
from onereel.report.tables.build import values_of


@dataclass(frozen=True)
class Axis:
    """One axis: a metric, its title, which way is better (``lower``, ``higher`` or empty), whether logarithmic."""

    metric: str
    title: str
    better: str = ""
    log: bool = False

    @property
    def label(self) -> str:
        """The title with the direction that is better."""
        return f"{self.title} ({self.better} is better)" if self.better else self.title


@dataclass(frozen=True)
class Point:
    """One run in a plot."""

    run: str
    method: str
    clip: str
    x: float
    y: float


@dataclass(frozen=True)
class Tradeoff:
    """One plot. `methods` are the titles in the order of their colours, the same in all plots of a project."""

    name: str
    title: str
    x: Axis
    y: Axis
    points: tuple[Point, ...]
    methods: tuple[str, ...]


@dataclass(frozen=True)
class Scale:
    """From data to [0, 1] along an axis, with round ticks."""

    low: float
    high: float
    log: bool
    ticks: tuple[float, ...]

    def __call__(self, value: float) -> float:
        """Where `value` lies, 0 at the start of the axis and 1 at its end."""
        if self.log:
            low, high, value = math.log10(self.low), math.log10(self.high), math.log10(value)
            return (value - low) / (high - low)
        return (value - self.low) / (self.high - self.low)


_MOST_TICKS = 6
_PAIRS = (
    (
        "svfid-diversity",
        "Fidelity against diversity",
        Axis("svfid", "SVFID", "lower"),
        Axis("diversity", "Diversity", "higher"),
    ),
    (
        "nnfdist-nnfdiv",
        "Fidelity against novelty of patches",
        Axis("nnfdist", "NNFDIST", "lower"),
        Axis("nnfdiv", "NNFDIV", "higher"),
    ),
    (
        "consistency",
        "Frame against prompt consistency",
        Axis("prompt_consistency", "Prompt consistency", "higher"),
        Axis("frame_consistency", "Frame consistency", "higher"),
    ),
    (
        "svfid-time",
        "Fidelity against time, training included",
        Axis("first_sample", "Seconds of training and one sample", "lower", log=True),
        Axis("svfid", "SVFID", "lower"),
    ),
    (
        "seconds-voxels",
        "Time of sampling against size",
        Axis("voxels", "Voxels per sample", "", log=True),
        Axis("runtime", "Seconds per sample", "lower", log=True),
    ),
)


def tradeoffs(project: Project) -> list[Tradeoff]:
    """The plots that have at least one point, without calibration runs."""
    runs = [run for run in project.runs if run.status == DONE and not run.calibration]
    methods = tuple(dict.fromkeys(run.title for run in runs))
    plots = []
    for name, title, x, y in _PAIRS:
        points = tuple(point for run in runs if (point := _point(run, x, y)))
        if points:
            plots.append(Tradeoff(name, title, _titled(x, runs), _titled(y, runs), points, methods))
    return plots


def axis_scale(values: Sequence[float], *, log: bool) -> Scale:
    """A scale that holds all values with some room, from round tick to round tick where linear.

    Args:
        values: at least one; positive where `log`.
        log: whether the scale is logarithmic.
    """
    low, high = min(values), max(values)
    if log:
        room = 1.6 if high > 4 * low else 3.0  # few decades get more room, so that there are ticks
        low, high = low / room, high * room
        return Scale(low, high, True, _log_ticks(low, high))
    # A single value, or values that hardly differ, would fill the plot with nothing.
    room = max((high - low) * 0.12, abs(high) * 0.05, 1e-9)
    step = _round_step((high - low + 2 * room) / 4)
    start = math.floor((low - room) / step) * step
    start = max(start, 0.0) if low >= 0 else start
    count = math.ceil((high + room - start) / step)
    return Scale(start, start + count * step, False, tuple(start + index * step for index in range(count + 1)))


def _log_ticks(low: float, high: float) -> tuple[float, ...]:
    """Round numbers between the ends: powers of ten, with 2 and 5 between them where that is not too much."""
    powers = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1,)):
        ticks = [factor * 10.0**power for power in powers for factor in factors]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= _MOST_TICKS:
            return tuple(ticks)
    return tuple(ticks[:: -(-len(ticks) // _MOST_TICKS)])


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= step * 0.999)


def _titled(axis: Axis, runs: Sequence[RunEntry]) -> Axis:
    """The axis, called as the metric's column is, so that stand-in weights show."""
    columns = {record.column for run in runs for record in run.records if record.metric == axis.metric}
    title = " / ".join(sorted(columns)) or axis.title
    return Axis(axis.metric, title, axis.better, axis.log)


def _point(run: RunEntry, x: Axis, y: Axis) -> Point | None:
    across, up = (_value(run, axis.metric) for axis in (x, y))
    if across is None or up is None or not math.isfinite(across + up):
        return None
    if (x.log and across <= 0) or (y.log and up <= 0):
        return None
    return Point(run.name, run.title, run.row.clip, across, up)


def _value(run: RunEntry, metric: str) -> float | None:
    """Mean of a quantity over a run's samples."""
    if metric == "voxels":
        values = [float(math.prod(sample.size)) for sample in run.samples]
    else:
        values = values_of([run], metric).get(run.row.clip, [])
    return sum(values) / len(values) if values else None


def look(index: int, colours: int, shapes: int) -> tuple[int, int]:
    """Colour and shape of the `index`-th method, both from 0: no pair comes twice before every pair has come.

    The first ones differ in both, for prints without colour and eyes that do not tell them apart.

    Args:
        index: from 0.
        colours: how many there are, at least as many as shapes.
        shapes: how many there are.
    """
    return (index + index // shapes) % colours, index % shapes
