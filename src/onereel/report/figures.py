"""The trade-offs as printed figures, for papers and for Snakemake's own report."""

from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from onereel.files import atomic_path
from onereel.report.project import Project
from onereel.report.tradeoffs import Axis, Tradeoff, axis_scale, tradeoffs

# Okabe and Ito's colours, which people with any colour vision tell apart, and a shape each for prints without colour.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_FORMATS = (".png", ".svg")


def write_figures(project: Project, out_dir: Path) -> list[Path]:
    """Draw every trade-off as ``{out_dir}/{name}.png`` and ``.svg``; return the paths written."""
    paths = []
    for plot in tradeoffs(project):
        figure = _draw(plot)
        for suffix in _FORMATS:
            path = out_dir / f"{plot.name}{suffix}"
            # Without a date, and with ids of its own making, the same project always gives the same bytes.
            with atomic_path(path) as temporary, rc_context({"svg.hashsalt": plot.name}):
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
        axes.scatter(
            [point.x for point in points],
            [point.y for point in points],
            s=42,
            c=_COLOURS[index % len(_COLOURS)],
            marker=_MARKERS[index % len(_MARKERS)],
            edgecolors="white",
            linewidths=0.6,
            label=method.replace("$", r"\$"),
            zorder=3,
        )
    _dress(axes, plot)
    return figure


def _dress(axes: Axes, plot: Tradeoff) -> None:
    axes.set_title(plot.title, fontsize=10, loc="left")
    axes.grid(color="0.9", linewidth=0.6, zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
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
