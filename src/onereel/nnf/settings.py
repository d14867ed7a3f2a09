"""How to search: settings only, importable without torch or numba."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class SearchConfig(BaseModel):
    """How to search. Defaults are those of the VGPNN authors' code; the paper gives none of these numbers.

    A sweep of PatchMatch tries 15 candidates for every query: the current key, one drawn uniformly, one drawn near the
    current key, the keys that the six neighbours at one step along each axis propose, and six drawn near those.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    method: Literal["patchmatch", "exhaustive"] = "patchmatch"
    """Approximate in linear time, or exact in quadratic time (GPNN*, VGPNN 4)."""
    sweeps: int = Field(default=20, ge=0, le=10_000)
    """PatchMatch: sweeps over all queries. With 0 the start is only evaluated."""
    steps: tuple[int, ...] = Field(default=(8, 4, 2, 1), min_length=1)
    """PatchMatch: distance in positions to the neighbours that propose, one per sweep, repeated (jump flooding)."""
    radii: tuple[int, ...] = Field(default=(2, 2, 1, 1), min_length=1)
    """PatchMatch: positions that a drawn candidate may lie off on each axis, one per sweep, repeated."""

    precision: Literal["float32", "uint8"] = "float32"
    """What is compared and voted on: values as they are, or rounded to the 256 levels of 8-bit pictures over [-1, 1],
    which on the CPU is several times as fast. The input itself has no more levels."""

    @model_validator(mode="after")
    def _check_ranges(self) -> "SearchConfig":
        if not all(1 <= step <= 1 << 20 for step in self.steps):
            raise ValueError(f"steps must be positive, got {self.steps}")
        if not all(0 <= radius <= 255 for radius in self.radii):
            raise ValueError(f"radii must lie in 0..255, got {self.radii}")
        return self

    def schedule(self) -> list[tuple[int, int]]:
        """(step, radius) of every sweep."""
        return [(self.steps[i % len(self.steps)], self.radii[i % len(self.radii)]) for i in range(self.sweeps)]
