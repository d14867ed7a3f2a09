"""Tasks `analogy` and `sketch`: the motion of one clip, the looks of another (VGPNN, section 5).

Q_N is the content's coarsest level; keys and values are the style's, (K_n, V_n) = (x_n^B down and up again, x_n^B). For
a sketch, the run's clip is the style and a binary drawing the content. Both pyramids shrink by the same factor from
their finest levels, as many times as the shorter of the two allows.

As in the authors' code, a search also compares how fast things move: the magnitude of optical flow, in a few bins by
the clip's own quantiles, is a further channel of queries (the content's) and keys (the style's). The paper leaves the
content's colours as they are; a drawing in black and white has none, so there they are given the style's mean and
spread first, or every grey would be matched by whatever is nearest to black or white.
"""

import torch
from torch import Tensor

from onereel.clip import Clip, to_video
from onereel.features.flow import FlowEstimator, magnitude_bins, optical_flow
from onereel.methods.vgpnn.config import VGPNNConfig
from onereel.methods.vgpnn.synthesis import Level, first_keys
from onereel.pyramid import Pyramid, Size, build, resize


def pyramids_of(content: Clip, style: Clip, config: VGPNNConfig, device: torch.device) -> tuple[Pyramid, Pyramid]:
    """Pyramids of content and style with one number of levels."""
    levels = [build(to_video(clip.frames), config.ladder).to(device).levels for clip in (content, style)]
    count = min(map(len, levels))
    first, second = (Pyramid(part[len(part) - count :]) for part in levels)
    return first, second


def levels_of(
    content: Pyramid, style: Pyramid, channels: tuple[Tensor, Tensor] | None, config: VGPNNConfig
) -> list[Level]:
    """The levels of an analogy, of the content's sizes.

    Args:
        content: pyramid of the clip whose layout and motion are kept.
        style: pyramid of the clip whose patches are used, with as many levels.
        channels: (1, T, H, W) dynamics of content and style, in [-1, 1]; None without.
        config: settings.
    """
    return [
        Level(
            size,
            values,
            first_keys(style.levels, number, config),
            query_channels=None if channels is None else _shrunk(channels[0], size),
            key_channels=None if channels is None else _shrunk(channels[1], style.sizes[number]),
        )
        for number, (size, values) in enumerate(zip(content.sizes, style.levels, strict=True))
    ]


def first_guess(content: Pyramid, style: Pyramid, *, matched: bool) -> Tensor:
    """Q_N, the content's coarsest level; `matched`: with mean and spread of the style's, channel by channel."""
    guess = content.levels[0]
    if not matched:
        return guess
    target = style.levels[0]
    own = guess.std(dim=(1, 2, 3), keepdim=True).clamp(min=1e-6)
    scaled = (guess - guess.mean(dim=(1, 2, 3), keepdim=True)) / own
    return scaled * target.std(dim=(1, 2, 3), keepdim=True) + target.mean(dim=(1, 2, 3), keepdim=True)


def dynamics(content: Clip, style: Clip, estimator: FlowEstimator, config: VGPNNConfig) -> tuple[Tensor, Tensor] | None:
    """How fast every voxel moves, in bins, as a channel of either clip; None where the settings ask for no bins."""
    if config.flow_bins == 0:
        return None
    first, second = (_channel(clip, estimator, config) for clip in (content, style))
    return first, second


def _channel(clip: Clip, estimator: FlowEstimator, config: VGPNNConfig) -> Tensor:
    bins = magnitude_bins(optical_flow(clip.frames, estimator=estimator), config.flow_bins)
    scaled = torch.from_numpy(bins).float() / max(config.flow_bins - 1, 1) * 2 - 1
    return scaled[None] * config.flow_weight  # (1, T, H, W)


def _shrunk(channel: Tensor, size: Size) -> Tensor:
    return resize(channel, size).clamp(-1, 1)
