"""Settings of a trainer, shared by every method that trains. Needs no torch: sheets are read with it."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from onereel.base.settings import Settings

Fraction = Annotated[float, Field(ge=0, le=1)]


class TrainingConfig(Settings):
    """Adam on one loss. Defaults are those of SinFusion's authors; a method's YAML says where it differs."""

    batch: PositiveInt = 1
    """Crops per step."""
    accumulate: PositiveInt = 1
    """Backward passes, of `batch` crops each, whose gradients are averaged into one step; memory stays that of one.
    Several processes share them: their number must divide it."""
    learning_rate: float = Field(default=2e-4, gt=0, allow_inf_nan=False)
    """Adam's step size."""
    drop_at: tuple[PositiveInt, ...] = (100_000,)
    """Steps at which the learning rate is multiplied by `drop`."""
    drop: float = Field(default=0.1, gt=0, le=1)
    """See `drop_at`."""
    decay: Literal["none", "cosine"] = "none"
    """`cosine` lowers the learning rate to zero over all steps, besides the drops."""
    warm_up: int = Field(default=0, ge=0)
    """Steps over which the learning rate rises linearly from zero."""
    average: float | None = Field(default=None, gt=0, lt=1)
    """Decay of the exponential moving average of the weights, which are then what is kept; None keeps the last ones.
    Early on the decay is at most (1 + n) / (10 + n) after n steps, so that the first weights are forgotten."""
    clip_norm: float | None = Field(default=None, gt=0)
    """Largest norm of the gradient; None: any."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """What convolutions compute in; weights and optimiser stay float32. `auto`: bfloat16 on CUDA and on processors with
    instructions for it, else float32."""
    compile: bool = False
    """Compile the network (torch.compile): minutes at the start, faster steps on CUDA."""

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of step `step` (from 0) of `steps`."""
        from math import cos, pi

        rate = self.learning_rate * self.drop ** sum(step >= at for at in self.drop_at)
        if self.decay == "cosine":
            rate *= 0.5 * (1 + cos(pi * step / steps))
        return rate * min(1.0, (step + 1) / self.warm_up) if self.warm_up else rate
