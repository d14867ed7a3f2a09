"""The JSON records that the workflow leaves, as tables and the report read them.

Every shape says what readers rely on, and no more. A record that does not have it counts as missing where something can
be shown without it; the log names it.
"""

import json
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from onereel.base.errors import OnereelError
from onereel.base.files import json_number, read_json

log = logging.getLogger(__name__)

Number = Annotated[float, Field(gt=-1e100, lt=1e100)]
"""A measured number; larger ones overflow where they are drawn, and nothing measures them."""
Value = Number | Literal["-Infinity", "Infinity"] | None
"""A value of a metric; None where it is not defined."""
_Count = Annotated[int, Field(ge=0, lt=2**31)]
_Positive = Annotated[int, Field(gt=0, lt=2**31)]
_Size = Annotated[list[_Positive], Field(min_length=3, max_length=3)]
_Display = Annotated[list[_Positive], Field(min_length=2, max_length=2)]
_Rate = Annotated[str, Field(pattern=r"^([1-9][0-9]{0,9}(/[1-9][0-9]{0,9})?)?$")]
_File = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+\.(jpg|png)$")]


class Record(BaseModel):
    """A shape: values are not converted, so that what fits it can be used as it is."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)


class Manifest(Record):
    """Of an ingested clip."""

    size: _Size
    fps: _Rate | None = None
    source: str | None = None
    caption: str | None = None
    licence: str | None = None


class _Cost(Record):
    seconds: Number | None = None
    peak_memory_mb: Number | None = None
    weights: dict[str, str] | None = None
    machine: str | None = None
    device: str | None = None


class SampleRecord(_Cost):
    """Of a sample."""

    size: _Size
    fps: _Rate | None = None
    config: dict[str, Any] = {}
    effects: dict[str, Number] | None = None
    versions: dict[str, str] | None = None
    commit: str | None = None
    created: str | None = None


class Trained(_Cost):
    """Of a trained part; its ``weights`` are those of the parts that it needs."""

    seed: int | None = None


class _Protocol(Record):
    name: str | None = None


class _Value(Record):
    metric: str
    column: str | None = None
    title: str | None = None
    sample: str | None = None
    value: Value = None
    note: str | None = None
    unit: str | None = None
    better: Literal["lower", "higher", ""] | None = None
    stand_in: bool | None = None
    extractor: str | None = None
    weights: str | None = None
    protocol: _Protocol | str | None = None
    n: _Positive | None = None


class Metrics(Record):
    """Of a run's measurements."""

    records: list[_Value]
    align: str | None = None


class Failure(Record):
    """Of a job that failed."""

    run: str | None = None
    test: str | None = None
    clip: str | None = None
    method: str | None = None
    reason: str | None = None
    log_tail: str | None = None
    created: str | None = None


class _FrameValue(Record):
    metric: Literal["psnr", "ssim"]
    source: str
    seed: int | None
    origin: int
    ahead: _Positive
    value: Value
    note: str


class HeldOutRecord(Record):
    """Of a held-out test."""

    records: list[_FrameValue]
    films: dict[str, _Size]
    samples: dict[str, _Cost]
    fps: _Rate
    flow: str


class _Sheet(Record):
    file: _File
    first: _Count
    count: _Positive
    columns: _Positive


class _Origins(Record):
    display: _Display
    sheets: list[_Sheet]


class Visuals(Record):
    """Of the pictures that a player draws from."""

    size: _Size
    fps: _Rate
    display: _Display
    sheets: list[_Sheet]
    strip: _File
    xt: _File
    ty: _File
    origins: _Origins | None = None


class HeldOutSummary(Record):
    """Of a test: means alone."""

    test: str
    summary: dict[str, Any]


class Summary(Record):
    """Of a run's measurements: means alone."""

    run: str
    clip: str
    method: str
    summary: dict[str, "_Mean"]


class _Mean(Record):
    mean: Value


Guides = list[str]
"""Names of what a run's samples start from."""
Titles = dict[str, str]
"""What made each artefact of a clip, by kind."""


def value_of(record: Mapping[str, Any]) -> float | None:
    """The value of a metric's record; None where it is not defined."""
    # Older records have null for infinity, and a note that says so.
    if record.get("value") is None and str(record.get("note") or "").startswith("infinite"):
        return math.inf
    return json_number(record.get("value"))


def require_record(path: Path | str, shape: Any) -> Any:
    """The content of a JSON file.

    Args:
        path: the file.
        shape: one of the shapes above, or any type that pydantic knows.

    Raises: OnereelError if the file is missing, no JSON or holds something else.
    """
    try:
        content = read_json(path)
        TypeAdapter(shape).validate_python(content, strict=True)
        json.dumps(content, ensure_ascii=False).encode()  # half of a surrogate pair cannot be written to any page
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"]) or "the whole"
        problem = f"is damaged ({place}: {first['msg']})"
    except (OSError, ValueError, RecursionError) as error:
        problem = f"is damaged ({error})"
    else:
        return content
    raise OnereelError(f"'{path}'", problem, "delete it and run again")


def read_record(path: Path, shape: Any) -> Any:
    """The content of a JSON file; None for one that is missing, and, with a warning, for one that is damaged."""
    if not path.exists():
        return None
    try:
        return require_record(path, shape)
    except OnereelError as error:
        log.warning("%s", error)
        return None
