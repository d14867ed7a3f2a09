"""Samples of one clip without the workflow: what `onereel generate` does."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from onereel import ingest
from onereel.base.devices import resolve_device
from onereel.base.errors import ConfigError
from onereel.base.files import check_target
from onereel.base.names import did_you_mean
from onereel.base.outputs import Result, check_outputs
from onereel.base.parsing import clips_and_files, parse_pairs, parse_settings
from onereel.base.progress import terminal_progress
from onereel.base.run_record import RunRecord
from onereel.ingest.download import without_password
from onereel.jobs.artefacts import prepare
from onereel.jobs.fitting import train_parts
from onereel.jobs.inputs import resolve_backbones
from onereel.jobs.sampling import SampleRequest, asked_of, check_run, draw_many, write_sample
from onereel.methods import (
    Inputs,
    Job,
    Method,
    MethodConfig,
    Task,
    check_given,
    check_inputs,
    check_seeds,
    check_task,
    configure,
    load_method,
)
from onereel.video import clip as clips
from onereel.weights.entries import Mode

log = logging.getLogger(__name__)


def generate_samples(
    source: str | None,
    out: Path,
    *,
    method: str,
    task: str,
    preset: str,
    samples: int,
    seed: int,
    settings: Sequence[str],
    device: str,
    prompt: str,
    inputs: Sequence[str],
    report: Callable[[str], None],
    models: Path | None = None,
    overwrite: bool = False,
    training_seed: int = 0,
    weights: Mode = "auto",
) -> None:
    """Train what `method` needs, on `source` where it reads a clip, and write samples, reporting each in one line.

    Args:
        source: anything that `onereel.ingest.load` takes; None for a task that reads no clip.
        out: folder for ``{seed}.mkv``, ``.mp4`` and ``.json``, and for ``run.json``, which names the run's samples.
        method: name of the method.
        task: name of the task.
        preset: name of the preset.
        samples: how many.
        seed: seed of the first; the others count up.
        settings: ``key=value`` over the preset.
        device: ``auto``, ``cpu`` or a CUDA device.
        prompt: text of a text-driven task.
        inputs: ``role=clip:SOURCE``, ``role=FILE`` or ``role=FOLDER``, for tasks that need more than the clip.
        report: called with one line per sample.
        models: folder for trained parts, which whoever names it again uses again; None: ``out/models``.
        overwrite: replace samples of ours even where somebody changed them since.
        training_seed: seed of the training; samples of all seeds are drawn from the same parts.
        weights: which weights of pretrained networks are used, where the task needs any.

    Raises: OnereelError before anything is computed, where names, settings or inputs are wrong.
    """
    chosen = load_method(method)
    if task not in list(Task):
        raise ConfigError(f"task '{task}'", "no such task", did_you_mean(task, sorted(chosen.tasks)))
    check_task(chosen, Task(task))
    values = parse_settings(";".join(settings), "--set")
    config = configure(chosen, preset, values, task=Task(task))
    check_seeds("--seed", seed, samples)
    check_seeds("--training-seed", training_seed)
    target = resolve_device(device)
    further = parse_pairs(";".join(inputs), "--input")
    seeds = range(seed, seed + samples)
    read = [*filter(None, [source]), *(value.removeprefix("clip:") for value in further.values())]
    check_outputs([Result("sample", out, str(number)) for number in seeds], read, overwrite=overwrite)
    _check_given(chosen, Task(task), source, further, prompt)
    backbones = resolve_backbones(chosen, Task(task), config, weights)
    job = Job(target, backbones=backbones, seed=training_seed, progress=terminal_progress)
    asked = SampleRequest(
        run=out.name,
        clip=Path(without_password(source)).stem if source else "",
        method=method,
        task=Task(task),
        preset=preset,
        seed=seed,
        settings=values,
        prompt=prompt,
    )
    with TemporaryDirectory() as scratch:
        given = _read_inputs(source, further, prompt, still=Task(task) == Task.IMAGE)
        given = prepare(chosen, Task(task), given, config, Path(scratch), weights=weights, device=target)
        check_run(chosen, Task(task), given, config, job)
        record = RunRecord(out)
        job = replace(job, models=_train(chosen, Task(task), given, config, job, models or out / "models"))
        training = {"training_seed": training_seed} if job.models else {}
        record.begin({**asked_of(asked, config, given), **training}, map(str, seeds), report)
        # In groups, so that a kill loses one group and not all samples.
        together = chosen.together(config)
        for start in range(0, samples, together):
            group = [replace(asked, seed=number) for number in seeds[start : start + together]]
            _keep(out, group, draw_many(chosen, group, given, config, job), record, report)


def _keep(
    out: Path,
    requests: Sequence[SampleRequest],
    drawn: Sequence[tuple[clips.Clip, Mapping[str, Any]]],
    record: RunRecord,
    report: Callable[[str], None],
) -> None:
    """Write samples and say so, each before the next."""
    for request, (sample, facts) in zip(requests, drawn, strict=True):
        name = str(request.seed)
        write_sample(out, name, sample, facts)
        record.add(name)
        report(f"{out / f'{name}.mkv'}: {facts['seconds']:.1f} s, {facts['peak_memory_mb']:.0f} MB")


def _train(
    method: Method, task: Task, given: Inputs, config: MethodConfig, job: Job, folder: Path
) -> Mapping[str, Path]:
    """Train what the task needs, or find it in the folder; return the files of the parts."""
    if not method.parts(task, config):
        return {}
    _check_folder(folder)
    return train_parts(method, task, given, config, job, folder)


def _check_given(method: Method, task: Task, source: str | None, further: Mapping[str, str], prompt: str) -> None:
    """Refuse a clip, a prompt and further inputs that the task does not read, or misses, before any is read."""
    clips_, files = clips_and_files(further)
    check_inputs(method, task, clips_, {role: Path(path) for role, path in files.items()})
    check_given(method, task, clip=source is not None, prompt=bool(prompt))


def _check_folder(folder: Path) -> None:
    """Refuse, before hours of training, a folder of models that cannot be written, or not be read again."""
    check_target(folder / "model.safetensors")
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        remedy = "name another with --models"
        raise ConfigError(f"folder '{folder}'", "its name is not UTF-8: weights cannot be read there", remedy) from None


def _read_inputs(source: str | None, further: Mapping[str, str], prompt: str, *, still: bool) -> Inputs:
    clip_sources, named = clips_and_files(further)
    files = {role: Path(value) for role, value in named.items()}
    for role, path in files.items():
        if not path.exists():
            raise ConfigError(f"input '{role}'", f"no file '{path}'", "name a file, or clip:SOURCE")
    # Which roles need a video, and which a picture serves, the method knows.
    loaded = {role: ingest.load(value, allow_single=True) for role, value in clip_sources.items()}
    given = Inputs(clips=loaded, files=files, prompt=prompt)
    return given if source is None else replace(given, clip=ingest.load(source, allow_single=still))
