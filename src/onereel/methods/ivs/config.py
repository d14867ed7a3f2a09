"""Settings of an edited first frame that is propagated. Needs no torch: the workflow reads it."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, PositiveInt

from onereel.methods.sdedit.config import SDEditConfig
from onereel.training.settings import TrainingConfig


class TranslatorTraining(TrainingConfig):
    """How the translator is trained."""

    batch: PositiveInt = 16
    """Patches a step (authors' code: 40)."""
    learning_rate: float = Field(default=2e-3, gt=0, allow_inf_nan=False)
    """Adam's step size (authors' code: 4e-4, for many more steps)."""
    drop_at: tuple[PositiveInt, ...] = ()
    """Steps at which the learning rate is multiplied by `drop`."""
    decay: Literal["none", "cosine"] = "cosine"
    """`cosine` lowers the learning rate to zero over all steps."""
    warm_up: int = Field(default=20, ge=0)
    """Steps over which the learning rate rises linearly from zero."""


class IVSConfig(SDEditConfig):
    """How the first frame is edited (as by `sdedit`), and what learns from it."""

    sampling_only: ClassVar[frozenset[str]] = frozenset({"batch"})

    patch: int = Field(default=36, ge=8)
    """Pixels of the sides of what the translator is trained on, at most a frame's (Texler et al. 2020, section 3.1: 36;
    their code: 32)."""
    steps: PositiveInt = 2000
    """Of the translator's training."""
    channels: PositiveInt = 32
    """Of its widest layers (authors' code: 32 to 128)."""
    blocks: PositiveInt = 4
    """Residual blocks at half the size (authors' code: 7)."""
    edges: float = Field(default=1.0, ge=0)
    """Weight of the error of differences between neighbours, beside that of the pixels."""
    gaussians: int = Field(default=48, ge=0)
    """Coloured spots that move with the clip's flow and tell places apart which look alike (section 3.4: "sparsely
    distributed"); 0: the translator sees the frame alone, and no flow is needed."""
    spread: float = Field(default=0.08, gt=0)
    """Of a spot: its standard deviation as a share of the shorter side."""
    training: TranslatorTraining = TranslatorTraining()
    """How the translator is trained."""
