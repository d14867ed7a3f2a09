"""Training on anybody's footage (section 3.4): shards of what is computed once, and the four stages."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from onereel import ingest
from onereel.backbones.latent import plain_attention, plain_layout
from onereel.backbones.video_unet import VideoUNet, widened
from onereel.base.errors import ClipError, MethodError
from onereel.diffusion.process import Process
from onereel.features.depth import DepthEstimator
from onereel.features.text_image import ClipEmbedder
from onereel.methods.base import Job
from onereel.methods.gen1 import STAGES
from onereel.methods.gen1.config import FootageConfig, Gen1Config
from onereel.methods.gen1.loading import image_model_of
from onereel.methods.gen1.model import input_channels
from onereel.methods.gen1.pools import Readers
from onereel.methods.gen1.sheet import Source, of_shard
from onereel.methods.gen1.training import Pool, denoising_loss, draw_batch, structure_of
from onereel.training.loop import generator_of, train
from onereel.training.settings import TrainingConfig
from onereel.training.trainer import Trainer
from onereel.video.clip import Frames, to_frames, to_video
from onereel.video.pyramid import resize

log = logging.getLogger(__name__)
_KINDS = ("video", "picture")
_KIND = 2**22  # stream that says of what kind a step is: the same for all of its parts
_FIELDS = ("latents", "embeddings", "signals")


@dataclass(frozen=True)
class Stage:
    """What a stage learns.

    Attributes:
        pictures_alone: stage 1: nothing of time.
        structured: stages 3 and 4 read structure.
        level: t_s; None: from 0 to 7.
    """

    pictures_alone: bool = False
    structured: bool = False
    level: int | None = 0


_OF: Mapping[str, Stage] = {
    "stage1": Stage(pictures_alone=True),
    "stage2": Stage(),
    "stage3": Stage(structured=True),
    "stage4": Stage(structured=True, level=None),
}


def make_shard(name: str, config: Gen1Config, job: Job) -> dict[str, Tensor]:
    """Latents, content and structure of some lines of the sheet, by ``KIND.WIDTHxHEIGHT.FIELD``; see `Pool`.

    What cannot be read, or is too short, is left out, and said.

    Raises: MethodError if nothing is left.
    """
    _, autoencoder, _ = image_model_of(job.backbone(config.image_model))
    depth = DepthEstimator(job.backbone("depth"), device=job.device) if config.structure == "depth" else None
    embedder = ClipEmbedder(job.backbone(config.clip), device=job.device)
    readers = Readers(autoencoder.to(job.device), embedder, depth, config.structure)
    found: dict[str, list[Tensor]] = {}
    sources = of_shard(name, config.footage)
    for source in job.progress(sources, total=len(sources), label=f"gen1 {name}"):
        for key, frames in _windows(source, config.footage):
            pool = readers.pool([frames])
            for field in _FIELDS:
                found.setdefault(f"{key}.{field}", []).append(getattr(pool, field))
    if not found:
        remedy = f"videos need {_span(config.footage)} frames; see the log"
        raise MethodError(f"gen1, part '{name}'", "none of its footage can be used", remedy)
    return {key: torch.cat(values) for key, values in found.items()}


def train_stage(part: str, config: Gen1Config, job: Job) -> Mapping[str, Tensor]:
    """One of `STAGES`, from the one before, or from the image model.

    Args:
        part: its name.
        config: settings.
        job: its models are the shards, and the stage before.
    """
    own, stage = config.footage, _OF[part]
    unet, autoencoder, process = image_model_of(job.backbone(config.image_model))
    if stage.structured:
        widened(unet, input_channels())
    network = VideoUNet(unet, own.frames)
    index = STAGES.index(part)
    if index:
        _continue(network, load_file(job.models[STAGES[index - 1]]))
    network.requires_grad_(True).train()
    pools = read_shards([path for name, path in job.models.items() if name not in STAGES])
    steps, diffusion = own.steps[index], Process(process)
    autoencoder = autoencoder.to(job.device)
    if job.device.type == "cpu":
        plain_attention(network)
    else:
        network.unet.enable_gradient_checkpointing()

    def loss(running: Any, generator: torch.Generator, step: int) -> Tensor:
        if job.device.type == "cpu":
            plain_layout(running)
        # All parts of a step are of the same kind, and as many samples as the batch asks for.
        kind = _drawn_kind(stage, own, step, job.seed)
        frames, batch_size = (own.frames, own.video_batch) if kind == "video" else (1, own.picture_batch)
        pool = _drawn_bucket(pools[kind], generator)
        if not stage.structured:
            pool = Pool(pool.latents, pool.embeddings, None, pool.weight)
        count = max(1, batch_size // own.accumulate)
        batch = draw_batch(pool, generator, count=count, frames=frames, dropped=own.dropped, level=stage.level)
        batch = batch.to(job.device)
        structure = structure_of(autoencoder, batch)
        return denoising_loss(running, batch, structure, diffusion, generator, video=kind == "video")

    how = TrainingConfig(
        learning_rate=own.learning_rate, drop_at=(), warm_up=min(500, steps), average=0.999, clip_norm=1.0,
        batch=own.video_batch, accumulate=own.accumulate,
    )  # fmt: skip
    trainer = Trainer(network, loss, how, steps=steps, device=job.device, seed=job.seed)
    train(trainer, steps=steps, workdir=job.workdir, progress=job.progress, label=f"gen1 {part}")
    return trainer.result()


def read_shards(paths: Sequence[Path]) -> dict[str, dict[str, Pool]]:
    """Pools by kind and bucket. Where there are no pictures, frames of the videos are what counts as pictures.

    Raises: MethodError if there are no videos.
    """
    parts: dict[str, dict[str, dict[str, list[Tensor]]]] = {kind: {} for kind in _KINDS}
    for path in sorted(paths):
        for key, value in load_file(path).items():
            kind, bucket, field = key.split(".")
            parts[kind].setdefault(bucket, {}).setdefault(field, []).append(value)
    pools = {kind: {bucket: _pool(fields) for bucket, fields in found.items()} for kind, found in parts.items()}
    if not pools["video"]:
        raise MethodError("gen1, footage", "holds no videos", "add some to its sheet: pictures alone teach no motion")
    return {"video": pools["video"], "picture": pools["picture"] or pools["video"]}


def fitted(frames: Frames, bucket: tuple[int, int]) -> Frames:
    """Pictures (T, H, W, 3) of a bucket's width and height: scaled to cover it, cut at the centre."""
    width, height = bucket
    scale = max(height / frames.shape[1], width / frames.shape[2])
    rows, columns = max(height, round(frames.shape[1] * scale)), max(width, round(frames.shape[2] * scale))
    large = resize(to_video(frames), (len(frames), rows, columns))
    top, left = (rows - height) // 2, (columns - width) // 2
    return to_frames(large[:, :, top : top + height, left : left + width])


def bucket_of(size: tuple[int, ...], buckets: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The bucket whose aspect is nearest to a picture's (H, W)."""
    aspect = np.log(size[1] / size[0])
    return min(buckets, key=lambda bucket: abs(np.log(bucket[0] / bucket[1]) - aspect))


def _windows(source: Source, config: FootageConfig) -> Iterator[tuple[str, Frames]]:
    """Of a video windows of frames that are a stride apart, one after the other; of a folder its pictures."""
    try:
        if source.path.is_dir():
            for path in sorted(each for each in source.path.iterdir() if not each.name.startswith(".")):
                picture = ingest.load(path, allow_single=True).frames[:1]
                bucket = bucket_of(picture.shape[1:3], config.buckets)
                yield f"picture.{bucket[0]}x{bucket[1]}", fitted(picture, bucket)
            return
        frames = ingest.load(source.path).frames
    except ClipError as error:
        log.warning("%s: left out: %s", source.where, error)
        return
    span = _span(config)
    if len(frames) < span:
        log.warning("%s: '%s' has %d frames, %d are needed: left out", source.where, source.path, len(frames), span)
    width, height = config.video_bucket
    for first in range(0, len(frames) - span + 1, span):
        window = frames[first : first + span : config.stride]
        yield f"video.{width}x{height}", fitted(window, (width, height))


def _span(config: FootageConfig) -> int:
    return (config.frames - 1) * config.stride + 1


def _continue(network: VideoUNet, state: dict[str, Tensor]) -> None:
    """Take over a stage; an input that grew counts nothing at first."""
    entrance = "unet.conv_in.weight"
    wider = network.state_dict()[entrance]
    missing = wider.shape[1] - state[entrance].shape[1]
    state[entrance] = torch.cat([state[entrance], wider.new_zeros(len(wider), missing, *wider.shape[2:])], 1)
    network.load_state_dict(state)


def _drawn_kind(stage: Stage, config: FootageConfig, step: int, seed: int) -> str:
    if stage.pictures_alone:
        return "picture"
    share = float(torch.rand((), generator=generator_of(seed, step, _KIND)))
    return "picture" if share < config.picture_share else "video"


def _drawn_bucket(pools: Mapping[str, Pool], generator: torch.Generator) -> Pool:
    counts = torch.tensor([float(len(pool.latents)) for pool in pools.values()])
    return list(pools.values())[int(torch.multinomial(counts, 1, generator=generator))]


def _pool(fields: Mapping[str, list[Tensor]]) -> Pool:
    latents, embeddings, signals = (torch.cat(fields[field]) for field in _FIELDS)
    return Pool(latents, embeddings, signals, torch.ones(len(latents), dtype=torch.float64))
