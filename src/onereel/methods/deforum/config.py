"""Settings of depth-to-image that goes on from its last result. Needs no torch: the workflow reads it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from onereel.methods.sdedit.config import FrameEditorConfig


class DeforumConfig(FrameEditorConfig):
    """How the last result is moved, and how much of it is kept."""

    noise: Literal["same", "independent"] = "independent"
    """`independent`: every frame has its own noise (Deforum: ``seed_behavior: iter``); `same`: what the same noise does
    to a picture adds up from frame to frame."""
    strength: float = Field(default=0.35, ge=0, le=1)
    """Share of the steps that are run on the moved result: 0 only moves it, 1 forgets it. (Deforum says how much is
    kept, 0.65.)"""
    first_strength: float = Field(default=1.0, ge=0, le=1)
    """In the same way of the first frame, which starts from the clip's: 1 reads its depth alone."""
    motion: Literal["depth", "flow"] = "depth"
    """`depth`: the result moves as a rigid scene does before a camera ("based on depth estimates", Gen-1, section 4.2);
    the camera is the one that explains most of the clip's flow, given its depth. `flow`: it moves as the clip's flow
    says, so that things which move by themselves do, too."""
    field_of_view: float = Field(default=40.0, gt=0, lt=180)
    """Degrees, of the width: what the camera sees (Deforum: ``fov: 40``)."""
    colours: Literal["first", "free"] = "first"
    """`first`: the moved result gets the histograms of the first one, in CIELAB, before it is renewed, so that colours
    do not drift (Deforum: "Match Frame 0 LAB"); `free`: they may."""
