"""Stable Diffusion 1 and 2, and its variant that reads depth: diffusers' ``UNet2DConditionModel``, CLIP's text encoder
and ``AutoencoderKL`` (Rombach et al. 2022, "High-Resolution Image Synthesis with Latent Diffusion Models").

The variant that reads depth (``stable-diffusion-2-depth``) has a fifth channel: inverse depth in [-1, 1] at the size of
the latents. Its pipeline scales the depth of every picture by itself; here a clip has one scale
(`onereel.features.depth`), as scales that change from frame to frame flicker.
"""

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional

from onereel.backbones.latent import Condition, predicted
from onereel.backbones.loading import load_component, load_process, meta_component
from onereel.backbones.text import PromptEncoder, clip, load_tokenizer
from onereel.backbones.text_to_image import About
from onereel.backbones.text_to_video import default_dtype, parameters_dtype
from onereel.base.errors import WeightsError
from onereel.diffusion.latents import LatentScale
from onereel.diffusion.process import Process
from onereel.training.estimates import cost_of
from onereel.weights.entries import BackboneEntry
from onereel.weights.store import Resolved


class StableDiffusion:
    """The U-Net with its CLIP text encoder and autoencoder; a `onereel.backbones.text_to_image.TextToImage`.

    Args:
        about: what it is.
        unet: says what the process's prediction type means.
        vae: the autoencoder; it is kept in float32.
        encoder: reads prompts.
        process: the published one.
        device: where to compute.
    """

    def __init__(
        self,
        about: About,
        unet: Any,
        vae: Any,
        encoder: PromptEncoder,
        process: Process,
        *,
        device: torch.device | str = "cpu",
    ) -> None:
        self.about, self.process, self.device = about, process, torch.device(device)
        self.unet, self.vae = unet.to(self.device), vae.to(self.device)
        self.encoder = encoder
        self.encoder.encoder.to(self.device)
        self.scale = LatentScale(vae.config.scaling_factor, vae.config.shift_factor or 0.0)

    @classmethod
    def load(cls, weights: Resolved, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> Self:
        """See `TextToImage.load`; by default float32 on the CPU, bfloat16 elsewhere."""
        dtype = dtype or default_dtype(device)
        about, where = cls.about_of(weights), f"weights '{weights.name}', scheduler"
        unet, vae = load_component(weights, "unet", dtype), load_component(weights, "vae", torch.float32)
        encoder = clip(load_tokenizer(weights), load_component(weights, "text_encoder", dtype))
        process = load_process(where, weights.subfolder("scheduler") / "scheduler_config.json")
        return cls(about, unet, vae, encoder, process, device=device)

    @classmethod
    def about_of(cls, weights: Resolved) -> About:
        """See `TextToImage.about_of`."""
        unet, vae = (_bare(weights, folder) for folder in ("unet", "vae"))
        if not isinstance(weights.entry, BackboneEntry):
            raise WeightsError(f"weights '{weights.name}'", "no list says its size", "correct config/backbones.yaml")
        further = unet.config.in_channels - vae.config.latent_channels
        if further not in (0, 1):
            problem = f"its U-Net reads {unet.config.in_channels} channels; 4 are known here, and 5 with depth"
            raise WeightsError(f"weights '{weights.name}'", problem, "choose another model")
        side = 2 ** (len(vae.config.block_out_channels) - 1)
        step = side * 2 ** (len(unet.config.block_out_channels) - 1)
        native = min(weights.entry.height, weights.entry.width)
        layers = len(unet.config.block_out_channels) * (unet.config.layers_per_block + 1)
        return About(weights.name, native, side, step, "needed" if further else "none", layers)

    @classmethod
    def memory_of(cls, weights: Resolved, height: int, width: int, batch: int, dtype: torch.dtype) -> int:
        """See `TextToImage.memory_of`: all networks stay on the device, pictures are decoded one by one."""
        about, unet, vae = cls.about_of(weights), _bare(weights, "unet", dtype), _bare(weights, "vae")
        tall, wide = height // about.side, width // about.side
        noisy = torch.empty((batch, vae.config.latent_channels, tall, wide), device="meta")
        states = torch.empty((batch, 77, unet.config.cross_attention_dim), device="meta", dtype=dtype)
        text = sum(each.numel() * each.element_size() for each in _bare(weights, "text_encoder", dtype).parameters())
        steps = torch.zeros(batch, device="meta")
        passing = cost_of(lambda: _said(unet, noisy, steps, Condition(states)), [unet])
        decoding = cost_of(lambda: vae.decode(noisy[:1]), [vae])
        return passing.together(decoding).memory + text

    @torch.no_grad()
    def encode(self, pictures: Tensor) -> Tensor:
        """See `TextToImage.encode`; one picture after the other, so that memory holds the activations of one."""
        found = [self.vae.encode(one).latent_dist.mode() for one in pictures.to(self.device).split(1)]
        return self.scale.to_model(torch.cat(found))

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """See `TextToImage.decode`; one picture after the other."""
        values = self.scale.to_autoencoder(latents.float())
        return torch.cat([self.vae.decode(one).sample for one in values.split(1)]).clamp(-1, 1)

    @torch.no_grad()
    def structure_of(self, depth: Tensor) -> Tensor:
        """See `TextToImage.structure_of`: (B, 1, h, w) in [-1, 1], resized as the published pipeline does."""
        size = [length // self.about.side for length in depth.shape[1:]]
        small = functional.interpolate(depth[:, None].to(self.device), size, mode="bicubic", align_corners=False)
        return (2 * small - 1).clamp(-1, 1)

    @torch.no_grad()
    def encode_prompt(self, prompts: Sequence[str], structure: Tensor | None = None) -> Condition:
        """See `TextToImage.encode_prompt`; padding is read as words are."""
        states = self.encoder(prompts).states
        return Condition(states, None, None if structure is None else structure.to(self.device))

    def predict(self, noisy: Tensor, timestep: Tensor | float, condition: Condition) -> Tensor:
        """See `TextToImage.predict`."""
        return _said(self.unet, noisy, torch.as_tensor(timestep, device=noisy.device).expand(len(noisy)), condition)


def _said(unet: Any, noisy: Tensor, timesteps: Tensor, condition: Condition) -> Tensor:
    dtype = parameters_dtype(unet)
    structure = None if condition.structure is None else condition.structure.to(dtype)
    own = Condition(condition.states.to(dtype), condition.mask, structure)
    return predicted(unet, noisy.to(dtype), timesteps, own).float()


_BARE: dict[tuple[Any, ...], Any] = {}  # a process asks several times


def _bare(weights: Resolved, folder: str, dtype: torch.dtype = torch.float32) -> Any:
    """A network without values."""
    key = (weights.name, weights.sha256, folder, dtype)
    if key not in _BARE:
        _BARE[key] = meta_component(weights, folder, dtype)
    return _BARE[key]
