"""Settings of Gen-1 without structure. Needs no torch: the workflow reads it."""

from typing import Literal

from pydantic import Field

from onereel.methods.gen1.config import VideoEditorConfig


class NoStructureConfig(VideoEditorConfig):
    """How far a clip is noised, and what takes the noise away."""

    model: Literal["gen1-world", "public"] = "gen1-world"
    """The video model: `gen1-world`, of which stage 2 is taken, before structure was learned; or `public`: published
    parts, `image_model` with `motion`."""
    motion: str = Field(default="animatediff-v1-5-3", min_length=1)
    """Of the model `public`, what sees time: one of the family motion-adapter."""
    strength: float = Field(default=0.6, ge=0, le=1)
    """Share of the steps that are run: 0 is the autoencoder's reconstruction of the clip, 1 a new video. Gen-1 compares
    "several" without naming them (Fig. 6)."""
