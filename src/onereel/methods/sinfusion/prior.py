"""A prior for short trainings: what a clean frame is likely to be before the network says anything.

Not in the paper; presets `fast` and `demo` use it (`SinFusionConfig.prior`). A frame is taken as Gaussian around the
given frame (predictor) or the mean of both (interpolator), with the spread that the clip shows around it. That alone
gives the best linear estimate of the clean frame from a noisy one, in closed form; the network says only what is left,
in units of its expected size, as in Karras et al. 2022 ("Elucidating the Design Space", section 5), who have no given
frame and so a mean of zero. A network that says nothing then repeats the frame that it was given, instead of having to
learn that first.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from onereel.methods.sinfusion.config import ModelName

_LEAST = 1 / 255  # spread of a still clip, in units of [-1, 1]: half a grey level


@dataclass(frozen=True)
class Estimate:
    """The best linear estimate of clean frames.

    Attributes:
        clean: (B, 3, H, W).
        error: (B, 1, 1, 1) its expected error, > 0.
    """

    clean: Tensor
    error: Tensor


def estimate(noisy: Tensor, level: Tensor, mean: Tensor, spread: Tensor) -> Estimate:
    """Mean and standard deviation of N(mean, spread) given a noisy frame.

    Args:
        noisy: (B, 3, H, W).
        level: (B,) sqrt(alpha-bar) of each, in [0, 1].
        mean: (B, 3, H, W).
        spread: (B,) > 0.
    """
    kept = level.to(noisy).reshape(-1, 1, 1, 1)
    noise = (1 - kept**2).clamp(min=1e-6)
    spread = spread.to(noisy).reshape(-1, 1, 1, 1)
    total = kept**2 * spread**2 + noise
    clean = mean + kept * spread**2 / total * (noisy - kept * mean)
    return Estimate(clean, spread * (noise / total).sqrt())


def spreads(part: ModelName, video: Tensor, count: int) -> Tensor:
    """Standard deviation of a clip's frames around the prior's mean: (count,), for |k| = 1.. of the predictor.

    Args:
        part: which model.
        video: (T, 3, H, W) in [-1, 1].
        count: how many |k|; where the clip is too short for one, the last that it has counts.
    """
    match part:
        case "predictor":
            gaps = [min(gap, len(video) - 1) for gap in range(1, count + 1)]
            values = [(video[gap:] - video[:-gap]).square().mean().sqrt() for gap in gaps]
        case "interpolator":
            values = [(video[1:-1] - (video[:-2] + video[2:]) / 2).square().mean().sqrt()]
        case other:
            raise ValueError(f"the {other} is given no frame")
    return torch.stack(values).clamp(min=_LEAST).float()
