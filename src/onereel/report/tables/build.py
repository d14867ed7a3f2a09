"""Tables: which run stands in which row, what stands in its cells, which cell is best; then one file per format.

A cell is the mean over a clip's samples, then over clips, with its 95 % bootstrap interval. Published values have
columns of their own. The best value of a column is marked only among rows that may be compared: methods, not
calibration, measured on all clips of their block by one extractor with one protocol.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from onereel.base.files import write_text
from onereel.metrics.aggregate import over_clips
from onereel.project.tables import OWN_COLUMNS, ColumnSpec, GroupSpec, Published, RowSpec, TableSpec, read_spec
from onereel.report.load.project import (
    CLIPLESS,
    DEMO_TITLE,
    DONE,
    NO_CLIP,
    ClipEntry,
    MetricRecord,
    Project,
    RunEntry,
    SampleEntry,
)
from onereel.report.tables.formats import RENDERERS
from onereel.report.tables.model import Block, Cell, Column, Row, Table, marked_best

SECOND_HAND = "†"


def write_table(project: Project, spec_path: Path, out_stem: Path) -> None:
    """Write a table as ``{out_stem}.csv``, ``.md``, ``.tex`` and ``.html``.

    Args:
        project: what was measured.
        spec_path: the table's YAML.
        out_stem: path without the suffix.

    Raises: ConfigError for a bad YAML.
    """
    table = build_table(project, read_spec(spec_path), name=out_stem.name)
    for suffix, render in RENDERERS.items():
        write_text(out_stem.with_name(out_stem.name + suffix), render(table))


def build_table(project: Project, spec: TableSpec, *, name: str = "table") -> Table:
    """The table that `spec` describes, with what `project` measured."""
    runs = [run for run in project.runs if run.row.task in spec.tasks]
    groups = [_Group(group, _clips_of(project, runs, group), group.takes("", "")) for group in spec.groups]
    used = [clip for group in groups for clip in group.clips]
    runs = [run for run in runs if any(group.holds(run) for group in groups)]
    columns = list(_columns(spec, runs))
    notes = _Notes()
    blocks = [_method_block(group, columns, runs, notes, quote=spec.quote_missing) for group in groups]
    if spec.calibration:
        blocks.append(_calibration_block(columns, runs, used, notes))
    table = Table(
        name=name,
        title=spec.title,
        caption=" ".join(spec.caption.split()),
        columns=tuple(columns),
        blocks=tuple(block for block in blocks if block.rows),
        notes=(),
    )
    table = _without_empty_columns(table)
    if any(column.published for column in table.columns):
        notes.add_plain(f"Grey: published values{f' ({spec.source})' if spec.source else ''}, not measured here.")
    _general_notes(table, runs, notes)
    return replace(table, notes=tuple(notes.lines))


def clip_table(project: Project, clip: str) -> Table:
    """Every metric of every run of one clip, for the clip's part of the report."""
    runs = project.runs_of(clip)
    names = dict.fromkeys(record.metric for run in runs for record in run.records)
    spec = TableSpec(
        title=clip or NO_CLIP,
        tasks=tuple(dict.fromkeys(str(run.row.task) for run in runs)),
        columns=tuple(ColumnSpec(metric=metric) for metric in [*names, "training", "runtime", "memory"]),
    )
    only = replace(project, clips=tuple(entry for entry in project.clips if entry.name == clip), runs=runs)
    return build_table(only, spec, name=f"clip-{clip or CLIPLESS}")


@dataclass(frozen=True)
class _Group:
    spec: GroupSpec
    clips: tuple[str, ...]
    clipless: bool
    """Whether it takes the runs that have no clip."""

    def holds(self, run: RunEntry) -> bool:
        return run.row.clip in self.clips if run.row.clip else self.clipless


@dataclass
class _Notes:
    """Footnotes with letters, in the order in which they are first asked for."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def mark(self, text: str) -> str:
        for mark, known in self.lines:
            if known == text:
                return mark
        count = sum(1 for mark, _ in self.lines if mark.isalpha())
        mark = chr(ord("a") + count) if count < 26 else f"a{count - 25}"
        self.lines.append((mark, text))
        return mark

    def add_plain(self, text: str) -> None:
        self.lines.append(("", text))


def _clips_of(project: Project, runs: Sequence[RunEntry], group: GroupSpec) -> tuple[str, ...]:
    asked = {run.row.clip for run in runs}  # others belong to other tasks, or are only inputs: a picture, a drawing
    return tuple(clip.name for clip in project.clips if clip.name in asked and group.takes(clip.name, _source(clip)))


def _source(clip: ClipEntry) -> str:
    return str(clip.manifest.get("source") or "")


def _columns(spec: TableSpec, runs: Sequence[RunEntry]) -> Iterator[Column]:
    """The columns; a metric that some runs had with other weights gets one column for each, never a mixed one."""
    published = {metric for group in spec.groups for row in group.rows for metric in row.published}
    for wanted in spec.columns:
        records = [record for run in runs for record in run.records if record.metric == wanted.metric]
        titles = list(dict.fromkeys(record.column for record in records)) or [""]
        for index, title in enumerate(titles):
            record = next((record for record in records if record.column == title), None)
            yield _column(wanted, record, published=wanted.metric in published and index == 0)


def _column(wanted: ColumnSpec, record: MetricRecord | None, *, published: bool) -> Column:
    own_title, own_unit = OWN_COLUMNS.get(wanted.metric, (wanted.metric, ""))
    # A title of the YAML must not hide that stand-in weights were used.
    measured = record.column if record and (record.stand_in or not wanted.title) else ""
    return Column(
        metric=wanted.metric,
        source=record.column if record else "",
        title=measured or wanted.title or own_title,
        unit=(record.unit if record else "") or wanted.unit or own_unit,
        better=(record.better if record else "") or wanted.better or ("lower" if wanted.metric in OWN_COLUMNS else ""),
        stand_in=bool(record and record.stand_in),
        ours=not wanted.published_only,
        published=published,
    )


def _method_block(
    group: _Group, columns: Sequence[Column], runs: Sequence[RunEntry], notes: _Notes, *, quote: bool
) -> Block:
    here = [run for run in runs if group.holds(run) and not run.calibration]
    rows: list[Row] = []
    named: set[str] = set()
    for wanted in group.spec.rows:
        mine = [run for run in here if _fits(run, wanted)]
        named |= {run.name for run in mine}
        if mine or quote:
            rows += _rows(mine, wanted, columns, group.clips, notes)
    if group.spec.others:
        rest = [run for run in here if run.name not in named]
        rows += _rows(rest, RowSpec(), columns, group.clips, notes)
    title = group.spec.title
    if group.spec.published_on and any(row.published for row in group.spec.rows):
        mark = notes.mark(f"Published values: {group.spec.published_on}.")
        return Block(title, "methods", tuple(marked_best(rows, columns)), mark)
    return Block(title, "methods", tuple(marked_best(rows, columns)))


def _calibration_block(
    columns: Sequence[Column], runs: Sequence[RunEntry], clips: Sequence[str], notes: _Notes
) -> Block:
    mine = [run for run in runs if run.calibration]
    rows = _rows(mine, RowSpec(), columns, clips, notes)
    return Block("Calibration: what the numbers mean", "calibration", tuple(rows))


def _fits(run: RunEntry, wanted: RowSpec) -> bool:
    return bool(wanted.method) and run.row.method == wanted.method and wanted.preset in ("", run.row.preset)


def _rows(
    runs: Sequence[RunEntry], wanted: RowSpec, columns: Sequence[Column], clips: Sequence[str], notes: _Notes
) -> list[Row]:
    """One row for each title among `runs`; one without values of ours where there is only something to quote.

    Published values stand beside the row with the fewest settings of its own: other rows are variants of it.
    """
    titles = list(dict.fromkeys(run.title for run in runs))
    published = tuple(wanted.published.get(column.metric) if column.published else None for column in columns)
    if not titles:
        label = wanted.title or wanted.method
        return [_quoted_row(label, published, columns, notes)] if any(published) else []
    groups = {title: [run for run in runs if run.title == title] for title in titles}
    plainest = min(titles, key=lambda title: (bool(groups[title][0].row.prompt), len(groups[title][0].row.settings)))
    rows = []
    for title, mine in groups.items():
        label = wanted.title if wanted.title and len(titles) == 1 else title
        if mine[0].demo and DEMO_TITLE not in label:
            label = f"{label}, {DEMO_TITLE}"
        quoted = published if title == plainest else (None,) * len(columns)
        rows.append(_row(label, mine, quoted, columns, clips, notes))
    return rows


def _quoted_row(label: str, published: tuple[Published | None, ...], columns: Sequence[Column], notes: _Notes) -> Row:
    cells = tuple(None for _ in columns)
    return Row(label=label, cells=cells, published=published, marks=_published_marks(published, notes))


def _row(
    label: str,
    runs: Sequence[RunEntry],
    published: tuple[Published | None, ...],
    columns: Sequence[Column],
    clips: Sequence[str],
    notes: _Notes,
) -> Row:
    done, broken = [run for run in runs if run.status == DONE], [run for run in runs if run.status != DONE]
    marks = [*_failure_marks(done, broken, notes), *_align_marks(done, notes)]
    marks += [*_left_out_marks(done, columns, notes), *_published_marks(published, notes)]
    covered = {run.row.clip for run in done}
    if covered == {""}:
        marks.append(notes.mark("Made without a clip: not compared with rows over clips."))
    elif done and not broken and len(covered) < len(clips):
        names = ", ".join(clip for clip in clips if clip in covered)
        marks.append(notes.mark(f"Only on {names}: not compared with rows over all {len(clips)} clips."))
    failure = _failure_text(broken) if not done else ""
    if failure and any(published):
        marks.append(notes.mark(f"{label} failed: {failure}."))
    return Row(
        label=label,
        cells=tuple(_cell(done, column, clips) if column.ours else None for column in columns),
        published=published,
        calibration=runs[0].calibration,
        external=runs[0].external,
        failure=failure,
        partly=f"failed on {', '.join(_place(run) for run in broken)}" if done and broken else "",
        marks=tuple(dict.fromkeys(marks)),
        task=str(runs[0].row.task),
        preset="" if runs[0].external else ", ".join(dict.fromkeys(run.row.preset for run in runs)),
        demo=any(run.demo for run in runs),
        method=runs[0].row.method,
    )


def _cell(runs: Sequence[RunEntry], column: Column, clips: Sequence[str]) -> Cell | None:
    """Mean over samples, then clips, of one metric of the runs of one row; None without a finite value."""
    values = values_of(runs, column.metric, column.source)
    if not values:
        return None
    interval = over_clips(values)
    n = _count(runs, column, values)
    protocols = {
        record.protocol
        for run in runs
        for record in run.records
        if record.metric == column.metric and record.column == column.source
    }
    return Cell(
        mean=interval.mean,
        low=interval.low,
        high=interval.high,
        n=n,
        clips=len(values),
        complete=set(values) == set(clips),
        protocol="; ".join(sorted(protocols)),
    )


def _count(runs: Sequence[RunEntry], column: Column, values: Mapping[str, Sequence[float]]) -> int:
    """How many samples are behind a cell: a value of a whole run counts all its samples."""
    records = [record for run in runs for record in run.records]
    counts = [record.n for record in records if record.metric == column.metric and record.column == column.source]
    return sum(counts) or sum(map(len, values.values()))


def values_of(runs: Sequence[RunEntry], metric: str, column: str = "") -> dict[str, list[float]]:
    """Finite values by clip of a metric, or of one of `OWN_COLUMNS` over the samples (training: once for a run).

    Args:
        runs: the runs of one method.
        metric: its name.
        column: only values of the column with this title; empty for any.
    """
    values: dict[str, list[float]] = {}
    for run in runs:
        for value in _values(run, metric, column):
            values.setdefault(run.row.clip, []).append(value)
    return values


def _values(run: RunEntry, metric: str, column: str) -> Iterator[float]:
    if metric in OWN_COLUMNS:
        for sample in run.samples[:1] if metric == "training" else run.samples:
            value = _own_value(run, sample, metric)
            if value is not None and not run.calibration:
                yield value
        return
    for record in run.records:
        if record.metric == metric and column in ("", record.column) and record.value is not None:
            yield record.value


def _own_value(run: RunEntry, sample: SampleEntry, metric: str) -> float | None:
    match metric:
        case "training":
            return run.training_seconds
        case "runtime":
            return sample.seconds
        case "first_sample":
            known = run.training_seconds is not None and sample.seconds is not None
            return (run.training_seconds or 0) + (sample.seconds or 0) if known else None
        case _:
            return sample.peak_memory_mb


def _place(run: RunEntry) -> str:
    return run.row.clip or NO_CLIP.lower()


def _failure_text(broken: Sequence[RunEntry]) -> str:
    reasons = dict.fromkeys(run.reason for run in broken)
    if len(reasons) == 1:
        return next(iter(reasons))
    return "; ".join(f"{_place(run)}: {run.reason}" for run in broken)


def _failure_marks(done: Sequence[RunEntry], broken: Sequence[RunEntry], notes: _Notes) -> Iterator[str]:
    """Footnotes for the clips on which a method failed, where it has values on others."""
    if done:
        for run in broken:
            yield notes.mark(f"Failed on {_place(run)} (run {run.name}): {run.reason}.")


def _align_marks(runs: Sequence[RunEntry], notes: _Notes) -> Iterator[str]:
    for run in runs:
        if run.align:
            yield notes.mark(f"{run.title} on {_place(run)}, for measuring: {run.align}.")


def _left_out_marks(runs: Sequence[RunEntry], columns: Sequence[Column], notes: _Notes) -> Iterator[str]:
    """Footnotes for the metrics of the table that could not be computed, one for each reason."""
    titles = {column.metric: column.title for column in reversed(columns)}
    for run in runs:
        for reason in dict.fromkeys(run.left_out.values()):
            names = [titles[name] for name, why in run.left_out.items() if why == reason and name in titles]
            if names:
                yield notes.mark(f"Not measured on {_place(run)}: {', '.join(names)} ({reason}).")


def _published_marks(published: Sequence[Published | None], notes: _Notes) -> tuple[str, ...]:
    return tuple(notes.mark(value.note) for value in published if value and value.note)


def _without_empty_columns(table: Table) -> Table:
    """The table without columns, or columns of published values, that hold nothing."""
    rows = [row for block in table.blocks for row in block.rows]
    columns, kept = [], []
    for index, column in enumerate(table.columns):
        quoted = any(row.published[index] is not None for row in rows)
        columns.append(replace(column, published=quoted))
        if quoted or any(row.cells[index] is not None for row in rows):
            kept.append(index)
    return replace(table, columns=tuple(columns)).narrowed(kept)


def _general_notes(table: Table, runs: Sequence[RunEntry], notes: _Notes) -> None:
    """What holds for the whole table: second-hand values, stand-in weights, machines."""
    published = [value for block in table.blocks for row in block.rows for value in row.published if value]
    if any(value.second_hand for value in published):
        notes.lines.append((SECOND_HAND, "Published by others than the method's authors."))
    if any(column.stand_in for column in table.columns):
        text = "Columns marked * were made with stand-in weights: compare them within this table only, not with papers."
        notes.lines.append(("*", text))
    if any(row.demo for block in table.blocks for row in block.rows):
        notes.add_plain(f"Rows of the {DEMO_TITLE} show that everything works, not what a method can do: none is best.")
    for index, column in enumerate(table.columns):
        cells = [row.cells[index] for block in table.blocks for row in block.rows if not row.calibration]
        if len({cell.protocol for cell in cells if cell}) > 1:
            notes.add_plain(f"{column.title}: rows were measured by different protocols, so none is marked best.")
    machines = _machines(runs)
    if any(column.metric in OWN_COLUMNS for column in table.columns) and machines:
        notes.add_plain(f"Time and memory were measured on {'; '.join(machines)}.")


def _machines(runs: Sequence[RunEntry]) -> list[str]:
    records: list[Mapping] = [sample.record for run in runs for sample in run.samples if sample.seconds is not None]
    return list(dict.fromkeys(f"{record.get('machine')} ({record.get('device')})" for record in records))
