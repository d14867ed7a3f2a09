"""Settings of VGPNN. Defaults follow the paper; what it leaves open follows the authors' public code."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, PositiveInt

from onereel.methods.base import MethodConfig, Task
from onereel.nnf.settings import SearchConfig
from onereel.video.pyramid import Ladder

Scale = Annotated[float, Field(gt=0, le=16)]
Byte = Annotated[int, Field(ge=0, le=255)]
Patch = tuple[PositiveInt, PositiveInt, PositiveInt]

_FLOW_BINS = {Task.ANALOGY: 6, Task.SKETCH: 0}


class VGPNNConfig(MethodConfig):
    """Every constant of VGPNN: of random generation first, then what other tasks add."""

    read_by: ClassVar[Mapping[str, frozenset[Task]]] = {
        "cue": frozenset({Task.INPAINT}),
        **dict.fromkeys(("retarget_growth", "retarget_alpha"), frozenset({Task.RETARGET})),
        **dict.fromkeys(
            ("pair_ladder", "flow_bins", "flow_weight", "flow_share", "match_colours"),
            frozenset({Task.ANALOGY, Task.SKETCH}),
        ),
    }

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
    """Length, height and width of the output relative to the clip, for `generate` (paper: the same; authors' code: half
    the frames) and `retarget` (section 5)."""
    retarget_growth: Literal["gradual", "at_once"] = "gradual"
    """`retarget`: reach the new size a little on every level (section 5), or on the coarsest level (authors' code)."""
    retarget_alpha: float | None = Field(default=0.005, gt=0, allow_inf_nan=False)
    """`alpha` of `retarget` where `alpha` itself is None: the output should show all that the input shows (section 3
    names completeness for it; no number is given)."""
    cue: tuple[Byte, Byte, Byte] | None = None
    """`inpaint`: RGB to put into the hole, 0..255; None leaves the colours that the clip has there (section 5)."""
    pair_ladder: Ladder = Ladder(min_frames=5, min_side=48)
    """`analogy`, `sketch`: levels of both pyramids. On the coarsest level of random generation (15 px) a drawing's
    strokes are gone; how far the paper went down is not said."""
    flow_bins: int | None = Field(default=None, ge=0, le=64)
    """`analogy`, `sketch`: levels of the speed that searches compare; 0 compares none (authors' code: 4 to 8). None: 6
    for an analogy, 0 for a sketch, whose moving strokes are better found by their brightness (docs/results.md)."""
    flow_weight: float = Field(default=0.5, gt=0, le=1)
    """`analogy`, `sketch`: range of the speed's channel relative to a colour's."""
    flow_share: float = Field(default=0.5, ge=0, le=1)
    """`analogy`, `sketch`: share of the levels, from the coarsest on, that compare speeds (authors' code: half)."""
    match_colours: bool | None = None
    """`analogy`, `sketch`: give the content the style's mean and spread first; None: for a sketch only."""
    large_patch: Patch = (3, 5, 5)
    """Patch of levels above `large_patch_voxels` (authors' code; Fig. 6 names it for GPNN* at high resolution)."""
    large_patch_voxels: PositiveInt = 7_500_000
    """Voxels of the output above which a level uses `large_patch` (authors' code)."""
    large_em_voxels: PositiveInt = 3_000_000
    """Voxels of the output above which a level gets a single pass (authors' code)."""

    def flow_bins_of(self, task: Task) -> int:
        """How many speeds a task tells apart; 0 where it compares none."""
        if task not in (Task.ANALOGY, Task.SKETCH) or not self.flow_share:
            return 0
        return _FLOW_BINS[task] if self.flow_bins is None else self.flow_bins
