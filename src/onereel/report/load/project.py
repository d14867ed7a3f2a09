"""Everything that tables and the report show, read once from what the workflow left on disk.

Missing pieces are no errors: a run that failed or never ran is an entry that says why.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from onereel.base.errors import MethodError
from onereel.base.files import json_number, sha256_of
from onereel.methods import DEMO, Task, load_method
from onereel.project import layout
from onereel.project.runs import EXTERNAL, RunRow
from onereel.report.load.records import Failure, Manifest, Metrics, SampleRecord, read_record, value_of
from onereel.report.load.training import TrainedPart, load_training, training_seconds

DONE, FAILED, MISSING = "done", "failed", "missing"
UNFINISHED = "did not finish"
DEMO_TITLE = f"{DEMO} preset"
"""What stands wherever a sample is shown that only shows that everything works."""
NO_CLIP = "No clip"
"""What the runs are called together that need no clip."""
CLIPLESS = ".none"
"""What stands for their clip in the page's anchors: no clip can be called so."""
_SHOWN = 48  # characters of a prompt in a title
_UNSET = object()

_CALIBRATION_TITLES = {
    "identity": "Input against itself",
    "shuffle": "Frames shuffled",
    "noise": "Noise added",
    "h264": "H.264 round trip",
}


@dataclass(frozen=True)
class SampleEntry:
    """One output of a run.

    Attributes:
        name: its name, the seed for a method's sample.
        video: the lossless mkv.
        preview: the mp4, or None.
        size: (T, H, W).
        fps: frames per second, e.g. ``"12"`` or ``"30000/1001"``.
        seconds: wall time of drawing it; None where unknown (other people's samples).
        peak_memory_mb: peak resident memory of the process that drew it, MiB; None where unknown.
        record: the whole JSON record beside it.
    """

    name: str
    video: Path
    preview: Path | None
    size: tuple[int, int, int]
    fps: str
    seconds: float | None
    peak_memory_mb: float | None
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What people call it: other people's samples have names that are no file names of ours."""
        return str(self.record.get("name") or self.name)


@dataclass(frozen=True)
class MetricRecord:
    """One value of one metric.

    Attributes:
        metric: the metric's name.
        column: the column's title; names the stand-in weights where such were used.
        sample: which sample; empty for a value of all samples together.
        value: None where it is not defined; infinite where it has no bound.
        unit: its unit, empty for none.
        better: ``"lower"``, ``"higher"`` or empty.
        stand_in: whether stand-in weights made it.
        protocol: extractor, weights and protocol in one line; values of two protocols are not comparable.
        n: number of samples behind the value.
    """

    metric: str
    column: str
    sample: str
    value: float | None
    unit: str = ""
    better: str = ""
    stand_in: bool = False
    protocol: str = ""
    n: int = 1


@dataclass(frozen=True)
class ClipEntry:
    """One clip.

    Attributes:
        name: its name.
        video: the lossless mkv, or None if it could not be ingested.
        preview: the mp4, or None.
        size: (T, H, W); None without a manifest.
        fps: frames per second.
        manifest: the whole JSON manifest.
        reason: why there is no video.
    """

    name: str
    video: Path | None
    preview: Path | None
    size: tuple[int, int, int] | None
    fps: str
    manifest: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class RunEntry:
    """One run: what was asked, what became of it.

    Attributes:
        row: the row of the run sheet.
        title: how tables call its method.
        paper: where the method was published.
        calibration: whether the run only tells what a number means.
        status: ``done``, ``failed`` (with a recorded reason) or ``missing`` (nothing is known of it).
        reason: one line; empty when done.
        log_tail: the last lines of the failed job's log.
        samples: in natural order of their names.
        records: every value that was measured.
        left_out: by metric, why it could not be computed.
        align: how samples of another size were compared; empty if they needed no alignment.
        curves: training curves by part.
        metrics_file: the JSON of the measurements, or None.
        training: what was trained for the samples, as far as it is known.
    """

    row: RunRow
    title: str
    paper: str = ""
    calibration: bool = False
    status: str = DONE
    reason: str = ""
    log_tail: str = ""
    samples: tuple[SampleEntry, ...] = ()
    records: tuple[MetricRecord, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    align: str = ""
    curves: Mapping[str, Path] = field(default_factory=dict)
    metrics_file: Path | None = None
    training: tuple[TrainedPart, ...] = ()

    @property
    def name(self) -> str:
        """The run's name."""
        return self.row.run

    @property
    def external(self) -> bool:
        """Whether other people's code made the samples."""
        return self.row.external

    @property
    def demo(self) -> bool:
        """Whether its samples only show that everything works: they say so, and are ranked with no others."""
        return self.row.preset == DEMO and not self.external and not self.calibration

    @property
    def training_seconds(self) -> float | None:
        """How long all that the samples needed was trained: 0 where nothing is, None where it is not known."""
        if self.external or not self.samples:
            return None
        return training_seconds(self.training, (sample.record for sample in self.samples))


@dataclass(frozen=True)
class Project:
    """Clips and runs in the order of their sheets."""

    clips: tuple[ClipEntry, ...]
    runs: tuple[RunEntry, ...]

    def runs_of(self, clip: str) -> tuple[RunEntry, ...]:
        """The runs of one clip: methods first, then other people's samples, then calibration."""
        runs = [run for run in self.runs if run.row.clip == clip]
        return tuple(sorted(runs, key=lambda run: (run.calibration, run.external)))

    @property
    def unfinished(self) -> tuple[RunEntry, ...]:
        """Runs without numbers."""
        return tuple(run for run in self.runs if run.status != DONE)


def load_project(root: Path, *, runs: Sequence[RunRow], clips: Sequence[str]) -> Project:
    """Read what the workflow left under `root` (``data/clips``, ``results/...``).

    Args:
        root: the repository's root.
        runs: the run sheet's rows, one per run.
        clips: names of the clip sheet's rows.
    """
    failures = load_failures(root)
    entries = [_load_run(root, row, failures) for row in runs]
    return Project(tuple(_load_clip(root, name, failures) for name in clips), tuple(distinct_titles(entries)))


def load_failures(root: Path) -> list[dict[str, Any]]:
    """The records of failed jobs under `root`."""
    found = [read_record(path, Failure) for path in sorted((root / layout.FAILURES).glob("*.json"))]
    return [failure for failure in found if failure]


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts ``2`` before ``10``."""
    parts = [part for part in re.split(r"(\d+)", text) if part]
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def _load_clip(root: Path, name: str, failures: Sequence[Mapping[str, Any]]) -> ClipEntry:
    folder = root / layout.CLIPS
    record, video, preview = folder / f"{name}.json", folder / f"{name}.mkv", folder / f"{name}.mp4"
    manifest = read_record(record, Manifest) or {}
    known = video.exists() and bool(manifest)
    failure = next((f for f in failures if f.get("clip") == name and not f.get("run") and not f.get("method")), {})
    return ClipEntry(
        name=name,
        video=video if known else None,
        preview=preview if preview.exists() else None,
        size=_size(manifest) if known else None,
        fps=str(manifest.get("fps") or ""),
        manifest=manifest,
        reason="" if known else str(failure.get("reason") or _unfinished([] if manifest else [record])),
    )


def _load_run(root: Path, row: RunRow, failures: Sequence[Mapping[str, Any]]) -> RunEntry:
    metrics_file = root / layout.metrics_of(row.run)
    metrics = read_record(metrics_file, Metrics) or {}
    # The folder may hold samples of an earlier sheet that asked for more.
    asked = {str(record["sample"]) for record in metrics.get("records", ()) if record.get("sample") is not None}
    asked = asked if row.external else set(row.seeds)
    folder = root / layout.samples_of(row.run)
    samples = tuple(sample for sample in _load_samples(folder) if sample.name in asked or not asked)
    title, paper, calibration = method_facts(row, samples)
    trained = [root / folder for folder in layout.models_of(row.clip, row.method)]
    entry = RunEntry(
        row=row,
        title=title,
        paper=paper,
        calibration=calibration,
        samples=samples,
        records=tuple(_load_record(record) for record in metrics.get("records", ())),
        left_out=_reasons(metrics.get("left_out")),
        align=str(metrics.get("align") or ""),
        curves=load_curves(trained, samples),
        metrics_file=metrics_file if metrics else None,
        training=load_training(trained, [sample.record for sample in samples]),
    )
    # Where these exist and are not known, they are damaged.
    unread = [*([] if metrics else [metrics_file]), *(folder / f"{name}.json" for name in sorted(asked))]
    unread = [path for path in unread if path.stem not in {sample.name for sample in samples}]
    return judge(entry, [failure for failure in failures if _concerns(failure, row)], unread)


def judge(entry: RunEntry, failures: Sequence[Mapping[str, Any]], unread: Sequence[Path]) -> RunEntry:
    """The entry with its status: done only if its numbers are there and so is every sample they were made from.

    Args:
        entry: what was read.
        failures: records of failed jobs that are why the rest is not there.
        unread: records that should be there and could not be read.
    """
    present = {sample.name for sample in entry.samples}
    measured = {record.sample for record in entry.records} - {""}
    if (entry.records or entry.left_out) and measured <= present:
        return entry
    if not entry.row.clip and not entry.external and set(entry.row.seeds) <= present:
        return entry  # most metrics compare with a clip: where there is none, samples are all there is to expect
    # Numbers of samples that are gone are numbers of an older attempt.
    entry = replace(entry, records=(), left_out={}, metrics_file=None)
    if not failures:
        return replace(entry, status=MISSING, reason=_unfinished(unread))
    latest = max(failures, key=lambda failure: str(failure.get("created", "")))
    reason = " ".join(str(latest.get("reason") or UNFINISHED).split())
    return replace(entry, status=FAILED, reason=reason, log_tail=str(latest.get("log_tail") or ""))


def _unfinished(unread: Sequence[Path]) -> str:
    damaged = next((path for path in unread if path.exists()), None)
    return f"'{damaged}' is damaged: delete it and run again" if damaged else UNFINISHED


def _concerns(failure: Mapping[str, Any], row: RunRow) -> bool:
    """Whether a failed job is why the run has no numbers: its own, its method's training, its clip's ingestion."""
    if failure.get("run"):
        return failure["run"] == row.run
    if failure.get("clip") == layout.NO_CLIP:
        return failure.get("method") == row.method
    # A job of no clip and no method is a table's or the page's.
    methods = (None, "", row.method) if row.clip else (row.method,)
    return (failure.get("clip") or "") == row.clip and failure.get("method") in methods


def _load_samples(folder: Path) -> Iterator[SampleEntry]:
    for path in sorted(folder.glob("*.json"), key=lambda path: natural_key(path.stem)):
        video = path.with_suffix(".mkv")
        # The record of the run lies there, too, and is no sample's.
        record = read_record(path, SampleRecord) if video.exists() else None
        if not record:
            continue
        preview = path.with_suffix(".mp4")
        yield SampleEntry(
            name=path.stem,
            video=video,
            preview=preview if preview.exists() else None,
            size=_size(record),
            fps=str(record.get("fps") or ""),
            seconds=json_number(record.get("seconds")),
            peak_memory_mb=json_number(record.get("peak_memory_mb")),
            record=record,
        )


def _reasons(left_out: Any) -> dict[str, str]:
    """Why by metric; nothing where a record, of an older version say, does not tell."""
    return {str(name): str(why) for name, why in left_out.items()} if isinstance(left_out, Mapping) else {}


def _load_record(record: Mapping[str, Any]) -> MetricRecord:
    protocol = record.get("protocol") or {}
    name = protocol.get("name") if isinstance(protocol, Mapping) else protocol
    made_by = (str(part) for part in (record.get("extractor"), record.get("weights"), name) if part)
    return MetricRecord(
        metric=str(record["metric"]),
        column=str(record.get("column") or record.get("title") or record["metric"]),
        sample=str(record.get("sample") or ""),
        value=value_of(record),
        unit=str(record.get("unit") or ""),
        better=str(record.get("better") or ""),
        stand_in=bool(record.get("stand_in")),
        protocol=", ".join(made_by),
        n=int(record.get("n") or 1),
    )


def method_facts(row: RunRow, samples: Sequence[SampleEntry]) -> tuple[str, str, bool]:
    """Title, paper and whether the row is calibration; a method that is not installed keeps its name."""
    if row.external:
        return f"{row.method.removeprefix(EXTERNAL)} (external)", "", False
    try:
        method = load_method(row.method)
    except MethodError:
        return row.method, "", False
    if not method.calibration:
        return method.title, method.paper, False
    kind = str(samples[0].record.get("config", {}).get("kind", "")) if samples else ""
    return _CALIBRATION_TITLES.get(kind, f"{method.title}: {row.preset}"), method.paper, True


def distinct_titles(runs: Sequence[RunEntry]) -> Iterator[RunEntry]:
    """The runs, titled alike if and only if method, task, preset, settings and prompt are the same.

    The preset `demo` is always named, so that nobody takes its samples for a method's best.

    Runs without a clip are titled apart from those with one: there is no mean over both.
    """
    # What a calibration run does is known from its samples; one that failed is called as its siblings are.
    known = {(run.row.method, run.row.preset): run.title for run in runs if run.calibration and run.samples}
    runs = [replace(run, title=known.get((run.row.method, run.row.preset), run.title)) for run in runs]
    for run in runs:
        twins = [other for other in runs if other.title == run.title]
        details = []
        # What no task is named of is generation.
        if run.row.task != Task.GENERATE and len({twin.row.task for twin in twins}) > 1:
            details.append(str(run.row.task).replace("_", " "))
        if run.demo:
            details.append(DEMO_TITLE)
        elif not run.external and len({twin.row.preset for twin in twins}) > 1:
            details.append(run.row.preset)
        for key, value in run.row.settings.items():
            if any(twin.row.settings.get(key, _UNSET) != value for twin in twins):
                details.append(f"{key} = {value}")
        if run.row.prompt:
            details.append(_quoted(run.row.prompt, [twin.row.prompt for twin in twins]))
        if not run.row.clip and any(twin.row.clip for twin in twins):
            details.append(NO_CLIP.lower())
        yield replace(run, title=f"{run.title}, {', '.join(details)}") if details else run


def _quoted(prompt: str, others: Sequence[str]) -> str:
    """A prompt in quotes: its start where that tells it from the others."""
    text = _shortened(prompt)
    if any(_shortened(other) == text for other in others if other != prompt):
        text = prompt
    return f"“{text}”"


def _shortened(prompt: str) -> str:
    text = " ".join(prompt.split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1].rstrip()}…"


def load_curves(folders: Iterable[Path], samples: Sequence[SampleEntry]) -> dict[str, Path]:
    """Training curves by part. Where a clip has models of several settings, those whose weights drew the samples."""
    files = [path for folder in folders for path in sorted(folder.glob("*/*.curves.tsv"))]
    if len({path.parent for path in files}) > 1:
        used = {digest for sample in samples for digest in (sample.record.get("weights") or {}).values()}
        files = [path for path in files if _weights_digest(path) in used]
    return {path.name.removesuffix(".curves.tsv"): path for path in files}


def _weights_digest(curves: Path) -> str:
    weights = curves.with_name(curves.name.removesuffix(".curves.tsv") + ".safetensors")
    return sha256_of(weights) if weights.exists() else ""


def _size(record: Mapping[str, Any]) -> tuple[int, int, int]:
    frames, height, width = record["size"]
    return int(frames), int(height), int(width)
