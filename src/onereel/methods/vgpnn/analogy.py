"""Tasks `analogy` and `sketch`: the motion of one clip, the looks of another (VGPNN, section 5).

Q_N is the content's coarsest level; keys and values are the style's, (K_n, V_n) = (x_n^B down and up again, x_n^B). For
a sketch, the run's clip is the style and a binary drawing the content. Both pyramids shrink by the same factor from
their finest levels, as many times as the shorter of the two allows.

On the coarser half of the levels a search also compares how fast things move, as the authors' code does: the magnitude
of optical flow, in a few bins, is a further channel of queries (the content's) and keys (the style's). The bins here
hold equally many voxels each (theirs are found by k-means). Off the strokes of a drawing nothing can be seen to move,
and an estimate is not to be trusted: there a sketch counts as still.

The paper leaves the content's colours as they are; a drawing in black and white has none, so there they are given the
style's mean and spread first, or every patch would be matched with whatever is nearest to black or white.
"""

import torch
from torch import Tensor

from onereel.features.flow import FlowEstimator, magnitude_bins, optical_flow
from onereel.methods.vgpnn.config import VGPNNConfig
from onereel.methods.vgpnn.synthesis import Level, first_keys
from onereel.video.clip import Clip, to_video
from onereel.video.pyramid import Pyramid, Size, build, resize

_BRIGHT = 127.5


def pyramids_of(content: Clip, style: Clip, config: VGPNNConfig, device: torch.device) -> tuple[Pyramid, Pyramid]:
    """Pyramids of content and style with one number of levels."""
    levels = [build(to_video(clip.frames), config.pair_ladder).to(device).levels for clip in (content, style)]
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
    levels = []
    for number, (size, values) in enumerate(zip(content.sizes, style.levels, strict=True)):
        compared = channels if number < round(config.flow_share * len(style.levels)) else None
        levels.append(
            Level(
                size,
                values,
                first_keys(style.levels, number, config),
                query_channels=None if compared is None else _shrunk(compared[0], size) * config.flow_weight,
                key_channels=None
                if compared is None
                else _shrunk(compared[1], style.sizes[number]) * config.flow_weight,
            )
        )
    return levels


def first_guess(content: Pyramid, style: Pyramid, *, matched: bool) -> Tensor:
    """Q_N, the content's coarsest level; `matched`: with mean and spread of the style's, channel by channel."""
    guess = content.levels[0]
    if not matched:
        return guess
    target = style.levels[0]
    own = guess.std(dim=(1, 2, 3), keepdim=True).clamp(min=1e-6)
    scaled = (guess - guess.mean(dim=(1, 2, 3), keepdim=True)) / own
    matched_guess = scaled * target.std(dim=(1, 2, 3), keepdim=True) + target.mean(dim=(1, 2, 3), keepdim=True)
    return matched_guess.clamp(-1, 1)


def dynamics(clip: Clip, estimator: FlowEstimator, bins: int, *, drawn: bool = False) -> Tensor:
    """How fast every voxel moves, in bins, as a channel: (1, T, H, W) float32 in [-1, 1].

    Args:
        clip: content or style.
        estimator: of its flow.
        bins: number of speeds that are told apart, >= 1.
        drawn: the clip is a drawing of bright strokes; the rest of it is still.
    """
    flow = optical_flow(clip.frames, estimator=estimator)
    if drawn:
        flow = flow * (clip.frames[:-1].mean(axis=-1, keepdims=True) > _BRIGHT)
    levels = torch.from_numpy(magnitude_bins(flow, bins)).float()
    return (levels / max(bins - 1, 1) * 2 - 1)[None]


def _shrunk(channel: Tensor, size: Size) -> Tensor:
    return resize(channel, size).clamp(-1, 1)
