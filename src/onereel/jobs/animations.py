"""What is read off samples that no known edit stands behind: pictures in motion, videos of a named subject."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from onereel.base.errors import ClipError
from onereel.base.files import read_json
from onereel.features.flow import RaftFlow, optical_flow
from onereel.features.world_classifiers import WorldReader
from onereel.methods.dreamix.camera import flow_of, path_of
from onereel.methods.dreamix.shown import KEPT
from onereel.scenes.world import CLASSES
from onereel.video import clip as clips
from onereel.weights.store import Weights

_READERS, _FLOW = ("c3d-world", "inception-world"), "raft-world"
_MOVES = 1e-3  # pixels a frame, below which a place of a path stands still


class Along(NamedTuple):
    """Mean motion in the frame of what was asked.

    Attributes:
        angle: degrees between them, 0 to 180.
        length: in lengths of what was asked, >= 0.
    """

    angle: float
    length: float


@dataclass(frozen=True)
class Moved:
    """A picture in motion.

    Attributes:
        psnr: of the first frame to the picture, dB.
        along: how it moves; None where it was asked to stand still.
    """

    psnr: float
    along: Along | None


def along(found: NDArray[Any], asked: NDArray[Any]) -> Along | None:
    """Mean motion against what was asked, place by place: every vector is turned into the direction that was asked
    there, so that of a zoom, whose vectors cancel out, something is left, too; of a pan this is the mean flow.

    Args:
        found, asked: (T-1, H, W, 2) pixels.

    Returns: None where nothing was asked to move.
    """
    lengths = np.linalg.norm(asked, axis=-1)
    moving = lengths > _MOVES
    if not moving.any():
        return None
    way = asked[moving] / lengths[moving][:, None]
    seen = found[moving]
    forwards = float((seen * way).sum(-1).mean())
    aside = float((seen[:, 1] * way[:, 0] - seen[:, 0] * way[:, 1]).mean())
    angle = abs(float(np.degrees(np.arctan2(aside, forwards))))
    return Along(angle, float(np.hypot(forwards, aside) / lengths[moving].mean()))


def judge_moved(samples: Sequence[Path], configs: Sequence[Mapping[str, Any]], *, moving: bool = True) -> list[Moved]:
    """Samples of `animate_image`, measured; motion is estimated by `raft-world`.

    Args:
        samples: lossless, with the record beside each.
        configs: settings that each was made with.
        moving: whether motion is measured, which takes seconds each.

    Raises: ClipError for a sample without a record of its first frame.
    """
    flow = RaftFlow(Weights().resolve(_FLOW)) if moving else None
    found = []
    for path, config in zip(samples, configs, strict=True):
        record = read_json(path.with_suffix(".json"))
        if KEPT not in record.get("effects", {}):
            raise ClipError(f"'{path}'", "its record does not say what became of the picture", "draw it again")
        seen = None if flow is None else _along(clips.read(path).frames, config, int(record["seed"]), flow)
        found.append(Moved(float(record["effects"][KEPT]), seen))
    return found


def _along(frames: clips.Frames, config: Mapping[str, Any], seed: int, flow: RaftFlow) -> Along | None:
    count, height, width, _ = frames.shape
    drawn = torch.Generator().manual_seed(seed)  # as when the sample was drawn: the path comes first
    path = path_of(config["camera"], config["camera_amount"], count, width / height, drawn)
    return along(optical_flow(frames, estimator=flow), flow_of(path, height, width))


def read_subjects(
    samples: Sequence[Path], subjects: Sequence[Path], attributes: Sequence[str]
) -> list[dict[str, tuple[str, str]]]:
    """What videos of named subjects show: by attribute the value that is read, and the subject's own.

    Args:
        samples: of `subject`.
        subjects: the clip that each learned its subject from; the same classifiers read it.
        attributes: of `CLASSES`.
    """
    reader = WorldReader(*(Weights().resolve(name) for name in _READERS))
    own = {path: _read(reader, path, attributes) for path in dict.fromkeys(subjects)}
    return [
        {name: (value, own[subject][name]) for name, value in _read(reader, sample, attributes).items()}
        for sample, subject in zip(samples, subjects, strict=True)
    ]


def _read(reader: WorldReader, path: Path, attributes: Sequence[str]) -> dict[str, str]:
    table = reader.read([clips.read(path).frames])
    return {name: str(CLASSES[name][int(table[name][0])]) for name in attributes}
