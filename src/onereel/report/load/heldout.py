"""Held-out tests as tables and the report show them.

A test becomes a run like any other: its values are metric records, ``psnr`` and ``ssim`` over all frames of a sample
from one origin and ``psnr@3`` three frames ahead. So tables, intervals, marks and published columns are those of runs.
The baselines are runs beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from onereel.heldout.hold_out import HoldOut, Kind
from onereel.heldout.measure import frame_means
from onereel.heldout.names import BASELINES, BY_FLOW, METHOD, SIDE_BY_SIDE, TRUTH
from onereel.metrics.psnr import PSNR
from onereel.metrics.ssim import SSIM
from onereel.project import layout
from onereel.project.heldout import HeldOutRow
from onereel.project.runs import RunRow
from onereel.report.load.project import (
    DONE,
    ClipEntry,
    MetricRecord,
    Project,
    RunEntry,
    SampleEntry,
    distinct_titles,
    judge,
    load_curves,
    load_failures,
    method_facts,
)
from onereel.report.load.records import HeldOutRecord, read_record, value_of

_TOLD = {Kind.PREDICTION: ("keep", "horizon", "origins"), Kind.SUPER_RESOLUTION: ("factor",)}
_METRICS = {metric.name: metric for metric in (PSNR(), SSIM())}


@dataclass(frozen=True)
class HeldOutEntry:
    """One test: what was asked, what became of it.

    Attributes:
        row: the row of the held-out sheet.
        run: the method's part of it as a run; its samples' videos are the films to watch.
        baselines: the baselines' parts, none where the test is not done.
        truth: the film of the real frames, or None.
        side_by_side: the film that has all of them in one picture, or None.
        record_file: the JSON of the measurements, or None.
        record: what is in it.
    """

    row: HeldOutRow
    run: RunEntry
    baselines: tuple[RunEntry, ...] = ()
    truth: SampleEntry | None = None
    side_by_side: Path | None = None
    record_file: Path | None = None
    record: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class HeldOutTests:
    """Held-out tests in the order of their sheet."""

    entries: tuple[HeldOutEntry, ...]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds that there are."""
        return tuple(kind for kind in Kind if any(entry.row.split.kind is kind for entry in self.entries))

    def groups(self) -> dict[tuple[str, HoldOut], list[HeldOutEntry]]:
        """Held-out tests that predict the same frames, by clip and split."""
        groups: dict[tuple[str, HoldOut], list[HeldOutEntry]] = {}
        for entry in self.entries:
            groups.setdefault((entry.row.clip, entry.row.split), []).append(entry)
        return groups

    def project(self, kind: Kind) -> Project:
        """Held-out tests of one kind and their baselines as runs on their clips: what a table or a figure is made
        of."""
        groups = {key: entries for key, entries in self.groups().items() if key[1].kind is kind}
        yardsticks: list[RunEntry] = []
        for entries in groups.values():
            # Those of tests that predict the same frames are the same: one of each is enough.
            yardsticks += next((entry.baselines for entry in entries if entry.baselines), ())
        runs = [*yardsticks, *(entry.run for entries in groups.values() for entry in entries)]
        clips = dict.fromkeys(clip for clip, _ in groups)
        entries_of_clips = (ClipEntry(name=clip, video=None, preview=None, size=None, fps="") for clip in clips)
        return Project(tuple(entries_of_clips), tuple(distinct_titles(runs)))


def load_heldout(root: Path, rows: Sequence[HeldOutRow]) -> HeldOutTests:
    """Read what the workflow left of the tests under `root`; a missing one is an entry that says why."""
    failures = load_failures(root)
    return HeldOutTests(tuple(_load(root, row, failures) for row in rows))


def _load(root: Path, row: HeldOutRow, failures: Sequence[Mapping[str, Any]]) -> HeldOutEntry:
    folder = root / layout.heldout_of(row.test)
    record = read_record(folder / "record.json", HeldOutRecord) or {}
    films = _films(folder / "films", record)
    title, paper, _ = method_facts(row.run, ())
    samples = tuple(film for name, film in films.items() if name in (record.get("samples") or {}))
    run = RunEntry(
        row=_as_run(row, row.run.run, row.method),
        title=title,
        paper=paper,
        samples=samples,
        curves=load_curves([root / folder for folder in layout.models_of(row.known, row.method)], samples),
        records=_records(record, METHOD, row.split),
        metrics_file=folder / "record.json" if record else None,
    )
    unread = [] if record else [folder / "record.json"]
    run = judge(run, [failure for failure in failures if _concerns(failure, row)], unread)
    if run.status != DONE:
        return HeldOutEntry(row, run)
    return HeldOutEntry(
        row=row,
        run=run,
        baselines=tuple(_baseline(row, record, name, film) for name, film in films.items() if name in BASELINES),
        truth=films.get(TRUTH),
        side_by_side=_existing(folder / "films" / f"{SIDE_BY_SIDE}.mp4"),
        record_file=folder / "record.json",
        record=record,
    )


def _as_run(row: HeldOutRow, name: str, method: str) -> RunRow:
    """The test as a row of runs on its whole clip; what is held out counts as settings, so that titles tell it."""
    own = dict(row.settings) if method == row.method else {}
    split = row.split.plain()
    told = {key: split[key] for key in _TOLD.get(row.split.kind, ()) if split[key] is not None}
    return replace(row.run, run=name, clip=row.clip, method=method, settings={**own, **told})


def _baseline(row: HeldOutRow, record: Mapping[str, Any], name: str, film: SampleEntry) -> RunEntry:
    title = BASELINES[name]
    if name in BY_FLOW:
        title = f"{title}, {record['flow']}"
    as_run = replace(_as_run(row, f"{row.run.run}/{name}", name), preset="")
    return RunEntry(row=as_run, title=title, samples=(film,), records=_records(record, name, row.split))


def _films(folder: Path, record: Mapping[str, Any]) -> dict[str, SampleEntry]:
    films = {}
    samples = record.get("samples") or {}
    for name, size in (record.get("films") or {}).items():
        taken = samples.get(name) or {}
        films[name] = SampleEntry(
            name=name,
            video=folder / f"{name}.mkv",
            preview=_existing(folder / f"{name}.mp4"),
            size=(size[0], size[1], size[2]),
            fps=str(record["fps"]),
            seconds=taken.get("seconds"),
            peak_memory_mb=taken.get("peak_memory_mb"),
            record=taken,
        )
    return {name: film for name, film in films.items() if film.video.exists()}


def _records(record: Mapping[str, Any], source: str, split: HoldOut) -> tuple[MetricRecord, ...]:
    """Values of the method or a baseline: the mean over the frames of each sample from each origin, and every step."""
    own = [{**item, "value": value_of(item)} for item in record.get("records") or () if item["source"] == source]
    mine = [item for item in own if item["value"] is not None]
    found: list[MetricRecord] = []
    for name, seed in dict.fromkeys((item["metric"], item["seed"]) for item in mine):
        part = [item for item in mine if (item["metric"], item["seed"]) == (name, seed)]
        sample = source if seed is None else str(seed)
        found += [_metric_record(name, sample, value, split) for value in frame_means(part)]
        if split.kind is Kind.PREDICTION:
            found += [_metric_record(name, sample, item["value"], split, item["ahead"]) for item in part]
    return tuple(found)


def _metric_record(name: str, sample: str, value: float, split: HoldOut, ahead: int | None = None) -> MetricRecord:
    metric = _METRICS[name]
    return MetricRecord(
        metric=f"{name}@{ahead}" if ahead else name,
        column=f"{metric.title}, {ahead} ahead" if ahead else metric.title,
        sample=sample,
        value=value,
        unit=metric.unit,
        better=metric.better or "",
        protocol=f"{split.text}; {metric.protocol()['name']}",
    )


def _concerns(failure: Mapping[str, Any], row: HeldOutRow) -> bool:
    """Whether a failed job is why the test has no numbers: its own, its method's training, its clips' making."""
    if failure.get("test") or failure.get("run"):
        return failure.get("test") == row.test
    if failure.get("clip") == layout.NO_CLIP:
        return failure.get("method") == row.method
    return failure.get("clip") in (row.clip, row.known) and failure.get("method") in (None, "", row.method)


def _existing(path: Path) -> Path | None:
    return path if path.exists() else None
