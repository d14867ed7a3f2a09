"""The head line of the report: how much there is, which weights measured it, what made it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from onereel.report.load.project import Project


@dataclass(frozen=True)
class Head:
    """Facts of the whole project.

    Attributes:
        clips: number of clips.
        methods: number of methods, other people's included, calibration not.
        samples: number of samples, calibration not counted.
        runs: number of runs, calibration included.
        demos: number of runs that only show that everything works.
        unfinished: number of runs without numbers.
        stand_ins: titles of the columns that stand-in weights made.
        protocols: how each column was measured: (title, extractor with weights and protocol).
        commits: git commits that made the samples.
        date: when the newest sample was made, ISO 8601; empty without samples.
        machines: what they were made on.
        versions: package versions of the newest sample.
    """

    clips: int
    methods: int
    samples: int
    runs: int
    demos: int
    unfinished: int
    stand_ins: tuple[str, ...]
    protocols: tuple[tuple[str, str], ...]
    commits: tuple[str, ...]
    date: str
    machines: tuple[str, ...]
    versions: dict[str, str]


def head(project: Project) -> Head:
    """Collect the facts."""
    methods = {run.row.method for run in project.runs if not run.calibration}
    rivals = [run for run in project.runs if not run.calibration]
    records = [record for run in project.runs for record in run.records]
    ours = [sample.record for run in project.runs if not run.external for sample in run.samples]
    newest: Mapping[str, Any] = max(ours, key=_created, default={})
    return Head(
        clips=len(project.clips),
        methods=len(methods),
        samples=sum(len(run.samples) for run in rivals),
        runs=len(project.runs),
        demos=sum(run.demo for run in project.runs),
        unfinished=len(project.unfinished),
        stand_ins=_distinct(record.column for record in records if record.stand_in),
        protocols=tuple(dict.fromkeys((record.column, record.protocol) for record in records if record.protocol)),
        commits=_distinct(str(record.get("commit") or "") for record in ours),
        date=str(newest.get("created") or ""),
        machines=_distinct(_machine(record) for record in ours),
        versions={name: str(version) for name, version in (newest.get("versions") or {}).items()},
    )


def _created(record: Mapping[str, Any]) -> str:
    return str(record.get("created") or "")


def _machine(record: Mapping[str, Any]) -> str:
    machine, device = str(record.get("machine") or ""), str(record.get("device") or "")
    return machine if device in ("", "cpu") else f"{machine}, {device}".strip(", ")


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(text for text in dict.fromkeys(texts) if text)
