"""The model: an autoencoder, an image model that sees time, and the guidance of Eq. 8."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

import torch
from torch import Tensor

from onereel.backbones.latent import IMAGE_UNET, PROCESS, decoded, encoded, load_autoencoder
from onereel.backbones.video_unet import VideoUNet, load_video_unet
from onereel.diffusion.guidance import CONDITIONAL, IMAGE, UNCONDITIONAL, Branch, combined, temporal_weights
from onereel.diffusion.process import Process
from onereel.diffusion.samplers import Predict
from onereel.diffusion.settings import ProcessConfig
from onereel.methods.gen1.structure import LEVEL_CHANNELS, coarsened, level_channels, structure_latents
from onereel.training.execution import Precision
from onereel.weights.store import Resolved

LATENT_CHANNELS = 4
_TOGETHER = 16  # frames that go through the autoencoder at once


class Given(NamedTuple):
    """What a prediction depends on, for W windows.

    Attributes:
        content: (W, 1, D), image embeddings with CLIP's own length; zeros for none.
        structure: (W, 8, T, h, w), latents of the structure and the channels that say t_s; None for models without.
        video: False predicts frame by frame.
    """

    content: Tensor
    structure: Tensor | None
    video: bool


@dataclass(frozen=True)
class Guidance:
    """How much Eq. 8 exaggerates.

    Attributes:
        content: omega.
        temporal: omega_t.
    """

    content: float = 1.0
    temporal: float = 1.0


class VideoModel(Protocol):
    """What the sampling knows of a model: `Gen1Model`, or `onereel.methods.gen1.public.PublicModel`.

    Attributes:
        device: where it computes.
        process: the diffusion.
        has_structure: whether it reads structure.
    """

    device: torch.device
    process: Process
    has_structure: bool

    @property
    def shrinks(self) -> int:
        """Pixels for one of a latent's."""
        ...

    @property
    def step(self) -> int:
        """Sides of videos are multiples of that many pixels."""
        ...

    def encode(self, video: Tensor) -> Tensor:
        """(3, T, H, W) in [-1, 1] -> (1, 4, T, h, w)."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """Inverse of `encode`, on the CPU."""
        ...

    def read_structure(self, signal: Tensor, level: int) -> Tensor:
        """A clip's signal (T, H, W) in [0, 1] with t_s rounds of blurring, at the size of latents: (1, C, T, h, w)."""
        ...

    def guided(self, content: Tensor, unwanted: Tensor, structure: Tensor | None, guidance: Guidance) -> Predict:
        """Eq. 8; see `Gen1Model.guided`."""
        ...


class Gen1Model:
    """A `VideoModel` of an inflated network.

    Args:
        unet: with temporal layers; of 12 input channels, or of 4 for a model without structure.
        autoencoder: diffusers' ``AutoencoderKL``.
        process: the diffusion.
        device: where to compute.
        precision: of products of matrices: see `onereel.training.execution.Precision`.
    """

    def __init__(
        self,
        unet: VideoUNet,
        autoencoder: Any,
        process: ProcessConfig = PROCESS,
        *,
        device: torch.device | str = "cpu",
        precision: str = "auto",
    ) -> None:
        self.device = torch.device(device)
        self.unet, self.autoencoder = unet.to(self.device).eval(), autoencoder.to(self.device).eval()
        self.process = Process(process)
        self._precision = Precision(precision, self.device)
        self.has_structure = unet.in_channels > LATENT_CHANNELS

    @classmethod
    def load(cls, weights: Resolved, part: str, image_model: Resolved, *, device: torch.device | str = "cpu") -> Self:
        """A stage of an entry.

        Args:
            weights: of ``gen1-world``.
            part: ``video`` (stage 2), ``depth`` (stage 3), ``structure`` (stage 4) or ``edges``.
            image_model: of ``latent-world``, whose autoencoder is used.
            device: where to compute.

        Raises: WeightsError if a part is missing, or its tensors are not those of its network.
        """
        return cls(load_video_unet(weights, part, IMAGE_UNET), load_autoencoder(image_model), device=device)

    @property
    def shrinks(self) -> int:
        """Pixels for one of a latent's."""
        return int(2 ** (len(self.autoencoder.config.block_out_channels) - 1))

    @property
    def step(self) -> int:
        """Sides of videos are multiples of that many pixels."""
        return int(self.shrinks * 2 ** (len(self.unet.unet.config.block_out_channels) - 1))

    @torch.no_grad()
    def encode(self, video: Tensor) -> Tensor:
        """(3, T, H, W) in [-1, 1] -> (1, 4, T, h, w)."""
        parts = video.transpose(0, 1).split(_TOGETHER)
        return torch.cat([encoded(self.autoencoder, part.to(self.device)) for part in parts]).transpose(0, 1)[None]

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Inverse of `encode`, on the CPU."""
        parts = latents[0].transpose(0, 1).split(_TOGETHER)
        return torch.cat([decoded(self.autoencoder, part).cpu() for part in parts]).transpose(0, 1)

    @torch.no_grad()
    def read_structure(self, signal: Tensor, level: int) -> Tensor:
        """A clip's signal (T, H, W) in [0, 1] with t_s rounds of blurring: (1, 8, T, h, w)."""
        parts = coarsened(signal, level).to(self.device).split(_TOGETHER)
        latents = torch.cat([structure_latents(self.autoencoder, part) for part in parts]).transpose(0, 1)[None]
        said = level_channels(torch.tensor([level], device=self.device), tuple(latents.shape[2:]))
        return torch.cat([latents, said.to(latents)], 1)

    def guided(self, content: Tensor, unwanted: Tensor, structure: Tensor | None, guidance: Guidance) -> Predict:
        """Eq. 8 for W windows: one batched pass of the three predictions.

        Args:
            content: (1, D), c.
            unwanted: (1, D), what stands for no content: zeros, or a negative prompt's embedding.
            structure: (W, 8, T, h, w), s with t_s.
            guidance: omega and omega_t; a prediction that then counts nothing is not computed.

        Returns: of (W, 4, T, h, w) at one timestep.
        """

        def given(what: Tensor, count: int, video: bool) -> Given:
            return Given(what.to(self.device)[:, None].expand(count, -1, -1), structure, video)

        weights = temporal_weights(guidance.temporal, guidance.content)

        def predict(noisy: Tensor, timestep: int) -> Tensor:
            count = len(noisy)
            branches = {  # frames without time come first: see `VideoUNet.forward`
                IMAGE: Branch(self._network, given(unwanted, count, False)),
                UNCONDITIONAL: Branch(self._network, given(unwanted, count, True)),
                CONDITIONAL: Branch(self._network, given(content, count, True)),
            }
            return combined(branches, weights)(noisy, timestep)

        return predict

    def running(self) -> AbstractContextManager[Any]:
        """The precision of a pass of the network."""
        return self._precision.context()

    def _network(self, noisy: Tensor, timestep: int, conditions: Sequence[Given]) -> Tensor:
        structures = [each.structure for each in conditions if each.structure is not None]
        sample = torch.cat([noisy, torch.cat(structures)], 1) if structures else noisy
        content = torch.cat([each.content for each in conditions])
        video = [each.video for each in conditions for _ in each.content]
        with self.running():
            said: Tensor = self.unet(sample, timestep, content, video=video)
        return said.float()


def input_channels() -> int:
    """Of a model with structure: latents, structure, t_s (section 3.3)."""
    return 2 * LATENT_CHANNELS + LEVEL_CHANNELS
