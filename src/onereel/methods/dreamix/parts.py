"""Which parts a run trains: for each stage, how long and on what. Needs no torch: sheets are read with it."""

from __future__ import annotations

from dataclasses import dataclass

from onereel.methods.base import BACKBONES, CLIP, INPUTS, Part, Task
from onereel.methods.dreamix.automatic import read_choices
from onereel.methods.dreamix.config import DreamixConfig

_FRAMES = "frames"


@dataclass(frozen=True)
class Tuning:
    """A fine-tuning.

    Attributes:
        steps: how long; 0: none.
        alpha: weight of the video objective (Eq. 4).
        name: after that of the stage in that of the part; what settings of `edit_text` say has none.
    """

    steps: int
    alpha: float
    name: str = ""

    def part(self, stage: str) -> str:
        """The part's name."""
        return f"{stage}-{self.name}" if self.name else stage

    @classmethod
    def learned(cls, steps: int, alpha: float) -> Tuning:
        """One that was chosen: its name says it all, so that settings need not."""
        return cls(steps, alpha, f"{steps}-{round(100 * alpha)}")


def tuning_of(task: Task, config: DreamixConfig, kind: str = "") -> Tuning:
    """The fine-tuning of a run.

    Args:
        task: of the run.
        config: its settings.
        kind: of the edit, where it is chosen for that.

    Raises: MethodError where nothing was learned.
    """
    if task != Task.EDIT_TEXT:
        return Tuning(config.frames_only_steps, 0.0, _FRAMES)
    if config.automatic:
        chosen = read_choices().of_kind(kind)
        return Tuning.learned(chosen.finetune_steps, chosen.alpha)
    return Tuning(config.finetune_steps, config.alpha)


def parts_of(task: Task, config: DreamixConfig) -> dict[str, Part]:
    """A part for each stage. It reads the clip, or the pictures, and no prompt: it is trained once for all prompts; so
    where steps and alpha follow from the kind of edit, every pair of them that some kind asks for is a part.

    Raises: MethodError where nothing was learned.
    """
    if task == Task.EDIT_TEXT and config.automatic and not config.edit_kind:
        tunings = {tuning_of(task, config, kind) for kind in read_choices().kinds}
    else:
        tunings = {tuning_of(task, config, config.edit_kind)}
    reads = frozenset({CLIP if task == Task.EDIT_TEXT else INPUTS, BACKBONES})
    ordered = sorted((tuning for tuning in tunings if tuning.steps), key=lambda tuning: tuning.name)
    return {tuning.part(stage): Part(reads=reads) for tuning in ordered for stage in config.stages}


def stage_and_tuning(part: str, config: DreamixConfig) -> tuple[str, Tuning]:
    """What a part's name says."""
    stage, _, name = part.partition("-")
    if name == _FRAMES:
        return stage, tuning_of(Task.SUBJECT, config)
    if name:
        steps, _, percent = name.partition("-")
        return stage, Tuning.learned(int(steps), int(percent) / 100)
    return stage, Tuning(config.finetune_steps, config.alpha)
