"""Settings of Plug-and-Play. Needs no torch: the workflow reads it."""

from __future__ import annotations

from pydantic import Field

from onereel.methods.sdedit.config import FrameEditorConfig


class PlugAndPlayConfig(FrameEditorConfig):
    """What of the source is injected, where and for how long."""

    tau_f: float = Field(default=0.8, ge=0, le=1)
    """tau_f as a share of the steps, the first ones: how long features are injected (authors' code: 40 of 50). More
    keeps more of the source's structure, and lets more of its looks through."""
    tau_a: float = Field(default=0.5, ge=0, le=1)
    """tau_A in the same way: how long self-attention is (authors' code: 25 of 50)."""
    feature_layer: int | None = Field(default=None, ge=0)
    """Layer of the U-Net's way up whose residual block gets the source's features, from 0 on; None: a third of the way
    (section 4.1: l = 4, of the 12 of Stable Diffusion)."""
    attention_from: int | None = Field(default=None, ge=0)
    """First layer of the way up whose self-attention is the source's, as is that of all after it; None: that of the
    features (authors' code: 4 to 11)."""
    source_prompt: str = ""
    """What the source is inverted with, without guidance (authors' code: the empty prompt)."""
    inversion_substeps: int = Field(default=1, ge=1, le=1000)
    """Steps of the inversion for each of the sampling (authors' code: 1000 for 50, so 20)."""
    refinements: int = Field(default=0, ge=0, le=20)
    """How often each step of the inversion looks again at its own result, which makes it more exact at the price of a
    pass each (`onereel.diffusion.samplers.ddim_inversion`; the authors do not)."""
