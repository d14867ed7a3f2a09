"""Answers whose order is known beforehand: what a judge makes of them tells what it sees.

They are the calibration rows of tables, and what thresholds are chosen on. An editor's autoencoder adds one of its own:
the true edit through it.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from onereel import ingest
from onereel.base.errors import ConfigError
from onereel.scenes.world import EDITS, EditPair, edit_pair
from onereel.video import clip as clips
from onereel.video.clip import Frames
from onereel.video.corruptions import corrupt

_BLUR, _SHUFFLE, _FREEZE = 3, 5, 5  # strengths of `corrupt`


def externals(pairs: Sequence[EditPair], name: str) -> list[Frames]:
    """The answers of one name to all pairs.

    Args:
        pairs: N >= 2, of one size.
        name: of `EXTERNALS`.
    """
    following = [*pairs[1:], pairs[0]]
    return [EXTERNALS[name](pair, other) for pair, other in zip(pairs, following, strict=True)]


def _wrong(pair: EditPair, _: EditPair) -> Frames:
    """The true edit of another kind, of the same source."""
    start = EDITS.index(pair.kind)
    frames, height, width, _ = pair.source.frames.shape
    for kind in (*EDITS[start + 1 :], *EDITS[:start]):
        if {kind, pair.attribute} == {"add", "weather"}:
            continue  # may be the same edit
        try:
            wrong = edit_pair(
                0, kind, source=pair.source_spec, frames=frames, height=height, width=width, fps=pair.source.fps
            )
        except ConfigError:
            continue
        if wrong.edited_spec != pair.edited_spec:
            return wrong.edited.frames
    raise AssertionError(f"one edit only of {pair.source_spec}")


def _h264(pair: EditPair, _: EditPair) -> Frames:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "edit.mp4"
        clips.write_h264(path, clips.Clip(pair.edited.frames, pair.edited.fps))
        height, width = pair.edited.frames.shape[1:3]
        return ingest.load(str(path)).frames[:, :height, :width]


EXTERNALS: Mapping[str, Callable[[EditPair, EditPair], Frames]] = {
    "true edit": lambda pair, _: pair.edited.frames,
    "true edit through H.264": _h264,
    "true edit blurred": lambda pair, _: corrupt(pair.edited.frames, "blur", _BLUR),
    "true edit frozen": lambda pair, _: corrupt(pair.edited.frames, "freeze", _FREEZE),
    "true edit shuffled": lambda pair, _: corrupt(pair.edited.frames, "shuffle", _SHUFFLE),
    "source": lambda pair, _: pair.source.frames,
    "wrong edit": _wrong,
    "another pair's edit": lambda _, other: other.edited.frames,
}
"""By name, the answer to a pair, given another pair too."""
