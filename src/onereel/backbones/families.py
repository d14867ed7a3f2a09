"""Which code loads a pretrained generative model: its networks by folder, and what makes a video model of them.

Needs no torch: lists are read with it.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from onereel.base.errors import WeightsError
from onereel.base.names import did_you_mean

if TYPE_CHECKING:
    from onereel.backbones.text_to_image import TextToImage
    from onereel.backbones.text_to_video import TextToVideo


@dataclass(frozen=True)
class Component:
    """One network of a published model, in a folder of its own.

    Attributes:
        kind: its class, with the library that has it: ``diffusers.AutoencoderKL``.
        unexpected: keys of published files that the class does not have, as shell patterns, and why nothing is lost.
        missing: keys of the class that published files do not have, and why that is no harm.
    """

    kind: str
    unexpected: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The class's name."""
        return self.kind.rpartition(".")[2]

    def load_class(self) -> Any:
        """The class; takes seconds."""
        library, _, name = self.kind.partition(".")
        return getattr(importlib.import_module(library), name)

    def excused(self, key: str, where: str) -> str:
        """Why a key may be ``unexpected`` or ``missing``; empty if it may not."""
        allowed: Mapping[str, str] = {"unexpected": self.unexpected, "missing": self.missing}[where]
        return next((why for pattern, why in allowed.items() if fnmatchcase(key, pattern)), "")


@dataclass(frozen=True)
class Family:
    """Models that one code loads.

    Attributes:
        components: its networks by folder; one with the empty name is the model's own folder.
        vocabulary: the class of its tokenizer, in the folder ``tokenizer``; empty where it reads no text.
        text_to_video: gives the class that makes videos of texts with it; None where it does not alone.
        text_to_image: gives the class that makes pictures of texts with it; None where it does not.
    """

    components: Mapping[str, Component]
    vocabulary: str = ""
    text_to_video: Callable[[], "type[TextToVideo]"] | None = None
    text_to_image: Callable[[], "type[TextToImage]"] | None = None


def _unet3d() -> "type[TextToVideo]":
    from onereel.backbones.unet3d import UNet3D

    return UNet3D


def _latte() -> "type[TextToVideo]":
    from onereel.backbones.latte import Latte

    return Latte


def _cascade() -> "type[TextToVideo]":
    from onereel.backbones.cascade.pipeline import Cascade

    return Cascade


def _wan() -> "type[TextToVideo]":
    from onereel.backbones.wan import Wan

    return Wan


def _stable_diffusion() -> "type[TextToImage]":
    from onereel.backbones.stable_diffusion import StableDiffusion

    return StableDiffusion


def _latent() -> "type[TextToImage]":
    from onereel.backbones.latent import TextModel

    return TextModel


_RECOMPUTED = "a constant that the class computes itself"
_VAE = Component("diffusers.AutoencoderKL")
_CLIP_TEXT = Component("transformers.CLIPTextModel", {"*position_ids": _RECOMPUTED})
_UNET = Component("diffusers.UNet2DConditionModel")
_WAN_VAE = Component("diffusers.AutoencoderKLWan")
_UMT5 = Component("transformers.UMT5EncoderModel")
_OTHER_HALF = "of a whole CLIP, of which the half that sees is read"

FAMILIES: dict[str, Family] = {
    "unet3d": Family(
        {"unet": Component("diffusers.UNet3DConditionModel"), "vae": _VAE, "text_encoder": _CLIP_TEXT},
        "CLIPTokenizer",
        _unet3d,
    ),
    "latte": Family(
        {
            "transformer": Component("diffusers.LatteTransformer3DModel", {"*pos_embed": _RECOMPUTED}),
            "vae": _VAE,
            "text_encoder": Component("transformers.T5EncoderModel"),
        },
        "T5TokenizerFast",
        _latte,
    ),
    "wan": Family(
        {"transformer": Component("diffusers.WanTransformer3DModel"), "vae": _WAN_VAE, "text_encoder": _UMT5},
        "T5TokenizerFast",
        _wan,
    ),
    "wan-vace": Family(
        {"transformer": Component("diffusers.WanVACETransformer3DModel"), "vae": _WAN_VAE, "text_encoder": _UMT5},
        "T5TokenizerFast",
    ),
    "stable-diffusion": Family(
        {"unet": _UNET, "vae": _VAE, "text_encoder": _CLIP_TEXT}, "CLIPTokenizer", text_to_image=_stable_diffusion
    ),
    "latent": Family({}, text_to_image=_latent),
    "image-variations": Family(
        {
            "unet": _UNET,
            "vae": _VAE,
            "image_encoder": Component(
                "transformers.CLIPVisionModelWithProjection",
                {
                    "text_model.*": _OTHER_HALF,
                    "text_projection.*": _OTHER_HALF,
                    "logit_scale": _OTHER_HALF,
                    "*position_ids": _RECOMPUTED,
                },
            ),
        }
    ),
    "prior": Family(
        {
            "prior": Component("diffusers.PriorTransformer", {"causal_attention_mask": _RECOMPUTED}),
            "text_encoder": Component("transformers.CLIPTextModelWithProjection", {"*position_ids": _RECOMPUTED}),
        },
        "CLIPTokenizer",
    ),
    "motion-adapter": Family({"": Component("diffusers.MotionAdapter", missing={"*.pos_embed.pe": _RECOMPUTED})}),
    "cascade": Family({}, text_to_video=_cascade),
    "controlnet": Family({"": Component("diffusers.ControlNetModel")}),
}
"""By `onereel.weights.entries.BackboneEntry.family`."""


def family_of(where: str, name: str) -> Family:
    """The family of that name.

    Raises: WeightsError in one line that begins with `where` if there is none.
    """
    if name not in FAMILIES:
        problem = f"no code loads the family '{name}'" if name else "is no generative model that code here loads"
        raise WeightsError(where, problem, did_you_mean(name, FAMILIES))
    return FAMILIES[name]
