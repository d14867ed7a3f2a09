"""What a model made, as a clip."""

from fractions import Fraction

import torch
from torch import Tensor

from onereel.video.clip import Clip, to_frames
from onereel.video.pyramid import resize


def as_made(video: Tensor, fps: float) -> Clip:
    """(3, T, H, W) in [-1, 1] at its own size and rate."""
    return Clip(to_frames(video), Fraction(fps).limit_denominator(1001))


def like_the_clip(video: Tensor, clip: Clip) -> Clip:
    """(3, T, H, W) in [-1, 1] at a clip's size, length and rate: resized by a cubic kernel; of each moment of the clip
    the frame that is shown at the same share of the video."""
    count, height, width = clip.size
    moments = ((torch.arange(count) + 0.5) * (video.shape[1] / count)).long()  # (T,)
    return Clip(to_frames(resize(video, (video.shape[1], height, width))[:, moments]), clip.fps)
