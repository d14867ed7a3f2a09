"""Outputs whose order is known beforehand: what a judge makes of them tells what it sees.

They are the calibration rows of tables, and what thresholds are chosen on. An editor's autoencoder adds one of its own:
the true edit through it, which is as near as an editor on its latents can come.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch

from onereel import ingest
from onereel.backbones.latent import decoded, encoded, load_autoencoder
from onereel.base.errors import ConfigError, WeightsError
from onereel.scenes.world import EDITS, KnownEdit, edit_pair
from onereel.video import clip as clips
from onereel.video.clip import Frames, to_frames, to_video
from onereel.video.corruptions import corrupt
from onereel.weights.store import Weights

AUTOENCODER = "latent-world"
THROUGH = f"true edit through {AUTOENCODER}"
"""What editors on the latents of `latent-world` can reach at most."""
_BLUR, _NOISE, _SHUFFLE, _FREEZE = 3, 4, 5, 5  # strengths of `corrupt`


def externals(edits: Sequence[KnownEdit], name: str) -> list[Frames]:
    """The outputs of one name for all edits.

    Args:
        edits: N >= 2, of one size.
        name: of `EXTERNALS`, or `THROUGH`.

    Raises: WeightsError for `THROUGH` where there is no autoencoder.
    """
    if name == THROUGH:
        return [_through(edit) for edit in edits]
    following = [*edits[1:], edits[0]]
    return [EXTERNALS[name](edit, other) for edit, other in zip(edits, following, strict=True)]


def made_here() -> list[str]:
    """Names of all outputs that can be made here: `THROUGH` needs weights."""
    try:
        Weights().resolve(AUTOENCODER)
    except WeightsError:
        return list(EXTERNALS)
    return [*EXTERNALS, THROUGH]


@cache
def _autoencoder() -> Any:
    return load_autoencoder(Weights().resolve(AUTOENCODER))


def _through(edit: KnownEdit) -> Frames:
    """The true edit as the autoencoder gives it back, frame by frame."""
    with torch.inference_mode():
        found: torch.Tensor = decoded(_autoencoder(), encoded(_autoencoder(), to_video(edit.answer).transpose(0, 1)))
    return to_frames(found.transpose(0, 1))


def _wrong(edit: KnownEdit, _: KnownEdit) -> Frames:
    """The true edit of another kind, of the same source."""
    start = EDITS.index(edit.kind)
    frames, height, width, _ = edit.source.shape
    for kind in (*EDITS[start + 1 :], *EDITS[:start]):
        if {kind, edit.attribute} == {"add", "weather"}:
            continue  # may be the same edit
        try:
            wrong = edit_pair(0, kind, source=edit.source_spec, frames=frames, height=height, width=width, fps=edit.fps)
        except ConfigError:
            continue
        if wrong.edited_spec != edit.edited_spec:
            return wrong.edited.frames
    raise AssertionError(f"one edit only of {edit.source_spec}")


def _h264(edit: KnownEdit, _: KnownEdit) -> Frames:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "edit.mp4"
        clips.write_h264(path, clips.Clip(edit.answer, edit.fps))
        height, width = edit.answer.shape[1:3]
        return ingest.load(str(path)).frames[:, :height, :width]


EXTERNALS: Mapping[str, Callable[[KnownEdit, KnownEdit], Frames]] = {
    "true edit": lambda edit, _: edit.answer,
    "true edit through H.264": _h264,
    "true edit blurred": lambda edit, _: corrupt(edit.answer, "blur", _BLUR),
    "true edit with noise": lambda edit, _: corrupt(edit.answer, "noise", _NOISE),
    "true edit frozen": lambda edit, _: corrupt(edit.answer, "freeze", _FREEZE),
    "true edit shuffled": lambda edit, _: corrupt(edit.answer, "shuffle", _SHUFFLE),
    "source": lambda edit, _: edit.source,
    "wrong edit": _wrong,
    "another's true edit": lambda _, other: other.answer,
}
"""By name, the output for an edit, given another edit too."""
