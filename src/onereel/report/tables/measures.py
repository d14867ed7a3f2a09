"""The table of the measures of the field: editors, or single outputs, beside what others published.

Values of edits are averaged over the edits of a kind, then over kinds. What moves less than half as much as it should
is shown below the others, and no value of it is the best: consistency and warp error are perfect for stills.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import Field, TypeAdapter

from onereel.base.paths import config_folder
from onereel.base.readers import read_checked
from onereel.base.settings import Settings
from onereel.metrics.aggregate import over_clips
from onereel.metrics.measures import MEASURES, Measured
from onereel.project.tables import Published
from onereel.report.tables.model import Block, Cell, Column, Row, Table, marked_best

_FILE = "measures.yaml"
_STILL = "s"


class PublishedValues(Settings):
    """What others published of one benchmark."""

    title: str
    """The benchmark, and its size."""
    source: str
    """Where the values stand."""
    second_hand: bool = False
    """Whether others than the methods' authors measured them."""
    rows: Mapping[str, Mapping[str, float]]
    """By method, values by measure."""


class PublishedMeasures(Settings):
    """``config/measures.yaml``."""

    v2vbench: PublishedValues
    """Of V2VBench."""
    loveu: PublishedValues
    """Of LOVEU-TGVE."""
    further: Mapping[str, str] = Field(default_factory=dict)
    """Titles of measures that have published values only."""

    def of(self, benchmark: str) -> PublishedValues | None:
        """The values of a benchmark; None where there are none."""
        return {"v2vbench": self.v2vbench, "loveu": self.loveu}.get(benchmark)


def read_published(path: Path | None = None) -> PublishedMeasures:
    """The published values; those of the project without a path.

    Raises: ConfigError naming the line of what does not fit.
    """
    path = path or config_folder(_FILE) / _FILE
    known = [*PublishedMeasures.model_fields, *PublishedValues.model_fields, *MEASURES]
    return read_checked(path, "published values", TypeAdapter(PublishedMeasures), known)


@dataclass(frozen=True)
class _Row:
    """What stands in a row: values by measure and kind, and whether it may be ranked."""

    values: Mapping[str, Mapping[str, Sequence[float]]]
    still: bool
    whole: Mapping[str, bool]
    partly: str = ""


def measures_table(editors: Mapping[str, Measured], *, benchmark: str = "") -> Table:
    """One row an editor.

    Args:
        editors: by name, what was measured of the same edits.
        benchmark: whose published values are quoted; empty for none.
    """
    rows = {name: _of_editor(one) for name, one in editors.items()}
    over = "edits of a kind, then kinds"
    return _table("measures", "Measures of the field", rows, list(editors.values()), benchmark, over)


def outputs_table(measured: Measured) -> Table:
    """One row an output: of several outputs for one source and prompt."""
    names = list(dict.fromkeys(one["edit"] for one in measured.records))
    rows = {name: _of_output(measured, name) for name in names}
    rows |= {name: _Row({}, still=False, whole={}, partly=reason) for name, reason in measured.missing.items()}
    return _table("measures", "Measures of the field", rows, [measured], "", "one value an output")


def _of_editor(measured: Measured) -> _Row:
    values: dict[str, dict[str, list[float]]] = {}
    whole: dict[str, bool] = {}
    for one in measured.records:
        whole.setdefault(one["metric"], not measured.missing)
        if one["value"] is not None:
            values.setdefault(one["metric"], {}).setdefault(one["kind"], []).append(one["value"])
    count = len({one["edit"] for one in measured.records})
    partly = f"{len(measured.missing)} of {count + len(measured.missing)} missing" if measured.missing else ""
    return _Row(values, measured.mostly_still, whole, partly)


def _of_output(measured: Measured, name: str) -> _Row:
    mine = [one for one in measured.records if one["edit"] == name and one["value"] is not None]
    values = {one["metric"]: {"": [one["value"]]} for one in mine}
    return _Row(values, name in measured.still, dict.fromkeys(values, True))


def _table(
    name: str, title: str, rows: Mapping[str, _Row], measured: Sequence[Measured], benchmark: str, over: str
) -> Table:
    published = read_published()
    quoted = published.of(benchmark)
    columns = _columns(measured, quoted, published.further)
    made = {label: _row(label, row, columns, rows) for label, row in rows.items()}
    ranked = [row for row in made.values() if not row.marks]
    shown = [
        replace(row, cells=tuple(c and replace(c, complete=False) for c in row.cells))
        for row in made.values()
        if row.marks
    ]
    blocks = [Block("", "methods", (*marked_best(ranked, columns), *shown))]
    if quoted:
        blocks.append(Block(f"Published: {quoted.title}", "calibration", _quoted(quoted, columns)))
    notes = [("", _networks(measured))]
    if shown:
        notes.append((_STILL, "Moves less than half as much as it should: shown, not ranked."))
    if quoted:
        dagger = " (second hand)" if quoted.second_hand else ""
        notes.append(("", f"Published values are of other videos, by other weights: {quoted.source}{dagger}."))
    notes += [("", told) for told in _left_out({name: why for one in measured for name, why in one.left_out.items()})]
    caption = "docs/measures.md says what each is. Edits for which a measure is not defined do not count in its mean."
    return Table(name, title, caption, columns, tuple(blocks), tuple(notes), over=over)


def _left_out(reasons: Mapping[str, str]) -> list[str]:
    """A sentence for every reason: one fetch may bring several measures."""
    titles: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        titles.setdefault(reason, []).append(MEASURES[name].title)
    verb = {True: "is", False: "are"}
    return [f"{', '.join(found)} {verb[len(found) == 1]} left out: {reason}." for reason, found in titles.items()]


def _columns(
    measured: Sequence[Measured], quoted: PublishedValues | None, further: Mapping[str, str]
) -> tuple[Column, ...]:
    heads = {one["metric"]: one for found in measured for one in found.records}
    has_value = {one["metric"] for found in measured for one in found.records if one["value"] is not None}
    theirs = dict.fromkeys(name for row in quoted.rows.values() for name in row) if quoted else {}
    columns = []
    for name, measure in MEASURES.items():
        if name not in has_value and name not in theirs:
            continue
        head = heads.get(name, {"column": measure.title, "stand_in": False})
        better = measure.better or ""
        ours = name in has_value
        columns.append(Column(name, name, head["column"], measure.unit, better, head["stand_in"], ours, name in theirs))
    columns += [
        Column(name, name, further.get(name, name), "", "higher", stand_in=False, ours=False, published=True)
        for name in theirs
        if name not in MEASURES
    ]
    return tuple(columns)


def _row(label: str, row: _Row, columns: Sequence[Column], rows: Mapping[str, _Row]) -> Row:
    cells = tuple(_cell(row, column.metric, rows) for column in columns)
    marks = (_STILL,) if row.still else ()
    return Row(label, cells, (None,) * len(columns), marks=marks, partly=row.partly)


def _cell(row: _Row, metric: str, rows: Mapping[str, _Row]) -> Cell | None:
    if not (values := row.values.get(metric)):
        return None
    interval = over_clips(values)
    # A mean over fewer edits than others have is never the best.
    most = max(sum(map(len, other.values.get(metric, {}).values())) for other in rows.values())
    complete = row.whole.get(metric, False) and interval.n == most
    return Cell(interval.mean, interval.low, interval.high, interval.n, 1, complete=complete, protocol="")


def _quoted(quoted: PublishedValues, columns: Sequence[Column]) -> tuple[Row, ...]:
    found = []
    for label, values in quoted.rows.items():
        published = tuple(
            Published(value=values[column.metric], second_hand=quoted.second_hand) if column.metric in values else None
            for column in columns
        )
        found.append(Row(label, (None,) * len(columns), published))
    return tuple(found)


def _networks(measured: Sequence[Measured]) -> str:
    used = dict.fromkeys(one["weights"] for found in measured for one in found.records if one["weights"])
    return f"Measured with {', '.join(used) or 'no network'}."
