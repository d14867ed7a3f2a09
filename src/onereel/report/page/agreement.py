"""Which automatic measure agrees with truth: the figure and the table, from rank correlations on known edits."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from onereel.base.files import write_text
from onereel.metrics.measures import MEASURES
from onereel.metrics.measures.agreement import ALL, TRUTHS, Agreement, Way
from onereel.report.page.figures import save
from onereel.report.tables.formats import RENDERERS
from onereel.report.tables.model import Block, Cell, Column, Row, Table, marked_best

NAME = "which-measure"
_TITLES = {
    "success": "the edit succeeds",
    "attribute_right": "the new value is there",
    "others_kept": "the others are kept",
    "psnr_truth": "PSNR to the true edit",
    "ssim_truth": "SSIM to the true edit",
}
_WAYS: dict[Way, str] = {"pooled": "over all outputs", "within": "among the outputs for one edit"}


def write_agreement(found: Sequence[Agreement], out_dir: Path) -> list[Path]:
    """Write ``which-measure.png`` and ``.svg``, and for every truth a table in every format.

    Args:
        found: of `agreements`.
        out_dir: the folder.
    """
    paths = save(draw_agreement(found), NAME, out_dir)
    for table in agreement_tables(found):
        for suffix, render in RENDERERS.items():
            paths.append(out_dir / f"{table.name}{suffix}")
            write_text(paths[-1], render(table))
    return paths


def draw_agreement(found: Sequence[Agreement], *, truth: str = "success", way: Way = "within") -> Figure:
    """A line a measure: rho over kinds with its interval, and beside it rho of every kind as a field of colours."""
    mine = [one for one in found if (one.truth, one.way) == (truth, way)]
    over_all = {one.measure: one for one in mine if one.kind == ALL}
    # What agrees best stands on top; measures without a rho follow.
    names = sorted(over_all, key=lambda name: (over_all[name].rho is None, -(over_all[name].rho or 0)))
    kinds = list(dict.fromkeys(one.kind for one in mine if one.kind != ALL))
    by_place = {(one.measure, one.kind): one for one in mine}
    height = 1.6 + 0.32 * len(names)
    figure = Figure(figsize=(4.4 + 0.55 * len(kinds), height), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, max(1.0, 0.6 * len(kinds))))
    _draw_intervals(left, [over_all[name] for name in names])
    _draw_kinds(right, [[by_place.get((name, kind)) for kind in kinds] for name in names], kinds)
    left.set_yticks(range(len(names)), [MEASURES[name].title for name in names], fontsize=8)
    figure.suptitle(f"Agreement with truth: {_TITLES[truth]} ({_WAYS[way]})", fontsize=10, x=0.01, ha="left")
    return figure


def _draw_intervals(axes: Axes, lines: Sequence[Agreement]) -> None:
    for place, one in enumerate(lines):
        if one.rho is None:
            axes.text(0, place, one.note, fontsize=7, va="center", ha="center", color="0.4")
            continue
        if one.low is not None and one.high is not None:
            axes.plot([one.low, one.high], [place, place], c="#0072B2", linewidth=1.6, zorder=3)
        axes.plot([one.rho], [place], "o", c="#0072B2", markersize=5, zorder=4)
    axes.axvline(0, color="0.5", linewidth=0.8)
    axes.set_xlim(-1, 1)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_xlabel("Spearman's rho, mean over kinds", fontsize=8.5)
    axes.grid(axis="x", color="0.9", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)


def _draw_kinds(axes: Axes, rows: Sequence[Sequence[Agreement | None]], kinds: Sequence[str]) -> None:
    values = np.array([[np.nan if one is None or one.rho is None else one.rho for one in row] for row in rows])
    if not values.size:
        axes.set_axis_off()
        return
    # Blue and orange: told apart by people with any colour vision; numbers are written besides.
    axes.imshow(np.ma.masked_invalid(values), cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        text = "–" if np.isnan(value) else f"{round(value, 1) + 0.0:.1f}".replace("-", "−")  # no −0.0
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color="w" if abs(value) > 0.7 else "k")
    axes.set_xticks(range(len(kinds)), kinds, rotation=60, ha="right", fontsize=8)
    axes.tick_params(length=0, labelleft=False)
    axes.spines[:].set_visible(False)


def agreement_tables(found: Sequence[Agreement]) -> tuple[Table, ...]:
    """A table for every truth that was looked at and every way of looking; measures by kinds."""
    asked = dict.fromkeys((one.truth, one.way) for one in found)
    ordered = sorted(asked, key=lambda pair: (TRUTHS.index(pair[0]), pair[1] != "within"))
    return tuple(_table([one for one in found if (one.truth, one.way) == pair], *pair) for pair in ordered)


def _table(found: Sequence[Agreement], truth: str, way: Way) -> Table:
    kinds = [ALL, *dict.fromkeys(one.kind for one in found if one.kind != ALL)]
    columns = tuple(
        Column(kind, kind, "All kinds" if kind == ALL else kind.capitalize(), "", "higher", False, True, False)
        for kind in kinds
    )
    by_place = {(one.measure, one.kind): one for one in found}
    most = {
        kind: max((one.edits for one in found if one.kind == kind and one.rho is not None), default=0) for kind in kinds
    }
    rows = [
        Row(
            MEASURES[name].title,
            tuple(_cell(by_place.get((name, kind)), most[kind]) for kind in kinds),
            (None,) * len(kinds),
        )
        for name in dict.fromkeys(one.measure for one in found)
    ]
    blocks = (Block("", "methods", tuple(marked_best(rows, columns))),)
    title = f"Agreement of measures with truth: {_TITLES[truth]}"
    caption = (
        f"Spearman's rho of measure and truth, {_WAYS[way]}, by kind of edit; 1: what the measure calls better, truth "
        "does. Intervals are of a bootstrap over edits."
    )
    return Table(f"{NAME}-{truth}-{way}", title, caption, columns, blocks, (), over="kinds where all are named")


def _cell(one: Agreement | None, most: int) -> Cell | None:
    """What is defined for fewer edits than others is never the best."""
    if one is None or one.rho is None:
        return None
    return Cell(one.rho, one.low, one.high, one.outputs, one.edits, complete=one.edits == most, protocol="")
