"""The run sheet: what to make of which clip (``config/runs.tsv``)."""

import csv
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from onereel.errors import ConfigError
from onereel.methods.base import Task

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
_REQUIRED = ("run", "clip", "method")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
ALIGN = ("", "crop", "resize", "crop+resize", "keep")
"""What `RunRow.align` may be."""
EXTERNAL = "external:"


@dataclass(frozen=True)
class RunRow:
    """One run: a clip, a method, a task, its settings and how many samples.

    Attributes:
        run: unique name, safe in a path.
        clip: name of the clip.
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
    rows = [(where, _parse(where, cells)) for where, cells in _rows(Path(path))]
    main = _main_clips([row for _, row in rows], clips)
    runs: dict[str, RunRow] = {}
    for where, row in rows:
        for run in _expand(where, row, clips, main):
            if run.run in runs:
                raise ConfigError(where, f"run '{run.run}' exists already", "give every run its own name")
            runs[run.run] = run
    return runs


def parse_settings(text: str, where: str = "settings") -> dict[str, Any]:
    """``"alpha=0.01; ladder.min_side=20"`` -> ``{"alpha": 0.01, "ladder.min_side": 20}``; values are YAML."""
    settings: dict[str, Any] = {}
    for key, value in parse_pairs(text, where).items():
        try:
            settings[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ConfigError(where, f"'{value}' is not a YAML value", f"quote it: {key}='…'") from None
    return settings


def parse_pairs(text: str, where: str) -> dict[str, str]:
    """``"style=clip:birds; mask=holes.png"`` -> ``{"style": "clip:birds", "mask": "holes.png"}``."""
    pairs = {}
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        key, equals, value = part.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise ConfigError(where, f"'{part}' is not key=value", "separate several by ';'")
        if key.strip() in pairs:
            raise ConfigError(where, f"'{key.strip()}' stands twice", "keep one of them")
        pairs[key.strip()] = value.strip()
    return pairs


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"'{path}'", f"cannot be read ({error.strerror})", "name an existing run sheet") from None
    numbered = [(n, line) for n, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#")]
    if not numbered:
        raise ConfigError(f"'{path}'", "is empty", f"start it with a header: {', '.join(COLUMNS)}")
    reader = csv.reader((line for _, line in numbered), delimiter="\t", quoting=csv.QUOTE_NONE)
    header = [cell.strip() for cell in next(reader)]
    _check_header(f"{path}, line {numbered[0][0]}", header)
    for (number, _), values in zip(numbered[1:], reader, strict=True):
        where = f"{path}, line {number}"
        if len(values) > len(header):
            raise ConfigError(where, f"has {len(values)} cells, the header {len(header)}", "separate cells by one tab")
        values += [""] * (len(header) - len(values))
        yield where, {key: value.strip() for key, value in zip(header, values, strict=True)}


def _check_header(where: str, header: list[str]) -> None:
    for name in header:
        if name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, n=1)
            raise ConfigError(where, f"unknown column '{name}'", f"use {near[0] if near else ', '.join(COLUMNS)}")
    if len(set(header)) < len(header):
        raise ConfigError(where, "a column stands twice", "keep one of them")
    for name in _REQUIRED:
        if name not in header:
            raise ConfigError(where, f"no column '{name}'", "add it; cells are separated by one tab")


def _parse(where: str, cells: Mapping[str, str]) -> RunRow:
    values = {key: value for key, value in cells.items() if value}
    for name in _REQUIRED:
        if name not in values:
            raise ConfigError(where, f"no {name}", f"fill the column '{name}'")
    if not _NAME.fullmatch(values["run"]):
        raise ConfigError(where, f"run name '{values['run']}' is not usable in a path", "use letters, digits, _ . -")
    if values.get("align", "") not in ALIGN:
        raise ConfigError(where, f"unknown align '{values['align']}'", f"leave it empty or use {', '.join(ALIGN[1:])}")
    row = RunRow(
        run=values["run"],
        clip=values["clip"],
        method=values["method"],
        task=_task(where, values.get("task", Task.GENERATE)),
        preset=values.get("preset", "demo"),
        samples=_whole(where, "samples", values.get("samples", "1"), least=1),
        seed=_whole(where, "seed", values.get("seed", "0"), least=0),
        settings=parse_settings(values.get("settings", ""), where),
        prompt=values.get("prompt", ""),
        inputs=parse_pairs(values.get("inputs", ""), where),
        source=values.get("source", ""),
        align=values.get("align", ""),
    )
    if row.external != bool(row.source):
        raise ConfigError(
            where, "only an external run has a source, and it must have one", f"use method {EXTERNAL}NAME and a source"
        )
    return row


def _main_clips(rows: Iterable[RunRow], clips: tuple[str, ...]) -> tuple[str, ...]:
    """The clips that ``*`` stands for."""
    rows = tuple(rows)
    inputs = {value.removeprefix("clip:") for row in rows for value in row.inputs.values() if value.startswith("clip:")}
    named = {name for row in rows for name in _names(row)}
    return tuple(clip for clip in clips if clip not in inputs or clip in named)


def _names(row: RunRow) -> list[str]:
    return [name.strip() for name in row.clip.split(",")]


def _expand(where: str, row: RunRow, clips: tuple[str, ...], main: tuple[str, ...]) -> list[RunRow]:
    if row.clip == "*":
        return [replace(row, run=f"{clip}-{row.run}", clip=clip) for clip in main]
    names = _names(row)
    for name in names:
        if name not in clips:
            near = difflib.get_close_matches(name, clips, n=1)
            raise ConfigError(where, f"no clip '{name}'", f"use {near[0] if near else 'a name from the clip sheet'}")
    if len(names) == 1:
        return [row]
    return [replace(row, run=f"{name}-{row.run}", clip=name) for name in names]


def _task(where: str, value: str) -> Task:
    try:
        return Task(value)
    except ValueError:
        near = difflib.get_close_matches(value, list(Task), n=1)
        raise ConfigError(where, f"unknown task '{value}'", f"use {near[0] if near else ', '.join(Task)}") from None


def _whole(where: str, name: str, value: str, *, least: int) -> int:
    if not value.isascii() or not value.isdigit() or int(value) < least:
        raise ConfigError(where, f"{name} is '{value}'", f"use a whole number >= {least}")
    return int(value)
