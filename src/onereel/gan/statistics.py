"""Numbers of videos that training looks at: colour statistics, the noise's amplitude, colour drift."""

import torch
from torch import Tensor

DRIFT = "drift"
"""Name of the colour drift in training curves."""


def colour_statistics_loss(generated: Tensor, real: Tensor) -> Tensor:
    """Distance of the mean and variance of each colour channel of each frame (SinGAN-GIF, Eq. 6).

    Eq. 6 says covariance, the sentence above it "mean and variance of each color channel of each frame"; its sum over
    single channels i knows only variances. The norm runs over frames and is divided by the root of their number, so
    that gamma means the same for clips of any length; the expectation over channels and samples is a mean.

    Args:
        generated: (B, 3, T, H, W).
        real: (B, 3, T, H, W) or (1, 3, T, H, W), the frames at the same places of the clip.
    """
    total = generated.new_zeros((), dtype=torch.float32)
    for statistic in (_mean, _variance):
        difference = statistic(generated) - statistic(real)  # (B, 3, T)
        total = total + (difference.square().mean(dim=2) + 1e-12).sqrt().mean()
    return total


def noise_amplitude(reconstruction: Tensor, real: Tensor, factor: float) -> float:
    """sigma_n: `factor` times the RMSE of the upsampled reconstruction, per frame, averaged (SinGAN-GIF 3.4.2).

    Args:
        reconstruction: (3, T, H, W) of the level below, upsampled to this one.
        real: (3, T, H, W) of this level.
        factor: 0.1 in SinGAN.
    """
    squares = (reconstruction.double() - real.double()).square().mean(dim=(0, 2, 3))  # (T,)
    return factor * float(squares.sqrt().mean())


def colour_drift(generated: Tensor, real: Tensor) -> float:
    """How far colours ran away: the largest difference, over channels, of mean or spread of the whole video.

    0 for equal colours; about 1 for black or white frames of a video that is neither. Units of [-1, 1].

    Args:
        generated: (3, T, H, W).
        real: (3, T', H', W').
    """
    axes = (1, 2, 3)
    differences = [
        (generated.float().mean(axes) - real.float().mean(axes)).abs().max(),
        (generated.float().std(axes) - real.float().std(axes)).abs().max(),
    ]
    return float(torch.stack(differences).max())


def _mean(video: Tensor) -> Tensor:
    return video.float().mean(dim=(3, 4))


def _variance(video: Tensor) -> Tensor:
    return video.float().var(dim=(3, 4), correction=0)
