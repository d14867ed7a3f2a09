"""Settings of VACE. Needs no torch: the workflow reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, PositiveInt, model_validator

from onereel.methods.base import MethodConfig, Task

_PACKED = 4  # frames of one latent, but for the first


class VaceConfig(MethodConfig):
    """Which model, what it is told, and how long clips are made."""

    read_by: ClassVar[Mapping[str, frozenset[Task]]] = {"inside": frozenset({Task.EDIT_MASKED})}

    backbone: str = Field(default="wan2.1-vace-1.3b", min_length=1)
    """The pretrained model: an entry of ``config/backbones.yaml`` of the role video-editing, by name."""
    num_inference_steps: int = Field(default=50, ge=1, le=1000)
    """Steps of the denoising (diffusers' pipeline: 50)."""
    guidance_scale: float = Field(default=5.0, ge=1)
    """Classifier-free guidance (diffusers' pipeline: 5)."""
    negative_prompt: str = ""
    """What guidance leads away from; only read above a guidance of 1."""
    conditioning_scale: float = Field(default=1.0, ge=0)
    """How much depth, kept parts and pictures count; 1 as in training, 0: only the prompt."""
    inside: Literal["depth", "nothing"] = "depth"
    """For `edit_masked`: what the model is told of the part that it makes: its depth, or nothing."""
    size: PositiveInt | None = None
    """Pixels of the shorter side of what the model sees, the aspect kept; None: what it was trained for."""
    frames: PositiveInt = 81
    """Frames that the model makes at once, 4n + 1 (trained on 81, at 16 a second); longer clips go through it in
    windows."""
    overlap: PositiveInt = 9
    """Frames, 4n + 1, that a window shares with the one before: they are given to it as known, so that it goes on."""

    @model_validator(mode="after")
    def _check_windows(self) -> VaceConfig:
        for name, value in (("frames", self.frames), ("overlap", self.overlap)):
            if value % _PACKED != 1:
                near = round((value - 1) / _PACKED) * _PACKED + 1
                raise ValueError(f"{name} must be 4n + 1, {value} is not; {near} is")
        if self.frames > 1 and self.overlap >= self.frames:
            raise ValueError(f"overlap {self.overlap} leaves nothing of {self.frames} frames")
        return self
