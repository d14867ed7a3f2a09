"""The judge of known edits; what it measures is said in `onereel.metrics.edits`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from onereel.base.errors import MetricError
from onereel.base.progress import Progress, no_progress
from onereel.features.depth import DepthEstimator, normalised
from onereel.features.flow import FlowEstimator, RaftFlow, optical_flow
from onereel.features.inception import InceptionExtractor
from onereel.features.world_classifiers import WorldReader
from onereel.metrics.edits.fidelity import masked_psnr, masked_ssim
from onereel.metrics.edits.settings import EditThresholds
from onereel.metrics.frechet import Gaussian
from onereel.metrics.sgfid import SGFID
from onereel.metrics.warp_error import WarpError
from onereel.scenes.world import CLASSES, KnownEdit
from onereel.scenes.world.rendering import labels_of
from onereel.video.clip import Frames
from onereel.weights.store import Weights

_NETWORKS = ("c3d-world", "inception-world", "raft-world", "clip-world", "dpt-world")
_LEAST_SHARE = 0.1  # of the pixels: where fewer stay in sight, a warp error is no measurement of a video


@dataclass(frozen=True)
class Question:
    """A known edit, and what is read off its answer.

    Attributes:
        edit: what is asked, and the answer.
        read: by attribute, index into `CLASSES` that classifiers read off the answer.
        right: whether they read the new value.
        others: attributes that must be kept: all that both clips show, but for the edited one.
        looks: of the answer, which SGFID compares.
        depth: of the source, (T, H, W) in [0, 1], as it is estimated.
    """

    edit: KnownEdit
    read: Mapping[str, int]
    right: bool
    others: tuple[str, ...]
    looks: Gaussian
    depth: np.ndarray


@dataclass(frozen=True)
class Unanswered:
    """A question without a usable output.

    Attributes:
        name, kind, attribute, before, after: of the known edit.
        reader_right: its new value is read off the true edit.
        reason: why what there is cannot be used; "" where there is nothing.
    """

    name: str
    kind: str
    attribute: str
    before: Any
    after: Any
    reader_right: bool
    reason: str = ""

    @classmethod
    def of(cls, question: Question, reason: str = "") -> "Unanswered":
        """That of a question."""
        edit = question.edit
        return cls(edit.name, edit.kind, edit.attribute, edit.before, edit.after, question.right, reason)


@dataclass(frozen=True)
class Judgement:
    """What is measured of one output; None where a measure is not defined.

    Attributes:
        name, kind, attribute, before, after: of the known edit.
        attribute_right: the new value is there.
        reader_right: it is read off the true edit, which bounds the former.
        others: by attribute, whether it is read as on the true edit.
        others_kept: their share, in [0, 1].
        named_kept: the same over those that the prompt names.
        psnr_outside, ssim_outside: to the source outside the mask; dB and [-1, 1].
        psnr_truth, ssim_truth: to the true edit.
        motion: end-point error to the true flow, pixels.
        moves: mean length of the flow that is found, pixels.
        true_moves: that of the true flow: the end-point error of a still.
        frame_consistency, prompt_consistency: mean cosines of CLIP (Gen-1, Sec. 4.3), as the metrics of these names.
        success: see `EditThresholds`.
        sgfid_truth: SGFID to the true edit.
        warp_error: mean squared difference, values in [0, 1], between every frame and the next one along the true flow,
            over what stays in sight (Gen-1, Fig. 4).
        depth_kept: correlation of the depth that is estimated of the output and of the source, in [-1, 1].
    """

    name: str
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
    moves: float | None
    true_moves: float | None
    frame_consistency: float
    prompt_consistency: float
    success: bool
    # None in scores that were written before these were measured.
    sgfid_truth: float | None = None
    warp_error: float | None = None
    depth_kept: float | None = None


class Judge:
    """Judges edits; networks are loaded once, and run on many edits at a time.

    Args:
        store: where the stand-ins are; the project's store without one.
        thresholds: of success; the defaults of `EditThresholds` without them.
        device: where networks run.
        flow: finds motion; `raft-world` without one.

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
        flow: FlowEstimator | None = None,
    ) -> None:
        from onereel.features.text_image import ClipEmbedder  # with open_clip, which takes seconds to load

        store = store or Weights()
        videos, pictures, raft, clip, depth = (store.resolve(name) for name in _NETWORKS)
        self.thresholds = thresholds or EditThresholds()
        self._reader = WorldReader(videos, pictures, device=device)
        self._flow = flow or RaftFlow(raft, device=device)
        self._clip = ClipEmbedder(clip, device=device)
        self._depth = DepthEstimator(depth, device=device)
        self._pictures = InceptionExtractor(pictures, SGFID.dimension, device=device)
        self.titles = (videos.printed, pictures.printed, self._flow.title, clip.printed, depth.printed)

    def questions(self, edits: Sequence[KnownEdit]) -> list[Question]:
        """What every editor's outputs are held against; known edits of one size.

        Raises: MetricError for several sizes.
        """
        answers = [edit.answer for edit in edits]
        found = []
        for edit, read in zip(edits, self._read(answers), strict=True):
            shown = self._clip.images(edit.answer) if edit.asks_for == "added" else None
            right, looks = self._is_there(edit, read, shown), self._looks(edit.answer)
            depth = normalised(self._depth.estimate(edit.source))
            found.append(Question(edit, read, right, _others(edit), looks, depth))
        return found

    def judge(
        self, questions: Sequence[Question], outputs: Sequence[Frames], *, progress: Progress = no_progress
    ) -> list[Judgement]:
        """Measure one output for every question.

        Args:
            questions: N, of `questions`.
            outputs: N clips (T, H, W, 3) uint8, of the answers' size.
            progress: watches them.

        Raises: MetricError for an output of another size.
        """
        for question, output in zip(questions, outputs, strict=True):
            if output.shape != (wanted := question.edit.answer.shape):
                problem = f"is {_times(output.shape)} (frames x height x width), the source {_times(wanted)}"
                raise MetricError(f"edit '{question.edit.name}'", problem, "resize it")
        jobs = list(zip(questions, outputs, self._read(outputs), strict=True))
        return [self._one(*job) for job in progress(jobs, total=len(jobs), label="judge")]

    def _one(self, question: Question, output: Frames, read: Mapping[str, int]) -> Judgement:
        edit = question.edit
        others = {name: read[name] == question.read[name] for name in question.others}
        pencil = edit.source_spec.style == "pencil"
        images = self._clip.images(output)
        values: dict[str, Any] = {
            "attribute_right": self._is_there(edit, read, images),
            "others_kept": _share(others.values()),
            "named_kept": _share(kept for name, kept in others.items() if name in edit.named),
            "psnr_outside": masked_psnr(output, edit.source, ~edit.mask),
            "ssim_outside": masked_ssim(output, edit.source, edit.mask),
            "psnr_truth": None if pencil else masked_psnr(output, edit.answer),
            "ssim_truth": masked_ssim(output, edit.answer),
            **self._motion(edit, output),
        }
        return Judgement(
            name=edit.name,
            kind=edit.kind,
            attribute=edit.attribute,
            before=edit.before,
            after=edit.after,
            reader_right=question.right,
            others=others,
            frame_consistency=float((images[:-1] * images[1:]).sum(1).mean()),
            prompt_consistency=float((images @ self._clip.texts([edit.prompt])[0]).mean()),
            success=_succeeds(values, self.thresholds),
            sgfid_truth=SGFID().distance(question.looks, self._looks(output)),
            warp_error=_warp_error(edit, output),
            depth_kept=correlation(question.depth, self._depth.estimate(output)),
            **values,
        )

    def _looks(self, frames: Frames) -> Gaussian:
        metric = SGFID()
        return metric.statistics(metric.extract(frames, self._pictures))

    def _read(self, clips: Sequence[Frames]) -> list[dict[str, int]]:
        if len(sizes := {clip.shape for clip in clips}) > 1:
            raise MetricError("edits", f"have {len(sizes)} sizes", "judge those of one size together")
        if not clips:
            return []
        table = self._reader.read(clips)
        return [{name: int(values[index]) for name, values in table.items()} for index in range(len(clips))]

    def _is_there(self, edit: KnownEdit, read: Mapping[str, int], images: np.ndarray | None) -> bool:
        if (name := edit.asks_for) != "added":
            return bool(CLASSES[name][read[name]] == edit.after)
        asked, before = self._clip.texts([edit.prompt, edit.source_prompt])
        return bool((images @ (asked - before)).mean() > 0)

    def _motion(self, edit: KnownEdit, output: Frames) -> dict[str, float | None]:
        """Over what stays in sight."""
        seen = ~edit.occluded
        if not seen.any():
            return {"motion": None, "moves": None, "true_moves": None}
        found = optical_flow(output, estimator=self._flow)
        lengths = {"motion": found - edit.flow, "moves": found, "true_moves": edit.flow}
        return {name: float(np.linalg.norm(vectors, axis=-1)[seen].mean()) for name, vectors in lengths.items()}


def correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Pearson's, over all values; None where one of them is the same everywhere."""
    pair = np.stack([values.astype(np.float64).ravel() for values in (one, other)])
    return float(np.asarray(np.corrcoef(pair))[0, 1]) if pair.std(1).min() > 0 else None


def _warp_error(edit: KnownEdit, output: Frames) -> float | None:
    """Along the true flow; None where too little stays in sight."""
    errors, counts = WarpError().statistics(output, edit.flow.astype(np.float32), edit.occluded)
    return WarpError().distance(errors, counts) if counts.mean() >= _LEAST_SHARE else None


def _others(edit: KnownEdit) -> tuple[str, ...]:
    labels = labels_of([edit.source_spec, edit.edited_spec])
    return tuple(name for name in CLASSES if name != edit.asks_for and (labels[name] >= 0).all())


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
