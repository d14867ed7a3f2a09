"""Gen-1 of published parts: Stable Diffusion that reads a CLIP image embedding (``sd-image-variations``), AnimateDiff's
motion modules between its layers (Guo et al. 2024), and a ControlNet that reads depth (Zhang et al. 2023).

The image model that Gen-1's guidance over time needs (Esser et al. 2023, Eq. 8) is the same U-Net with the motion
modules left out. They were never trained together with the image embedding or with the image path, so Eq. 8 bears a
smaller omega_t here. On the published weights nobody has yet seen this; on tiny random ones it is diffusers' own
networks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from onereel.backbones.loading import load_component, meta_component, quiet
from onereel.backbones.text import clip, load_tokenizer
from onereel.backbones.text_to_video import default_dtype, in_pictures, in_videos, parameters_dtype, spread
from onereel.base.errors import MethodError
from onereel.diffusion.latents import LatentScale
from onereel.diffusion.process import Process
from onereel.diffusion.settings import ProcessConfig
from onereel.weights.store import Resolved

PROCESS = ProcessConfig(
    num_train_timesteps=1000,
    beta_schedule="linear",
    beta_start=0.00085,
    beta_end=0.012,
    prediction_type="epsilon",
    clip_sample=False,
)
"""As the motion modules were trained, not as Stable Diffusion was."""
_MEAN, _STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # CLIP's pixels


class AnimateDiff:
    """A video model of four published ones.

    Args:
        name: as errors name it.
        unet: diffusers' ``UNetMotionModel``; says the noise.
        vae: its autoencoder; it is kept in float32.
        image_encoder: transformers' ``CLIPVisionModelWithProjection``.
        control: diffusers' ``ControlNetModel``; None: no depth can be read.
        empty: (1, L, D), Stable Diffusion's states of the empty prompt, which the ControlNet reads.
        device: where to compute.

    Attributes:
        process: the diffusion.
        longest: frames that the motion modules know places for.
    """

    def __init__(
        self,
        name: str,
        unet: Any,
        vae: Any,
        image_encoder: Any,
        control: Any,
        empty: Tensor,
        *,
        device: torch.device | str = "cpu",
    ) -> None:
        self.name, self.device, self.process = name, torch.device(device), Process(PROCESS)
        self.unet, self.vae = unet.to(self.device), vae.to(self.device)
        self.image_encoder = image_encoder.to(self.device)
        self.control = None if control is None else control.to(self.device)
        self.empty = empty.to(self.device)
        self.longest = int(unet.config.motion_max_seq_length)
        self.scale = LatentScale(vae.config.scaling_factor, vae.config.shift_factor or 0.0)

    @classmethod
    def load(
        cls,
        image: Resolved,
        motion: Resolved,
        control: Resolved | None,
        text: Resolved,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
    ) -> Self:
        """The model of these weights.

        Args:
            image: of the family image-variations.
            motion: of the family motion-adapter, for a U-Net as that of `image`.
            control: of the family controlnet; None: no depth is to be read.
            text: of the family stable-diffusion, of which only the text encoder is read, for the empty prompt.
            device: where it runs.
            dtype: of all but the autoencoder; None: float32 on the CPU, bfloat16 elsewhere.

        Raises: WeightsError if files are missing, damaged, or of another model; MethodError if the motion modules are
            for another U-Net.
        """
        dtype = dtype or default_dtype(device)
        plain, modules = load_component(image, "unet", dtype), load_component(motion, "", dtype)
        encoder = clip(load_tokenizer(text), load_component(text, "text_encoder", torch.float32))
        return cls(
            f"{image.name} with {motion.name}",
            _with_motion(plain, modules, image, motion),
            load_component(image, "vae", torch.float32),
            load_component(image, "image_encoder", dtype),
            None if control is None else load_component(control, "", dtype),
            encoder([""]).states,
            device=device,
        )

    @classmethod
    def skeleton(
        cls, image: Resolved, motion: Resolved, control: Resolved | None, text: Resolved, *, dtype: torch.dtype
    ) -> Self:
        """The same on the ``meta`` device, from configurations alone: what it would take is counted there.

        Raises: WeightsError, MethodError as `load`.
        """
        plain, modules = meta_component(image, "unet", dtype), meta_component(motion, "", dtype)
        reading: Any = meta_component(text, "text_encoder", torch.float32)
        with torch.device("meta"):
            unet = _with_motion(plain, modules, image, motion)
        return cls(
            f"{image.name} with {motion.name}",
            unet,
            meta_component(image, "vae", torch.float32),
            meta_component(image, "image_encoder", dtype),
            None if control is None else meta_component(control, "", dtype),
            torch.empty((1, 77, reading.config.hidden_size), device="meta"),
            device="meta",
        )

    @torch.no_grad()
    def encode(self, video: Tensor) -> Tensor:
        """Latents (B, 4, T, h, w) of videos (B, 3, T, H, W) in [-1, 1], frame by frame; the most likely ones."""
        frames = in_pictures(video.to(self.device))[:, :, 0]
        found = torch.cat([self.vae.encode(one).latent_dist.mode() for one in frames.split(1)])
        return in_videos(self.scale.to_model(found)[:, :, None], len(video))

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Videos (B, 3, T, H, W) float32 in [-1, 1] of latents, frame by frame."""
        frames = self.scale.to_autoencoder(in_pictures(latents.float())[:, :, 0])
        found = torch.cat([self.vae.decode(one).sample.clamp(-1, 1) for one in frames.split(1)])
        return in_videos(found[:, :, None], len(latents))

    @torch.no_grad()
    def embed(self, pictures: Tensor) -> Tensor:
        """Image embeddings (B, 1, D) of pictures (B, 3, H, W) in [-1, 1], with CLIP's own length; bicubic without
        antialiasing and squeezed to a square, as the U-Net was trained."""
        side = self.image_encoder.config.image_size
        small = functional.interpolate(pictures.to(self.device), (side, side), mode="bicubic", align_corners=False)
        mean, std = (small.new_tensor(each).view(1, 3, 1, 1) for each in (_MEAN, _STD))
        pixels = ((small + 1) / 2 - mean) / std
        embedded: Tensor = self.image_encoder(pixels.to(parameters_dtype(self.image_encoder))).image_embeds
        return embedded.float()[:, None]

    def predict(
        self,
        noisy: Tensor,
        timestep: Tensor | float,
        content: Tensor,
        depth: Tensor | None = None,
        *,
        video: bool = True,
        conditioning_scale: float = 1.0,
    ) -> Tensor:
        """The noise in latents (B, 4, T, h, w), float32.

        Args:
            noisy: (B, 4, T, h, w).
            timestep: one for all, or (B,).
            content: (B, 1, D) image embeddings with CLIP's own length; zeros for none.
            depth: (B, T, H, W) inverse depth in [0, 1], 1 the nearest, at the pictures' size; None: no ControlNet.
            video: False: frames are pictures that know nothing of each other (mu^pi of Eq. 8).
            conditioning_scale: how much depth counts.

        Raises: MethodError for more frames than the motion modules know.
        """
        count, frames = len(noisy), noisy.shape[2]
        if video and frames > self.longest:
            problem = f"knows {self.longest} frames at once, not {frames}"
            raise MethodError(f"backbone '{self.name}'", problem, "use windows")
        dtype = parameters_dtype(self.unet)
        steps, each = (spread(timestep, count, noisy.device, times) for times in (1, frames))
        given: dict[str, Any] = {}
        if depth is not None:
            assert self.control is not None
            pictures = in_pictures(noisy)[:, :, 0].to(dtype)
            grey = depth.flatten(0, 1)[:, None].expand(-1, 3, -1, -1).to(noisy.device, dtype)
            states = self.empty.to(dtype).expand(len(pictures), -1, -1)
            down, middle = self.control(
                pictures,
                each,
                states,
                controlnet_cond=grey,
                conditioning_scale=conditioning_scale,
                return_dict=False,
            )
            given = {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
        told = content.to(dtype).repeat_interleave(frames, 0)
        if video:
            said: Tensor = self.unet(noisy.to(dtype), steps, told, **given).sample
        else:
            with without_motion(self.unet):
                said = self.unet(noisy.to(dtype), steps, told, **given).sample
        return said.float()


def _with_motion(plain: Any, modules: Any, image: Resolved, motion: Resolved) -> Any:
    """The U-Net of an image model with motion modules between its layers."""
    from diffusers import UNetMotionModel

    try:
        with quiet():  # it warns of no modules at all
            return UNetMotionModel.from_unet2d(plain, modules).eval().requires_grad_(False)
    except (ValueError, RuntimeError) as error:
        problem = f"is for another U-Net than that of '{image.name}' ({str(error).splitlines()[0]})"
        raise MethodError(f"backbone '{motion.name}'", problem, "choose parts that go together") from None


@contextmanager
def without_motion(unet: nn.Module) -> Iterator[None]:
    """The U-Net without its motion modules: of every frame what the image model says."""
    from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D

    modules: list[Any] = [
        module
        for module in unet.modules()
        if isinstance(module, AnimateDiffTransformer3D) and "forward" not in module.__dict__
    ]
    for module in modules:
        module.forward = _same
    try:
        yield
    finally:
        for module in modules:
            del module.forward  # the class's own again


def _same(hidden_states: Tensor, *_: Any, **__: Any) -> Tensor:
    return hidden_states
