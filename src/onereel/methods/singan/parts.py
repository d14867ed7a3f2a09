"""The pyramids that the SinGAN family trains, and which of them a task samples from. Needs no torch."""

from dataclasses import dataclass
from typing import Literal

from onereel.gan.settings import ScaleLadder
from onereel.methods.base import Task
from onereel.methods.singan.config import PyramidConfig

Purpose = Literal["pyramid", "slow", "super"]


@dataclass(frozen=True)
class PyramidPart:
    """What a pyramid is trained for.

    Attributes:
        purpose: `pyramid` for most tasks; `slow` and `super` for slow motion and super-resolution.
        factor: how many times slower or larger; 1 for `pyramid`.
    """

    purpose: Purpose = "pyramid"
    factor: int = 1

    @property
    def name(self) -> str:
        """``pyramid``, ``slow_x2``, ``super_x3``."""
        return self.purpose if self.factor == 1 else f"{self.purpose}_x{self.factor}"

    @classmethod
    def parse(cls, name: str) -> "PyramidPart":
        """The part of that name.

        Raises: ValueError if there is none.
        """
        purpose, _, factor = name.partition("_x")
        if purpose not in ("pyramid", "slow", "super"):
            raise ValueError(f"no part '{name}'")
        return cls(purpose, int(factor or 1))  # type: ignore[arg-type]

    @property
    def slowness(self) -> int:
        """Generated frames for one frame of the clip."""
        return self.factor if self.purpose == "slow" else 1

    def frames(self, frames: int) -> int:
        """Generated frames whose every `slowness`-th is one of `frames` frames of the clip."""
        return self.slowness * (frames - 1) + 1

    def ladder(self, config: PyramidConfig) -> ScaleLadder:
        """Sizes of the levels; for super-resolution by k the ratio is the k-th root of k (section 5.5)."""
        if self.purpose != "super":
            return config.ladder
        return config.ladder.model_copy(update={"factor": self.factor ** (1 / self.factor), "exact": True})


def pyramid_of(task: Task, config: PyramidConfig) -> PyramidPart:
    """The pyramid that a task samples from."""
    match task:
        case Task.SLOW_MOTION:
            return PyramidPart("slow", config.slow_factor)
        case Task.SUPER_RESOLVE:
            return PyramidPart("super", config.super_factor)
        case _:
            return PyramidPart()
