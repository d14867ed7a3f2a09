"""Every method, found by its package: ``onereel/methods/NAME/__init__.py`` exports ``METHOD``."""

import importlib
import json
import pkgutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from onereel.base.errors import ConfigError, MethodError
from onereel.base.names import did_you_mean
from onereel.base.paths import config_folder
from onereel.base.readers import complaint, read_checked
from onereel.methods.base import LARGEST_SEED, BaseMethod, Inputs, Job, Method, MethodConfig, Part, Task
from onereel.methods.roles import Group, Roles

DEMO = "demo"
"""The preset that shows that everything works, and not what a method can do: its samples say so, and are not ranked."""
PRESETS = {
    DEMO: "about a minute on two cores: shows that everything works, not what the method can do",
    "fast": "the best that two cores reach in about 20 minutes for a clip 64 pixels high",
    "paper": "every number as published; made for a GPU, days on a CPU where it trains",
}
"""What to expect of a preset, where the method's YAML says nothing of its own."""
_JOBS = ("fit", "sample", "heldout")  # what a method's YAML can ask resources for, besides its presets

__all__ = [
    "DEMO",
    "PRESETS",
    "BaseMethod",
    "Inputs",
    "Job",
    "Method",
    "MethodConfig",
    "Part",
    "Roles",
    "Task",
    "better_preset",
    "check_given",
    "check_inputs",
    "check_seeds",
    "check_task",
    "configure",
    "field_of",
    "load_method",
    "method_names",
    "read_method_file",
    "setting_names",
    "training_code",
]


class _Resources(BaseModel):
    """What a job or a preset asks for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    threads: int | None = Field(default=None, ge=1)
    mem_mb: int | None = Field(default=None, ge=1)
    runtime: int | str | None = None  # minutes, or as Snakemake reads it: "2h"
    gpu: int | None = Field(default=None, ge=0)


class _MethodFile(BaseModel):
    """``config/methods/{name}.yaml``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    presets: dict[str, dict[str, Any] | None] | None = None
    about: dict[str, str] | None = None
    resources: dict[str, _Resources] | None = None


@cache
def method_names() -> tuple[str, ...]:
    """Names of the packages beside this file, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg))


def load_method(name: str) -> Method:
    """The method of that name.

    Raises: MethodError if there is none, naming the nearest.
    """
    if name not in method_names():
        raise MethodError(f"method '{name}'", "no such method", did_you_mean(name, method_names()))
    method: Method = importlib.import_module(f"{__name__}.{name}").METHOD
    return method


def check_task(method: Method | BaseMethod, task: Task) -> None:
    """Raise MethodError, naming what the method can do, unless `task` is among it."""
    if task not in method.tasks:
        known = ", ".join(sorted(method.tasks))
        raise MethodError(f"method '{method.name}'", f"does not do '{task}'", f"choose one of {known}")


def training_code(method: Method) -> tuple[str, ...]:
    """Modules below ``onereel`` whose code says how the method's parts are trained; none of a method from elsewhere."""
    package = type(method).__module__.split(".")
    own = (".".join(package[1:]),) if package[0] == "onereel" else ()
    return method.trained_by or own


def check_inputs(
    method: Method | BaseMethod,
    task: Task,
    clips: Collection[str] = (),
    files: Collection[str] | Mapping[str, Path] = (),
) -> None:
    """Refuse further inputs that the task does not read, misses, or is given too many of.

    Args:
        method: whose task.
        task: one of the method's.
        clips: roles that clips fill.
        files: roles that files or folders fill, with the paths where what is there is to be checked, too.

    Raises: MethodError in one line.
    """
    roles = method.roles.get(task, Roles())
    where = f"{method.name}, task '{task}'"
    for role in (*clips, *files):
        if roles.group_of(role) is None:
            remedy = did_you_mean(role, roles.names) if roles.names else "leave it out"
            raise MethodError(f"{where}, input '{role}'", "the task reads no such input", remedy)
    for group in roles.groups:
        _check_group(where, group, [role for role in (*clips, *files) if role in group.names])
        for role in sorted(group.names):
            path = Path(files[role]) if isinstance(files, Mapping) and role in files else None
            _check_kind(where, group, role, role in clips, role in files, path)


def _check_group(where: str, group: Group, given: Sequence[str]) -> None:
    if len(given) == 1 or not (given or group.needed):
        return
    known = sorted(group.names)
    needed = f"one of the inputs {' and '.join(map(repr, known))}" if len(known) > 1 else f"the input '{known[0]}'"
    problem = f"{'needs' if group.needed else 'takes'} {needed}{', got both' if given else ''}"
    raise MethodError(where, problem, f"give {' or '.join(group.forms(role) for role in known)}")


def _check_kind(where: str, group: Group, role: str, clip: bool, file: bool, path: Path | None) -> None:
    if path is not None and file and role not in group.files | group.clips and not path.is_dir():
        raise MethodError(f"{where}, input '{role}'", f"'{path}' is no folder", f"give {group.forms(role)}")
    if (clip and role not in group.clips) or (file and role not in group.files | group.folders):
        what = "clip" if clip else "file"
        raise MethodError(f"{where}, input '{role}'", f"is a {what}", f"give {group.forms(role)}")


def check_given(method: Method | BaseMethod, task: Task, *, clip: bool, prompt: bool) -> None:
    """Refuse a clip or a prompt that the task does not read, or misses.

    Args:
        method: whose task.
        task: one of the method's.
        clip: whether there is a clip.
        prompt: whether there is a prompt.

    Raises: MethodError in one line.
    """
    roles = method.roles.get(task, Roles())
    where = f"{method.name}, task '{task}'"
    for what, policy, given in (("clip", roles.clip, clip), ("prompt", roles.prompt, prompt)):
        if policy == "needed" and not given:
            raise MethodError(where, f"needs a {what}", "give one")
        if policy == "refused" and given:
            raise MethodError(where, f"reads no {what}", "leave it out")


def check_seeds(where: str, first: int, count: int = 1) -> None:
    """Refuse seeds that are no seeds: the first and the `count` - 1 that follow it.

    Raises: ConfigError in one line.
    """
    if not 0 <= first <= LARGEST_SEED - count + 1:
        raise ConfigError(where, f"seed {first} is out of range", f"use whole numbers from 0 to {LARGEST_SEED}")


def configure(
    method: Method,
    preset: str,
    settings: Mapping[str, Any] | None = None,
    *,
    task: Task | None = None,
    folder: Path | str | None = None,
) -> MethodConfig:
    """The method's settings: defaults of its Config, then the preset, then single settings.

    Args:
        method: whose settings.
        preset: a key under ``presets`` in ``{folder}/{method}.yaml``.
        settings: single values by field name; a dot reaches into nested models (``ladder.factor``).
        task: what the settings are for; None: not known yet.
        folder: where the presets are; by default `onereel.base.paths.config_folder`.

    Raises: ConfigError for an unknown preset or key (naming the nearest known one), a value that does not fit, or a
    setting that the task does not read.
    """
    presets = read_method_file(method.name, folder)["presets"]
    if preset not in presets:
        raise ConfigError(f"preset '{preset}' of {method.name}", "no such preset", did_you_mean(preset, tuple(presets)))
    values = _nested(presets[preset] or {})
    for key, value in (settings or {}).items():
        _assign(values, key, value)
    try:
        config = method.Config.model_validate(values)
    except ValidationError as error:
        raise _explain(error, method, preset, values) from None
    for key in settings or {}:
        _check_read(method, key, task)
    return config


def _check_read(method: Method, key: str, task: Task | None) -> None:
    readers = method.Config.read_by.get(key.split(".")[0], method.tasks) - method.Config.ignored_by.get(key, set())
    if task is None or task in readers or task not in method.tasks:
        return
    able = " or ".join(sorted(readers & method.tasks))
    remedy = f"leave it out, or ask for {able}" if able else "leave it out"
    raise ConfigError(f"setting '{key}' of {method.name}", f"'{task}' does not read it", remedy)


def read_method_file(name: str, folder: Path | str | None = None) -> Mapping[str, Any]:
    """``{folder}/{name}.yaml``: ``presets`` (settings by preset), ``about`` (what to expect, as in `PRESETS` where
    it says nothing) and ``resources`` (what a job or a preset needs). Whoever asks gets the same: do not change it.

    Raises: ConfigError if it is missing, no YAML, has other top-level keys, says something of a preset that there is
    not, or has resources of what is neither a job nor a preset.
    """
    path = Path(folder or config_folder() / "methods") / f"{name}.yaml"
    state = path.stat() if path.is_file() else None
    return _method_file(path, *(state.st_mtime_ns, state.st_size) if state else ())


@cache
def _method_file(path: Path, *_state: int) -> Mapping[str, Any]:
    """What a file says, read once: every run asks."""
    keys = (*_MethodFile.model_fields, *_Resources.model_fields)
    content = read_checked(path, "file of a method's presets", TypeAdapter(_MethodFile), keys)
    presets, resources = content.presets or {}, content.resources or {}
    for key in resources:
        if key not in (known := (*_JOBS, *presets)):
            raise ConfigError(f"{path}, resources", f"'{key}' is neither a job nor a preset", did_you_mean(key, known))
    for key in (about := content.about or {}):
        if key not in presets:
            raise ConfigError(f"{path}, about", f"no preset '{key}'", did_you_mean(key, tuple(presets)))
    asked = {key: value.model_dump(exclude_none=True) for key, value in resources.items()}
    said = {key: about.get(key) or PRESETS.get(key, "") for key in presets}
    return {"presets": presets, "about": said, "resources": asked}


def better_preset(name: str, preset: str, folder: Path | str | None = None) -> str:
    """The preset of a method that shows what it can do, where `preset` is `DEMO`; "" where there is none better."""
    if preset != DEMO:
        return ""
    presets = read_method_file(name, folder)["presets"]
    return next((other for other in ("fast", "paper") if other in presets), "")


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _nested(value) if isinstance(value, Mapping) else value for key, value in values.items()}


def _assign(values: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        child = values.setdefault(parent, {})
        if not isinstance(child, dict):
            raise ConfigError(f"setting '{key}'", f"'{parent}' has no parts", f"set '{parent}' itself")
        values = child
    values[last] = value


def _explain(error: ValidationError, method: Method, preset: str, values: Mapping[str, Any]) -> ConfigError:
    """What helps most of what pydantic says, in one line; an unknown key gets the nearest known one."""
    steps, problem, remedy = complaint(error, setting_names(method.Config))
    if shown := _example(method.Config, values, error, steps):
        remedy = f"write {shown}"
    if not steps and remedy == problem:  # a check of several fields together that names none
        remedy = f"see config/methods/{method.name}.yaml"
    return ConfigError(f"settings of {method.name} (preset '{preset}')", problem, remedy)


def _example(
    model: type[BaseModel], values: Mapping[str, Any], error: ValidationError, steps: Sequence[str | int]
) -> str | None:
    """A right value of a wrong setting of several values, as a person writes it: ``output_scale=[1, 1, 1.5]``; None
    where the error is about something else."""
    names = [step for step in steps if isinstance(step, str)]
    found = field_of(model, names) if names else None
    if found is None or not _is_tuple(found.annotation):
        return None
    given = next(item["input"] for item in error.errors() if item["loc"] == tuple(steps))
    name = ".".join(names)
    for value in _right_values(found, given):
        tried = _nested(values)
        _assign(tried, name, value)
        if not _is_wrong(model, tried, names):
            return f"{name}={json.dumps(value)}"
    return None


def _is_wrong(model: type[BaseModel], values: Mapping[str, Any], names: Sequence[str]) -> bool:
    """Whether one of these settings is, or all together are, not as the model wants them; others may be wrong."""
    try:
        model.model_validate(values)
    except ValidationError as error:
        return any(item["loc"][: len(names)] == tuple(names)[: len(item["loc"])] for item in error.errors())
    return False


def _right_values(found: FieldInfo, given: Any) -> Iterator[list[Any]]:
    """What may be right, best first: the number given for the default's last one, or for all; the default."""
    default = _plain(found.get_default(call_default_factory=True))
    length = _length(found.annotation)
    if isinstance(given, int | float) and not isinstance(given, bool):
        if length and isinstance(default, list):
            yield [*default[:-1], given]
        yield [given] * (length or 1)
    if isinstance(default, list) and default:
        yield default
    yield from ([value] * (length or 1) for value in (1, 0.5, 0, 128))


def _plain(value: Any) -> Any:
    """A default as YAML has it, whole numbers without their point."""
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_tuple(annotation: Any) -> bool:
    return get_origin(annotation) is tuple or any(_is_tuple(part) for part in get_args(annotation))


def _length(annotation: Any) -> int | None:
    """How many values a tuple has; None where that is open."""
    if get_origin(annotation) is not tuple:
        return next((_length(part) for part in get_args(annotation) if _is_tuple(part)), None)
    parts = get_args(annotation)
    return None if Ellipsis in parts else len(parts)


def field_of(model: type[BaseModel], names: Sequence[str]) -> FieldInfo | None:
    """The field that a dotted name stands for; None where there is none."""
    found = model.model_fields.get(names[0])
    if found is None or len(names) == 1:
        return found
    inner = found.annotation
    return field_of(inner, names[1:]) if isinstance(inner, type) and issubclass(inner, BaseModel) else None


def setting_names(model: type) -> tuple[str, ...]:
    """Every settable key of a config model, nested ones with dots."""
    names: list[str] = []
    for name, info in model.model_fields.items():  # type: ignore[attr-defined]
        names.append(name)
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            names += [f"{name}.{inner}" for inner in setting_names(info.annotation)]
    return tuple(names)
