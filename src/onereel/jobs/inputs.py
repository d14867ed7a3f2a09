"""What a method reads, from files and sheets, and what it holds."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from onereel.base.digests import digest_of
from onereel.methods import Inputs, Method, MethodConfig, Task
from onereel.video import clip as clips_
from onereel.video.clip import Clip
from onereel.weights.entries import Mode
from onereel.weights.store import Resolved, Weights


def read_inputs(
    clip: Path | str = "",
    clips: Mapping[str, Path | str] | None = None,
    files: Mapping[str, Path | str] | None = None,
    artefacts: Iterable[tuple[str, str, Path | str]] = (),
    prompt: str = "",
) -> Inputs:
    """Read what a method may read, as `onereel.project.plan.Plan.inputs` says it: stored clips by path, other files by
    name only.

    Args:
        clip: a stored clip; "" for a run without one.
        clips: further stored clips by role.
        files: further files and folders by role.
        artefacts: (role, kind, file).
        prompt: the text of a text-driven task.
    """
    further = Inputs(
        clips={role: clips_.read(path) for role, path in (clips or {}).items()},
        files={role: Path(path) for role, path in (files or {}).items()},
        artefacts={(role, kind): Path(path) for role, kind, path in artefacts},
        prompt=prompt,
    )
    return replace(further, clip=clips_.read(clip)) if clip else further


def resolve_backbones(method: Method, task: Task, config: MethodConfig, mode: Mode) -> dict[str, Resolved]:
    """The weights of the pretrained networks that a task needs, by name; nothing is looked for where it needs none.

    Raises: WeightsError where the mode asks for weights that are not here.
    """
    return resolve(method.backbones(task, config), mode)


def resolve(names: Sequence[str], mode: Mode) -> dict[str, Resolved]:
    """The weights of pretrained networks by name.

    Raises: WeightsError where the mode asks for weights that are not here.
    """
    store = Weights() if names else None
    return {name: store.resolve(name, mode) for name in names} if store else {}


def contents_of(inputs: Inputs) -> dict[str, str]:
    """Digests of what there is: of frames, not of how they are stored; of files and folders; the prompt itself."""
    clips = {"clip": inputs.clip, **inputs.clips} if inputs.clip is not None else dict(inputs.clips)
    found = {role: _digest(clip) for role, clip in clips.items()}
    found |= {role: digest_of(path) for role, path in inputs.files.items() if path.exists()}
    found |= {f"{role} {kind}": digest_of(path) for (role, kind), path in inputs.artefacts.items()}
    return found | ({"prompt": inputs.prompt} if inputs.prompt else {})


def _digest(clip: Clip) -> str:
    digest = hashlib.sha256(f"{clip.size} {clip.fps}".encode())
    for frame in clip.frames:
        digest.update(frame.tobytes())
    return digest.hexdigest()
