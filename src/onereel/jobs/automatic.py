"""Learning an editor's automatic choice: a grid of settings on known edits, judged (`onereel benchmark learn`)."""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from onereel.base.codefiles import code_digest
from onereel.base.errors import ConfigError
from onereel.base.files import read_json, write_json
from onereel.jobs.fitting import train_parts
from onereel.jobs.sampling import check_run
from onereel.methods import Inputs, Job, Method, Task
from onereel.methods.dreamix.automatic import Choices, features_of
from onereel.methods.dreamix.config import DreamixConfig
from onereel.methods.dreamix.learning import Setting, Tried, learned, read_words
from onereel.metrics.edits import Judge
from onereel.scenes.world import FIRST_UNSEEN, EditSet, KnownEdit
from onereel.video.clip import Clip

log = logging.getLogger(__name__)


def learn_choices(
    method: Method, config: DreamixConfig, grid: Sequence[Setting], asked: EditSet, job: Job, judge: Judge, folder: Path
) -> Choices:
    """Make every known edit with every setting, judge it, and choose.

    Whatever was made and judged is kept: after a kill it goes on with the setting and source in progress.

    Args:
        method: Dreamix.
        config: all that the grid does not say.
        grid: settings.
        asked: edits whose sources are shared, of seeds that nothing is reported of.
        job: with the backbone.
        judge: measures.
        folder: for trained parts and judgements.

    Raises: ConfigError if results are reported of these seeds, or the edits of a seed have sources of their own.
    """
    if asked.first >= FIRST_UNSEEN:
        problem = f"seeds from {asked.first} on are those that results are reported of"
        raise ConfigError("automatic choice", problem, f"stay below {FIRST_UNSEEN}")
    if asked.sources != "shared":
        raise ConfigError(
            "automatic choice", "every edit would be trained for", "let the edits of a seed share a source"
        )
    words, tried = read_words(), []
    seeds = range(asked.first, asked.first + asked.number)
    for seed in job.progress(seeds, total=len(seeds), label="sources"):
        edits = list(asked.model_copy(update={"first": seed, "number": 1}).edits())
        kept = folder / f"{seed}-{_key(config, asked, job)}.json"
        found = dict(read_json(kept)) if kept.exists() else {}
        for setting in grid:
            if (name := _named(setting)) not in found:
                found[name] = _outcomes(method, _with(config, setting), edits, job, judge, folder / "models")
                write_json(kept, found)
        tried += [_tried(edit, [found[_named(setting)] for setting in grid], words) for edit in edits]
    printed = job.backbone(config.backbone).printed
    return learned(tried, grid, words, backbone=printed, first=asked.first, number=asked.number)


def _outcomes(
    method: Method, config: DreamixConfig, edits: Sequence[KnownEdit], job: Job, judge: Judge, models: Path
) -> dict[str, dict[str, bool]]:
    """What the judge says of the edits of one source with one setting, by their names."""
    task = Task.EDIT_TEXT
    source = Inputs(clip=Clip(edits[0].source, edits[0].fps), prompt=edits[0].prompt)
    check_run(method, task, source, config, job)
    ready = replace(job, models=train_parts(method, task, source, config, job, models))
    outputs = []
    for edit in edits:
        made = method.sample(task, replace(source, prompt=edit.prompt), config, 0, ready)
        outputs.append(made.frames if isinstance(made, Clip) else made)
    found = judge.judge(judge.questions(edits), outputs)
    return {one.name: {"success": one.success, "right": one.attribute_right} for one in found}


def _tried(edit: KnownEdit, outcomes: Sequence[Mapping[str, Any]], words: Any) -> Tried:
    return Tried(
        name=edit.name,
        kind=edit.kind,
        source=edit.source_name,
        features=features_of(words, edit.source_prompt, edit.prompt, edit.source),
        success=tuple(bool(each[edit.name]["success"]) for each in outcomes),
        right=tuple(bool(each[edit.name]["right"]) for each in outcomes),
    )


def _with(config: DreamixConfig, setting: Setting) -> DreamixConfig:
    return DreamixConfig.model_validate({**config.model_dump(), **asdict(setting)})


def _named(setting: Setting) -> str:
    return f"strength {setting.strength:g}, {setting.finetune_steps} steps, alpha {setting.alpha:g}"


def _key(config: DreamixConfig, asked: EditSet, job: Job) -> str:
    """What outcomes depend on besides seed and setting."""
    fixed = config.model_dump(mode="json", exclude={"strength", "finetune_steps", "alpha"})
    edits = asked.model_dump(mode="json", exclude={"first", "number"})
    code = code_digest("methods.dreamix", "metrics.edits")
    told = json.dumps([fixed, edits, job.backbone(config.backbone).sha256, job.seed, code], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:12]
