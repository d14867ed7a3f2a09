"""Samples of one clip without the workflow: what `onereel generate` and `onereel edit` do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from onereel import ingest
from onereel.base.devices import resolve_device
from onereel.base.errors import ConfigError
from onereel.base.outputs import check_outputs
from onereel.base.parsing import clips_and_files, parse_pairs, parse_settings
from onereel.base.progress import terminal_progress
from onereel.base.run_record import RunRecord
from onereel.cli.exports import Place, where_results_lie
from onereel.ingest.download import without_password
from onereel.jobs.asking import Asked, Prepared
from onereel.methods import (
    Inputs,
    Job,
    Task,
    better_preset,
    check_given,
    check_inputs,
    check_seeds,
    read_method_file,
)
from onereel.weights.entries import Mode


def generate_samples(
    source: str | None,
    out: Path,
    *,
    method: str,
    task: str,
    preset: str,
    samples: int | None,
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
    gif: bool = False,
    height: int | None = None,
) -> None:
    """Train what `method` needs, on `source` where it reads a clip, and write samples, reporting each in one line.

    Args:
        source: anything that `onereel.ingest.load` takes; None for a task that reads no clip.
        out: folder for ``{seed}.mkv``, ``.mp4`` and ``.json``, and for ``run.json``, which names the run's samples; or
            one film, as `onereel.cli.exports.Place` reads it.
        method: name of the method.
        task: name of the task.
        preset: name of the preset.
        samples: how many; None: 3, or the one that `out` names.
        seed: seed of the first; the others count up.
        settings: ``key=value`` over the preset.
        device: ``auto``, ``cpu`` or a CUDA device.
        prompt: text of a text-driven task.
        inputs: ``role=clip:SOURCE``, ``role=FILE`` or ``role=FOLDER``, for tasks that need more than the clip.
        report: called with one line for the preset, for each sample, and for each row of the table at the end.
        models: folder for trained parts, which whoever names it again uses again; None: beside the samples.
        overwrite: replace samples of ours even where somebody changed them since.
        training_seed: seed of the training; samples of all seeds are drawn from the same parts.
        weights: which weights of pretrained networks are used, where the task needs any.
        gif: write a GIF beside every sample.
        height: pixels of the mp4 and the GIF; None: as the method made it.

    Raises: OnereelError before anything is computed, where names, settings or inputs are wrong.
    """
    asked = Asked.of(method, task, preset, parse_settings(";".join(settings), "--set"))
    place = Place.of(out, gif=gif, height=height)
    samples = place.count(samples)
    check_seeds("--seed", seed, samples)
    check_seeds("--training-seed", training_seed)
    job = Job(resolve_device(device), seed=training_seed, progress=terminal_progress)
    further = parse_pairs(";".join(inputs), "--input")
    seeds = range(seed, seed + samples)
    read = [*filter(None, [source]), *(value.removeprefix("clip:") for value in further.values())]
    check_outputs(map(place.result, seeds), read, overwrite=overwrite)
    _check_given(asked, source, further, prompt)
    with TemporaryDirectory() as scratch:
        given = _read_inputs(source, further, prompt, still=asked.task == Task.IMAGE)
        prepared = asked.prepared(given, job, Path(scratch), weights=weights)
        record = RunRecord(place.folder) if place.name is None else None
        for line in _expected(asked):
            report(line)
        prepared = prepared.trained(models or place.models)
        name = Path(without_password(source)).stem if source else ""
        if record:
            record.begin(prepared.identity(name), map(str, seeds), report)
        size, fps = _draw(prepared, place, name, seeds, record, report)
    trained = (models or place.models) if prepared.job.models else None
    for line in where_results_lie(place, seeds, size, fps, trained, without_password(source) if source else None):
        report(line)


def _draw(
    prepared: Prepared,
    place: Place,
    name: str,
    seeds: Sequence[int],
    record: RunRecord | None,
    report: Callable[[str], None],
) -> tuple[tuple[int, int, int], float]:
    """Write samples and say so, each before the next; the size and the rate of the last one."""
    for seed, (sample, facts) in zip(seeds, prepared.drawn(place.run, name, seeds), strict=True):
        path = place.write(seed, sample, facts)
        if record:
            record.add(str(seed))
        report(f"{path}: {facts['seconds']:.1f} s, {facts['peak_memory_mb']:.0f} MB")
    return sample.size, float(sample.fps)


def _expected(asked: Asked) -> list[str]:
    """Which preset this is, what to expect of it, and which one shows what the method can do."""
    about: Mapping[str, str] = read_method_file(asked.method.name)["about"]
    told = about[asked.preset]
    lines = [f"{asked.method.name}, preset {asked.preset}{': ' if told else ''}{told}"]
    if better := better_preset(asked.method.name, asked.preset):
        lines.append(f"better results: --preset {better}{f' ({about[better]})' if about[better] else ''}")
    return lines


def _check_given(asked: Asked, source: str | None, further: Mapping[str, str], prompt: str) -> None:
    """Refuse a clip, a prompt and further inputs that the task does not read, or misses, before any is read."""
    clips_, files = clips_and_files(further)
    check_inputs(asked.method, asked.task, clips_, {role: Path(path) for role, path in files.items()})
    check_given(asked.method, asked.task, clip=source is not None, prompt=bool(prompt))


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
