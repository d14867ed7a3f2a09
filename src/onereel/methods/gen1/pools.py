"""Latents, content and structure of clips, computed once before a training."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onereel.backbones.latent import encoded
from onereel.base.progress import Progress, no_progress
from onereel.features.depth import DepthEstimator
from onereel.features.text_image import ClipEmbedder
from onereel.methods.gen1.config import Structure
from onereel.methods.gen1.structure import signal_of
from onereel.methods.gen1.training import Pool
from onereel.scenes.world import WorldSpec, render_specs
from onereel.video.clip import Frames

FRAMES, FPS, SIDE = 16, 8, 64
"""Of worlds: a clip has as many frames as the known edits' sources."""
_CHUNK = 32  # worlds rendered together
_PICTURES = 128  # frames that go through the autoencoder at once


@dataclass(frozen=True)
class Readers:
    """What reads clips.

    Attributes:
        autoencoder: diffusers', frozen.
        embedder: CLIP.
        depth: what estimates depth; None where structure is not read, or is edges.
        structure: what represents structure; None where it is not read.
    """

    autoencoder: Any
    embedder: ClipEmbedder
    depth: DepthEstimator | None = None
    structure: Structure | None = None

    def pool(self, clips: Sequence[Frames]) -> Pool:
        """Clips of one size and length, (T, H, W, 3) uint8 each."""
        frames = np.stack(clips)
        flat = frames.reshape(-1, *frames.shape[2:])
        lengths = frames.shape[:2]
        signals = None
        if self.structure is not None:
            signals = torch.stack([self._signal(each) for each in frames])
        return Pool(
            self._latents(flat).unflatten(0, lengths),
            self.embedder.raw_images(flat).unflatten(0, lengths),
            signals,
            torch.ones(len(frames), dtype=torch.float64),
        )

    def _latents(self, frames: Frames) -> Tensor:
        device = next(self.autoencoder.parameters()).device
        found = []
        with torch.inference_mode():
            for start in range(0, len(frames), _PICTURES):
                part = torch.from_numpy(np.ascontiguousarray(frames[start : start + _PICTURES])).to(device)
                pictures = part.permute(0, 3, 1, 2).float().contiguous() / 127.5 - 1
                found.append(encoded(self.autoencoder, pictures).half().cpu())
        return torch.cat(found).clone()

    def _signal(self, frames: Frames) -> Tensor:
        assert self.structure is not None
        depth = self.depth.estimate(frames) if self.depth else None
        return (signal_of(self.structure, frames, depth) * 255).round().byte()


def joined(pools: Sequence[Pool]) -> Pool:
    """Several as one."""
    signals = [pool.signals for pool in pools if pool.signals is not None]
    return Pool(
        torch.cat([pool.latents for pool in pools]),
        torch.cat([pool.embeddings for pool in pools]),
        torch.cat(signals) if signals else None,
        torch.cat([pool.weight for pool in pools]),
    )


def world_pool(specs: Sequence[WorldSpec], readers: Readers, progress: Progress = no_progress) -> Pool:
    """Worlds of `FRAMES` frames, rendered, read and forgotten some at a time."""
    starts = range(0, len(specs), _CHUNK)
    found = []
    for start in progress(starts, total=len(starts), label="read worlds"):
        part = specs[start : start + _CHUNK]
        found.append(readers.pool(list(render_specs(part, frames=FRAMES, fps=FPS, height=SIDE, width=SIDE).frames)))
    return joined(found)
