"""Settings of the SinGAN family: a pyramid of residual generators with image and video critics."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, PositiveInt, model_validator

from onereel.gan.settings import ScaleLadder, SinGANAdversarial
from onereel.methods.base import MethodConfig, Task

Scale = Annotated[float, Field(gt=0, le=16)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class PyramidConfig(MethodConfig):
    """Every constant of SinGAN-GIF, as published; what it leaves open follows SinGAN, and each field says which.

    First what is trained, then what only sampling reads.
    """

    ladder: ScaleLadder = ScaleLadder()
    """Sizes of the levels (section 3.5)."""
    levels_3d: int = Field(default=4, ge=0)
    """Coarsest levels whose generators convolve in 3D; the finer ones see frames (section 3.5: 4)."""
    separable: bool = True
    """Whether generators' 3D convolutions are 1x3x3 then 3x1x1 (section 3.3.1); false: full 3D, an ablation."""
    neighbours: int = Field(default=1, ge=0, le=4)
    """Frames before and after a frame that a 2D generator sees (section 3.3.2: 1 of each); 0: the frame alone."""
    shared_noise: bool = True
    """2D levels: one noise map for all frames (section 3.3.2). false: each frame its own, as in SinGAN."""
    noise_in_common: float = Field(default=0.0, ge=0, le=1)
    """Share of the variance of the coarsest level's noise that all frames have in common; ours (section 3.2, as we read
    it: 0, each frame has its own). A short training does not learn to make calm videos of noise that jumps. The task
    slow_motion does not read it: its noise is a path."""
    channels: int = Field(default=32, ge=4)
    """Channels of generators and critics at the coarsest level (SinGAN: 32)."""
    channels_double_every: PositiveInt = 4
    """Levels after which the number of channels doubles (SinGAN: 4)."""
    channels_max: int = Field(default=128, ge=4)
    """Largest number of channels (SinGAN: 128)."""
    depth: int = Field(default=5, ge=2, le=12)
    """Layers of generators and critics (SinGAN: 5, a receptive field of 11 pixels)."""
    padding: Literal["once", "layers"] = "once"
    """Zeros around a picture: `once`, before the first layer (SinGAN), which also sees a border as what it is; or in
    every layer, which is cheaper."""
    norm: Literal["batch", "none"] = "batch"
    """Normalisation in generators (SinGAN: batch)."""
    critic_norm: Literal["batch", "none"] = "batch"
    """Normalisation in critics (SinGAN: batch). none: as WGAN-GP was meant, and the penalty costs half."""
    critic_channels: float = Field(default=1.0, gt=0, le=4)
    """Channels of critics in units of the generator's (SinGAN: the same)."""
    steps: tuple[PositiveInt, ...] = Field(default=(8000,), min_length=1)
    """Training steps of every level, coarsest first; the last number holds for all further ones (section 3.5: about
    8000)."""
    window: tuple[PositiveInt, PositiveInt] = (16, 8)
    """Frames that training sees at once, at the coarsest and at the finest level; evenly less between (section 3.5:
    16, gradually 8; section 3.2: any window of the clip). All of a shorter clip."""
    train_frames: PositiveInt | None = None
    """Train on the clip's first frames only, so many (section 5.3: 8, to sample 32); None: on all."""
    adversarial: SinGANAdversarial = SinGANAdversarial()
    """Optimisation (section 3.5: Adam, 5e-4, penalty 0.1; SinGAN: tenfold slower after 80 %, 3 + 3 updates)."""
    image_weight: Weight = 1.0
    """Of the image critic's loss (Eq. 3: 1); 0 leaves that critic out, an ablation."""
    video_weight: Weight = 5.0
    """alpha, of the video critic's loss (section 3.5: 5); 0 leaves that critic out."""
    reconstruction_weight: Weight = 50.0
    """beta (section 3.5: 50; SinGAN: 10)."""
    reconstruction: Literal["l1", "l2"] = "l1"
    """Norm of the reconstruction loss, a mean over elements (Eq. 5: L1; SinGAN: squares)."""
    colour_weight: Weight = 2.0
    """gamma, of the colour statistics (section 3.5: 2); 0 leaves them out, an ablation (Fig. 4)."""
    noise_amplitude: float = Field(default=0.1, ge=0, le=10)
    """sigma of a finer level in units of the RMSE of the reconstruction at its start (SinGAN: 0.1)."""
    super_weight: Weight = 125.0
    """beta of the pyramid for `super_resolve` (section 5.5: 125)."""
    super_input: Literal["reconstruction", "clip"] = "reconstruction"
    """What the reconstruction loss of the pyramid for `super_resolve` starts from at a level: the reconstruction of the
    level below (Eq. 5), or, ours, the clip itself at that level's size, which is what a generator is given when it
    enlarges the clip. With the first it also learns to mend what the levels below leave."""
    max_drift: float = Field(default=0.6, gt=0)
    """Training stops if mean or spread of a colour in samples is farther than this from the clip's, in units of
    [-1, 1], in the second half of a level. Ours."""

    sampling_only: ClassVar[frozenset[str]] = frozenset(
        {
            "compose_level",
            "compose_passes",
            "frames",
            "lengthen_frames",
            "output_scale",
            "slow_factor",
            "slow_start",
            "start_level",
            "super_factor",
            "super_noise",
            "super_passes",
            "transfer_frames",
        }
    )
    guards: ClassVar[frozenset[str]] = frozenset({"max_drift"})
    read_by: ClassVar[Mapping[str, frozenset[Task]]] = {
        **dict.fromkeys(("frames", "output_scale", "start_level"), frozenset({Task.GENERATE})),
        "lengthen_frames": frozenset({Task.LENGTHEN}),
        "transfer_frames": frozenset({Task.MOTION_TRANSFER}),
        **dict.fromkeys(("slow_factor", "slow_start"), frozenset({Task.SLOW_MOTION})),
        **dict.fromkeys(("compose_level", "compose_passes"), frozenset({Task.COMPOSE})),
        **dict.fromkeys(
            ("super_factor", "super_input", "super_noise", "super_passes", "super_weight"),
            frozenset({Task.SUPER_RESOLVE}),
        ),
    }

    ignored_by: ClassVar[Mapping[str, frozenset[Task]]] = {
        "noise_in_common": frozenset({Task.SLOW_MOTION}),  # its noise is a path
        "ladder.factor": frozenset({Task.SUPER_RESOLVE}),  # the ratio follows from the factor
    }

    output_scale: tuple[Scale, Scale, Scale] = (1.0, 1.0, 1.0)
    """`generate`: length, height and width of the output relative to the clip (section 5.1)."""
    frames: PositiveInt | None = None
    """`generate`: length of the output in frames, instead of a scale."""
    start_level: int = Field(default=0, ge=0)
    """`generate`: levels, from the coarsest on, whose noise stays that of the reconstruction, so that the layout stays
    the clip's (SinGAN, "effect of scales at test time"). 0: everything is drawn. Only at the clip's own size."""
    lengthen_frames: PositiveInt = 32
    """`lengthen`: length of the output in frames (section 5.3: up to 32)."""
    slow_factor: Literal[2, 3, 4] = 2
    """`slow_motion`: how many times slower; each factor trains a pyramid of its own (section 5.2)."""
    slow_start: Literal["noise", "clip"] = "noise"
    """`slow_motion` of a random sample, or of the clip itself, through the noise that reconstructs it."""
    compose_level: PositiveInt = 3
    """`compose`: the level, counted from 1, whose output the edited clip replaces (section 5.4: typically 3)."""
    compose_passes: PositiveInt = 3
    """`compose`: how often the result goes through the generators ("repeated", section 5.4; no number is given)."""
    super_factor: Literal[2, 3, 4] = 2
    """`super_resolve`: how many times larger; each factor trains a pyramid of its own (section 5.5)."""
    super_passes: PositiveInt | None = None
    """`super_resolve`: passes n through the finest generator, each enlarging by the n-th root of the factor. None: as
    many as the factor, each by the pyramid's ratio (section 5.5)."""
    super_noise: float = Field(default=0.0, ge=0, le=10)
    """`super_resolve`: noise in units of the finest level's sigma. The paper does not say; 0 is what the
    reconstruction loss, which is weighed up for this task, trains."""
    transfer_frames: PositiveInt = 8
    """`motion_transfer`: how often the picture is repeated (section 5.6: 8)."""

    @model_validator(mode="after")
    def _check(self) -> "PyramidConfig":
        if not self.image_weight and not self.video_weight:
            raise ValueError("image_weight and video_weight are both 0: one critic must be left")
        if self.window[1] > self.window[0]:
            raise ValueError(f"window must not grow with the levels, got {list(self.window)}")
        return self

    def steps_of(self, level: int) -> int:
        """Training steps of a level, 0 the coarsest."""
        return self.steps[min(level, len(self.steps) - 1)]

    def channels_of(self, level: int) -> int:
        """Channels of a level's generator."""
        return min(self.channels * 2 ** (level // self.channels_double_every), self.channels_max)

    def window_of(self, level: int, levels: int, frames: int) -> int:
        """Frames that the training of a level sees at once."""
        share = level / (levels - 1) if levels > 1 else 0.0
        first, last = self.window
        return min(frames, round(first + share * (last - first)))


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
