"""Settings of VGPNN. Defaults follow the paper; what it leaves open follows the authors' public code."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from onereel.methods.base import MethodConfig
from onereel.nnf.settings import SearchConfig
from onereel.pyramid import Ladder

Scale = Annotated[float, Field(gt=0, le=16)]
Patch = tuple[PositiveInt, PositiveInt, PositiveInt]


class VGPNNConfig(MethodConfig):
    """Every constant of VGPNN's random generation."""

    ladder: Ladder = Ladder()
    """Levels of the pyramid (section 3: r = 6/5 in time and space; authors' code: 1/0.85)."""
    patch: Patch = (3, 7, 7)
    """Frames, rows and columns of a patch (section 3)."""
    noise_amplitude: float = Field(default=5.0, ge=0, le=1000, allow_inf_nan=False)
    """Standard deviation of z_N in units of [-1, 1]. The paper gives none; authors' code: 5."""
    noise: Literal["position", "voxel"] = "position"
    """One draw per pixel position, replicated over time (section 3, "Noise initialization"), or one per voxel
    (authors' code)."""
    em_iterations: int = Field(default=5, ge=1, le=1000)
    """Passes through a level's VPNN layer (section 3: "several"; authors' code: 5)."""
    em_iterations_coarsest: int = Field(default=1, ge=1, le=1000)
    """The same on the coarsest level (authors' code: 1)."""
    first_key: Literal["upscaled", "level"] = "upscaled"
    """Keys of a level's first pass: the level below, upscaled, K = x_(n+1) up (section 3, "QKV scheme"), or the level
    itself. Later passes always use the level itself."""
    search: SearchConfig = SearchConfig()
    """Nearest neighbours of a level's first pass (the paper gives no numbers; defaults: authors' code)."""
    later_sweeps: int | None = Field(default=None, ge=1, le=10_000)
    """PatchMatch sweeps of a level's later passes, which start from the field of the pass before; None: as in the
    first (authors' code)."""
    field_start: Literal["random", "inherited"] = "random"
    """Start of PatchMatch in a level's first pass: random (authors' code), or the field of the level below, scaled."""
    alpha: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Completeness weight of Eq. 2 in squared units of [-1, 1]; smaller: more complete; None: plain distance (authors'
    code for random generation)."""
    vote: Literal["median", "mean"] = "median"
    """How the suggestions for a voxel become one value (section 3: median)."""
    output_scale: tuple[Scale, Scale, Scale] = (1.0, 1.0, 1.0)
    """Length, height and width of the output relative to the clip (paper: the same; authors' code: half the frames)."""
    large_patch: Patch = (3, 5, 5)
    """Patch of levels above `large_patch_voxels` (authors' code; Fig. 6 names it for GPNN* at high resolution)."""
    large_patch_voxels: PositiveInt = 7_500_000
    """Voxels of the output above which a level uses `large_patch` (authors' code)."""
    large_em_voxels: PositiveInt = 3_000_000
    """Voxels of the output above which a level gets a single pass (authors' code)."""
