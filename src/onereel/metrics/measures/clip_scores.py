"""What CLIP makes of an edit (Radford et al. 2021): steadiness, nearness to the prompt, direction of the change.

One pass over the frames of source and edit feeds all of these. Frames as CLIP takes them: shorter side to the
network's, bicubic with antialias, centre crop. Values of different CLIP models do not compare: records name the model.
"""

from typing import Any, ClassVar

import numpy as np

from onereel.metrics.base import Context
from onereel.metrics.extracts import clip_images, clip_texts
from onereel.metrics.measures.base import Edit, Found, Measure

_SAME = 1e-6  # length of a difference of unit vectors below which the two are equal but for rounding


class _ClipMeasure(Measure):
    better = "higher"
    roles: ClassVar[tuple[str, ...]] = ("clip",)
    definition: ClassVar[str]

    def protocol(self) -> dict[str, Any]:
        """What is compared, and how frames are cut."""
        return {"name": self.definition, "reduction": "mean", "crop": "shorter side, centre", "antialias": True}


class FrameConsistencyConsecutive(_ClipMeasure):
    """Mean cosine of every frame and the next (Gen-1, Sec. 4.3; V2VBench). 1 for a still."""

    name = "frame_consistency_consecutive"
    title = "Frame consistency (consecutive)"
    definition = "cosine-consecutive-frames"
    least_frames = 2

    def find(self, edit: Edit, context: Context) -> Found:
        """Of the edit's own frames."""
        images = clip_images(edit.output, context)
        return Found(float((images[:-1] * images[1:]).sum(1).mean()))


class FrameConsistencyAllPairs(_ClipMeasure):
    """Mean cosine over all pairs of different frames (Tune-A-Video; LOVEU-TGVE). 1 for a still; falls with length."""

    name = "frame_consistency_all_pairs"
    title = "Frame consistency (all pairs)"
    definition = "cosine-all-pairs"
    least_frames = 2

    def find(self, edit: Edit, context: Context) -> Found:
        """Of the edit's own frames; a frame and itself are no pair."""
        images = clip_images(edit.output, context).astype(np.float64)
        cosines = images @ images.T
        count = len(images)
        return Found(float((cosines.sum() - np.trace(cosines)) / (count * (count - 1))))


class TextAlignment(_ClipMeasure):
    """Mean cosine of the prompt and every frame (Gen-1's prompt consistency). LOVEU-TGVE prints it times 100."""

    name = "text_alignment"
    title = "Text alignment"
    definition = "cosine-frame-and-prompt"
    wants: ClassVar[tuple[str, ...]] = ("prompt",)
    times: ClassVar[float] = 1.0

    def find(self, edit: Edit, context: Context) -> Found:
        """Of the edit's frames."""
        (text,) = clip_texts([edit.prompt], context)
        return Found(self.times * float((clip_images(edit.output, context) @ text).mean()))


class TextAlignmentX100(TextAlignment):
    """The same times 100, as LOVEU-TGVE and V2VBench print it."""

    name = "text_alignment_x100"
    title = "Text alignment x100 (LOVEU)"
    definition = "cosine-frame-and-prompt-x100"
    times = 100.0


class DirectionalSimilarity(_ClipMeasure):
    """Cosine of what changed in the text and what changed in the picture (Gal et al. 2022, StyleGAN-NADA), per frame.

    Not defined of frames that are the source's own: they changed in no direction.
    """

    name = "directional_similarity"
    title = "Directional similarity (per frame)"
    definition = "cosine-of-differences-per-frame"
    wants: ClassVar[tuple[str, ...]] = ("prompt", "source_prompt")

    def find(self, edit: Edit, context: Context) -> Found:
        """Mean over the frames that changed; `share` says which part of them did."""
        target, before = clip_texts([edit.prompt, edit.source_prompt], context)
        asked = target - before
        if np.linalg.norm(asked) < _SAME:
            return Found(None, "prompt and source prompt say the same to CLIP")
        made = clip_images(edit.output, context) - clip_images(edit.source, context)  # (T, D)
        lengths = np.linalg.norm(made, axis=1)
        changed = lengths > _SAME
        if not changed.any():
            return Found(None, "the edit is the source", 0.0)
        cosines = made[changed] @ asked / (lengths[changed] * np.linalg.norm(asked))
        return Found(float(cosines.mean()), share=float(changed.mean()))


class FrameSuccessRate(_ClipMeasure):
    """Share of frames nearer to the prompt than to the source's prompt (Fate-Zero's Fram-Acc; Qi et al. 2023)."""

    name = "frame_success_rate"
    title = "Frames nearer to the target prompt"
    definition = "share-of-frames-nearer-to-target"
    wants: ClassVar[tuple[str, ...]] = ("prompt", "source_prompt")

    def find(self, edit: Edit, context: Context) -> Found:
        """In [0, 1]; equally near is not nearer."""
        target, before = clip_texts([edit.prompt, edit.source_prompt], context)
        if np.linalg.norm(target - before) < _SAME:
            return Found(None, "prompt and source prompt say the same to CLIP")
        return Found(float((clip_images(edit.output, context) @ (target - before) > 0).mean()))


MEASURES = (
    FrameConsistencyConsecutive(),
    FrameConsistencyAllPairs(),
    TextAlignment(),
    TextAlignmentX100(),
    DirectionalSimilarity(),
    FrameSuccessRate(),
)
