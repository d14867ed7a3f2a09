"""Fine-tuning on 15 to 30 pictures of a subject, and how like it the result is (section 4.4)."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onereel.backbones.latent import plain_attention, plain_layout
from onereel.features.depth import DepthEstimator
from onereel.features.text_image import ClipEmbedder
from onereel.methods.base import Inputs, Job
from onereel.methods.gen1.config import Gen1Config
from onereel.methods.gen1.content import read_pictures
from onereel.methods.gen1.loading import load_model
from onereel.methods.gen1.pools import FRAMES, Readers, world_pool
from onereel.methods.gen1.training import (
    Batch,
    Pool,
    denoising_loss,
    draw_batch,
    for_raw_content,
    for_unit_content,
    structure_of,
    unit_content,
)
from onereel.scenes.world import sample_world
from onereel.training.loop import train
from onereel.training.settings import TrainingConfig
from onereel.training.trainer import Trainer
from onereel.video.clip import Frames, to_frames, to_video
from onereel.video.pyramid import resize

log = logging.getLogger(__name__)
FEWEST, MOST = 15, 30
"""Pictures that the paper fine-tunes on."""
_DROPPED = 0.1  # of the contents, as in the training before


def fit(inputs: Inputs, config: Gen1Config, job: Job) -> Mapping[str, Tensor]:
    """The video model, trained further on pictures of a subject; every second half of a batch is of the original data,
    so that it forgets nothing.

    Args:
        inputs: the folder ``images``.
        config: settings.
        job: weights, seed, folder.

    Returns: its weights.
    """
    pictures = read_pictures(inputs)
    if not FEWEST <= len(pictures) <= MOST:
        log.warning("%d pictures of the subject: the paper takes %d to %d", len(pictures), FEWEST, MOST)
    model = load_model(config, job)
    estimator = DepthEstimator(job.backbone("depth"), device=job.device) if config.structure == "depth" else None
    embedder = ClipEmbedder(job.backbone(config.clip), device=job.device)
    readers = Readers(model.autoencoder, embedder, estimator, config.structure)
    side = config.side or config.tile
    subject = readers.pool([flipped for each in pictures for flipped in _both_ways(squared(each, side))])
    originals = world_pool([sample_world(seed) for seed in range(config.customise.originals)], readers, job.progress)
    network = model.unet.requires_grad_(True).train()
    network.load_state_dict(for_unit_content(network.state_dict()))
    plain_attention(network)

    def loss(running: Any, generator: torch.Generator, step: int) -> Tensor:
        plain_layout(running)
        total = torch.zeros((), device=job.device)
        for batch, video in halves(subject, originals, config, generator):
            own = unit_content(batch.to(job.device))
            structure = structure_of(model.autoencoder, own)
            total = total + denoising_loss(running, own, structure, model.process, generator, video=video) / 2
        return total

    steps = config.customise.steps
    how = TrainingConfig(
        learning_rate=config.customise.learning_rate, drop_at=(), warm_up=min(10, steps), clip_norm=1.0,
        batch=config.customise.batch,
    )  # fmt: skip
    trainer = Trainer(network, loss, how, steps=steps, device=job.device, seed=job.seed)
    train(trainer, steps=steps, workdir=job.workdir, progress=job.progress, label="gen1 customised")
    return for_raw_content(trainer.result())


def halves(subject: Pool, originals: Pool, config: Gen1Config, generator: torch.Generator) -> list[tuple[Batch, bool]]:
    """A step's batch: pictures of the subject, which know no time, and as many frames of original videos."""
    count = config.customise.batch
    level = 0 if config.structure == "edges" else None
    frames = min(FRAMES, max(1, count))
    pictures = draw_batch(subject, generator, count=count, frames=1, dropped=_DROPPED, level=level)
    videos = draw_batch(
        originals, generator, count=max(1, count // frames), frames=frames, dropped=_DROPPED, level=level
    )
    return [(pictures, False), (videos, True)]


def squared(picture: Frames, side: int) -> Frames:
    """The middle square of a picture (1, H, W, 3), `side` pixels wide."""
    height, width = picture.shape[1:3]
    shorter = min(height, width)
    top, left = (height - shorter) // 2, (width - shorter) // 2
    square = picture[:, top : top + shorter, left : left + shorter]
    return to_frames(resize(to_video(square), (1, side, side)))


def likeness(frames: Frames, pictures: Sequence[Frames], embedder: ClipEmbedder) -> float:
    """How like a subject a video is: the mean cosine of CLIP embeddings of its frames and of held-out pictures of the
    subject (Fig. 10; the paper looks at it).

    Args:
        frames: (T, H, W, 3) uint8.
        pictures: (1, H, W, 3) uint8 each, of the subject, held out, better from another scene than the trained ones.
        embedder: CLIP.

    Returns: in [-1, 1], higher is more alike.
    """
    held_out = np.concatenate([embedder.images(picture) for picture in pictures])
    return float((embedder.images(frames) @ held_out.T).mean())


def _both_ways(picture: Frames) -> tuple[Frames, Frames]:
    return picture, np.ascontiguousarray(picture[:, :, ::-1])
