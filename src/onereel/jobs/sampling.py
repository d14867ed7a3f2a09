"""Draw, describe and store samples: what `onereel generate` and the workflow's `sample` rule have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numba
import torch

from onereel.base.files import sha256_once
from onereel.base.provenance import measured, provenance
from onereel.ingest.store import write_frames
from onereel.jobs.inputs import contents_of
from onereel.methods import Inputs, Job, Method, MethodConfig, Task, check_given, check_inputs, check_task
from onereel.video.clip import Clip


@dataclass(frozen=True)
class SampleRequest:
    """What a record says was asked for.

    Attributes:
        run: name of the run.
        clip: name of the clip.
        method: name of the method.
        task: what the method was asked for.
        preset: key of the preset.
        seed: seed of the sample.
        settings: single settings over the preset.
        prompt: text of a text-driven task.
    """

    run: str
    clip: str
    method: str
    task: Task
    preset: str
    seed: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    prompt: str = ""


def use_threads(count: int) -> None:
    """Compute on `count` cores, so that jobs beside each other share a machine as the scheduler meant."""
    torch.set_num_threads(count)
    limit = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    numba.set_num_threads(min(count, limit))


def draw(
    method: Method, request: SampleRequest, inputs: Inputs, config: MethodConfig, job: Job
) -> tuple[Clip, dict[str, Any]]:
    """One sample and its record."""
    ((sample, record),) = draw_many(method, [request], inputs, config, job)
    return sample, record


def draw_many(
    method: Method, requests: Sequence[SampleRequest], inputs: Inputs, config: MethodConfig, job: Job
) -> list[tuple[Clip, dict[str, Any]]]:
    """Samples that differ in nothing but their seeds, with their records; ``seconds`` is the time of all, shared.

    Raises: MethodError or ClipError where the inputs do not fit the task, or `Method.check` refuses them.
    """
    task = Task(requests[0].task)  # a job's parameters are plain text
    check_run(method, task, inputs, config, job)
    with measured(job.device) as cost:
        drawn = method.sample_many(task, inputs, config, [request.seed for request in requests], job)
    shared = {
        "config": config.model_dump(mode="json"),
        "weights": {part: sha256_once(path) for part, path in job.models.items()},
        "backbones": {name: job.backbone(name).printed for name in method.backbones(task, config)},
        **cost,
        "seconds": round(cost["seconds"] / len(requests), 3),
        "drawn_together": len(requests),
        **provenance(job.device),
    }
    # A method that reads no clip knows itself how fast its samples play.
    clips = [sample if isinstance(sample, Clip) else Clip(sample, inputs.clip.fps) for sample in drawn]
    effects = [dict(method.effects(task, inputs, config, clip)) for clip in clips]
    return [
        (clip, {**_record(request, clip, shared), "effects": found})
        for request, clip, found in zip(requests, clips, effects, strict=True)
    ]


def check_run(method: Method, task: Task, inputs: Inputs, config: MethodConfig, job: Job) -> None:
    """Refuse what no training mends: a task, inputs or settings that do not go together.

    Raises: MethodError or ClipError in one line.
    """
    check_task(method, task)
    check_inputs(method, task, inputs.clips, inputs.files)
    given = bool(inputs.prompt) and not method.calibration
    check_given(method, task, clip=inputs.clip is not None, prompt=given)
    method.check(task, inputs, config, job)


def _record(request: SampleRequest, sample: Clip, shared: Mapping[str, Any]) -> dict[str, Any]:
    own = {**asdict(request), "settings": dict(request.settings)}
    return {**own, "size": list(sample.size), "fps": str(sample.fps), **shared}


def asked_of(request: SampleRequest, config: MethodConfig, inputs: Inputs) -> dict[str, Any]:
    """Everything that samples depend on but for their seeds, for `onereel.base.run_record`."""
    asked = {key: value for key, value in asdict(request).items() if key not in ("run", "seed")}
    return {**asked, "config": config.model_dump(mode="json"), "inputs": contents_of(inputs)}


def write_sample(folder: Path, name: str, sample: Clip, record: Mapping[str, Any]) -> None:
    """Write ``{name}.mkv`` (lossless), ``{name}.mp4`` (preview) and ``{name}.json`` into `folder`: all, or none."""
    write_frames("sample", folder, name, sample, record)
