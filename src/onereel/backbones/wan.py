"""Wan2.1: diffusers' ``WanTransformer3DModel``, UMT5 and a video autoencoder that packs four frames into one latent
(Wan team 2025, "Wan: Open and Advanced Large-Scale Video Generative Models").

Noise is mixed in along a straight line (flow matching): ``(1 - s) x0 + s noise``, and the network says ``noise - x0``.
Attention is over space and time at once, so there is no image mode of its own: pictures are one-frame videos, which the
model was trained with, too; that is an approximation of leaving time out.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor

from onereel.backbones.text import PromptEncoder, Text, umt5
from onereel.backbones.text_to_video import LatentTextToVideo, frame_by_frame, parameters_dtype, spread
from onereel.base.errors import MethodError, WeightsError
from onereel.base.progress import Progress, no_progress
from onereel.base.tensorfiles import first_line
from onereel.diffusion.latents import LatentScale
from onereel.diffusion.samplers import Predict
from onereel.weights.store import Resolved

_PACKED = 4  # frames of one latent, but for the first


class Wan(LatentTextToVideo):
    """The transformer with its UMT5 encoder and autoencoder; `scheduler` is diffusers', of flow matching."""

    network_folder: ClassVar[str] = "transformer"
    tile: ClassVar[int] = 256  # diffusers' ``tile_sample_min_height``
    timeless: ClassVar[bool] = False

    def __init__(self, *arguments: Any, scheduler: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.scheduler = scheduler
        about = self.vae.config
        self._mean, self._std = (
            torch.tensor(each).view(-1, 1, 1, 1) for each in (about.latents_mean, about.latents_std)
        )

    def slice_decoding(self, sliced: bool) -> None:
        """Tiles, since whole frames of the native size take 8 GB."""
        if sliced:
            self.vae.enable_tiling()
        else:
            self.vae.disable_tiling()

    @classmethod
    def encoder_of(cls, tokenizer: Any, network: Any) -> PromptEncoder:
        """UMT5."""
        return umt5(tokenizer, network)

    @classmethod
    def further(cls, weights: Resolved) -> dict[str, Any]:
        """The published scheduler, with its shift."""
        from diffusers import UniPCMultistepScheduler

        folder = weights.subfolder("scheduler")
        try:
            return {"scheduler": UniPCMultistepScheduler.from_pretrained(folder, local_files_only=True)}
        except (OSError, ValueError, TypeError) as error:
            problem = f"cannot be read ({first_line(error)})"
            raise WeightsError(
                f"weights '{weights.name}', scheduler", problem, f"run: onereel weights fetch {weights.name}"
            ) from None

    @property
    def side_step(self) -> int:
        """Pixels of a patch."""
        return self.side * int(self.network.config.patch_size[1])

    def check_frames(self, frames: int) -> None:
        """One frame, and four for each further latent."""
        if frames % _PACKED != 1:
            near = max(1, round((frames - 1) / _PACKED) * _PACKED + 1)
            problem = f"makes videos of 4n + 1 frames, not {frames}"
            raise MethodError(f"backbone '{self.name}'", problem, f"ask for {near}")

    def latent_frames(self, frames: int) -> int:
        """One of the first frame, one of every four after it."""
        return (frames - 1) // _PACKED + 1

    def to_latents(self, video: Tensor) -> Tensor:
        """The autoencoder goes through the frames by itself."""
        return self._scale(video.device).to_model(self.vae.encode(video).latent_dist.mode())

    def to_video(self, latents: Tensor) -> Tensor:
        """The autoencoder goes through the latents by itself."""
        video: Tensor = self.vae.decode(self._scale(latents.device).to_autoencoder(latents)).sample
        return video

    def _scale(self, device: torch.device) -> LatentScale:
        return LatentScale(factor=1 / self._std.to(device), shift=self._mean.to(device))

    def predict(self, noisy: Tensor, timestep: Tensor | float, condition: Text, *, video: bool = True) -> Tensor:
        """See `LatentTextToVideo.predict`; `timestep` is 1000 times the share of noise."""
        if not video:
            return frame_by_frame(self.predict, noisy, timestep, condition)
        dtype = parameters_dtype(self.network)
        steps = spread(timestep, len(noisy), noisy.device)
        output: Tensor = self.network(noisy.to(dtype), steps, condition.states.to(dtype)).sample
        return output.float()

    def denoise(
        self, predict: Predict, start: Tensor, num_inference_steps: int, progress: Progress, label: str
    ) -> Tensor:
        """UniPC (Zhao et al. 2023) along the flow, as the published pipeline."""
        return self._along(self._scheduler(num_inference_steps, start), predict, start, 0, progress, label)

    def edit(
        self,
        predict: Predict,
        latents: Tensor,
        strength: float,
        num_inference_steps: int,
        generator: torch.Generator,
        *,
        stochastic: bool = True,
        progress: Progress = no_progress,
    ) -> Tensor:
        """The last steps of the published sampler, as many as the strength says (diffusers'
        ``WanVideoToVideoPipeline``); it has no stochastic correction."""
        scheduler = self._scheduler(num_inference_steps, latents)
        first = num_inference_steps - round(strength * num_inference_steps)
        if first == num_inference_steps:
            return latents
        noise = torch.randn(latents.shape, generator=generator).to(latents.device)
        share = float(scheduler.sigmas[first]) if first else 1.0
        start = (1 - share) * latents + share * noise
        return self._along(scheduler, predict, start, first, progress, "denoising")

    def _scheduler(self, num_inference_steps: int, like: Tensor) -> Any:
        scheduler = type(self.scheduler).from_config(self.scheduler.config)
        scheduler.set_timesteps(num_inference_steps, device=like.device)
        return scheduler

    def _along(
        self, scheduler: Any, predict: Predict, start: Tensor, first: int, progress: Progress, label: str
    ) -> Tensor:
        """From the noise of a step of the scheduler's to none."""
        scheduler.set_begin_index(first)
        current, timesteps = start, list(scheduler.timesteps)[first:]
        for timestep in progress(timesteps, total=len(timesteps), label=label):
            current = scheduler.step(predict(current, timestep), timestep, current, return_dict=False)[0]
        return current

    def loss(self, latents: Tensor, condition: Text, generator: torch.Generator, *, video: bool = True) -> Tensor:
        """Of the direction from picture to noise; shares of noise are shifted as the sampling's are (Esser et al. 2024,
        Eq. 23)."""
        shift = self.scheduler.config.flow_shift
        drawn = torch.rand(len(latents), generator=generator)
        share = (shift * drawn / (1 + (shift - 1) * drawn)).to(latents.device)
        noise = torch.randn(latents.shape, generator=generator).to(latents.device)
        mixed = share.view(-1, 1, 1, 1, 1)
        said = self.predict((1 - mixed) * latents + mixed * noise, 1000 * share, condition, video=video)
        return (said - (noise - latents)).square().mean((1, 2, 3, 4))
