"""The small latent diffusion models of worlds: which of diffusers' networks they are, and how they are driven.

Every network is of a class of diffusers as it comes, with a configuration of ours. The autoencoder's scaling factor is
measured after its training, and kept with its tensors. `LatentModel` is what both diffusion models have in common; they
differ in what they read: `ImageModel` an image embedding of CLIP (as ``sd-image-variations``), `TextModel` a prompt and
a depth picture (as ``stable-diffusion-2-depth``).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

from onereel.backbones.cascade.text import TextEncoder, tokens_of
from onereel.backbones.text_to_image import About
from onereel.base.errors import WeightsError
from onereel.base.progress import Progress, no_progress
from onereel.diffusion.guidance import CONDITIONAL, UNCONDITIONAL, Branch, classifier_free_weights, combined
from onereel.diffusion.process import Process, noise_like
from onereel.diffusion.samplers import ddim, timesteps_of
from onereel.diffusion.settings import ProcessConfig
from onereel.features.seeded import load_frozen
from onereel.weights.store import Resolved

SIDE, LATENT_SIDE, LATENT_CHANNELS = 64, 16, 4
"""Pixels of a picture's side, and what its latent has."""
PROCESS = ProcessConfig(
    num_train_timesteps=1000,
    beta_schedule="cosine",
    rescale_betas_zero_snr=True,
    prediction_type="v_prediction",
    clip_sample=False,
)
"""Of both diffusion models."""
AUTOENCODER: Mapping[str, Any] = {
    "down_block_types": ("DownEncoderBlock2D",) * 3,
    "up_block_types": ("UpDecoderBlock2D",) * 3,
    "block_out_channels": (16, 32, 64),
    "layers_per_block": 1,
    "latent_channels": LATENT_CHANNELS,
    "norm_num_groups": 8,
    "sample_size": SIDE,
    "mid_block_add_attention": False,
    "scaling_factor": 1.0,
    "force_upcast": False,
}
"""Of ``AutoencoderKL``; its scaling factor is that of the weights."""
SCALING = "scaling_factor"
"""Beside the autoencoder's tensors: a float64 number."""


_UNET: Mapping[str, Any] = {
    "sample_size": LATENT_SIDE,
    "out_channels": LATENT_CHANNELS,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "block_out_channels": (64, 128),
    "layers_per_block": 1,
    "attention_head_dim": 4,  # how many heads: diffusers' name for it is a known mistake
    "norm_num_groups": 8,
}
IMAGE_UNET: Mapping[str, Any] = {**_UNET, "in_channels": LATENT_CHANNELS, "cross_attention_dim": 256}
"""Of ``UNet2DConditionModel``: its one token is an embedding of `clip-world`."""
TEXT_UNET: Mapping[str, Any] = {**_UNET, "in_channels": 2 * LATENT_CHANNELS, "cross_attention_dim": 128}
"""The same that reads tokens of a prompt, and beside the noisy latent that of a depth picture."""


class Condition(NamedTuple):
    """What B predictions depend on.

    Attributes:
        states: (B, L, D), for cross-attention.
        mask: (B, L) bool, false where a text has ended; None: all count.
        structure: (B, 4, H, W), latents of depth pictures, for networks that read them (of Stable Diffusion 2 depth:
            (B, 1, H, W), depth itself): zeros where nothing is known, as for all with None.
    """

    states: Tensor
    mask: Tensor | None = None
    structure: Tensor | None = None


class LatentModel(ABC):
    """An autoencoder, and a network that removes noise from its latents.

    Args:
        weights: of entry `latent-world`.
        unet: the network, with its weights.
        device: where to run.

    Attributes:
        process: the diffusion.
        unet, autoencoder: diffusers' networks, frozen.
    """

    def __init__(self, weights: Resolved, unet: nn.Module, *, device: torch.device | str = "cpu") -> None:
        self.process = Process(PROCESS)
        self.device = torch.device(device)
        self.autoencoder = load_autoencoder(weights).to(self.device)
        self.unet = unet.to(self.device)

    @torch.no_grad()
    def encode(self, pictures: Tensor) -> Tensor:
        """See `encoded`."""
        return encoded(self.autoencoder, pictures.to(self.device))

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """See `decoded`."""
        return decoded(self.autoencoder, latents)

    def predict(self, noisy: Tensor, timestep: Tensor | float, condition: Condition) -> Tensor:
        """v of latents (B, 4, H, W) at one timestep for all, or at (B,)."""
        timesteps = torch.as_tensor(timestep, device=noisy.device).expand(len(noisy))
        return predicted(self.unet, noisy, timesteps, condition)

    @abstractmethod
    def unconditional(self, condition: Condition) -> Condition:
        """The same without what guidance exaggerates."""

    @torch.no_grad()
    def generate(
        self,
        condition: Condition,
        generators: Sequence[torch.Generator],
        *,
        height: int = SIDE,
        width: int = SIDE,
        num_inference_steps: int = 25,
        guidance_scale: float = 3.0,
        progress: Progress = no_progress,
    ) -> Tensor:
        """Pictures (B, 3, H, W) in [-1, 1] for B conditions; generator i (CPU) alone decides picture i."""

        def network(noisy: Tensor, timestep: int, conditions: Sequence[Condition]) -> Tensor:
            return self.predict(noisy, timestep, joined(conditions))

        branches = {
            CONDITIONAL: Branch(network, condition),
            UNCONDITIONAL: Branch(network, self.unconditional(condition)),
        }
        predict = combined(branches, classifier_free_weights(guidance_scale))
        scale = SIDE // LATENT_SIDE
        like = torch.empty(len(generators), LATENT_CHANNELS, height // scale, width // scale, device=self.device)
        timesteps = timesteps_of(self.process, num_inference_steps)
        return self.decode(ddim(self.process, predict, noise_like(like, generators), timesteps, progress=progress))


class ImageModel(LatentModel):
    """Reads an image embedding of `clip-world`.

    Args:
        weights: of entry `latent-world`, parts ``vae`` and ``image``.
        device: where to run.

    Raises: WeightsError if a part is missing, or its tensors are not those of its network.
    """

    def __init__(self, weights: Resolved, *, device: torch.device | str = "cpu") -> None:
        super().__init__(weights, _loaded(new_unet(IMAGE_UNET), weights, "image"), device=device)

    def condition(self, embeddings: Tensor) -> Condition:
        """Embeddings (B, D), with the length that CLIP gives them."""
        return Condition(embeddings[:, None].to(self.device))

    def unconditional(self, condition: Condition) -> Condition:
        """An embedding of zeros (as ``sd-image-variations``)."""
        return condition._replace(states=torch.zeros_like(condition.states))


class TextModel(LatentModel):
    """Reads prompts, and depth where there is some.

    Args:
        weights: of entry `latent-world`, parts ``vae`` and ``depth_text``.
        device: where to run.

    Raises: WeightsError if a part is missing, or its tensors are not those of its network.
    """

    def __init__(self, weights: Resolved, *, device: torch.device | str = "cpu") -> None:
        network = _loaded(TextNetwork(), weights, "depth_text")
        super().__init__(weights, network.unet, device=device)
        self.text = network.text.to(self.device)
        self.about = self.about_of(weights)

    @classmethod
    def load(cls, weights: Resolved, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> Self:
        """See `onereel.backbones.text_to_image.TextToImage.load`; it is small enough for float32 everywhere."""
        return cls(weights, device=device)

    @classmethod
    def about_of(cls, weights: Resolved) -> About:
        """See `onereel.backbones.text_to_image.TextToImage.about_of`; nothing is read."""
        pixels, levels = SIDE // LATENT_SIDE, len(TEXT_UNET["block_out_channels"])
        layers = levels * (TEXT_UNET["layers_per_block"] + 1)
        return About(weights.name, SIDE, pixels, pixels * 2 ** (levels - 1), "optional", layers)

    @classmethod
    def memory_of(cls, weights: Resolved, height: int, width: int, batch: int, dtype: torch.dtype) -> int:
        """See `onereel.backbones.text_to_image.TextToImage.memory_of`; too little to count."""
        return 0

    @torch.no_grad()
    def structure_of(self, depth: Tensor) -> Tensor:
        """See `onereel.backbones.text_to_image.TextToImage.structure_of`: latents of grey pictures."""
        return self.encode((2 * depth - 1)[:, None].expand(-1, 3, -1, -1))

    @torch.no_grad()
    def encode_prompt(self, prompts: Sequence[str], structure: Tensor | None = None) -> Condition:
        """Prompts, and latents (B, 4, H, W) of depth pictures, as `encode` makes them of inverse depth in grey, 1 the
        nearest and -1 the farthest; None: nothing is known of depth."""
        condition = read_tokens(self.text, tokens_of(prompts).to(self.device))
        return condition._replace(structure=None if structure is None else structure.to(self.device))

    def unconditional(self, condition: Condition) -> Condition:
        """The empty prompt, with the same depth."""
        empty = read_tokens(self.text, tokens_of([""] * len(condition.states)).to(self.device))
        return empty._replace(structure=condition.structure)


class TextNetwork(nn.Module):
    """What is trained together: a transformer that reads prompts, and the network that removes noise."""

    def __init__(self) -> None:
        super().__init__()
        self.text = TextEncoder(TEXT_UNET["cross_attention_dim"])
        self.unet = new_unet(TEXT_UNET)


def read_tokens(text: TextEncoder, tokens: Tensor) -> Condition:
    """Tokens (B, L) of prompts as a condition without structure."""
    return Condition(text(tokens).words, tokens != 0)


def new_unet(config: Mapping[str, Any]) -> Any:
    """An untrained ``UNet2DConditionModel``."""
    from diffusers import UNet2DConditionModel  # seconds; only jobs that need it wait for it

    return UNet2DConditionModel(**config)


def predicted(unet: Any, noisy: Tensor, timesteps: Tensor, condition: Condition) -> Tensor:
    """What ``UNet2DConditionModel`` says.

    Args:
        unet: of `IMAGE_UNET` or `TEXT_UNET`.
        noisy: (B, 4, H, W).
        timesteps: (B,).
        condition: of B pictures.
    """
    further = unet.config.in_channels - noisy.shape[1]
    structure = noisy.new_zeros(noisy[:, :further].shape) if condition.structure is None else condition.structure
    sample = torch.cat([noisy, structure], 1) if further else noisy
    answer: Tensor = unet(
        sample, timesteps, condition.states, encoder_attention_mask=condition.mask, return_dict=False
    )[0]
    return answer


def plain_attention(network: Any) -> None:
    """Let attention over few tokens run as matrix products: processors are slow in going back through torch's fused
    one. What a network of diffusers says stays the same."""
    from diffusers.models.attention_processor import AttnProcessor

    network.set_attn_processor(AttnProcessor())


def plain_layout(network: nn.Module) -> None:
    """Keep kernels as they are made on processors: the group norms of these networks need five times as long on
    channels-last pictures there, which is more than their convolutions gain."""
    for parameter in network.parameters():
        if parameter.device.type == "cpu" and not parameter.is_contiguous():
            parameter.data = parameter.data.contiguous()


def new_autoencoder(scaling_factor: float = 1.0) -> Any:
    """An untrained ``AutoencoderKL``."""
    from diffusers import AutoencoderKL  # seconds; only jobs that need it wait for it

    return AutoencoderKL.from_config({**AUTOENCODER, SCALING: scaling_factor})


def load_autoencoder(weights: Resolved, part: str = "vae") -> Any:
    """A frozen ``AutoencoderKL``; latents for a diffusion model are ``encode(...) * config.scaling_factor``.

    Raises: WeightsError if the part is missing, or its tensors are not those of the network.
    """
    state = {name: value.float() for name, value in weights.tensors(part).items()}
    if SCALING not in state:
        remedy = f"run: onereel weights verify {weights.name}"
        raise WeightsError(f"weights '{weights.name}'", f"part '{part}' has no {SCALING}", remedy)
    return load_frozen(new_autoencoder(float(state.pop(SCALING))), weights, state)


def encoded(autoencoder: Any, pictures: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) in [-1, 1] as a diffusion model sees them: (B, 4, H/4, W/4), of spread about 1."""
    latents: Tensor = autoencoder.encode(pictures).latent_dist.mode() * autoencoder.config.scaling_factor
    return latents


def decoded(autoencoder: Any, latents: Tensor) -> Tensor:
    """Inverse of `encoded`, as good as the autoencoder is; in [-1, 1]."""
    pictures: Tensor = autoencoder.decode(latents / autoencoder.config.scaling_factor).sample
    return pictures.clamp(-1, 1)


def _loaded(network: nn.Module, weights: Resolved, part: str) -> Any:
    return load_frozen(network, weights, {name: value.float() for name, value in weights.tensors(part).items()})


def joined(conditions: Sequence[Condition]) -> Condition:
    """Those of several batches as one; texts are made as long as the longest one."""
    longest = max(one.states.shape[1] for one in conditions)
    structures = [one.structure for one in conditions if one.structure is not None]
    masks = [_padded(one.mask, longest) for one in conditions if one.mask is not None]
    return Condition(
        torch.cat([_padded(one.states, longest) for one in conditions]),
        torch.cat(masks) if masks else None,
        torch.cat(structures) if structures else None,
    )


def _padded(values: Tensor, length: int) -> Tensor:
    """(B, L, ...) -> (B, length, ...), with zeros behind."""
    missing = values.new_zeros(len(values), length - values.shape[1], *values.shape[2:])
    return torch.cat([values, missing], 1)
