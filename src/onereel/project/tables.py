"""What a table shows: ``config/tables/*.yaml``, checked."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator

from onereel.base.readers import read_checked

OWN_COLUMNS = {
    "training": ("Training", "s"),
    "runtime": ("Time per sample", "s"),
    "first_sample": ("Training and one sample", "s"),
    "memory": ("Peak memory", "MiB"),
}
"""Columns that come from records of what was trained and drawn, not from a metric: title and unit."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Published(_Model):
    """A value that a paper prints."""

    value: float
    """The value."""
    spread: float | None = None
    """What the paper prints after a plus-minus sign."""
    second_hand: bool = False
    """Whether somebody else than the method's authors published it; marked with a dagger."""
    note: str = ""
    """A footnote: where and on what it was measured, when that is not what the table's source says."""


class ColumnSpec(_Model):
    """One column."""

    metric: str
    """A metric's name, or ``training`` (seconds, of all parts), ``runtime`` (seconds a sample), ``first_sample`` (both
    together) or ``memory`` (peak, MiB)."""
    title: str = ""
    """Header; by default the metric's own, which names stand-in weights where they were used."""
    unit: str = ""
    """Unit in the header where nothing of ours was measured."""
    better: Literal["", "lower", "higher"] = ""
    """Which values are better, where nothing of ours was measured."""
    published_only: bool = False
    """Whether the column has no values of ours, as a user study has not."""


class RowSpec(_Model):
    """One row: a method, and what was published of it."""

    method: str = ""
    """A method's name (``external:NAME`` for other people's samples); empty for a row that only quotes."""
    preset: str = ""
    """Only runs with this preset; empty for all."""
    title: str = ""
    """The row's label; by default the method's own."""
    published: dict[str, Published] = Field(default_factory=dict)
    """Published values by metric; a plain number stands for its value."""

    @field_validator("published", mode="before")
    @classmethod
    def _plain_numbers(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {key: {"value": value} if isinstance(value, int | float) else value for key, value in values.items()}


class GroupSpec(_Model):
    """Rows that are measured on the same clips."""

    title: str = ""
    """Heading; empty for none."""
    clips: tuple[str, ...] = ("*",)
    """Patterns (``*``, ``?``) of the names or sources of the clips."""
    besides: tuple[str, ...] = ()
    """Patterns of clips to leave out."""
    published_on: str = ""
    """Which clips the published values were measured on; a footnote."""
    rows: tuple[RowSpec, ...] = ()
    """Rows in order."""
    others: bool = True
    """Whether methods of the project that no row names follow, one row each."""

    def takes(self, name: str, source: str) -> bool:
        """Whether the clip of that name, made from that source, belongs to the group."""
        return _matches(self.clips, name, source) and not _matches(self.besides, name, source)


class TableSpec(_Model):
    """One table."""

    title: str
    """Short title."""
    caption: str = ""
    """What it shows and how to read it."""
    source: str = ""
    """Where the published values come from."""
    tasks: tuple[str, ...] = ("generate",)
    """Only runs of these tasks."""
    columns: tuple[ColumnSpec, ...]
    """Columns in order; one without any value is left out."""
    groups: tuple[GroupSpec, ...] = (GroupSpec(),)
    """Blocks of rows in order."""
    quote_missing: bool = True
    """Whether a row whose method has no run still quotes what was published."""
    calibration: bool = True
    """Whether the calibration runs follow in a block of their own."""


def read_spec(path: Path) -> TableSpec:
    """Read and check a table's YAML.

    Raises: ConfigError if it is missing, no YAML, or has an unknown key (naming the nearest known one) or a bad value.
    """
    models: Sequence[type[_Model]] = (TableSpec, GroupSpec, RowSpec, ColumnSpec, Published)
    known = {name for model in models for name in model.model_fields}
    return read_checked(path, "table description", TypeAdapter(TableSpec), sorted(known))


def _matches(patterns: Sequence[str], name: str, source: str) -> bool:
    return any(fnmatchcase(name, pattern) or fnmatchcase(source, pattern) for pattern in patterns)
