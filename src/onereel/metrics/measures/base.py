"""What a measure of an edit is, and what it is given."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from onereel.metrics.base import Context
from onereel.video.clip import Frames


@dataclass(frozen=True)
class Questions:
    """What a judge is asked about an edit (FiVE's three).

    Attributes:
        old: of what the source shows, yes or no: no is right; "" where the edit takes nothing away.
        new: of what the edit should show: yes is right.
        choice: a question with both as options, ``What is there? a) OLD b) NEW``.
    """

    old: str = ""
    new: str = ""
    choice: str = ""


@dataclass(frozen=True)
class Edit:
    """An editor's output, and what was asked.

    Attributes:
        name: of the edit; in results, so unique among those of one editor.
        source, output: (T, H, W, 3) uint8 of one shape.
        prompt: what the edit should show; empty where nobody said.
        source_prompt: what the source shows; empty where nobody said.
        mask: (T, H, W) bool, True for pixels that may change; None where nobody said.
        kind: of the edit, as its benchmark calls it.
        moves: whether the edit is to change the motion, or what moves: measures that ask for the source's motion are
            not defined of it.
        truth: the right edit, of the same shape, where there is one.
        questions: what a judge is asked about it; None where nobody wrote any.
    """

    name: str
    source: Frames
    output: Frames
    prompt: str = ""
    source_prompt: str = ""
    mask: np.ndarray | None = None
    kind: str = ""
    moves: bool = False
    truth: Frames | None = None
    questions: Questions | None = None


@dataclass(frozen=True)
class Found:
    """A value of a measure.

    Attributes:
        value: None where it is not defined.
        note: why not; or what a reader should know of it.
        share: of the pixels, frames or tracks, those that the value follows from, in [0, 1]; None where it is all.
    """

    value: float | None
    note: str = ""
    share: float | None = None


class Measure(ABC):
    """One number about one edit.

    Attributes:
        name: key in files; says which variant it is.
        title: as tables print it.
        better: ``"lower"``, ``"higher"``, or None where neither is.
        unit: of the value; empty for none.
        roles: of the weights that it needs; the first names its column where they stand in.
        wants: what must be known of an edit, of ``prompt``, ``source_prompt``, ``mask`` and ``questions``.
        keeps_motion: whether it is defined only of edits that should keep the source's motion.
        least_frames: frames that a clip must have for it.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    better: ClassVar[Literal["lower", "higher"] | None]
    unit: ClassVar[str] = ""
    roles: ClassVar[tuple[str, ...]] = ()
    wants: ClassVar[tuple[str, ...]] = ()
    keeps_motion: ClassVar[bool] = False
    least_frames: ClassVar[int] = 1

    @abstractmethod
    def protocol(self) -> dict[str, Any]:
        """Every choice that the value depends on, JSON-ready; ``name`` identifies the whole."""

    @abstractmethod
    def find(self, edit: Edit, context: Context) -> Found:
        """The value for an edit of which all is known that the measure wants."""

    def measure(self, edit: Edit, context: Context) -> Found:
        """The value for any edit: None with the reason where it is not defined.

        Raises: WeightsError if weights that it needs are not here.
        """
        if reason := self.undefined(edit):
            return Found(None, reason)
        return self.find(edit, context)

    def undefined(self, edit: Edit) -> str:
        """Why the measure is not defined of an edit; empty where it is."""
        for want in self.wants:
            if (known := getattr(edit, want)) is None or (isinstance(known, str) and not known):
                return f"needs {'' if want.endswith('s') else 'a '}{want.replace('_', ' ')}"
        if self.keeps_motion and edit.moves:
            return "the edit is to change the motion"
        if len(edit.output) < self.least_frames:
            return f"needs {self.least_frames} frames"
        return ""
