"""The model of a run: a shipped one, one that was trained on footage, or a customised one."""

from pathlib import Path
from typing import Any, NamedTuple

from safetensors.torch import load_file

from onereel.backbones.latent import IMAGE_UNET, PROCESS, load_autoencoder, new_unet, plain_attention
from onereel.backbones.video_unet import VideoUNet, widened
from onereel.base.errors import WeightsError
from onereel.diffusion.settings import ProcessConfig
from onereel.features.seeded import load_frozen
from onereel.methods.base import Job
from onereel.methods.gen1.config import Gen1Config
from onereel.methods.gen1.edit import check_window
from onereel.methods.gen1.model import Gen1Model, input_channels
from onereel.weights.store import Resolved

FOOTAGE, LAST = "footage", "stage4"
"""Name of a model that is trained on the user's footage, and its last stage."""
PART_OF = {"depth": "structure", "edges": "edges"}
"""The part of a shipped model that reads a kind of structure."""
STABLE_DIFFUSION = ProcessConfig(
    num_train_timesteps=1000,
    beta_schedule="scaled_linear",
    beta_start=0.00085,
    beta_end=0.012,
    rescale_betas_zero_snr=True,
    prediction_type="v_prediction",
    clip_sample=False,
)
"""Stable Diffusion's schedule, brought to end in noise (Lin et al. 2024), with v as what is predicted (section 3.1):
what it says of noise must be learned anew, in stage 1."""


class ImageModel(NamedTuple):
    """A latent diffusion model of pictures.

    Attributes:
        unet: diffusers' ``UNet2DConditionModel``.
        autoencoder: diffusers' ``AutoencoderKL``, frozen.
        process: of its further training.
    """

    unet: Any
    autoencoder: Any
    process: ProcessConfig


def image_model_of(weights: Resolved) -> ImageModel:
    """What a video model grows from: ``latent-world``, or a model of the family stable-diffusion.

    Raises: WeightsError if it is something else, or its tensors are not those of its networks.
    """
    if weights.name == "latent-world":
        tensors = {name: value.float() for name, value in weights.tensors("image").items()}
        return ImageModel(load_frozen(new_unet(IMAGE_UNET), weights, tensors), load_autoencoder(weights), PROCESS)
    if (family := getattr(weights.entry, "family", "")) not in ("stable-diffusion", "image-variations"):
        problem = f"is of the family '{family}' and no image model that takes temporal layers"
        raise WeightsError(f"weights '{weights.name}'", problem, "name latent-world or stable-diffusion-1.5")
    import torch

    from onereel.backbones.loading import load_component

    unet, autoencoder = (load_component(weights, folder, torch.float32) for folder in ("unet", "vae"))
    return ImageModel(unet, autoencoder, STABLE_DIFFUSION)


def load_model(config: Gen1Config, job: Job, customised: Path | None = None) -> Gen1Model:
    """The last stage, or what customisation made of it.

    Raises: WeightsError if weights are missing or not those of the networks; MethodError if the model sees fewer frames
        than settings say.
    """
    if config.model == FOOTAGE:
        unet, autoencoder, process = image_model_of(job.backbone(config.image_model))
        network = VideoUNet(widened(unet, input_channels()), config.footage.frames)
        network.load_state_dict(load_file(job.models[LAST]))
        model = Gen1Model(network.requires_grad_(False), autoencoder, process, device=job.device)
    else:
        part, image_model = PART_OF[config.structure], job.backbone(config.image_model)
        model = Gen1Model.load(job.backbone(config.model), part, image_model, device=job.device)
    if customised is not None:
        model.unet.load_state_dict(load_file(customised, device=str(job.device)))
    if model.device.type == "cpu":
        plain_attention(model.unet)
    check_window(config, config.model, model.unet.frames)
    return model
