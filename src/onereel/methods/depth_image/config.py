"""Settings of pictures of depth and a prompt."""

from __future__ import annotations

from pydantic import Field

from onereel.methods.sdedit.config import FrameEditorConfig


class DepthImageConfig(FrameEditorConfig):
    """How much of a frame besides its depth is read."""

    strength: float = Field(default=1.0, gt=0, le=1)
    """Share of the steps that are run: 1 reads nothing of a frame but its depth, less starts from the noised frame
    (diffusers' pipeline of Stable Diffusion 2 depth: 0.8)."""
