"""A table as data, before it becomes csv, Markdown, LaTeX or HTML."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

from onereel.project.tables import Published
from onereel.report.tables.numerals import numeral


@dataclass(frozen=True)
class Column:
    """One metric.

    Attributes:
        metric: its name.
        source: which of the metric's columns the values come from (real weights and stand-ins are two).
        title: header.
        unit: its unit, empty for none.
        better: ``"lower"``, ``"higher"`` or empty.
        stand_in: whether stand-in weights made the values.
        ours: whether it has values that were measured here.
        published: whether a column of published values stands beside it.
    """

    metric: str
    source: str
    title: str
    unit: str
    better: str
    stand_in: bool
    ours: bool
    published: bool

    @property
    def arrow(self) -> str:
        """Which way is better."""
        return {"lower": "↓", "higher": "↑"}.get(self.better, "")


@dataclass(frozen=True)
class Cell:
    """One measured value.

    Attributes:
        mean: mean over samples, then clips.
        low: lower end of the 95 % bootstrap interval; None for a single value.
        high: upper end.
        n: number of values.
        clips: number of clips that they come from.
        complete: whether these are all clips of the block.
        protocol: how it was measured; only equal protocols compare.
        best: whether it is the best of its block's comparable values.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    clips: int
    complete: bool
    protocol: str
    best: bool = False


@dataclass(frozen=True)
class Row:
    """One method.

    Attributes:
        label: what it is called.
        cells: measured values by column.
        published: published values by column.
        calibration: whether it only tells what the numbers mean.
        external: whether other people's code made the samples.
        failure: why it has no value at all; empty otherwise.
        partly: on which clips it failed, where it has values of others; empty otherwise.
        marks: marks of its footnotes.
        task: what the method was asked for; only rows of one task compare.
        preset: of its runs; empty where there is none.
        demo: whether they only show that everything works: no value of theirs is the best.
        method: the method's name; empty for a row that only quotes.
    """

    label: str
    cells: tuple[Cell | None, ...]
    published: tuple[Published | None, ...]
    calibration: bool = False
    external: bool = False
    failure: str = ""
    partly: str = ""
    marks: tuple[str, ...] = ()
    task: str = ""
    preset: str = ""
    demo: bool = False
    method: str = ""

    def narrowed(self, kept: Sequence[int]) -> "Row":
        """The row with only the columns of these indices."""
        cells = tuple(self.cells[index] for index in kept)
        return replace(self, cells=cells, published=tuple(self.published[index] for index in kept))


@dataclass(frozen=True)
class Block:
    """Rows under one heading: ``kind`` is ``methods`` or ``calibration``; ``mark`` is the heading's footnote."""

    title: str
    kind: str
    rows: tuple[Row, ...]
    mark: str = ""


@dataclass(frozen=True)
class Table:
    """A table; `notes` are (mark, text) pairs, without a mark where they hold for all of it; `over` says what a cell is
    the mean of, or `reading` how to read one that is no such mean."""

    name: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    blocks: tuple[Block, ...]
    notes: tuple[tuple[str, str], ...]
    over: str = "samples, then clips"
    reading: str = ""

    def narrowed(self, kept: Sequence[int]) -> "Table":
        """The table with only the columns of these indices."""
        blocks = tuple(replace(block, rows=tuple(row.narrowed(kept) for row in block.rows)) for block in self.blocks)
        return replace(self, columns=tuple(self.columns[index] for index in kept), blocks=blocks)


def marked_best(rows: Sequence[Row], columns: Sequence[Column]) -> Iterator[Row]:
    """Rows with the best value of every column marked, among rows of one task that may be compared."""
    best = {
        task: [_best([row for row in rows if row.task == task], index, column) for index, column in enumerate(columns)]
        for task in {row.task for row in rows}
    }
    for row in rows:
        cells = tuple(
            replace(cell, best=True) if _ranks(row, cell) and cell.mean == best[row.task][index] else cell
            for index, cell in enumerate(row.cells)
        )
        yield replace(row, cells=cells)


def _ranks(row: Row, cell: Cell | None) -> TypeGuard[Cell]:
    """Whether a cell takes part where the best is looked for."""
    return cell is not None and cell.complete and not row.calibration and not row.demo


def _best(rows: Sequence[Row], index: int, column: Column) -> float | None:
    """The best mean of a column; None where nothing may be compared, there is no better, or the best are a tie."""
    rivals = [cell for row in rows if _ranks(row, cell := row.cells[index])]
    if len(rivals) < 2 or len({cell.protocol for cell in rivals}) > 1 or not column.better:
        return None
    choose = min if column.better == "lower" else max
    best = choose(rivals, key=lambda cell: cell.mean)
    # Two that print alike are a tie: neither stands out.
    printed = [numeral(cell.mean, cell.low, cell.high) for cell in rivals]
    first = numeral(best.mean, best.low, best.high)
    alike = sum((number.mean, number.exponent) == (first.mean, first.exponent) for number in printed)
    return best.mean if alike == 1 else None
