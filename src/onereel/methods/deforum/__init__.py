"""Deforum's way of making videos with a model of pictures (github.com/deforum, 2022); a baseline of Gen-1 (Esser et al.
2023, section 4.2: a depth-based Stable Diffusion "that retains past results based on depth estimates").

| what is known of it | code |
| --- | --- |
| the last result is moved by depth and a camera, then noised and denoised | `editing.edited`, `motion.camera_flow` |
| how much of it is kept, the seeds, the field of view, "Match Frame 0 LAB" | `config.DeforumConfig` |

Deforum flies a camera that its user scripts through a picture; an edit has to move as its clip does, and Gen-1 does
not say how. Here the camera is the one that explains the clip's flow, given its depth (`motion: depth`), so the warp is
a 3D one by depth and a camera path; ``motion: flow`` warps by the flow itself. Where we differ, besides: the model
reads the depth of every frame, too, as `depth_image` does ("two depth-based versions"); pictures are fetched along the
motion from the new frame's side, so nothing tears, and what comes in from outside has the border's colours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onereel.methods.base import CLIP, Artefacts, Task
from onereel.methods.deforum.config import DeforumConfig
from onereel.methods.sdedit.family import FrameEditor

if TYPE_CHECKING:
    from torch import Tensor

    from onereel.methods.sdedit.editing import Editing

__all__ = ["METHOD", "Deforum", "DeforumConfig"]


class Deforum(FrameEditor):
    """Every frame from the last result, moved by depth, towards the prompt and the frame's depth. Nothing is
    trained."""

    name = "deforum"
    title = "Deforum"
    paper = "Deforum Stable Diffusion, github.com/deforum/stable-diffusion, 2022"
    tasks = frozenset({Task.EDIT_STRUCTURE})
    reads_depth = True
    Config = DeforumConfig

    def requires(self, task: Task, config: DeforumConfig) -> Artefacts:
        """The clip's depth and flow."""
        return {**super().requires(task, config), (CLIP, "flow"): ""}

    def edited(self, editing: Editing, config: DeforumConfig, generator: Any) -> Tensor:
        """See `FrameEditor.edited`."""
        from onereel.methods.deforum.editing import edited

        return edited(editing, config, generator)


METHOD = Deforum()
