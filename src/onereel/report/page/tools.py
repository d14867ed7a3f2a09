"""What the page's tools are given: what can be filtered by, and methods in pairs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from onereel.base.errors import MethodError
from onereel.base.files import write_text
from onereel.methods import load_method
from onereel.project.runs import EXTERNAL
from onereel.report.load.project import CLIPLESS, NO_CLIP, Project
from onereel.report.tables.paired import Pair, left_out, paired, to_csv

_FILE = "tables/paired.csv"


@dataclass(frozen=True)
class Filters:
    """Names and titles of what there is."""

    methods: Mapping[str, str]
    tasks: Mapping[str, str]
    clips: Mapping[str, str]


@dataclass(frozen=True)
class PairedView:
    """Pairs as the page's script reads them.

    Attributes:
        data: JSON: ``methods`` titles, ``tasks``, ``metrics`` [title, unit, better, name], ``pairs`` rows of task,
            first and second method, metric (as indices), clips, mean, low, high, wins, losses.
        file: all of them as csv, relative to the page.
        left_out: how many methods have no pairs.
    """

    data: str
    file: str
    left_out: int


def filters_of(project: Project) -> Filters:
    """Methods, tasks and clips of the project's runs, in the order of its sheets."""
    runs = [run for run in project.runs if not run.calibration]
    clips = {run.row.clip: run.row.clip or NO_CLIP for run in runs}
    return Filters(
        methods={run.row.method: _title(run.row.method) for run in runs},
        tasks={str(run.row.task): str(run.row.task).replace("_", " ") for run in runs},
        clips={name or CLIPLESS: title for name, title in sorted(clips.items(), key=lambda item: item[0] == "")},
    )


def paired_view(project: Project, folder: Path) -> PairedView | None:
    """The pairs, and their file put into the report's `folder`; None where no two methods share a clip."""
    pairs = paired(project)
    if not pairs:
        return None
    write_text(folder / _FILE, to_csv(pairs))
    return PairedView(_packed(pairs), _FILE, left_out(project))


def _packed(pairs: tuple[Pair, ...]) -> str:
    methods = list(dict.fromkeys(title for pair in pairs for title in (pair.first, pair.second)))
    tasks = list(dict.fromkeys(pair.task for pair in pairs))
    metrics = list(dict.fromkeys((pair.column, pair.unit, pair.better, pair.metric) for pair in pairs))
    places = {title: index for index, title in enumerate(methods)}
    columns = {metric: index for index, metric in enumerate(metrics)}
    rows = [
        [
            tasks.index(pair.task),
            places[pair.first],
            places[pair.second],
            columns[pair.column, pair.unit, pair.better, pair.metric],
            pair.clips,
            *(value if value is None else float(f"{value:.4g}") for value in (pair.mean, pair.low, pair.high)),
            pair.wins,
            pair.losses,
        ]
        for pair in pairs
    ]
    content = {"methods": methods, "tasks": tasks, "metrics": metrics, "pairs": rows}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _title(method: str) -> str:
    if method.startswith(EXTERNAL):
        return f"{method.removeprefix(EXTERNAL)} (external)"
    try:
        return load_method(method).title
    except MethodError:
        return method
