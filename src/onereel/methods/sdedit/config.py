"""Settings of editors that edit frame by frame, and SDEdit's. Needs no torch: the workflow reads it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt

from onereel.methods.base import MethodConfig


class FrameEditorConfig(MethodConfig):
    """What every editor has that edits with a model of pictures."""

    backbone: str = Field(default="latent-world", min_length=1)
    """The pretrained model of pictures: an entry of ``config/backbones.yaml`` or a stand-in, by name."""
    num_inference_steps: int = Field(default=50, ge=1, le=1000)
    """Steps from pure noise to a picture, evenly spread (DDIM; Song et al. 2021)."""
    guidance_scale: float = Field(default=3.0, ge=1)
    """Classifier-free guidance: 1 is the prompt as it is, above it is exaggerated (Ho and Salimans 2022). Stable
    Diffusion is used with 7.5."""
    negative_prompt: str = ""
    """What guidance leads away from; only read above a guidance of 1."""
    noise: Literal["same", "independent"] = "same"
    """`same`: every frame starts from the same noise ("even with a fixed seed", Gen-1, section 4.2), so that what does
    not move flickers least; `independent`: each from its own."""
    size: PositiveInt | None = None
    """Pixels of the shorter side of what the model sees, the aspect kept; None: what it was trained for. Samples have
    the clip's size."""
    batch: PositiveInt = 8
    """Frames in one pass of the network; changes memory, and values only by float rounding."""


class SDEditConfig(FrameEditorConfig):
    """How far a frame is noised."""

    strength: float = Field(default=0.6, ge=0, le=1)
    """Share of the steps that are run: 0 is the autoencoder's reconstruction of the source, 1 a new picture. Gen-1
    compares "several" without naming them (Fig. 6); SDEdit finds 0.3 to 0.6 best (Meng et al. 2022, section 3)."""
