"""The stages of `t2v-world`: what each makes, and of what.

The base reads the prompt; each later stage reads the prompt and the video of the stage before, brought to its own
frames and pixels, with noise: a stage that is used to noise forgives what the one before did wrong (Ho et al. 2022,
"Cascaded diffusion models", section 4.1). They have temporal convolutions, but no temporal attention (Imagen Video,
section 2.3). The base's attention is over the places of all frames together, where the paper's is over places, and then
over frames: with 8x8 places of 8 frames that is affordable, and without it things jumped from frame to frame.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from onereel.backbones.cascade.network import NetworkConfig, StageNetwork
from onereel.backbones.cascade.text import TextEncoder
from onereel.diffusion.settings import ProcessConfig

PROCESS = ProcessConfig(
    num_train_timesteps=1000,
    beta_schedule="cosine",
    rescale_betas_zero_snr=True,
    prediction_type="v_prediction",
    clip_sample=True,
)
"""Of every stage."""
NOISIEST = 400
"""Timesteps of the noise in the low video lie below."""


@dataclass(frozen=True)
class Size:
    """What a stage makes: frames, frames per second, pixels."""

    frames: int
    fps: float
    height: int
    width: int


@dataclass(frozen=True)
class Later:
    """A stage after the base.

    Attributes:
        before: what the stage before made.
        made: what it makes of that.
        network: its shape.
    """

    before: Size
    made: Size
    network: NetworkConfig


BASE = Size(8, 4.0, 16, 16)
_TWICE_THE_FRAMES, _TWICE_THE_SIDE, _WHOLE = Size(16, 8.0, 16, 16), Size(16, 8.0, 32, 32), Size(16, 8.0, 64, 64)
LATER: Mapping[str, Later] = {
    "temporal": Later(
        BASE, _TWICE_THE_FRAMES, NetworkConfig((64, 128), (1, 2), attention=False, conditioned=True)
    ),
    "spatial1": Later(
        _TWICE_THE_FRAMES, _TWICE_THE_SIDE, NetworkConfig((64, 128), (2, 2), heads=4, conditioned=True, patch=2)
    ),
    "spatial2": Later(
        _TWICE_THE_SIDE, _WHOLE, NetworkConfig((96, 128), (2, 2), attention=False, conditioned=True, patch=4)
    ),
}  # fmt: skip
"""By part of the entry, in their order."""


class BaseStage(nn.Module):
    """The first stage: reads a prompt, and says what is in noisy videos of it."""

    def __init__(self) -> None:
        super().__init__()
        self.text = TextEncoder()
        self.unet = StageNetwork(NetworkConfig((64, 160), (1, 3), heads=4, joint_attention=True))

    def forward(self, sample: Tensor, timestep: Tensor, tokens: Tensor, *, video: bool = True) -> Tensor:
        """(B, 3, T, H, W), (B,) and tokens (B, L) -> (B, 3, T, H, W); see `StageNetwork`."""
        said: Tensor = self.unet(sample, timestep, self.text(tokens), video=video)
        return said


class LaterStage(nn.Module):
    """A later stage: reads a prompt and the video of the stage before.

    Args:
        config: shape of its network.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.text = TextEncoder(config.text, layers=2)
        self.unet = StageNetwork(config)

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor,
        tokens: Tensor,
        low: Tensor,
        augmentation: Tensor,
        *,
        video: bool = True,
    ) -> Tensor:
        """(B, 3, T, H, W), (B,), tokens (B, L), (B, 3, T, H, W) as `brought_to` makes it, and (B,) ->
        (B, 3, T, H, W); see `StageNetwork`."""
        said: Tensor = self.unet(sample, timestep, self.text(tokens), low=low, augmentation=augmentation, video=video)
        return said


def brought_to(video: Tensor, frames: int, height: int, width: int) -> Tensor:
    """The video of the stage before at a stage's own size: larger frames are bilinear, a frame in between is the mean
    of its neighbours, and after the last one the same again.

    Args:
        video: (B, 3, T, H, W).
        frames: T or 2 * T.
        height, width: at least H and W.

    Returns: (B, 3, frames, height, width).
    """
    if frames == 2 * video.shape[2]:
        following = torch.cat([video[:, :, 1:], video[:, :, -1:]], 2)
        video = torch.stack([video, (video + following) / 2], 3).flatten(2, 3)
    if video.shape[3:] != (height, width):
        pictures = video.transpose(1, 2)
        larger = functional.interpolate(pictures.flatten(0, 1), (height, width), mode="bilinear", align_corners=False)
        video = larger.unflatten(0, pictures.shape[:2]).transpose(1, 2)
    return video


def reduced(video: Tensor, before: Size, made: Size) -> Tensor:
    """What the stage before would have made, of a stage's own video: every nth frame, pixels averaged.

    Args:
        video: (B, 3, T, H, W), of the size `made`, or fewer frames of it.
        before, made: of the two stages.

    Returns: (B, 3, T / n, H / m, W / m).
    """
    every, side = made.frames // before.frames, made.height // before.height
    kept = video[:, :, ::every].transpose(1, 2)
    return functional.avg_pool2d(kept.flatten(0, 1), side).unflatten(0, kept.shape[:2]).transpose(1, 2)
