"""What Gen-1 learns from, and its loss (Eq. 6): the same for the stand-ins of worlds, for footage and for a subject.

Latents, structure and content of all clips are computed once. Loss: the squared error of v, min-SNR-weighted (Hang et
al. 2023): lambda_t of Eq. 6, which the paper does not name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from onereel.backbones.video_unet import VideoUNet
from onereel.diffusion.process import Process
from onereel.methods.gen1.config import STRUCTURE_LEVELS
from onereel.methods.gen1.structure import coarsened, level_channels, structure_latents

CONTENT_SPREAD = 16.0
"""Of the values of `clip-world`'s embeddings, about; those of OpenAI's are below 1, and are taken as they are."""
_READING = (".attn2.to_k.weight", ".attn2.to_v.weight")


@dataclass(frozen=True)
class Pool:
    """N clips of T frames.

    Attributes:
        latents: (N, T, 4, h, w) float16.
        embeddings: (N, T, D) float32, of each frame, with CLIP's own length.
        signals: (N, T, H, W) uint8, structure, 255 for 1; None for models without.
        weight: (N,) float64, how often each clip is drawn.
    """

    latents: Tensor
    embeddings: Tensor
    signals: Tensor | None
    weight: Tensor


class Batch(NamedTuple):
    """B windows of T frames.

    Attributes:
        clean: (B, 4, T, h, w) float32.
        content: (B, 1, D), embeddings; zeros where it is left out.
        signals: (B, T, H, W) float32 in [0, 1], or None.
        levels: (B,), t_s.
    """

    clean: Tensor
    content: Tensor
    signals: Tensor | None
    levels: Tensor

    def to(self, device: torch.device) -> "Batch":
        """On a device."""
        signals = None if self.signals is None else self.signals.to(device)
        return Batch(self.clean.to(device), self.content.to(device), signals, self.levels.to(device))


def draw_batch(
    pool: Pool, generator: torch.Generator, *, count: int, frames: int, dropped: float, level: int | None = None
) -> Batch:
    """Windows of consecutive frames; the content is a random frame of each (section 3.3).

    Args:
        pool: clips of at least so many frames.
        generator: decides.
        count: B.
        frames: T; 1 for pictures.
        dropped: share of windows whose content is left out, for guidance.
        level: t_s; None: each from 0 to 7, all as likely (section 3.4).
    """
    which = torch.multinomial(pool.weight, count, replacement=True, generator=generator)
    first = torch.randint(pool.latents.shape[1] - frames + 1, (count,), generator=generator)
    when = first[:, None] + torch.arange(frames)  # (B, T)
    shown = first + torch.randint(frames, (count,), generator=generator)
    content = pool.embeddings[which, shown][:, None].clone()
    content[torch.rand(count, generator=generator) < dropped] = 0
    levels = torch.randint(STRUCTURE_LEVELS + 1, (count,), generator=generator)
    signals = None if pool.signals is None else pool.signals[which[:, None], when].float() / 255
    return Batch(
        pool.latents[which[:, None], when].float().transpose(1, 2),
        content,
        signals,
        levels if level is None else torch.full_like(levels, level),
    )


@torch.no_grad()
def structure_of(autoencoder: Any, batch: Batch) -> Tensor | None:
    """What the model reads of a batch's structure: (B, 8, T, h, w), each window with its own t_s."""
    if batch.signals is None:
        return None
    frames = batch.signals.shape[1]
    coarse = torch.empty_like(batch.signals)
    for level in batch.levels.unique().tolist():
        own = batch.levels == level
        coarse[own] = coarsened(batch.signals[own].flatten(0, 1), level).unflatten(0, (-1, frames))
    latents = structure_latents(autoencoder, coarse.flatten(0, 1)).float().unflatten(0, (-1, frames)).transpose(1, 2)
    return torch.cat([latents, level_channels(batch.levels, tuple(latents.shape[2:])).to(latents)], 1)


def denoising_loss(
    network: VideoUNet,
    batch: Batch,
    structure: Tensor | None,
    process: Process,
    generator: torch.Generator,
    *,
    video: bool,
) -> Tensor:
    """Eq. 6 of a batch whose noise is the generator's.

    Args:
        network: in training.
        batch: what is clean, and what it shows.
        structure: of the batch; see `structure_of`.
        process: the diffusion.
        generator: on the CPU.
        video: False trains on frames as pictures, which temporal layers do not see.
    """
    timesteps = process.draw_timesteps(len(batch.clean), generator)
    level = process.levels[timesteps + 1]
    noise = torch.randn(batch.clean.shape, generator=generator).to(batch.clean)
    noisy = process.add_noise(batch.clean, noise, level)
    sample = noisy if structure is None else torch.cat([noisy, structure], 1)
    said = network(sample, timesteps.to(noisy.device), batch.content, video=video).float()
    error = (said - process.target(batch.clean, noise, level)).square().mean((1, 2, 3, 4))
    return (error * process.min_snr_weight(level).to(error)).mean()


def for_unit_content(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights for embeddings divided by `CONTENT_SPREAD`: kernels that read them are then as large as others, and Adam
    changes them as much."""
    return {name: value * CONTENT_SPREAD if _reads_content(name) else value for name, value in state.items()}


def for_raw_content(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Inverse: weights for embeddings as CLIP gives them."""
    return {name: value / CONTENT_SPREAD if _reads_content(name) else value for name, value in state.items()}


def unit_content(batch: Batch) -> Batch:
    """The batch with its embeddings divided by `CONTENT_SPREAD`."""
    return batch._replace(content=batch.content / CONTENT_SPREAD)


def _reads_content(name: str) -> bool:
    return name.endswith(_READING) and not name.startswith("temporal.")
