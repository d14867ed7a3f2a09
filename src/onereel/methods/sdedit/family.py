"""What editors that edit frame by frame have in common as methods. Needs no torch: the workflow reads it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from onereel.methods import check_inputs, check_task
from onereel.methods.base import CLIP, Artefacts, BaseMethod, Inputs, Job, Task
from onereel.methods.roles import Roles

if TYPE_CHECKING:
    from torch import Tensor

    from onereel.methods.sdedit.editing import Editing
    from onereel.video.clip import Frames

PROMPTED = Roles(prompt="needed")


class FrameEditor(BaseMethod):
    """An editor of one picture at a time, of a pretrained model of pictures and a prompt; its settings are a
    `FrameEditorConfig`.

    Attributes:
        reads_depth: whether the model is given the clip's depth.
    """

    reads_depth: ClassVar[bool] = False
    tasks = frozenset({Task.EDIT_TEXT})
    roles: ClassVar[Mapping[Task, Roles]] = {Task.EDIT_TEXT: PROMPTED, Task.EDIT_STRUCTURE: PROMPTED}

    def backbones(self, task: Task, config: Any) -> tuple[str, ...]:
        """The model of pictures."""
        return (config.backbone,)

    def requires(self, task: Task, config: Any) -> Artefacts:
        """The clip's depth, where it is read."""
        return {(CLIP, "depth"): ""} if self.reads_depth else {}

    def check(self, task: Task, inputs: Inputs, config: Any, job: Job) -> None:
        """Refuse a model that cannot do it, a size that it cannot make, and one for which memory is too small."""
        from onereel.methods.sdedit.editing import check

        check_inputs(self, task, inputs.clips, inputs.files)
        check(self.name, inputs, config, job, depth=self.reads_depth)

    def sample_many(self, task: Task, inputs: Inputs, config: Any, seeds: Sequence[int], job: Job) -> list[Frames]:
        """A sample for each seed, one after the other, of the clip's size and length.

        Raises: MethodError, WeightsError as `check`; MethodError where a model's answer is no number.
        """
        import torch

        from onereel.methods.sdedit.editing import Editing

        check_task(self, task)
        with torch.no_grad():
            editing = Editing(inputs, config, job, depth=self.reads_depth)
            drawn = (self.edited(editing, config, torch.Generator().manual_seed(seed)) for seed in seeds)
            return [editing.finished(pictures) for pictures in drawn]

    def together(self, config: Any) -> int:
        """A few: the model is loaded once for them, and a kill loses no more."""
        return 4

    @abstractmethod
    def edited(self, editing: Editing, config: Any, generator: Any) -> Tensor:
        """One sample: pictures (T, 3, h, w) in [-1, 1], as the model makes them; `generator` draws all noise."""
