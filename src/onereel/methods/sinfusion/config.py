"""Settings of SinFusion. Defaults follow the paper; what it leaves open follows the authors' public code."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, PositiveInt, model_validator

from onereel.diffusion.settings import ProcessConfig
from onereel.methods.base import MethodConfig, Task
from onereel.training.settings import TrainingConfig

Scale = Annotated[float, Field(gt=0, le=16)]
ModelName = Literal["image", "projector", "predictor", "interpolator"]


class NetworkConfig(MethodConfig):
    """The chain of ConvNeXt blocks (section 4, Fig. 3)."""

    channels: int = Field(default=64, ge=8, multiple_of=8)
    """Channels between blocks (authors' code: 64)."""
    blocks: int = Field(default=16, ge=2, multiple_of=2)
    """Blocks; the second half also reads the outputs of the first (authors' code: 16). More blocks see more of the
    picture and copy more of it (section 4)."""
    expansion: PositiveInt = 3
    """Channels inside a block, in units of those between blocks (authors' code: 3)."""
    embedding: int = Field(default=64, ge=8, multiple_of=2)
    """Length of the embeddings of noise and frame difference (authors' code: 64)."""


class PartConfig(MethodConfig):
    """What is particular to one of the models."""

    steps: PositiveInt
    """Training steps."""
    process: ProcessConfig = ProcessConfig()
    """Noise and target."""


class SinFusionConfig(MethodConfig):
    """Every constant of SinFusion: what is trained first, then what only sampling reads."""

    network: NetworkConfig = NetworkConfig()
    """The backbone, the same for all models."""
    training: TrainingConfig = TrainingConfig()
    """The same for all models (authors' code: Adam, 2e-4, a tenth of it from step 100 000 on, batch 1)."""
    image: PartConfig = PartConfig(steps=50_000, process=ProcessConfig(beta_schedule="linear"))
    """Model of a single picture (section 4); for a video only where the task is `image`."""
    projector: PartConfig = PartConfig(steps=100_000)
    """Model of single frames (section 5, Fig. 4b). It says x0 in the paper, the noise in the authors' code."""
    predictor: PartConfig = PartConfig(steps=200_000, process=ProcessConfig(prediction_type="epsilon"))
    """Model of a frame given another (section 5, Fig. 4a)."""
    interpolator: PartConfig = PartConfig(steps=50_000)
    """Model of a frame between two (section 5, Fig. 4c)."""
    crop: float = Field(default=0.95, gt=0, le=1)
    """Side of a training crop relative to the picture's (section 4: about 95 %): each side for the predictor, a square
    of the shorter side for the others (authors' code)."""
    max_shift: int = Field(default=3, ge=1, le=30)
    """Largest |k|, frames between the predictor's two (section 5: 3)."""
    curriculum: tuple[float, ...] = (0.375, 0.75)
    """Shares of the predictor's steps after which |k| may be one larger, starting from 1 (authors' code: 75 000 and
    150 000 of 200 000 draws)."""
    level_scale: float = Field(default=1.0, gt=0, le=10_000)
    """Factor on the noise level before its sinusoidal embedding, predictor and interpolator (authors' code: 1, which
    leaves the levels hardly told apart)."""
    prior: bool = False
    """Let predictor and interpolator say only what the best linear estimate from the frames that they are given leaves
    (module `prior`). Not in the paper; for short trainings."""
    image_frame: int = 0
    """`image`: which frame of the clip is the picture; negative ones count from the end."""

    sampling_only: ClassVar[frozenset[str]] = frozenset(
        {
            "batch",
            "correction_steps",
            "extrapolate_frames",
            "first",
            "first_frame",
            "frames",
            "given_steps",
            "image_noise",
            "image_start",
            "output_scale",
            "sampling_steps",
            "shift",
            "slow",
            "start_frame",
            "upsample_factor",
        }
    )
    read_by: ClassVar[Mapping[str, frozenset[Task]]] = {
        **dict.fromkeys(("slow", "upsample_factor"), frozenset({Task.UPSAMPLE_TIME})),
        **dict.fromkeys(("extrapolate_frames", "start_frame"), frozenset({Task.EXTRAPOLATE})),
        "image_start": frozenset({Task.IMAGE}),
        "image_noise": frozenset({Task.IMAGE, Task.RETARGET}),
    }

    sampling_steps: int | None = Field(default=None, ge=2)
    """Steps of the reverse process; None: all T (authors' code)."""
    given_steps: int | None = Field(default=None, ge=2)
    """The same for frames that are predicted or interpolated from others; None: as many as `sampling_steps` says. With
    a neighbour to look at, a short process ends nearer to the mean of what may follow, with less noise left."""
    correction_steps: int = Field(default=3, ge=0)
    """Steps of the truncated process by which the projector corrects a predicted frame (authors' code: 3 of 50); 0
    leaves frames as they were predicted."""
    output_scale: tuple[Scale, Scale, Scale] = (1.0, 1.0, 1.0)
    """Length, height and width of the output relative to the clip, for `generate`, `retarget` and `image` (a picture
    has no length). The network sees any size."""
    frames: PositiveInt | None = None
    """`generate`, `retarget`: length of the output in frames, instead of a scale."""
    first: Literal["sampled", "frame"] = "sampled"
    """`generate`: the first frame comes from the projector, or is one of the clip's (section 6)."""
    first_frame: int | None = None
    """`generate` from a frame, `retarget`: which one; negative ones count from the end; None: one at random."""
    shift: int = Field(default=1, ge=-30, le=30)
    """`generate`, `extrapolate`: k, frames of the clip between two frames of the output: 1 goes on, -1 goes back,
    larger ones go faster (section 6)."""
    extrapolate_frames: PositiveInt = 16
    """`extrapolate`: how many new frames."""
    start_frame: int | None = None
    """`extrapolate`: the frame to start from; negative ones count from the end; None: the last one forward, the first
    one backward. The clip's frames beyond it are left out."""
    upsample_factor: Literal[2, 4, 8] = 2
    """`upsample_time`: how many frames for one."""
    slow: bool = False
    """`upsample_time`: play at the clip's frames per second, which is slow motion; else at its speed, with
    `upsample_factor` times as many frames per second."""
    image_start: Literal["noise", "picture"] = "noise"
    """`image` without an input `sketch` or `edited`: start from noise, or from the picture itself, brought to the
    output's size and noised by `image_noise`, which retargets it."""
    image_noise: float = Field(default=0.5, gt=0, le=1)
    """`image` from a picture, `retarget`: share of the T steps by which the start is noised (section 6: a middle step).
    Smaller keeps more of it."""
    batch: PositiveInt = 4
    """Samples that are drawn together where several are asked for at once; memory grows with it."""

    @model_validator(mode="after")
    def _check(self) -> "SinFusionConfig":
        if self.shift == 0 or abs(self.shift) > self.max_shift:
            raise ValueError(f"shift must be between 1 and max_shift = {self.max_shift}, either way, not {self.shift}")
        for name, part in (("predictor", self.predictor), ("interpolator", self.interpolator)):
            if self.prior and part.process.prediction_type != "sample":
                raise ValueError(f"with prior the {name} must predict the sample, not {part.process.prediction_type}")
        if list(self.curriculum) != sorted(self.curriculum) or any(not 0 <= share <= 1 for share in self.curriculum):
            raise ValueError("curriculum must rise from 0 to 1")
        return self


def models_of(task: Task, config: SinFusionConfig) -> tuple[ModelName, ...]:
    """Models that a task samples with."""
    corrector: tuple[ModelName, ...] = ("projector",) if config.correction_steps else ()
    match task:
        case Task.GENERATE:
            return ("predictor", "projector") if config.first == "sampled" else ("predictor", *corrector)
        case Task.RETARGET:
            return ("predictor", "projector")
        case Task.EXTRAPOLATE:
            return ("predictor", *corrector)
        case Task.UPSAMPLE_TIME:
            return ("interpolator", *corrector)
        case Task.IMAGE:
            return ("image",)
        case other:
            raise ValueError(f"sinfusion does not do '{other}'")
