"""SDEdit on a video model of contents."""

import torch
from torch import Tensor

from onereel.backbones.latent import plain_attention
from onereel.base.progress import Progress, no_progress
from onereel.diffusion.process import noise_like
from onereel.diffusion.samplers import ddim, timesteps_of
from onereel.methods.base import Job
from onereel.methods.gen1 import PUBLIC
from onereel.methods.gen1.edit import check_window, guarded, in_windows, plans_of, working_size
from onereel.methods.gen1.model import Gen1Model, VideoModel
from onereel.methods.gen1.public import PublicModel, PublicWeights
from onereel.methods.gen1_no_structure import TEXT
from onereel.methods.gen1_no_structure.config import NoStructureConfig
from onereel.video.clip import Clip, Frames, to_frames, to_video
from onereel.video.pyramid import resize

NAME = "gen1_no_structure"
STAGE = "video"
"""The part of a shipped model that knows no structure: stage 2."""


def weights_of(config: NoStructureConfig, job: Job) -> PublicWeights:
    """Published parts of the settings, without what reads depth.

    Raises: WeightsError if some are not here.
    """
    return PublicWeights(job.backbone(config.image_model), job.backbone(config.motion), None, job.backbone(TEXT))


def load_editor(config: NoStructureConfig, job: Job) -> VideoModel:
    """Stage 2, or published parts without what reads depth.

    Raises: WeightsError if weights are missing or not those of the networks; MethodError if the model sees fewer frames
        than settings say.
    """
    if config.model == PUBLIC:
        return PublicModel.load(weights_of(config, job), config, job, method=NAME)
    model = Gen1Model.load(job.backbone(config.model), STAGE, job.backbone(config.image_model), device=job.device)
    if model.device.type == "cpu":
        plain_attention(model.unet)
    check_window(config, config.model, model.unet.frames, NAME)
    return model


def edited(
    model: VideoModel,
    clip: Clip,
    content: Tensor,
    unwanted: Tensor,
    config: NoStructureConfig,
    seed: int,
    *,
    progress: Progress = no_progress,
) -> Frames:
    """A sample of the clip's size (Meng et al. 2022, Algorithm 1).

    Args:
        model: one without structure.
        clip: what is edited.
        content: (1, D), what it is to show.
        unwanted: (1, D), what guidance leads away from.
        config: settings.
        seed: of the noise.
        progress: watches the steps.

    Raises: MethodError if the model's answers are not numbers.
    """
    size = working_size(clip.size, config.side, model.step)
    latents = model.encode(resize(to_video(clip.frames), size).clamp(-1, 1)).float()
    noise = noise_like(latents, [torch.Generator().manual_seed(seed)])
    steps = config.num_inference_steps
    timesteps = timesteps_of(model.process, steps, strength=config.strength) if config.strength else []
    # A schedule whose last step is not quite noise would let a little of the clip through a new video.
    kept = model.process.level_of(timesteps[0] if timesteps else -1) if config.strength < 1 else 0.0
    start = model.process.add_noise(latents, noise, torch.full((1,), kept, device=latents.device))
    plans = plans_of(timesteps, tuple(latents.shape[2:]), config, model.shrinks)
    predict = guarded(in_windows(model, None, content, unwanted, plans, config), NAME)
    with torch.no_grad():
        made = ddim(model.process, predict, start, timesteps, progress=progress)
    return to_frames(resize(model.decode(made), clip.size))
