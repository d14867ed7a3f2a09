"""From what somebody asks for to samples, without the workflow: what the command line and Python callers share."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onereel.base.errors import ConfigError
from onereel.base.files import check_target
from onereel.base.names import did_you_mean
from onereel.jobs.artefacts import prepare
from onereel.jobs.fitting import train_parts
from onereel.jobs.inputs import resolve_backbones
from onereel.jobs.sampling import SampleRequest, asked_of, check_run, draw_many
from onereel.methods import (
    Inputs,
    Job,
    Method,
    MethodConfig,
    Roles,
    Task,
    check_task,
    configure,
    load_method,
    method_names,
)
from onereel.video.clip import Clip
from onereel.weights.entries import Mode

_EDITING = (Task.EDIT_TEXT, Task.EDIT_STRUCTURE, Task.EDIT_MASKED)  # what an edit by a prompt may be, likeliest first


@dataclass(frozen=True)
class Asked:
    """A method, what it is asked for, and its settings: names are known and go together, nothing was read yet.

    Attributes:
        method: what samples.
        task: what it is asked for.
        config: its settings.
        preset: key of the preset that they start from.
        settings: single settings over the preset.
    """

    method: Method
    task: Task
    config: MethodConfig
    preset: str
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, method: str, task: str, preset: str, settings: Mapping[str, Any]) -> Asked:
        """What these names mean.

        Raises: ConfigError or MethodError for a name or a setting that does not exist, with the nearest one that does.
        """
        chosen = load_method(method)
        if task not in list(Task):
            raise ConfigError(f"task '{task}'", "no such task", did_you_mean(task, sorted(chosen.tasks)))
        check_task(chosen, Task(task))
        config = configure(chosen, preset, settings, task=Task(task))
        return cls(chosen, Task(task), config, preset, settings)

    def prepared(self, inputs: Inputs, job: Job, scratch: Path, *, weights: Mode = "auto") -> Prepared:
        """The same with what it reads, checked before anything is trained.

        Args:
            inputs: what there is.
            job: where to compute, and with what seed to train.
            scratch: a folder for what is preprocessed; must stay until all samples are drawn.
            weights: which weights of pretrained networks are used.

        Raises: MethodError, ClipError, WeightsError for what no training mends.
        """
        job = replace(job, backbones=resolve_backbones(self.method, self.task, self.config, weights))
        given = prepare(self.method, self.task, inputs, self.config, scratch, weights=weights, device=job.device)
        check_run(self.method, self.task, given, self.config, job)
        return Prepared(self, given, job)


@dataclass(frozen=True)
class Prepared:
    """A request that nothing is in the way of."""

    asked: Asked
    inputs: Inputs
    job: Job

    def trained(self, folder: Path) -> Prepared:
        """The same with the parts that it needs, trained or found in a folder of models.

        Raises: ConfigError for a folder that cannot be written, or not be read again.
        """
        asked = self.asked
        if not asked.method.parts(asked.task, asked.config):
            return self
        _check_folder(folder)
        models = train_parts(asked.method, asked.task, self.inputs, asked.config, self.job, folder)
        return replace(self, job=replace(self.job, models=models))

    def drawn(self, run: str, clip: str, seeds: Sequence[int]) -> Iterator[tuple[Clip, dict[str, Any]]]:
        """Samples with their records, in groups of the method's choice, so that a kill loses one group only.

        Args:
            run: the run's name in records.
            clip: the clip's.
            seeds: one for each sample.
        """
        asked = self.asked
        together = asked.method.together(asked.config)
        for start in range(0, len(seeds), together):
            requests = [self.request(run, clip, seed) for seed in seeds[start : start + together]]
            yield from draw_many(asked.method, requests, self.inputs, asked.config, self.job)

    def request(self, run: str, clip: str, seed: int) -> SampleRequest:
        """What a record says was asked for."""
        asked = self.asked
        return SampleRequest(
            run=run, clip=clip, method=asked.method.name, task=asked.task, preset=asked.preset, seed=seed,
            settings=asked.settings, prompt=self.inputs.prompt,
        )  # fmt: skip

    def identity(self, clip: str) -> dict[str, Any]:
        """Everything that samples depend on but for their seeds, for `onereel.base.run_record`."""
        asked = asked_of(self.request("", clip, 0), self.asked.config, self.inputs)
        return {**asked, **({"training_seed": self.job.seed} if self.job.models else {})}


def editing_task(method: str, inputs: Collection[str] = ()) -> Task:
    """The task by which a method edits a clip as a prompt asks: the first that reads these further inputs.

    Args:
        method: by name.
        inputs: roles that are given besides clip and prompt; a mask asks for a masked edit.

    Raises: MethodError for no such method; ConfigError for one that edits nothing by a prompt, naming those that do.
    """
    chosen = load_method(method)
    if not (tasks := [task for task in _EDITING if task in chosen.tasks]):
        editors = ", ".join(name for name in method_names() if load_method(name).tasks & set(_EDITING))
        remedy = f"choose one of {editors}, or ask `onereel generate` for a task of {method}"
        raise ConfigError(f"method '{method}'", "edits nothing by a prompt", remedy)
    fitting = [task for task in tasks if set(inputs) <= set(chosen.roles.get(task, Roles()).names)]
    return (fitting or tasks)[0]


def _check_folder(folder: Path) -> None:
    """Refuse, before hours of training, a folder of models that cannot be written, or not be read again."""
    check_target(folder / "model.safetensors")
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        remedy = "name another with --models"
        raise ConfigError(f"folder '{folder}'", "its name is not UTF-8: weights cannot be read there", remedy) from None
