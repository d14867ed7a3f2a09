"""``onereel methods``: which methods there are, and what one of them can be asked for, from its own settings."""

import json
import shutil
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from onereel.base.errors import ConfigError
from onereel.base.names import did_you_mean
from onereel.methods import (
    Method,
    Roles,
    Task,
    check_task,
    field_of,
    load_method,
    method_names,
    read_method_file,
    setting_names,
)

MAKES: Mapping[Task, str] = {
    Task.GENERATE: "a new video of the same things",
    Task.RETARGET: "the clip at another size or length",
    Task.EXTRAPOLATE: "the clip, and what comes after it or before",
    Task.UPSAMPLE_TIME: "the clip with more frames",
    Task.INPAINT: "the clip with a hole filled in",
    Task.ANALOGY: "layout and motion of the clip, in the looks of another",
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
_TRAINED = "The same of training: another value trains anew"
_WIDEST = 110  # columns of a terminal that are easy to read


def show_methods(name: str | None, task: str | None, *, as_json: bool, say: Callable[[str], None]) -> None:
    """Say which methods there are, or, with a name, everything about one.

    Raises: OnereelError for a method or a task that there is not.
    """
    if name is None:
        every = [describe(load_method(each)) for each in method_names()]
        say(json.dumps(every, indent=2) if as_json else "\n".join(overview(every)))
        return
    method = load_method(name)
    found = describe(method, _task(method, task))
    say(json.dumps(found, indent=2) if as_json else "\n".join(page(found)))


def describe(method: Method, task: Task | None = None) -> dict[str, Any]:
    """Everything that a person may ask of a method, JSON-ready.

    Args:
        method: which.
        task: only what this one reads; None: all.

    Returns: ``name``, ``title``, ``paper``, ``tasks`` (name, makes, clip, prompt, inputs: groups of which a run gives
        one), ``presets`` (name, about, settings that are not the defaults, by dotted name), ``settings`` (name,
        meaning, default, allowed, tasks that read it, and whether a training does).
    """
    content = read_method_file(method.name)
    tasks = [each for each in Task if each in method.tasks and task in (None, each)]
    settings = list(_settings(method))
    defaults = {facts["name"]: facts["default"] for facts in settings}
    return {
        "name": method.name,
        "title": method.title,
        "paper": method.paper,
        "calibration": method.calibration,
        "tasks": [_task_facts(method, each) for each in tasks],
        "presets": [
            {
                "name": name,
                "about": content["about"][name],
                "settings": {key: value for key, value in _flat(values or {}) if value != defaults[key]},
            }
            for name, values in content["presets"].items()
        ],
        "settings": [facts for facts in settings if set(facts["tasks"]) & set(map(str, tasks))],
    }


def overview(every: list[dict[str, Any]]) -> Iterator[str]:
    """A line or two for each method."""
    width = max(len(found["name"]) for found in every)
    for found in every:
        tasks = ", ".join(task["name"] for task in found["tasks"])
        yield f"{found['name']:{width}}  {found['title']}"
        yield from _wrapped(f"tasks: {tasks}", width + 2)
        yield from _wrapped(f"presets: {', '.join(preset['name'] for preset in found['presets'])}", width + 2)
    yield ""
    yield "onereel methods NAME: its inputs and settings. Commands for every task: docs/tasks.md"


def page(found: Mapping[str, Any]) -> Iterator[str]:
    """Everything that `describe` says, for a terminal."""
    yield f"{found['title']} (--method {found['name']})"
    yield from _wrapped(found["paper"], 0) if found["paper"] else ()
    yield from ("", "Tasks (--task)")
    width = max(len(task["name"]) for task in found["tasks"])
    for task in found["tasks"]:
        yield from _wrapped(f"{task['name']:{width}}  {'; '.join([task['makes'], *_given(task)])}", 2, width + 4)
    yield from ("", "Presets (--preset)")
    width = max(len(preset["name"]) for preset in found["presets"])
    for preset in found["presets"]:
        yield from _wrapped(f"{preset['name']:{width}}  {preset['about']}", 2, width + 4)
        told = "; ".join(f"{key}={_shown(value)}" for key, value in preset["settings"].items())
        yield from _wrapped(told or "the defaults", width + 4)
    everything = [task["name"] for task in found["tasks"]]
    for trained, title in ((False, "Settings (--set NAME=VALUE), with their defaults; null is None"), (True, _TRAINED)):
        mine = [setting for setting in found["settings"] if setting["trained"] == trained]
        if mine:
            yield from ("", title)
            yield from _settings_of(mine, everything)


def _settings_of(settings: Sequence[Mapping[str, Any]], everything: Sequence[str]) -> Iterator[str]:
    told: dict[str, str] = {}
    for setting in settings:
        allowed = f"  ({setting['allowed']})" if setting["allowed"] else ""
        yield f"  {setting['name']} = {_shown(setting['default'])}{allowed}"
        # Groups of the same kind have the same settings: said once.
        earlier = told.setdefault(setting["meaning"], setting["name"]) if "." in setting["name"] else setting["name"]
        yield from _wrapped(setting["meaning"] if earlier == setting["name"] else f"As {earlier}.", 6)
        readers = [name for name in setting["tasks"] if name in everything]
        if len(readers) < len(everything):
            yield from _wrapped(f"Read by {', '.join(readers)}.", 6)


def _task(method: Method, name: str | None) -> Task | None:
    if name is None:
        return None
    if name not in list(Task):
        raise ConfigError(f"task '{name}'", "no such task", did_you_mean(name, sorted(method.tasks)))
    check_task(method, Task(name))
    return Task(name)


def _task_facts(method: Method, task: Task) -> dict[str, Any]:
    roles = method.roles.get(task, Roles())
    groups = [
        {"one_of": [group.forms(role) for role in sorted(group.names)], "needed": group.needed}
        for group in roles.groups
    ]
    return {
        "name": str(task),
        "makes": MAKES[task],
        "clip": roles.clip,
        "prompt": roles.prompt,
        "inputs": groups,
    }


def _given(task: Mapping[str, Any]) -> Iterator[str]:
    """What a task reads besides the clip, in words."""
    if task["clip"] != "needed":
        yield f"the clip is {task['clip']}"
    if task["prompt"] != "refused":
        yield f"--prompt is {task['prompt']}"
    for group in task["inputs"]:
        yield f"{'needs' if group['needed'] else 'may have'} --input {', or '.join(group['one_of'])}"


def _settings(method: Method) -> Iterator[dict[str, Any]]:
    config = method.Config
    trains = any(method.parts(task, config()) for task in method.tasks)
    for name in setting_names(config):
        found = field_of(config, name.split("."))
        if found is None or _is_model(found.annotation):
            continue  # a group: its own settings follow
        first = name.split(".")[0]
        readers = (config.read_by.get(first, method.tasks) & method.tasks) - config.ignored_by.get(name, set())
        yield {
            "name": name,
            "meaning": " ".join((found.description or "").split()),
            "default": _default(config, name.split("."), found),
            "allowed": _allowed(found),
            "tasks": sorted(map(str, readers)),
            "trained": trains and first not in config.sampling_only | config.guards,
        }


def _default(config: type[BaseModel], steps: list[str], found: FieldInfo) -> Any:
    """The default of a setting: of a group's, as the method sets the group."""
    value: Any = config.model_fields[steps[0]].get_default(call_default_factory=True)
    for step in steps[1:]:
        value = getattr(value, step, None)
    plain = json.loads(
        json.dumps(value.model_dump(mode="json") if isinstance(value, BaseModel) else value, default=str)
    )
    return None if found.is_required() and len(steps) == 1 else plain


def _allowed(found: FieldInfo) -> str:
    """Which values a setting takes, where its type says so: choices, or bounds."""
    choices = [choice for part in _parts(found.annotation) if get_origin(part) is Literal for choice in get_args(part)]
    if choices:
        return " or ".join(map(str, choices))
    bounds = []
    for mark in (*found.metadata, *(mark for part in _parts(found.annotation) for mark in get_args(part)[1:])):
        for kind, sign in _SIGNS.items():
            if isinstance(mark, kind):
                bounds.append(f"{sign} {getattr(mark, kind.__name__.lower())}")
    if not bounds and any(part is bool for part in _parts(found.annotation)):
        return "true or false"
    return ", ".join(dict.fromkeys(bounds))


_SIGNS = {annotated_types.Ge: ">=", annotated_types.Gt: ">", annotated_types.Le: "<=", annotated_types.Lt: "<"}


def _parts(annotation: Any) -> Iterator[Any]:
    """A type, and the alternatives of a union or what a tuple holds."""
    yield annotation
    if get_origin(annotation) not in (Literal, Annotated):
        for part in get_args(annotation):
            yield from _parts(part)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _shown(value: Any) -> str:
    """A value as a person writes it after ``--set``."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return (value or "''") if isinstance(value, str) else json.dumps(value)


def _wrapped(text: str, indent: int, hanging: int | None = None) -> list[str]:
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    return textwrap.wrap(
        text,
        max(width, 40),
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent if hanging is None else hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )
