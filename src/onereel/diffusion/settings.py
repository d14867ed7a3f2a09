"""Settings of a diffusion process. Needs no torch: sheets are read with it."""

from typing import Literal

from pydantic import Field

from onereel.methods.base import MethodConfig


class ProcessConfig(MethodConfig):
    """How much noise a step adds, and what the network is trained to say."""

    steps: int = Field(default=50, ge=2, le=1000)
    """T, steps from picture to noise (SinFusion, Algorithm 1: 50)."""
    schedule: Literal["linear", "cosine"] = "cosine"
    """`linear`: betas from 1e-4 to 0.02, times 1000 / T; `cosine`: Nichol and Dhariwal 2021, s = 0.008, betas <= 0.999
    (authors' code: linear for the image model, cosine for those of a video)."""
    target: Literal["x0", "noise", "velocity"] = "x0"
    """What the network predicts: the clean picture (SinFusion, Eq. 3), the noise (Eq. 2), or sqrt(alpha-bar) noise -
    sqrt(1 - alpha-bar) x0 (Salimans and Ho 2022), which is the noise where there is little and the picture where there
    is much, so that after short training neither little noise blurs nor much noise drifts."""
