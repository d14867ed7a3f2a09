"""Every method, found by its package: ``onereel/methods/NAME/__init__.py`` exports ``METHOD``."""

import importlib
import pkgutil
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from onereel.base.errors import ConfigError, MethodError
from onereel.base.names import did_you_mean
from onereel.base.paths import config_folder
from onereel.base.readers import complaint, read_checked
from onereel.methods.base import LARGEST_SEED, BaseMethod, Inputs, Job, Method, MethodConfig, Part, Task
from onereel.methods.roles import Group, Roles

_JOBS = ("fit", "sample", "heldout")  # what a method's YAML can ask resources for, besides its presets

__all__ = [
    "BaseMethod",
    "Inputs",
    "Job",
    "Method",
    "MethodConfig",
    "Part",
    "Roles",
    "Task",
    "check_given",
    "check_inputs",
    "check_seeds",
    "check_task",
    "configure",
    "load_method",
    "method_names",
    "read_method_file",
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
        raise _explain(error, method, preset) from None
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


def read_method_file(name: str, folder: Path | str | None = None) -> dict[str, Any]:
    """``{folder}/{name}.yaml``: ``presets`` (settings by preset) and ``resources`` (what a job or a preset needs).

    Raises: ConfigError if it is missing, no YAML, has other top-level keys, or has resources of what is neither a job
    nor a preset.
    """
    path = Path(folder or config_folder() / "methods") / f"{name}.yaml"
    keys = (*_MethodFile.model_fields, *_Resources.model_fields)
    content = read_checked(path, "file of a method's presets", TypeAdapter(_MethodFile), keys)
    presets, resources = content.presets or {}, content.resources or {}
    for key in resources:
        if key not in (known := (*_JOBS, *presets)):
            raise ConfigError(f"{path}, resources", f"'{key}' is neither a job nor a preset", did_you_mean(key, known))
    asked = {key: value.model_dump(exclude_none=True) for key, value in resources.items()}
    return {"presets": presets, "resources": asked}


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


def _explain(error: ValidationError, method: Method, preset: str) -> ConfigError:
    """What helps most of what pydantic says, in one line; an unknown key gets the nearest known one."""
    steps, problem, remedy = complaint(error, _field_names(method.Config))
    if not steps and remedy == problem:  # a check of several fields together that names none
        remedy = f"see config/methods/{method.name}.yaml"
    return ConfigError(f"settings of {method.name} (preset '{preset}')", problem, remedy)


def _field_names(model: type) -> tuple[str, ...]:
    """Every settable key of a config model, nested ones with dots."""
    names: list[str] = []
    for name, info in model.model_fields.items():  # type: ignore[attr-defined]
        names.append(name)
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            names += [f"{name}.{inner}" for inner in _field_names(info.annotation)]
    return tuple(names)
