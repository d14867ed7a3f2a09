"""SDEdit, frame by frame: Meng et al., "SDEdit: Guided Image Synthesis and Editing with Stochastic Differential
Equations", ICLR 2022; a baseline of Gen-1 (Esser et al. 2023, section 4.2: "per-frame generated results").

| paper | code |
| --- | --- |
| SDEdit, Algorithm 1: noise the picture to t0, denoise from there | `editing.Editing.renewed` |
| Gen-1, 4.2: every frame alone, "even with a fixed seed" | `SDEdit.edited`, `config.FrameEditorConfig.noise` |

Where we differ: DDIM instead of a stochastic solver, so that frames which start alike end alike, and latents instead of
pixels, as the model of Gen-1's comparison (Stable Diffusion) has it. Strengths are not published: `strength`.

What all editors of frames share is here, too: `family`, `editing`, `config`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onereel.methods.sdedit.config import SDEditConfig
from onereel.methods.sdedit.family import FrameEditor

if TYPE_CHECKING:
    from torch import Tensor

    from onereel.methods.sdedit.editing import Editing

__all__ = ["METHOD", "SDEdit", "SDEditConfig"]


class SDEdit(FrameEditor):
    """Every frame noised and denoised towards the prompt. Nothing is trained."""

    name = "sdedit"
    title = "SDEdit per frame"
    paper = "Meng et al., SDEdit: Guided Image Synthesis and Editing with Stochastic Differential Equations, ICLR 2022"
    Config = SDEditConfig

    def edited(self, editing: Editing, config: SDEditConfig, generator: Any) -> Tensor:
        """See `FrameEditor.edited`."""
        return editing.decode(editing.all_renewed(generator, config.strength))


METHOD = SDEdit()
