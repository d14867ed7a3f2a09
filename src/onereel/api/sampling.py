"""Clips and samples."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from onereel import ingest
from onereel.base.devices import resolve_device
from onereel.base.errors import ConfigError
from onereel.base.outputs import Result, check_outputs
from onereel.base.progress import no_progress, terminal_progress
from onereel.ingest.store import write_frames
from onereel.jobs.asking import Asked, editing_task
from onereel.methods import Inputs, Job, Roles, check_given, check_inputs, check_seeds
from onereel.video.clip import Clip
from onereel.weights.entries import Mode


@dataclass(frozen=True)
class Sample(Clip):
    """A clip that a method made.

    Attributes:
        record: how: method, task, settings, seed, weights, seconds, versions, ...
    """

    record: Mapping[str, Any] = field(default_factory=dict)

    def save(self, path: Path | str) -> Path:
        """Write ``NAME.mkv`` (lossless), and beside it a preview ``NAME.mp4`` and the record ``NAME.json``.

        Args:
            path: ends in ``.mkv``.

        Raises: ConfigError for another suffix, or where something stands that onereel did not write itself.
        """
        target = Path(path)
        check_outputs([Result("sample", target.parent, target.stem)], [])
        if target.suffix != ".mkv":
            raise ConfigError(f"'{target}'", "is no .mkv file", f"name it {target.stem}.mkv")
        write_frames("sample", target.parent, target.stem, Clip(self.frames, self.fps), dict(self.record))
        return target


def load(
    source: Path | str,
    *,
    start: str | None = None,
    end: str | None = None,
    fps: str | float | Fraction | None = None,
    height: int | None = None,
    progress: bool = False,
) -> Clip:
    """A clip from any source: a video, an animation, a picture, a folder of numbered pictures, an address, a scene.

    Args:
        source: a path, an http(s) address, or ``scene:NAME?seed=…``.
        start: first frame (``"12"``) or time (``"1.5s"``, ``"1:02"``).
        end: frame or time to stop before.
        fps: frames per second to resample to; every decoded frame is kept without it.
        height: pixels; the aspect ratio stays.
        progress: draw a bar.

    Returns: frames (T, H, W, 3) uint8 and their rate.
    Raises: ClipError, one line that says what is wrong and what to do.
    """
    if start is end is fps is height is None:
        return ingest.load(source, allow_single=True)
    watch = terminal_progress if progress else no_progress
    name = Path(str(source)).stem or "clip"
    return ingest.ingest(
        str(source), name=name, start=start, end=end, fps=fps, height=height, progress=watch, allow_single=True
    )[0]


def generate(
    clip: Clip | Path | str | None,
    method: str,
    *,
    task: str = "generate",
    preset: str = "fast",
    samples: int = 1,
    seed: int = 0,
    prompt: str = "",
    inputs: Mapping[str, Clip | Path | str] | None = None,
    models: Path | str | None = None,
    training_seed: int = 0,
    device: str = "auto",
    weights: Mode = "auto",
    progress: bool = True,
    **settings: Any,
) -> list[Sample]:
    """Train what a method needs and draw samples.

    Args:
        clip: a clip, or whatever `load` takes; None for a task that reads none.
        method: by name: ``vgpnn``, ``sinfusion``, ...
        task: what to ask of it.
        preset: ``demo`` (a look in about a minute), ``fast`` (the best of about 20 minutes on two cores), ``paper``
            (every number as published), or another one of the method.
        samples: how many.
        seed: of the first; the next ones count up.
        prompt: text of a text-driven task.
        inputs: what a task reads besides, by role: clips, or paths of videos, pictures, tables and folders.
        models: folder for trained models, used again by whoever names it again; None: in the user's cache folder. A
            training that was interrupted goes on where it was.
        training_seed: seed of the training.
        device: ``auto``, ``cpu`` or ``cuda``.
        weights: of pretrained networks: real where fetched (``auto``), or only ``real`` or ``stand-in`` ones.
        progress: draw bars.
        settings: single settings over the preset.

    Returns: the samples, with their records.
    Raises: OnereelError in one line, before anything is computed, for names, settings or inputs that are wrong.
    """
    asked = Asked.of(method, task, preset, settings)
    check_seeds("seed", seed, samples)
    check_seeds("training_seed", training_seed)
    given = _inputs(asked, clip, inputs or {}, prompt)
    check_inputs(asked.method, asked.task, given.clips, given.files)
    check_given(asked.method, asked.task, clip=given.clip is not None, prompt=bool(prompt))
    job = Job(resolve_device(device), seed=training_seed, progress=terminal_progress if progress else no_progress)
    name = Path(clip).stem if isinstance(clip, (str, Path)) else "clip" if clip is not None else ""
    with TemporaryDirectory() as scratch:
        prepared = asked.prepared(given, job, Path(scratch), weights=weights)
        prepared = prepared.trained(Path(models) if models is not None else _cached_models())
        drawn = prepared.drawn(method, name, range(seed, seed + samples))
        return [Sample(made.frames, made.fps, record) for made, record in drawn]


def edit(clip: Clip | Path | str, prompt: str, method: str, *, task: str | None = None, **further: Any) -> list[Sample]:
    """Edit a clip by a prompt.

    Args:
        clip: a clip, or whatever `load` takes.
        prompt: what the edited video should show.
        method: an editor by name.
        task: None: the first that the method has, and that reads what `inputs` gives, of ``edit_text``,
            ``edit_structure``, ``edit_masked``.
        further: as for `generate`.

    Returns: the edits.
    Raises: OnereelError; ConfigError for a method that edits nothing by a prompt.
    """
    task = task or editing_task(method, further.get("inputs") or {})
    return generate(clip, method, task=task, prompt=prompt, **further)


def _inputs(
    asked: Asked, clip: Clip | Path | str | None, further: Mapping[str, Clip | Path | str], prompt: str
) -> Inputs:
    """What was given, read as the task's roles say: what only a clip serves is loaded from where it lies."""
    groups = asked.method.roles.get(asked.task, Roles()).groups
    by_path = frozenset().union(*(group.files | group.folders for group in groups))
    by_clip = frozenset().union(*(group.clips for group in groups)) - by_path
    clips: dict[str, Clip] = {}
    files: dict[str, Path] = {}
    for role, value in further.items():
        if isinstance(value, Clip):
            clips[role] = value
        elif role in by_clip:
            clips[role] = load(value)
        elif not (path := Path(value)).exists():
            raise ConfigError(f"input '{role}'", f"no file '{path}'", "name a file, or give a clip")
        else:
            files[role] = path
    given = Inputs(clips=clips, files=files, prompt=prompt)
    if clip is None:
        return given
    return replace(given, clip=clip if isinstance(clip, Clip) else load(clip))


def _cached_models() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "onereel" / "models"
