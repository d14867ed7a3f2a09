"""VACE: Jiang et al., "VACE: All-in-One Video Creation and Editing", ICCV 2025, on Wan2.1 1.3B: what a user would pick
today where Gen-1 is asked for, as a row beside it.

| what is known of it | code |
| --- | --- |
| a video and a mask as condition: kept where black, described where white | `onereel.backbones.wan_vace` |
| depth as a grey video; a picture to refer to on white | `editing.told_of`, `editing.on_white` |
| a clip goes on from its first frames | `editing.made`, `windows` |

All of it as diffusers' ``WanVACEPipeline`` does it, but for windows, which it leaves to its users. Frames are taken one
by one, whatever the clip's rate; the model was trained on 16 a second. Attention is over space and time at once, so
there is no guidance of time alone (Gen-1, Eq. 8). On the published weights nobody has yet seen this method: no machine
of this project could download them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from onereel.methods import check_inputs, check_task
from onereel.methods.base import CLIP, Artefacts, BaseMethod, Inputs, Job, Task
from onereel.methods.roles import Roles
from onereel.methods.vace.config import VaceConfig

if TYPE_CHECKING:
    from onereel.video.clip import Clip, Frames

__all__ = ["METHOD", "Vace", "VaceConfig"]


class Vace(BaseMethod):
    """A video model that reads depth, masks and pictures. Nothing is trained."""

    name = "vace"
    title = "Wan2.1-VACE"
    paper = "Jiang et al., VACE: All-in-One Video Creation and Editing, ICCV 2025"
    tasks = frozenset({Task.EDIT_STRUCTURE, Task.EDIT_MASKED})
    roles: ClassVar[Mapping[Task, Roles]] = {
        Task.EDIT_STRUCTURE: Roles.of("content", needed=False, prompt="needed"),
        Task.EDIT_MASKED: Roles.of("keep edit", prompt="needed").also("content", needed=False),
    }
    Config = VaceConfig

    def backbones(self, task: Task, config: VaceConfig) -> tuple[str, ...]:
        """The model."""
        return (config.backbone,)

    def requires(self, task: Task, config: VaceConfig) -> Artefacts:
        """The clip's depth, where the model is told of it."""
        reads = task == Task.EDIT_STRUCTURE or config.inside == "depth"
        return {(CLIP, "depth"): ""} if reads else {}

    def check(self, task: Task, inputs: Inputs, config: VaceConfig, job: Job) -> None:
        """Refuse another model, a mask that does not fit, and a device that is too small."""
        from onereel.methods.vace.editing import check

        check_inputs(self, task, inputs.clips, inputs.files)
        check(task, inputs, config, job)

    def sample_many(
        self, task: Task, inputs: Inputs, config: VaceConfig, seeds: Sequence[int], job: Job
    ) -> list[Frames]:
        """A sample for each seed, one after the other, of the clip's size and length; of a masked edit, what stays is
        the clip's own pixels.

        Raises: MethodError, WeightsError as `check`.
        """
        from onereel.methods.vace.editing import edited

        check_task(self, task)
        return edited(task, inputs, config, list(seeds), job)

    def guides(self, task: Task, inputs: Inputs, config: VaceConfig) -> Mapping[str, Clip]:
        """The picture to refer to; what a mask keeps, the rest purple."""
        from onereel.methods.gen1.masks import EDIT, KEEP, read_kept, shown

        found = dict(super().guides(task, inputs, config))
        if task == Task.EDIT_MASKED:
            for role in (KEEP, EDIT):
                found.pop(role, None)
            found["kept (purple is made anew)"] = shown(inputs.clip, read_kept(inputs, self.name))
        return found

    def together(self, config: VaceConfig) -> int:
        """A few: the model is loaded once for them, and a kill loses no more."""
        return 2


METHOD = Vace()
