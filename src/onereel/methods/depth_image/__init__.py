"""A depth-conditioned model of pictures, frame by frame: a baseline of Gen-1 (Esser et al. 2023, section 4.2: Stable
Diffusion "trained with depth-conditioning", Fig. 6's "SD-Depth").

| paper | code |
| --- | --- |
| 4.2: pictures of the prompt and the depth of a frame | `DepthImage.edited`, `sdedit.editing.Editing.structure` |
| 4.2: frames know nothing of each other | each has its own prediction; `noise` says what they start from |

Where we differ: depth is scaled once for the clip, not for every frame (`onereel.features.depth`), as for every editor
here. Nothing is published of guidance, steps and strength.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onereel.methods.base import Task
from onereel.methods.depth_image.config import DepthImageConfig
from onereel.methods.sdedit.family import FrameEditor

if TYPE_CHECKING:
    from torch import Tensor

    from onereel.methods.sdedit.editing import Editing

__all__ = ["METHOD", "DepthImage", "DepthImageConfig"]


class DepthImage(FrameEditor):
    """Every frame a new picture of its depth and the prompt. Nothing is trained."""

    name = "depth_image"
    title = "Depth-to-image per frame"
    paper = "Rombach et al., High-Resolution Image Synthesis with Latent Diffusion Models, CVPR 2022 (SD 2 depth)"
    tasks = frozenset({Task.EDIT_STRUCTURE})
    reads_depth = True
    Config = DepthImageConfig

    def edited(self, editing: Editing, config: DepthImageConfig, generator: Any) -> Tensor:
        """See `FrameEditor.edited`."""
        return editing.decode(editing.all_renewed(generator, config.strength))


METHOD = DepthImage()
