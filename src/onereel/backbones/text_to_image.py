"""Pictures of texts: what every such latent model can do, whatever it is made of, for those who edit with it.

Two families are one interface here: Stable Diffusion (`onereel.backbones.stable_diffusion`) and the small model of
worlds (`onereel.backbones.latent.TextModel`). Both are diffusers' ``UNet2DConditionModel`` on latents of an
``AutoencoderKL``, which editors reach into (Plug-and-Play).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeAlias

import torch
from torch import Tensor

from onereel.backbones.families import family_of
from onereel.base.errors import MethodError, WeightsError
from onereel.diffusion.process import Process
from onereel.weights.store import Resolved

if TYPE_CHECKING:
    from onereel.backbones.latent import Condition

Depth: TypeAlias = Literal["none", "optional", "needed"]
"""Whether a model reads a depth picture beside the prompt."""


@dataclass(frozen=True)
class About:
    """What is known of a model before its weights are read.

    Attributes:
        name: as errors name it.
        native: pixels of the side that it was trained for.
        side: pixels of a latent.
        step: the pictures' sides are multiples of so many pixels: its coarsest layer sees no half ones.
        depth: whether it reads depth.
        layers: of the U-Net's way up, each a residual block, with attention behind it or without.
    """

    name: str
    native: int
    side: int
    step: int
    depth: Depth
    layers: int

    def size_for(self, height: int, width: int, shorter: int | None = None) -> tuple[int, int]:
        """Height and width at which the model sees frames: its aspect as near as `step` allows.

        Args:
            height, width: of the frames, pixels.
            shorter: of the shorter side, pixels, a multiple of `step`; None: what it was trained for.

        Raises: MethodError if `shorter` is no such multiple.
        """
        asked = shorter or self.native
        if asked % self.step:
            near = max(1, round(asked / self.step)) * self.step
            problem = f"makes pictures whose sides are multiples of {self.step}, not {asked}"
            raise MethodError(f"backbone '{self.name}'", problem, f"ask for {near}")
        scale = asked / min(height, width)
        tall, wide = (max(self.step, round(scale * side / self.step) * self.step) for side in (height, width))
        return tall, wide


class TextToImage(Protocol):
    """A model that makes pictures of texts.

    Attributes:
        about: see `About`.
        process: the diffusion.
        device: where it is.
        unet: diffusers' ``UNet2DConditionModel``.
    """

    about: About
    process: Process
    device: torch.device
    unet: Any

    @classmethod
    def load(cls, weights: Resolved, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> Self:
        """The model with these weights.

        Args:
            weights: of its family.
            device: where it runs.
            dtype: of U-Net and text encoder; None: what the device is fast with.

        Raises: WeightsError if files are missing, damaged, or of another model.
        """
        ...

    @classmethod
    def about_of(cls, weights: Resolved) -> About:
        """What is known before weights are read: from configurations alone.

        Raises: WeightsError as `load`.
        """
        ...

    @classmethod
    def memory_of(cls, weights: Resolved, height: int, width: int, batch: int, dtype: torch.dtype) -> int:
        """Bytes that so many pictures in one pass take, counted without weights; 0 where that is too little to count.

        Raises: WeightsError as `load`.
        """
        ...

    def encode(self, pictures: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) in [-1, 1] as latents (B, 4, h, w) of spread about 1: the most likely ones."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """Inverse of `encode`, as good as the autoencoder is; in [-1, 1]."""
        ...

    def structure_of(self, depth: Tensor) -> Tensor:
        """Depth (B, H, W) in [0, 1], 1 the nearest, at the pictures' size, as `encode_prompt` takes it."""
        ...

    def encode_prompt(self, prompts: Sequence[str], structure: Tensor | None = None) -> Condition:
        """B prompts, and what `structure_of` gives where there is depth."""
        ...

    def predict(self, noisy: Tensor, timestep: Tensor | float, condition: Condition) -> Tensor:
        """What the network says of latents (B, 4, h, w) at one timestep for all, or at (B,); float32."""
        ...


def text_to_image_of(weights: Resolved) -> type[TextToImage]:
    """The class of the model that these weights are of; an entry of latent models that names no family is known by its
    parts.

    Raises: WeightsError if it makes no pictures of texts.
    """
    where = f"weights '{weights.name}'"
    family = family_of(where, getattr(weights.entry, "family", "") or ("latent" if _is_latent(weights) else ""))
    if family.text_to_image is None:
        remedy = "choose a model of the role latent-diffusion or depth-diffusion"
        raise WeightsError(where, "makes no pictures of texts", remedy)
    return family.text_to_image()


def _is_latent(weights: Resolved) -> bool:
    return {"vae", "depth_text"} <= set(weights.parts)
