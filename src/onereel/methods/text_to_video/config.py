"""Settings of text-to-video."""

from __future__ import annotations

from pydantic import Field

from onereel.methods.base import MethodConfig


class TextToVideoConfig(MethodConfig):
    """Which model, and how it is sampled."""

    backbone: str = Field(default="t2v-world", min_length=1)
    """The pretrained model: an entry of ``config/backbones.yaml`` or a stand-in of the role text-to-video, by name."""
    num_inference_steps: int = Field(default=50, ge=1, le=1000)
    """Steps of the denoising (diffusers' pipelines of these models: 50)."""
    guidance_scale: float = Field(default=3.0, ge=1)
    """Classifier-free guidance: 1 is the prompt as it is, above it is exaggerated (Ho and Salimans 2022). Published
    models ask for more than ours: see their presets."""
    negative_prompt: str = ""
    """What guidance leads away from; only read above a guidance of 1."""
    frames: int | None = Field(default=None, ge=1)
    """Frames that the model makes; None: what it was trained for, and most are much worse at anything else."""
    height: int | None = Field(default=None, ge=1)
    """Pixels; None: what it was trained for."""
    width: int | None = Field(default=None, ge=1)
    """Pixels; None: what it was trained for."""
