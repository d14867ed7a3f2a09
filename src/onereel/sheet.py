"""Reading a tab-separated sheet strictly: what the run sheet and the study sheet have in common.

Every mistake is a ConfigError that names the line, what is wrong and what to do.
"""

import csv
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from onereel.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
EVERY_CLIP = "*"
"""What stands in the column ``clip`` for all clips."""


@dataclass(frozen=True)
class Layout:
    """What a sheet looks like.

    Attributes:
        kind: what errors call it, e.g. ``"run sheet"``.
        columns: names that its header may hold, in the usual order.
        required: those that it must hold, and that no row may leave empty.
    """

    kind: str
    columns: Sequence[str]
    required: Sequence[str]


def read_rows(path: Path, layout: Layout) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a sheet as (where it stands, filled cells by column): a header, ``#`` comments, tabs between cells.

    Raises: ConfigError for a file that cannot be read, an unknown, missing or repeated column, too many cells, and an
        empty cell that is required.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(
            f"'{path}'", f"cannot be read ({error.strerror})", f"name an existing {layout.kind}"
        ) from None
    numbered = [(n, line) for n, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#")]
    if not numbered:
        raise ConfigError(f"'{path}'", "is empty", f"start it with a header: {', '.join(layout.columns)}")
    reader = csv.reader((line for _, line in numbered), delimiter="\t", quoting=csv.QUOTE_NONE)
    header = [cell.strip() for cell in next(reader)]
    _check_header(f"{path}, line {numbered[0][0]}", header, layout)
    for (number, _), values in zip(numbered[1:], reader, strict=True):
        where = f"{path}, line {number}"
        if len(values) > len(header):
            raise ConfigError(where, f"has {len(values)} cells, the header {len(header)}", "separate cells by one tab")
        cells = {key: value.strip() for key, value in zip(header, values, strict=False) if value.strip()}
        for name in layout.required:
            if name not in cells:
                raise ConfigError(where, f"no {name}", f"fill the column '{name}'")
        yield where, cells


def check_name(where: str, kind: str, name: str) -> str:
    """`name`, if it is usable in a path.

    Raises: ConfigError otherwise.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(where, f"{kind} name '{name}' is not usable in a path", "use letters, digits, _ . -")
    return name


def named_clips(cell: str) -> list[str]:
    """The clips that a cell ``a,b`` names."""
    return [name.strip() for name in cell.split(",")]


def expand_clips(where: str, name: str, cell: str, clips: Sequence[str], every: Sequence[str]) -> dict[str, str]:
    """The clips of a row by the name of what it asks for there: ``{clip}-{name}``, or `name` alone for a single clip.

    Args:
        where: the row.
        name: its name.
        cell: its clip: a name, a list ``a,b``, or ``*``.
        clips: names of the clips that exist.
        every: those that ``*`` stands for.

    Raises: ConfigError for a clip that does not exist, naming the nearest.
    """
    if cell == EVERY_CLIP:
        return {f"{clip}-{name}": clip for clip in every}
    names = named_clips(cell)
    for clip in names:
        if clip not in clips:
            near = difflib.get_close_matches(clip, clips, n=1)
            raise ConfigError(where, f"no clip '{clip}'", f"use {near[0] if near else 'a name from the clip sheet'}")
    return {name: names[0]} if len(names) == 1 else {f"{clip}-{name}": clip for clip in names}


def parse_whole(where: str, name: str, value: str, *, least: int) -> int:
    """The whole number >= `least` in a cell."""
    if not value.isascii() or not value.isdigit() or int(value) < least:
        raise ConfigError(where, f"{name} is '{value}'", f"use a whole number >= {least}")
    return int(value)


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
    pairs: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        key, equals, value = part.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise ConfigError(where, f"'{part}' is not key=value", "separate several by ';'")
        if key.strip() in pairs:
            raise ConfigError(where, f"'{key.strip()}' stands twice", "keep one of them")
        pairs[key.strip()] = value.strip()
    return pairs


def clips_and_files(inputs: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Further inputs by role, apart: the names behind ``clip:``, and the paths of all others."""
    clips = {role: value.removeprefix("clip:") for role, value in inputs.items() if value.startswith("clip:")}
    return clips, {role: value for role, value in inputs.items() if role not in clips}


def parse_choice(where: str, what: str, value: str, choices: Sequence[str]) -> str:
    """`value`, if it is among `choices`.

    Raises: ConfigError otherwise, naming the nearest choice.
    """
    if value in choices:
        return value
    near = difflib.get_close_matches(value, choices, n=1)
    raise ConfigError(where, f"unknown {what} '{value}'", f"use {near[0] if near else ', '.join(choices)}")


def unique(where: str, kind: str, name: str, taken: Mapping[str, Any]) -> str:
    """`name`, if nothing is called so yet.

    Raises: ConfigError otherwise.
    """
    if name in taken:
        raise ConfigError(where, f"{kind} '{name}' exists already", f"give every {kind} its own name")
    return name


def _check_header(where: str, header: Sequence[str], layout: Layout) -> None:
    for name in header:
        parse_choice(where, "column", name, layout.columns)
    if len(set(header)) < len(header):
        raise ConfigError(where, "a column stands twice", "keep one of them")
    for name in layout.required:
        if name not in header:
            raise ConfigError(where, f"no column '{name}'", "add it; cells are separated by one tab")
