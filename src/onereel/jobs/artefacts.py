"""Preprocessed artefacts by kind: what the workflow's rules make, and the command line makes the same way."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import torch

from onereel.features.artefacts import WRITERS, write_text_embedding
from onereel.methods import Inputs, Method, MethodConfig, Task
from onereel.methods.base import CLIP, PROMPT
from onereel.video import pyramid
from onereel.video.clip import Clip, to_video
from onereel.weights.entries import Mode

Maker: TypeAlias = Callable[[Path, Clip, str, Mode, torch.device], None]


def _pyramid(path: Path, clip: Clip, key: str, weights: Mode, device: torch.device) -> None:
    pyramid.save(path, pyramid.build(to_video(clip.frames), pyramid.Ladder.parse(key)))


def _reader(kind: str) -> Maker:
    def make(path: Path, clip: Clip, key: str, weights: Mode, device: torch.device) -> None:
        WRITERS[kind](path, clip.frames, weights=weights, device=device)

    return make


MAKERS: Mapping[str, Maker] = {"pyramid": _pyramid, **{kind: _reader(kind) for kind in WRITERS}}
"""How an artefact of a clip or a picture is made, by kind: (file, clip, key, weights' mode, device)."""


def prepare(
    method: Method,
    task: Task,
    inputs: Inputs,
    config: MethodConfig,
    folder: Path,
    *,
    weights: Mode = "auto",
    device: torch.device,
) -> Inputs:
    """The inputs with every artefact that the task requires, those that are not there yet made in `folder`.

    Raises: WeightsError if the mode asks for weights that are not here; ClipError for a picture that cannot be read;
        ValueError for a kind that does not exist.
    """
    made: dict[tuple[str, str], Path] = dict(inputs.artefacts)
    for (role, kind), key in method.requires(task, config).items():
        if (role, kind) in made:
            continue
        path = folder / f"{role}-{kind}.safetensors"
        if role == PROMPT:
            write_text_embedding(path, inputs.prompt, weights=weights, device=device)
        else:
            clip = inputs.clip if role == CLIP else inputs.shown(role)
            if clip is None:  # an optional input that this run does not give
                continue
            if kind not in MAKERS:
                raise ValueError(f"'{kind}' is no kind of artefact: {', '.join(MAKERS)}")
            MAKERS[kind](path, clip, key, weights, device)
        made[role, kind] = path
    return replace(inputs, artefacts=made)
