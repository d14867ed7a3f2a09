"""The judge of edits whose right answer is known; what it measures is said in `onereel.metrics.edits`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from onereel.base.errors import MetricError
from onereel.base.progress import Progress, no_progress
from onereel.features.flow import RaftFlow, optical_flow
from onereel.features.world_classifiers import WorldReader
from onereel.metrics.edits.fidelity import masked_psnr, masked_ssim
from onereel.metrics.edits.settings import EditThresholds
from onereel.scenes.world import CLASSES, EditPair
from onereel.scenes.world.rendering import labels_of
from onereel.video.clip import Frames
from onereel.weights.store import Weights

_NETWORKS = ("c3d-world", "inception-world", "raft-world", "clip-world")


@dataclass(frozen=True)
class Answer:
    """A pair, and what is read off its true edit.

    Attributes:
        pair: the question.
        read: by attribute, index into `CLASSES` that classifiers read off the true edit.
        right: whether they read the new value.
        others: attributes that must be kept: all that both clips show, but for the edited one.
    """

    pair: EditPair
    read: Mapping[str, int]
    right: bool
    others: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the attribute, without its group; "added" for a group that was not there."""
        return attribute_of(self.pair)


@dataclass(frozen=True)
class Judgement:
    """What is measured of one edit; None where a measure is not defined.

    Attributes:
        kind, attribute, before, after: of the pair.
        attribute_right: the new value is there.
        reader_right: it is read off the true edit, which bounds the former.
        others: by attribute, whether it is read as on the true edit.
        others_kept: their share, in [0, 1].
        named_kept: the same over those that the prompt names.
        psnr_outside, ssim_outside: to the source outside the mask.
        psnr_truth, ssim_truth: to the true edit.
        motion: end-point error, pixels.
        motion_still: that of a still: the mean length of the true flow.
        success: see `EditThresholds`.
    """

    kind: str
    attribute: str
    before: Any
    after: Any
    attribute_right: bool
    reader_right: bool
    others: Mapping[str, bool]
    others_kept: float | None
    named_kept: float | None
    psnr_outside: float | None
    ssim_outside: float | None
    psnr_truth: float | None
    ssim_truth: float
    motion: float | None
    motion_still: float | None
    success: bool

    def as_record(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class Judge:
    """Judges edits; networks are loaded once, and run on many edits at a time.

    Args:
        store: where the stand-ins are; the project's store without one.
        thresholds: of success; the defaults of `EditThresholds` without them.
        device: where networks run.

    Attributes:
        titles: networks with checksums, as records hold them.

    Raises: WeightsError if a network is missing or damaged.
    """

    def __init__(
        self,
        *,
        store: Weights | None = None,
        thresholds: EditThresholds | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        from onereel.features.text_image import ClipEmbedder  # with open_clip, which takes seconds to load

        store = store or Weights()
        videos, pictures, flow, clip = (store.resolve(name) for name in _NETWORKS)
        self.thresholds = thresholds or EditThresholds()
        self.titles = tuple(weights.printed for weights in (videos, pictures, flow, clip))
        self._reader = WorldReader(videos, pictures, device=device)
        self._flow = RaftFlow(flow, device=device)
        self._clip = ClipEmbedder(clip, device=device)

    def answers(self, pairs: Sequence[EditPair]) -> list[Answer]:
        """What every editor's edits of these pairs are held against; pairs of one size.

        Raises: MetricError for pairs of several sizes.
        """
        clips = [pair.edited.frames for pair in pairs]
        reads = self._read(clips)
        return [
            Answer(pair, read, self._is_there(pair, clip, read), _others(pair))
            for pair, clip, read in zip(pairs, clips, reads, strict=True)
        ]

    def judge(
        self, answers: Sequence[Answer], edits: Sequence[Frames], *, progress: Progress = no_progress
    ) -> list[Judgement]:
        """Measure one edit of every pair.

        Args:
            answers: N, of `answers`.
            edits: N clips (T, H, W, 3) uint8, of the pairs' size.
            progress: watches the edits.

        Raises: MetricError for an edit of another size.
        """
        for answer, edit in zip(answers, edits, strict=True):
            if edit.shape != (wanted := answer.pair.source.frames.shape):
                problem = f"is {_times(edit.shape)} (frames x height x width), the source {_times(wanted)}"
                raise MetricError(f"edit of '{answer.pair.attribute}'", problem, "resize it")
        jobs = list(zip(answers, edits, self._read(edits), strict=True))
        return [self._one(*job) for job in progress(jobs, total=len(jobs), label="judge")]

    def _one(self, answer: Answer, edit: Frames, read: Mapping[str, int]) -> Judgement:
        pair = answer.pair
        others = {name: read[name] == answer.read[name] for name in answer.others}
        named = {str(fact["attribute"]).split(".")[-1] for fact in pair.edited.attributes["facts"]}
        pencil, outside = pair.source_spec.style == "pencil", ~pair.mask
        motion, still = self._motion(pair, edit)
        values: dict[str, Any] = {
            "attribute_right": self._is_there(pair, edit, read),
            "others_kept": _share(others.values()),
            "named_kept": _share(kept for name, kept in others.items() if name in named),
            "psnr_outside": masked_psnr(edit, pair.source.frames, outside),
            "ssim_outside": masked_ssim(edit, pair.source.frames, pair.mask),
            "psnr_truth": None if pencil else masked_psnr(edit, pair.edited.frames),
            "ssim_truth": masked_ssim(edit, pair.edited.frames),
        }
        return Judgement(
            kind=pair.kind,
            attribute=pair.attribute,
            before=pair.before,
            after=pair.after,
            reader_right=answer.right,
            others=others,
            motion=motion,
            motion_still=still,
            success=_succeeds(values, self.thresholds),
            **values,
        )

    def _read(self, clips: Sequence[Frames]) -> list[dict[str, int]]:
        if len(sizes := {clip.shape for clip in clips}) != 1:
            raise MetricError("edits", f"have {len(sizes)} sizes", "judge those of one size together")
        table = self._reader.read(clips)
        return [{name: int(values[index]) for name, values in table.items()} for index in range(len(clips))]

    def _is_there(self, pair: EditPair, clip: Frames, read: Mapping[str, int]) -> bool:
        if (name := attribute_of(pair)) != "added":
            return bool(CLASSES[name][read[name]] == pair.after)
        asked, before = self._clip.texts([pair.edit_caption, pair.source_caption])
        return bool((self._clip.images(clip) @ (asked - before)).mean() > 0)

    def _motion(self, pair: EditPair, edit: Frames) -> tuple[float | None, float | None]:
        seen = ~pair.edited.occluded
        if not seen.any():
            return None, None
        found = optical_flow(edit, estimator=self._flow)
        error = np.linalg.norm(found - pair.edited.flow, axis=-1)[seen]
        return float(error.mean()), float(np.linalg.norm(pair.edited.flow, axis=-1)[seen].mean())


def attribute_of(pair: EditPair) -> str:
    """The edited attribute without its group; "added" for a group that was not there."""
    parts = pair.attribute.split(".")
    return "added" if len(parts) == 2 else parts[-1]


def _others(pair: EditPair) -> tuple[str, ...]:
    labels = labels_of([pair.source_spec, pair.edited_spec])
    return tuple(name for name in CLASSES if name != attribute_of(pair) and (labels[name] >= 0).all())


def _share(flags: Any) -> float | None:
    kept = list(flags)
    return float(np.mean(kept)) if kept else None


def _succeeds(values: Mapping[str, Any], thresholds: EditThresholds) -> bool:
    measured = next(name for name in ("psnr_outside", "psnr_truth", "ssim_truth") if values[name] is not None)
    kept = values["others_kept"]
    return bool(
        values["attribute_right"]
        and (kept is None or kept >= thresholds.others_kept)
        and values[measured] >= getattr(thresholds, measured)
    )


def _times(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape[:3]))
