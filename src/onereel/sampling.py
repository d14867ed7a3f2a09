"""Draw, describe and store samples: what `onereel generate` and the workflow's `sample` rule have in common."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numba
import torch

from onereel import clip as clips_
from onereel import pyramid
from onereel.clip import Clip
from onereel.files import sha256_of, write_json
from onereel.methods import Inputs, Method, MethodConfig, Task, check_task
from onereel.progress import Progress
from onereel.record import measured, provenance


@dataclass(frozen=True)
class Request:
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
    )


def use_threads(count: int) -> None:
    """Compute on `count` cores, so that jobs beside each other share a machine as the scheduler meant."""
    torch.set_num_threads(count)
    limit = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    numba.set_num_threads(min(count, limit))


def draw(
    method: Method,
    request: Request,
    inputs: Inputs,
    config: MethodConfig,
    *,
    weights: Mapping[str, Path],
    device: torch.device,
    progress: Progress,
) -> tuple[Clip, dict[str, Any]]:
    """One sample and its record."""
    task = Task(request.task)  # a job's parameters are plain text
    check_task(method, task)
    with measured(device) as cost:
        drawn = method.sample(
            task, inputs, config, weights=weights, device=device, seed=request.seed, progress=progress
        )
    sample = drawn if isinstance(drawn, Clip) else Clip(drawn, inputs.clip.fps)
    record = {
        **asdict(request),
        "settings": dict(request.settings),
        "config": config.model_dump(mode="json"),
        "weights": {part: sha256_of(path) for part, path in weights.items()},
        "notes": dict(method.notes(task, config)),
        "size": list(sample.size),
        "fps": str(sample.fps),
        **cost,
        **provenance(device),
    }
    return sample, record


def write_sample(folder: Path, name: str, sample: Clip, record: Mapping[str, Any]) -> None:
    """Write ``{name}.mkv`` (lossless), ``{name}.mp4`` (preview) and, last, ``{name}.json`` into `folder`."""
    clips_.write(folder / f"{name}.mkv", sample)
    clips_.write_preview(folder / f"{name}.mp4", sample)
    write_json(folder / f"{name}.json", dict(record))
