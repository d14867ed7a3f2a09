"""The run sheet: what to make of which clip (``config/runs.tsv``)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from onereel.base.errors import ConfigError
from onereel.base.names import ALIGNMENTS
from onereel.base.parsing import (
    MOST_SAMPLES,
    Layout,
    check_name,
    clips_and_files,
    expand_clips,
    named_clips,
    parse_choice,
    parse_pairs,
    parse_settings,
    parse_whole,
    read_rows,
    unique,
)
from onereel.methods import Roles, load_method, method_names
from onereel.methods.base import LARGEST_SEED, Task

COLUMNS = (
    "run",
    "clip",
    "method",
    "task",
    "preset",
    "samples",
    "seed",
    "settings",
    "prompt",
    "inputs",
    "source",
    "align",
)
LAYOUT = Layout("run sheet", COLUMNS, required=("run", "method"), texts=("settings", "prompt", "inputs", "source"))
EXTERNAL = "external:"
KNOWN_EDITS = "edits:"
"""Of a clip that is a set of known edits: ``edits:NAME``."""


@dataclass(frozen=True)
class RunRow:
    """One run: a clip, a method, a task, its settings and how many samples.

    Attributes:
        run: unique name, safe in a path.
        clip: name of the clip; '' where the task needs none (`onereel.methods.Roles.clip`); ``edits:NAME`` for a set of
            known edits.
        method: a method's name, or ``external:NAME`` for other people's samples.
        task: what the method is asked for.
        preset: key of the method's presets.
        samples: how many samples, >= 1; external runs take every video they find.
        seed: seed of the first sample; sample i has seed + i.
        settings: single settings over the preset, by field name.
        prompt: text of a text-driven task.
        inputs: further inputs by role: ``clip:NAME`` or a path.
        source: folder or glob of videos; external runs only.
        align: how samples of another size are compared: 'crop' (in time), 'resize', 'crop+resize', or 'keep': only by
            metrics that need no equal sizes. '' refuses other people's samples of another size, and keeps our own.
    """

    run: str
    clip: str
    method: str
    task: Task = Task.GENERATE
    preset: str = "demo"
    samples: int = 1
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    prompt: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    align: str = ""

    def plain(self) -> dict[str, Any]:
        """The row as plain values, for a job's parameters; `restore` is the way back."""
        return {**asdict(self), "task": str(self.task)}

    @classmethod
    def restore(cls, values: Mapping[str, Any]) -> "RunRow":
        """The row that `plain` was made of."""
        return cls(**{**values, "task": Task(values["task"])})

    @property
    def external(self) -> bool:
        """Whether somebody else made the samples."""
        return self.method.startswith(EXTERNAL)

    @property
    def on_known_edits(self) -> bool:
        """Whether its clip is a set of known edits, of which it makes all (`onereel.project.edits`)."""
        return self.clip.startswith(KNOWN_EDITS)

    @property
    def seeds(self) -> tuple[str, ...]:
        """Names of the samples that the method draws: their seeds."""
        return tuple(str(self.seed + index) for index in range(self.samples))


def read_run_sheet(path: Path | str, clips: Iterable[str]) -> dict[str, RunRow]:
    """Read the run sheet: tab-separated, a header, ``#`` comments; a row whose clip is ``*`` or a list ``a,b`` stands
    for one run per clip, named ``{clip}-{run}``. ``*`` leaves out clips that are only an input of other rows: masks,
    sketches, styles that no row names as its clip.

    Args:
        path: the sheet.
        clips: names of the clips that exist.

    Raises: ConfigError naming the line, what is wrong and what to do.
    """
    clips = tuple(clips)
    rows = [(where, _parse(where, cells)) for where, cells in read_rows(Path(path), LAYOUT)]
    every = main_clips([row for _, row in rows], clips)
    runs: dict[str, RunRow] = {}
    for where, row in rows:
        if row.on_known_edits:
            runs[unique(where, "run", row.run, runs)] = row
            continue
        for name, clip in expand_clips(where, row.run, row.clip, clips, every).items():
            runs[unique(where, "run", name, runs)] = replace(row, run=name, clip=clip)
    return runs


def _parse(where: str, cells: Mapping[str, str]) -> RunRow:
    method = cells["method"]
    row = RunRow(
        run=check_name(where, "run", cells["run"]),
        clip=cells.get("clip", ""),
        method=method if method.startswith(EXTERNAL) else parse_choice(where, "method", method, method_names()),
        task=Task(parse_choice(where, "task", cells.get("task", Task.GENERATE), list(Task))),
        preset=cells.get("preset", "demo"),
        samples=parse_whole(where, "samples", cells.get("samples", "1"), least=1, most=MOST_SAMPLES),
        seed=parse_whole(where, "seed", cells.get("seed", "0"), least=0, most=LARGEST_SEED),
        settings=parse_settings(cells.get("settings", ""), where),
        prompt=cells.get("prompt", ""),
        inputs=parse_pairs(cells.get("inputs", ""), where),
        source=cells.get("source", ""),
        align=parse_choice(where, "align", cells["align"], ALIGNMENTS[1:]) if "align" in cells else "",
    )
    if row.external != bool(row.source):
        raise ConfigError(
            where, "only an external run has a source, and it must have one", f"use method {EXTERNAL}NAME and a source"
        )
    _check_clip(where, row)
    return row


def _check_clip(where: str, row: RunRow) -> None:
    if row.clip:
        return
    if row.external and not row.prompt:
        raise ConfigError(where, "no clip", "fill the column 'clip', or 'prompt' for samples made of a text alone")
    if not row.external and load_method(row.method).roles.get(row.task, Roles()).clip == "needed":
        raise ConfigError(where, "no clip", "fill the column 'clip'")


def main_clips(rows: Iterable[RunRow], clips: Sequence[str]) -> tuple[str, ...]:
    """The clips that ``*`` stands for: all but those that are only an input of some row."""
    rows = tuple(rows)
    inputs = {name for row in rows for name in clips_and_files(row.inputs)[0].values()}
    named = {name for row in rows for name in named_clips(row.clip)}
    return tuple(clip for clip in clips if clip not in inputs or clip in named)
