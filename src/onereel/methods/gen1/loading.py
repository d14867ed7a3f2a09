"""The model of a run: of the shipped stages, or customised."""

from pathlib import Path

from safetensors.torch import load_file

from onereel.backbones.latent import plain_attention
from onereel.base.errors import MethodError
from onereel.methods.base import Job
from onereel.methods.gen1.config import Gen1Config
from onereel.methods.gen1.model import Gen1Model

PART_OF = {"depth": "structure", "edges": "edges"}
"""The part of the video model's entry that reads a kind of structure."""


def load_model(config: Gen1Config, job: Job, customised: Path | None = None) -> Gen1Model:
    """The last stage, or what customisation made of it.

    Raises: WeightsError if weights are missing or not those of the networks; MethodError if the model sees fewer frames
        than settings say.
    """
    model = Gen1Model.load(
        job.backbone(config.model), PART_OF[config.structure], job.backbone(config.image_model), device=job.device
    )
    if customised is not None:
        model.unet.load_state_dict(load_file(customised, device=str(job.device)))
    if model.device.type == "cpu":
        plain_attention(model.unet)
    if config.window > model.unet.frames:
        problem = f"'{config.model}' sees {model.unet.frames} frames at once"
        raise MethodError(f"gen1, window {config.window}", problem, "lower window")
    return model
