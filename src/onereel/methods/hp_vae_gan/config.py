"""Settings of HP-VAE-GAN. Defaults: its paper and its authors' public code. Needs no torch."""

import math
from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import Field, PositiveInt, model_validator

from onereel.base.errors import MethodError
from onereel.gan.settings import AdversarialConfig
from onereel.methods.base import MethodConfig
from onereel.video.pyramid import Size

_SHORTER_RATES = ((3, 2, 1), (2, 1), (1,))  # what a clip may have frames enough for
_SMALLEST = 8  # pixels, height of the coarsest level

Scale = Annotated[float, Field(gt=0, le=16)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class HPVAEGANAdversarial(AdversarialConfig):
    """Optimisation with the defaults of the authors' code."""

    clip_norm: float | None = Field(default=5.0, gt=0)
    """Largest norm of the generator's gradient (authors' code: 5); None: any."""


class HPVAEGANConfig(MethodConfig):
    """Every constant of HP-VAE-GAN: what is trained first, then what only sampling reads."""

    min_width: int = Field(default=32, ge=8)
    """Width of the coarsest level in pixels (authors' code: 32 of 256)."""
    factor: float = Field(default=0.75, gt=0, lt=1)
    """Ratio of widths; adjusted so that the levels end at the clip's width (authors' code: 0.75)."""
    rates: tuple[PositiveInt, ...] = Field(default=(4, 3, 2, 1), min_length=1)
    """Every how many frames the levels see, from the coarsest to the finest (authors' code: 4, 3, 2, 1; a window then
    has 13 frames, one more than their least common multiple)."""
    vae_levels: PositiveInt = 3
    """Coarsest levels that are trained as a variational autoencoder; the others are GANs (paper: 3)."""
    channels: int = Field(default=64, ge=4)
    """Channels between layers, everywhere (authors' code: 64)."""
    latent: int = Field(default=128, ge=1)
    """Channels of the latent, one vector per voxel of the coarsest level (authors' code: 128)."""
    encoder_depth: PositiveInt = 3
    """Blocks of the encoder before mean and log-variance (authors' code: 3)."""
    depth: int = Field(default=7, ge=2, le=12)
    """Layers of decoder, generators and critics (authors' code: 7)."""
    steps: tuple[PositiveInt, ...] = Field(default=(50_000,), min_length=1)
    """Training steps of every level, coarsest first; the last number holds for all further ones (authors' code:
    50 000)."""
    adversarial: HPVAEGANAdversarial = HPVAEGANAdversarial()
    """Optimisation (authors' code: Adam 5e-4 and (0.5, 0.999), penalty 0.1, gradients of norm 5 at most)."""
    slower_below: float = Field(default=0.2, ge=0, le=1)
    """Factor on the learning rate of encoder and decoder for every level above the coarsest, while the autoencoder
    trains; generators under the newest keep their weights (authors' code: 0.2)."""
    reconstruction_weight: Weight = 10.0
    """Of the mean squared reconstruction errors (authors' code: 10)."""
    kl_weight: Weight = 1.0
    """Of the latent's divergence from N(0, I), a mean over elements (authors' code: 1)."""
    noise_amplitude: float = Field(default=0.1, ge=0, le=10)
    """sigma of a GAN level in units of the RMSE of what it rebuilds before its first step (authors' code: 0.1)."""
    max_drift: float = Field(default=0.6, gt=0)
    """Training stops if mean or spread of a colour in samples is farther than this from the clip's, in units of
    [-1, 1], in the second half of a level. Ours."""

    sampling_only: ClassVar[frozenset[str]] = frozenset({"frames", "output_scale"})
    guards: ClassVar[frozenset[str]] = frozenset({"max_drift"})

    output_scale: tuple[Scale, Scale, Scale] = (1.0, 1.0, 1.0)
    """Length, height and width of the output relative to the clip."""
    frames: PositiveInt | None = None
    """Length of the output in frames, instead of a scale."""

    @model_validator(mode="after")
    def _check(self) -> "HPVAEGANConfig":
        if self.rates[-1] != 1 or any(before < after for before, after in pairwise(self.rates)):
            raise ValueError(f"rates must fall to 1, got {list(self.rates)}")
        return self

    @property
    def window(self) -> int:
        """Frames of the clip that a training step sees."""
        return math.lcm(*self.rates) + 1

    def steps_of(self, level: int) -> int:
        """Training steps of a level, 0 the coarsest."""
        return self.steps[min(level, len(self.steps) - 1)]

    def rate_of(self, level: int, levels: int) -> int:
        """Every how many frames a level sees: the rates share the levels, the finest has the last to itself."""
        return self.rates[level * (len(self.rates) - 1) // max(1, levels - 1)] if levels > 1 else 1

    def sizes(self, size: Size, frames: int) -> list[Size]:
        """(T, H, W) of every level for a clip of `size`, where the finest has `frames` frames.

        Raises: MethodError if the clip is too short or too small.
        """
        _, height, width = size
        self._check_clip(size)
        steps = math.ceil(math.log(self.min_width / width) / math.log(self.factor)) + 1
        ratio = (self.min_width / width) ** (1 / steps)
        sizes = []
        for level in range(steps + 1):
            # Widths of the authors' code: the next whole pixel above, heights cut, e.g. 18x33 for 18x32.
            wide = width if level == steps else math.floor(width * ratio ** (steps - level) + 1e-9) + 1
            rate = self.rate_of(level, steps + 1)
            sizes.append(((frames - 1) // rate + 1, wide * height // width, wide))
        return sizes

    def _check_clip(self, size: Size) -> None:
        count, height, width = size
        where = f"hp_vae_gan, clip of {count}x{height}x{width} (frames, height, width)"
        if count < self.window:
            shorter = [rates for rates in _SHORTER_RATES if math.lcm(*rates) + 1 <= count]
            remedy = f", or set rates={list(shorter[0])}" if shorter else ""
            raise MethodError(
                where, f"rates {list(self.rates)} need {self.window} frames", f"take a longer clip{remedy}"
            )
        if width <= self.min_width:
            raise MethodError(
                where, f"is not wider than the coarsest level, min_width {self.min_width}", "take a larger height"
            )
        if (high := height * self.min_width // width) < _SMALLEST:
            raise MethodError(
                where,
                f"its coarsest level of {high}x{self.min_width} would be lower than {_SMALLEST} pixels",
                f"raise min_width to {math.ceil(_SMALLEST * width / height)} or more",
            )
