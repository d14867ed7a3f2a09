"""Settings of SinGAN on all frames: those of the family with SinGAN's numbers."""

from typing import Literal

from pydantic import Field, PositiveInt

from onereel.gan.config import PyramidConfig, Weight


class SinGANConfig(PyramidConfig):
    """Where SinGAN differs from SinGAN-GIF; everything else is the family's."""

    levels_3d: int = Field(default=0, ge=0)
    """Levels in 3D: none."""
    neighbours: int = Field(default=0, ge=0, le=4)
    """Frames before and after a frame that a generator sees: none."""
    shared_noise: bool = False
    """Every frame has its own noise."""
    window: tuple[PositiveInt, PositiveInt] = (1, 1)
    """Frames that training sees at once: a randomly selected one (SinGAN-GIF, section 4)."""
    steps: tuple[PositiveInt, ...] = (2000,)
    """Training steps of every level, coarsest first; the last number holds for all further ones (SinGAN: 2000)."""
    video_weight: Weight = 0.0
    """Of a video critic's loss: there is none."""
    reconstruction_weight: Weight = 10.0
    """Of the reconstruction loss (SinGAN: 10)."""
    reconstruction: Literal["l1", "l2"] = "l2"
    """Norm of the reconstruction loss, a mean over elements (SinGAN: squares)."""
    colour_weight: Weight = 0.0
    """Of the colour statistics: none."""
