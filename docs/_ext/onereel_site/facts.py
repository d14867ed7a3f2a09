"""What the code says of methods, their settings and metrics, as plain values."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from onereel.methods import Method, Task, configure, load_method, method_names, read_method_file
from onereel.methods.base import EDITS

MAKES: Mapping[Task, str] = {
    Task.GENERATE: "a new video of the same things",
    Task.RETARGET: "the clip at another size or length",
    Task.EXTRAPOLATE: "the clip and what comes after it, or before",
    Task.UPSAMPLE_TIME: "the clip with more frames",
    Task.INPAINT: "the clip with a hole filled in",
    Task.ANALOGY: "the clip's layout and motion in the looks of another",
    Task.SKETCH: "a drawing that becomes the clip's world",
    Task.SLOW_MOTION: "the clip's world, slower",
    Task.LENGTHEN: "a video that is longer than the clip",
    Task.COMPOSE: "an edited clip whose seams are mended",
    Task.SUPER_RESOLVE: "the clip, larger",
    Task.MOTION_TRANSFER: "a still picture that moves as the clip does",
    Task.IMAGE: "one picture",
    Task.EDIT_TEXT: "the clip as a text asks",
    Task.ANIMATE_IMAGE: "a still picture that moves as a text asks",
    Task.SUBJECT: "a video of the subject of some pictures",
    Task.EDIT_STRUCTURE: "the clip's structure with other content",
    Task.EDIT_MASKED: "the clip with a part of it edited",
    Task.CUSTOMISE: "an edit by a model that was tuned on the clip",
}
"""What comes out of a task, in a few words."""
BY_PROMPT = EDITS | {Task.SUBJECT, Task.ANIMATE_IMAGE}
"""Tasks that a sentence steers."""


@dataclass(frozen=True)
class Setting:
    """One setting of a method.

    Attributes:
        name: as ``--set`` takes it, with dots.
        meaning: what the code says of it.
        allowed: which values it takes, in words; "" where its type says little.
        values: by preset.
        trained: whether training reads it.
        tasks: those that read it; None: all.
    """

    name: str
    meaning: str
    allowed: str
    values: Mapping[str, Any]
    trained: bool
    tasks: frozenset[Task] | None


def competitors() -> list[Method]:
    """Every method but calibration rows, by name."""
    return [method for method in map(load_method, method_names()) if not method.calibration]


def presets_of(method: Method) -> list[str]:
    """Names of presets, as published first."""
    return sorted(read_method_file(method.name)["presets"], key=lambda name: (name != "paper", name != "fast"))


def trains(method: Method) -> bool:
    """Whether any task trains anything."""
    config = configure(method, presets_of(method)[0])
    return any(method.parts(task, config) for task in method.tasks)


def settings_of(method: Method) -> Iterator[Setting]:
    """Every setting, in the order of the code."""
    chosen = {name: configure(method, name).model_dump(mode="json") for name in presets_of(method)}
    schema = method.Config.model_json_schema()
    learns = trains(method)
    for name, field in _leaves(schema, schema):
        first = name.split(".")[0]
        readers = (method.Config.read_by.get(first, method.tasks) & method.tasks) - method.Config.ignored_by.get(
            name, frozenset()
        )
        yield Setting(
            name,
            " ".join(field.get("description", "").split()),
            _allowed(field),
            {preset: _at(values, name) for preset, values in chosen.items()},
            learns and first not in method.Config.sampling_only | method.Config.guards,
            None if readers == method.tasks else frozenset(readers),
        )


def _leaves(schema: Mapping[str, Any], root: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in schema.get("properties", {}).items():
        target = field
        if reference := field.get("$ref"):
            target = root["$defs"][reference.rsplit("/", 1)[1]]
        if "properties" in target:
            yield from _leaves(target, root, f"{before}{name}.")
        else:
            yield before + name, {**target, **field}


def _at(values: Any, name: str) -> Any:
    for step in name.split("."):
        values = values[step]
    return values


_KINDS = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text"}


def _allowed(field: Mapping[str, Any]) -> str:
    """Which values a setting takes, in words, from its JSON schema."""
    if options := field.get("anyOf"):
        words = [_allowed(option) for option in options if option.get("type") != "null"]
        return " or ".join(words) + (" or null" if len(words) < len(options) else "")
    if choices := field.get("enum"):
        return " or ".join(f"`{shown(choice)}`" for choice in choices)
    if field.get("type") == "array":
        parts = field.get("prefixItems") or [field.get("items", {})]
        inner = _allowed(parts[0])
        return f"{len(parts)} values, each: {inner}" if field.get("prefixItems") else f"list of: {inner}"
    words = _KINDS.get(field.get("type", ""), "")
    low, above = field.get("minimum"), field.get("exclusiveMinimum")
    high, below = field.get("maximum"), field.get("exclusiveMaximum")
    bounds = [f"from {low}"] * (low is not None) + [f"above {above}"] * (above is not None)
    bounds += [f"up to {high}"] * (high is not None) + [f"below {below}"] * (below is not None)
    return " ".join([words, *bounds]).strip()


def shown(value: Any) -> str:
    """A value as a person writes it after ``--set``."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, BaseModel):
        return shown(value.model_dump(mode="json"))
    return (value or '""') if isinstance(value, str) else json.dumps(value)
