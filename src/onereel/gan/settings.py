"""Constants of adversarial training and the ladder of picture sizes. Needs no torch: sheets are read with it."""

import math
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from onereel.base.errors import MethodError
from onereel.base.settings import Settings

Decay = Annotated[float, Field(ge=0, lt=1)]
Side = tuple[int, int]
"""(H, W) in pixels."""

_SLACK = 1e-9  # 64 / 1.25**0 must stay 64, whatever the last bit says


class ScaleLadder(Settings):
    """Picture sizes of a pyramid that lands on both ends: the clip's size, and `min_side` pixels.

    As many levels as a ratio of at most `factor` needs; the ratio then shrinks so that all steps are equal (SinGAN's
    code; SinGAN-GIF section 3.5 gives both ends and the ratio, which rarely fit each other exactly).
    """

    factor: float = Field(default=4 / 3, gt=1, le=16)
    """Largest ratio between neighbouring levels (SinGAN-GIF 3.5: r = 4/3)."""
    min_side: int = Field(default=25, ge=4)
    """Pixels of the shorter side of the coarsest level (SinGAN-GIF 3.5: 25)."""

    exact: bool = False
    """Keep the ratio exactly as `factor` and let the coarsest level be larger than `min_side` where it must."""

    def sizes(self, height: int, width: int) -> list[Side]:
        """(H, W) of every level, coarsest first.

        Raises: MethodError if the picture is smaller than the coarsest level.
        """
        short = min(height, width)
        if short < self.min_side:
            raise MethodError(
                f"clip of {height}x{width} (height, width)",
                f"the shorter side has {short} pixels, the coarsest level of the pyramid needs {self.min_side}",
                "take a larger height or lower ladder.min_side",
            )
        needed = math.log(short / self.min_side) / math.log(self.factor)
        steps = math.floor(needed + _SLACK) if self.exact else math.ceil(needed - _SLACK)
        ratio = self.factor if self.exact else (short / self.min_side) ** (1 / max(steps, 1))
        scales = [ratio**-step for step in range(steps, -1, -1)]
        return [(math.ceil(height * scale - _SLACK), math.ceil(width * scale - _SLACK)) for scale in scales]


class AdversarialConfig(Settings):
    """Adam on a generator and its critics, in turns. Defaults: what the papers share; see `SinGANAdversarial`."""

    learning_rate: float = Field(default=5e-4, gt=0, allow_inf_nan=False)
    """Adam's step size, the same for both sides (SinGAN-GIF 3.5: 5e-4)."""
    betas: tuple[Decay, Decay] = (0.5, 0.999)
    """Adam's decays of the gradient's mean and square (SinGAN, HP-VAE-GAN)."""
    drop_share: float = Field(default=1.0, gt=0, le=1)
    """Share of a level's steps after which the learning rate is multiplied by `drop`; 1: never."""
    drop: float = Field(default=0.1, gt=0, le=1)
    """See `drop_share`."""
    critic_steps: PositiveInt = 1
    """Updates of the critics in one step."""
    generator_steps: PositiveInt = 1
    """Updates of the generator in one step, after those of the critics."""
    penalty: float = Field(default=0.1, ge=0, allow_inf_nan=False)
    """lambda, weight of the gradient penalty (SinGAN-GIF 3.5, SinGAN, HP-VAE-GAN: 0.1)."""
    penalty_every: PositiveInt = 1
    """Steps between gradient penalties, which then weigh as many times more; 1 in the papers."""
    penalty_at: Literal["mixture", "fake"] = "mixture"
    """Where the penalty is taken: at random mixtures of real and generated (WGAN-GP and SinGAN), or at the generated
    sample alone (SinGAN-GIF's Eq. 4 to the letter)."""
    clip_norm: float | None = Field(default=None, gt=0)
    """Largest norm of the generator's gradient; None: any."""
    critic_clip_norm: float | None = Field(default=None, gt=0)
    """Largest norm of a critic's gradient; None: any. Ours: one burst stays in Adam's second moment for a thousand
    steps, in which the critic hardly learns."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """What convolutions compute in; weights and optimiser stay float32. `auto`: bfloat16 on CUDA and on processors with
    instructions for it, else float32."""
    compile: bool = False
    """Compile the networks (torch.compile): minutes at the start of every level, faster steps on CUDA."""

    def limit(self, side: str) -> float | None:
        """Largest norm of the gradient of the ``generator``, or of a critic by any other name."""
        return self.clip_norm if side == "generator" else self.critic_clip_norm

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of step `step` (from 0) of `steps`."""
        return self.learning_rate * (self.drop if step >= self.drop_share * steps else 1.0)


class SinGANAdversarial(AdversarialConfig):
    """The same with the defaults of SinGAN's published code."""

    drop_share: float = Field(default=0.8, gt=0, le=1)
    """Share of a level's steps after which the learning rate is multiplied by `drop` (SinGAN: 0.8)."""
    critic_steps: PositiveInt = 3
    """Updates of the critics in one step (SinGAN: 3)."""
    generator_steps: PositiveInt = 3
    """Updates of the generator in one step, after those of the critics (SinGAN: 3)."""
