"""The stages of `t2v-world`: what each makes, and of what."""

from dataclasses import dataclass

from torch import Tensor, nn

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


@dataclass(frozen=True)
class Size:
    """What a stage makes: frames, frames per second, pixels."""

    frames: int
    fps: float
    height: int
    width: int


BASE = Size(8, 4.0, 16, 16)


class BaseStage(nn.Module):
    """The first stage: reads a prompt, and says what is in noisy videos of it."""

    def __init__(self) -> None:
        super().__init__()
        self.text = TextEncoder()
        self.unet = StageNetwork(NetworkConfig((64, 160), (2, 3), heads=4, temporal_attention=True))

    def forward(self, sample: Tensor, timestep: Tensor, tokens: Tensor, *, video: bool = True) -> Tensor:
        """(B, 3, T, H, W), (B,) and tokens (B, L) -> (B, 3, T, H, W); see `StageNetwork`."""
        said: Tensor = self.unet(sample, timestep, self.text(tokens), video=video)
        return said
