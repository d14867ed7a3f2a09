"""What the code says of methods and their settings: as `onereel methods NAME` does, and the values of every preset."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from onereel.cli.methods import MAKES, describe
from onereel.methods import Method, Task, configure, load_method, method_names, read_method_file
from onereel.methods.base import EDITS

__all__ = ["BY_PROMPT", "MAKES", "Setting", "competitors", "presets_of", "settings_of", "shown", "trains"]

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
    tasks: frozenset[str] | None


def competitors() -> list[Method]:
    """Every method but calibration rows, by name."""
    return [method for method in map(load_method, method_names()) if not method.calibration]


def presets_of(method: Method) -> dict[str, str]:
    """What to expect of each preset, as published first."""
    about: dict[str, str] = read_method_file(method.name)["about"]
    return dict(sorted(about.items(), key=lambda item: (item[0] != "paper", item[0] != "fast")))


def trains(method: Method) -> bool:
    """Whether any task trains anything."""
    config = configure(method, next(iter(presets_of(method))))
    return any(method.parts(task, config) for task in method.tasks)


def settings_of(method: Method) -> Iterator[Setting]:
    """Every setting, in the order of the code."""
    chosen = {name: configure(method, name).model_dump(mode="json") for name in presets_of(method)}
    for facts in describe(method)["settings"]:
        tasks = frozenset(facts["tasks"])
        yield Setting(
            facts["name"],
            facts["meaning"],
            facts["allowed"],
            {preset: _at(values, facts["name"]) for preset, values in chosen.items()},
            facts["trained"],
            None if tasks == method.tasks else tasks,
        )


def _at(values: Any, name: str) -> Any:
    for step in name.split("."):
        values = None if values is None else values[step]
    return values


def shown(value: Any) -> str:
    """A value as a person writes it after ``--set``."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    return (value or '""') if isinstance(value, str) else json.dumps(value)
