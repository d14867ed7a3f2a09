"""Trade-offs and predictions as printed figures, for papers and for Snakemake's own report."""

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from onereel.base.files import atomic_path
from onereel.metrics.aggregate import over_clips
from onereel.report.load.project import DONE, Project, RunEntry
from onereel.report.page.tradeoffs import Axis, Tradeoff, axis_scale, look, tradeoffs
from onereel.report.tables.build import values_of

# Okabe and Ito's colours, which people with any colour vision tell apart, and a shape each for prints without colour.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_FORMATS = (".png", ".svg")


def write_figures(project: Project, out_dir: Path) -> list[Path]:
    """Draw every trade-off as ``{out_dir}/{name}.png`` and ``.svg``; return the paths written."""
    return [path for plot in tradeoffs(project) for path in save(_draw(plot), plot.name, out_dir)]


def write_horizon_figure(project: Project, out_dir: Path) -> list[Path]:
    """Draw PSNR against how many frames ahead is predicted, one line per method; return the paths written.

    Lines are means over samples and origins, then clips, with their 95 % bootstrap interval; where a mean is infinite
    (prediction and truth are equal) the line is interrupted.

    Args:
        project: of prediction tests, see `onereel.report.load.heldout.HeldOutTests.project`.
        out_dir: folder of ``psnr-ahead.png`` and ``.svg``; nothing is written where there is nothing to draw.
    """
    runs = [run for run in project.runs if run.status == DONE]
    titles = dict.fromkeys(run.title for run in runs)
    drawn = {title: _line([run for run in runs if run.title == title]) for title in titles}
    lines = {title: line for title, line in drawn.items() if line}
    if not lines:
        return []
    figure = Figure(figsize=(5.6, 3.6), layout="constrained")
    axes = figure.add_subplot()
    for index, (title, line) in enumerate(lines.items()):
        colour, marker = _look(index)
        steps, means, low, high = zip(*line, strict=True)
        axes.plot(steps, means, c=colour, marker=marker, markersize=4, linewidth=1.4, label=title.replace("$", r"\$"))
        axes.fill_between(steps, low, high, color=colour, alpha=0.15, linewidth=0)
    _finish(axes, "Prediction of held-out frames")
    axes.set_xticks(sorted({step for line in lines.values() for step, *_ in line}))
    axes.set_xlabel("Frames ahead", fontsize=8.5)
    axes.set_ylabel("PSNR, dB (higher is better)", fontsize=8.5)
    axes.legend(fontsize=8, frameon=False)
    return save(figure, "psnr-ahead", out_dir)


def _line(runs: Sequence[RunEntry]) -> list[tuple[int, float, float, float]]:
    """(frames ahead, mean, low, high) in order; NaN where they are infinite."""
    steps = {int(record.metric.partition("@")[2]) for run in runs for record in run.records if "psnr@" in record.metric}
    line = []
    for step in sorted(steps):
        mean, low, high, _ = over_clips(values_of(runs, f"psnr@{step}"))
        mean, low, high = (
            value if math.isfinite(value) else math.nan
            for value in (mean, mean if low is None else low, mean if high is None else high)
        )
        line.append((step, mean, low, high))
    return line


def save(figure: Figure, name: str, out_dir: Path) -> list[Path]:
    """Write a figure as ``{out_dir}/{name}.png`` and ``.svg``; return the paths written."""
    paths = []
    for suffix in _FORMATS:
        path = out_dir / f"{name}{suffix}"
        # Without a date, and with ids of its own making, the same project always gives the same bytes.
        with atomic_path(path) as temporary, rc_context({"svg.hashsalt": name}):
            metadata = {"Date": None} if suffix == ".svg" else {"Software": None}
            figure.savefig(temporary, dpi=200, metadata=metadata)
        paths.append(path)
    return paths


def _draw(plot: Tradeoff) -> Figure:
    figure = Figure(figsize=(4.8, 3.6), layout="constrained")
    axes = figure.add_subplot()
    for index, method in enumerate(plot.methods):
        points = [point for point in plot.points if point.method == method]
        if not points:
            continue
        colour, marker = _look(index)
        axes.scatter(
            [point.x for point in points],
            [point.y for point in points],
            s=42,
            c=colour,
            marker=marker,
            edgecolors="white",
            linewidths=0.6,
            label=method.replace("$", r"\$"),
            zorder=3,
        )
    _dress(axes, plot)
    return figure


def _look(index: int) -> tuple[str, str]:
    colour, marker = look(index, len(COLOURS), len(MARKERS))
    return COLOURS[colour], MARKERS[marker]


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=10, loc="left")
    axes.grid(color="0.9", linewidth=0.6, zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)


def _dress(axes: Axes, plot: Tradeoff) -> None:
    _finish(axes, plot.title)
    for axis, which in ((plot.x, "x"), (plot.y, "y")):
        _scale(axes, plot, axis, which)
    axes.legend(fontsize=8, frameon=False)


def _scale(axes: Axes, plot: Tradeoff, axis: Axis, which: str) -> None:
    scale = axis_scale([getattr(point, which) for point in plot.points], log=axis.log)
    target = axes.xaxis if which == "x" else axes.yaxis
    if axis.log:
        getattr(axes, f"set_{which}scale")("log")
    getattr(axes, f"set_{which}lim")(scale.low, scale.high)
    target.set_ticks(list(scale.ticks))
    target.set_minor_formatter(NullFormatter())
    target.set_major_formatter(StrMethodFormatter("{x:g}"))
    getattr(axes, f"set_{which}label")(axis.label.replace("$", r"\$"), fontsize=8.5)
