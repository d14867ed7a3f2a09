"""Tables of the documentation, as Markdown, from what the code says."""

from collections.abc import Iterable

from onereel.methods import Method, Roles, Task, load_method
from onereel.metrics.base import Metric
from onereel.metrics.registry import REGISTRY
from onereel_site.facts import BY_PROMPT, MAKES, Setting, competitors, presets_of, settings_of, shown, trains

_SCOPES = {"sample": "one value a sample", "run": "one value for all samples of a run"}


def method_table() -> str:
    """Every method: what it does, whether it trains."""
    rows = []
    for method in competitors():
        tasks = ", ".join(f"`{task}`" for task in Task if task in method.tasks)
        rows.append([f"[{method.title}]({method.name}.md)", f"`{method.name}`", tasks, _learning(method)])
    return _table(["method", "name", "tasks", "trains"], rows)


def metric_table() -> str:
    """Every metric: what it needs, which way is better."""
    rows = [[f"[{metric.title}]({name}.md)", f"`{name}`", _better(metric), _network(metric)] for name, metric in _all()]
    return _table(["metric", "name", "better", "network"], rows)


def method_facts(name: str) -> str:
    """Paper, tasks with what they read and make, presets."""
    method = load_method(name)
    rows = [[f"`{task}`", MAKES[task], _reads(method, task)] for task in Task if task in method.tasks]
    presets = [[f"`{preset}`", about] for preset, about in presets_of(method).items()]
    lines = [f"**Paper:** {method.paper}."] if method.paper else []
    lines += [f"**Name:** `{name}`. **Trains:** {_learning(method)}."]
    return "\n\n".join(
        [*lines, _table(["task", "comes out", "reads"], rows), _table(["preset", "what to expect"], presets)]
    )


def metric_facts(name: str) -> str:
    """Direction, unit, what it needs."""
    metric = REGISTRY[name]
    facts = [f"**Name:** `{name}`", f"**Better:** {_better(metric)}", f"**Network:** {_network(metric)}"]
    facts += [f"**Unit:** {metric.unit}"] * bool(metric.unit) + [f"**Value:** {_SCOPES[metric.scope]}"]
    needs = ["a prompt or a caption"] * metric.needs_prompt + ["a sample of the clip's size"] * metric.same_size
    needs += [f"{metric.least_frames} frames or more"] * (metric.least_frames > 1)
    facts += [f"**Needs:** {', '.join(needs)}"] * bool(needs)
    return ". ".join(facts) + ".\n\n" + f"Protocol, as every record has it: `{metric.protocol()['name']}`."


def settings_tables(name: str) -> str:
    """Every setting with its meaning and its values: what sampling reads, then what training reads."""
    method = load_method(name)
    every, presets = list(settings_of(method)), list(presets_of(method))
    groups = [("No training follows a change of these", [s for s in every if not s.trained])]
    groups += [("Training reads these: another value trains anew", [s for s in every if s.trained])]
    if not trains(method):
        groups = [("", every)]
    return "\n\n".join(
        (f"**{title}**\n\n" if title else "") + _settings(settings, presets) for title, settings in groups if settings
    )


def methods_for(tasks: Iterable[str]) -> str:
    """A list of the methods that do any of these tasks, with links; for a page beside the folder of methods."""
    wanted = {Task(task) for task in tasks} or BY_PROMPT
    lines = []
    for method in competitors():
        if found := [task for task in Task if task in method.tasks & wanted]:
            lines.append(f"- [{method.title}](methods/{method.name}.md): {', '.join(f'`{task}`' for task in found)}")
    return "\n".join(lines)


def _settings(settings: list[Setting], presets: list[str]) -> str:
    rows, told = [], {}
    for setting in settings:
        # Groups of one kind have the same settings: said once.
        before = told.setdefault(setting.meaning, setting.name) if "." in setting.name else setting.name
        meaning = setting.meaning if before == setting.name else f"As `{before}`."
        reads = f" Read by {', '.join(f'`{task}`' for task in sorted(setting.tasks))}." if setting.tasks else ""
        allowed = f" *Allowed: {setting.allowed}.*" if setting.allowed else ""
        rows.append([f"`{setting.name}`", _values(setting, presets), meaning + reads + allowed])
    return "```{rst-class} settings\n```\n\n" + _table(["setting", "values", "meaning"], rows)


def _values(setting: Setting, presets: list[str]) -> str:
    """The first preset's value, and that of every other preset where it differs."""
    first = shown(setting.values[presets[0]])
    others = [
        f"{name}: `{shown(setting.values[name])}`" for name in presets[1:] if shown(setting.values[name]) != first
    ]
    return "<br>".join([f"`{first}`", *others])


def _all() -> Iterable[tuple[str, Metric]]:
    return REGISTRY.items()


def _learning(method: Method) -> str:
    return "yes" if trains(method) else "no"


def _better(metric: Metric) -> str:
    return metric.better or "neither way"


def _network(metric: Metric) -> str:
    return metric.extractor_title or "none"


def _reads(method: Method, task: Task) -> str:
    roles = method.roles.get(task, Roles())
    words = {"needed": ["the clip"], "optional": ["the clip, or none"], "refused": []}[roles.clip]
    words += {"needed": ["a prompt"], "optional": ["a prompt, or none"], "refused": []}[roles.prompt]
    for group in roles.groups:
        forms = " or ".join(f"`{form}`" for role in sorted(group.names) for form in group.forms(role).split(" or "))
        words.append(forms if group.needed else f"perhaps {forms}")
    return "; ".join(words)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
