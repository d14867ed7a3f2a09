"""Draw, describe and store samples: what `onereel generate` and the workflow's `sample` rule have in common."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numba
import torch

from onereel.base.files import sha256_of
from onereel.base.progress import Progress
from onereel.base.provenance import measured, provenance
from onereel.ingest.store import write_frames
from onereel.methods import Inputs, Method, MethodConfig, Task, check_inputs, check_task
from onereel.video import clip as clips_
from onereel.video import pyramid
from onereel.video.clip import Clip
from onereel.weights.entries import Mode
from onereel.weights.store import Resolved, Weights


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


def read_inputs(
    clip: Path | str,
    *,
    artefacts: Mapping[str, Path | str] | None = None,
    clips: Mapping[str, Path | str] | None = None,
    files: Mapping[str, Path | str] | None = None,
    prompt: str = "",
    networks: Mapping[str, Resolved] | None = None,
) -> Inputs:
    """Read what a method may read: stored clips by path, a stored pyramid, other files by name only."""
    kinds = {kind: Path(path) for kind, path in (artefacts or {}).items()}
    stored = kinds.pop("pyramid", None)
    return Inputs(
        clip=clips_.read(clip),
        pyramid=pyramid.load(stored) if stored else None,
        clips={role: clips_.read(path) for role, path in (clips or {}).items()},
        files={role: Path(path) for role, path in (files or {}).items()},
        artefacts=kinds,
        prompt=prompt,
        networks=networks or {},
    )


def resolve_networks(method: Method, task: Task, config: MethodConfig, mode: Mode) -> dict[str, Resolved]:
    """The weights of the frozen networks that a task needs, by role; nothing is looked for where it needs none.

    Raises: WeightsError where the mode asks for weights that are not here.
    """
    roles = method.networks(task, config)
    store = Weights() if roles else None
    return {role: store.resolve(role, mode) for role in roles} if store else {}


def use_threads(count: int) -> None:
    """Compute on `count` cores, so that jobs beside each other share a machine as the scheduler meant."""
    torch.set_num_threads(count)
    limit = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    numba.set_num_threads(min(count, limit))


def draw(
    method: Method,
    request: SampleRequest,
    inputs: Inputs,
    config: MethodConfig,
    *,
    weights: Mapping[str, Path],
    device: torch.device,
    progress: Progress,
) -> tuple[Clip, dict[str, Any]]:
    """One sample and its record."""
    ((sample, record),) = draw_many(
        method, [request], inputs, config, weights=weights, device=device, progress=progress
    )
    return sample, record


def draw_many(
    method: Method,
    requests: Sequence[SampleRequest],
    inputs: Inputs,
    config: MethodConfig,
    *,
    weights: Mapping[str, Path],
    device: torch.device,
    progress: Progress,
) -> list[tuple[Clip, dict[str, Any]]]:
    """Samples that differ in nothing but their seeds, with their records; ``seconds`` is the time of all, shared."""
    task = Task(requests[0].task)  # a job's parameters are plain text
    check_task(method, task)
    check_inputs(method, task, inputs.clips, inputs.files)
    with measured(device) as cost:
        drawn = method.sample_many(
            task,
            inputs,
            config,
            weights=weights,
            device=device,
            seeds=[request.seed for request in requests],
            progress=progress,
        )
    shared = {
        "config": config.model_dump(mode="json"),
        "weights": {part: sha256_of(path) for part, path in weights.items()},
        "networks": {role: inputs.network(role).printed for role in method.networks(task, config)},
        **cost,
        "seconds": round(cost["seconds"] / len(requests), 3),
        "drawn_together": len(requests),
        **provenance(device),
    }
    clips = [sample if isinstance(sample, Clip) else Clip(sample, inputs.clip.fps) for sample in drawn]
    effects = [dict(method.effects(task, inputs, config, clip)) for clip in clips]
    return [
        (clip, {**_record(request, clip, shared), "effects": found})
        for request, clip, found in zip(requests, clips, effects, strict=True)
    ]


def _record(request: SampleRequest, sample: Clip, shared: Mapping[str, Any]) -> dict[str, Any]:
    own = {**asdict(request), "settings": dict(request.settings)}
    return {**own, "size": list(sample.size), "fps": str(sample.fps), **shared}


def asked_of(request: SampleRequest, config: MethodConfig, inputs: Inputs) -> dict[str, Any]:
    """Everything that samples depend on but for their seeds, for `onereel.base.run_record`."""
    asked = {key: value for key, value in asdict(request).items() if key not in ("run", "seed")}
    clips = {"clip": inputs.clip, **inputs.clips}
    files = {role: sha256_of(path) for role, path in inputs.files.items() if path.is_file()}
    read = {role: _digest(clip) for role, clip in clips.items()} | files
    return {**asked, "config": config.model_dump(mode="json"), "inputs": read}


def _digest(clip: Clip) -> str:
    digest = hashlib.sha256(f"{clip.size} {clip.fps}".encode())
    for frame in clip.frames:
        digest.update(frame.tobytes())
    return digest.hexdigest()


def write_sample(folder: Path, name: str, sample: Clip, record: Mapping[str, Any]) -> None:
    """Write ``{name}.mkv`` (lossless), ``{name}.mp4`` (preview) and ``{name}.json`` into `folder`: all, or none."""
    write_frames("sample", folder, name, sample, record)
