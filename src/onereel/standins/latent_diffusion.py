"""What diffusion models of `latent-world` share: latents of worlds, the loss, and scores by the classifiers of worlds.

Latents are computed once, before training. Loss: the squared error of v, min-SNR-weighted (Hang et al. 2023).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onereel.backbones.latent import PROCESS, Condition, LatentModel, encoded, load_autoencoder, predicted
from onereel.backbones.latent import plain_attention as plain_attention
from onereel.backbones.latent import plain_layout as plain_layout
from onereel.base.progress import Progress, no_progress
from onereel.diffusion.process import Process
from onereel.features.world_classifiers import PictureReader
from onereel.scenes.world import FIRST_UNSEEN, WorldSpec
from onereel.standins.classes import asked_of, balanced_accuracies, one_group
from onereel.standins.worlds import specs_from
from onereel.training.settings import TrainingConfig
from onereel.weights.store import Resolved, Weights

BATCH, DROPPED = 32, 0.1
"""Pictures of a step, and the share of conditions that are left out, for guidance."""
GUIDANCE = (1, 3)
"""Scales that are scored."""
BOUNDS: Mapping[str, float] = {
    "setting": 0.9, "time": 0.9, "weather": 0.9, "style": 0.9, "kind": 0.75, "colour": 0.75, "size": 0.8, "count": 0.6,
}  # fmt: skip
"""Of `scored`, as asked of every generative stand-in."""
TRAINING = TrainingConfig(
    learning_rate=1e-3, drop_at=(), decay="cosine", warm_up=200, average=0.999, clip_norm=1.0, batch=BATCH
)
_PROCESS = Process(PROCESS)
_CHUNK = 128


@dataclass(frozen=True)
class Drawn:
    """A batch of N pictures of a pool.

    Attributes:
        which: (N,) int64, its worlds.
        when: (N,) int64, their frames.
    """

    which: Tensor
    when: Tensor


def latents_of(network: Any, frames: np.ndarray) -> Tensor:
    """What a diffusion model sees of frames (N, H, W, 3) uint8: (N, 4, H/4, W/4) on the CPU."""
    device = next(network.parameters()).device
    parts = [frames[start : start + _CHUNK] for start in range(0, len(frames), _CHUNK)]
    with torch.inference_mode():
        return torch.cat([encoded(network, pictures_of(part).to(device)).cpu() for part in parts])


def pool_latents(autoencoder: Resolved, frames: np.ndarray, progress: Progress = no_progress) -> Tensor:
    """Latents (N, T, 4, H/4, W/4) float32 of clips (N, T, H, W, 3) uint8."""
    network = load_autoencoder(autoencoder)
    starts = range(0, len(frames), _CHUNK)
    found = [
        latents_of(network, frames[start : start + _CHUNK].reshape(-1, *frames.shape[2:])).unflatten(
            0, (-1, frames.shape[1])
        )
        for start in progress(starts, total=len(starts), label="encode worlds")
    ]
    return torch.cat(found)


def drawn(weight: Tensor, frames: int, generator: torch.Generator) -> Drawn:
    """A batch of worlds, drawn by their weights (N,), and one of the frames of each."""
    which = torch.multinomial(weight, BATCH, replacement=True, generator=generator)
    return Drawn(which, torch.randint(frames, (BATCH,), generator=generator))


def diffusion_loss(unet: Any, clean: Tensor, condition: Condition, generator: torch.Generator) -> Tensor:
    """Of latents (B, 4, H, W) under conditions."""
    timesteps = _PROCESS.draw_timesteps(len(clean), generator)
    level = _PROCESS.levels[timesteps + 1]
    noise = torch.randn(clean.shape, generator=generator).to(clean)
    noisy = _PROCESS.add_noise(clean, noise, level)
    said = predicted(unet, noisy, timesteps.to(clean.device), condition)
    error = (said.float() - _PROCESS.target(clean, noise, level)).square().mean((1, 2, 3))
    return (error * _PROCESS.min_snr_weight(level).to(error)).mean()


def pictures_of(frames: np.ndarray) -> Tensor:
    """(N, H, W, 3) uint8 -> (N, 3, H, W) float32 in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float().contiguous() / 127.5 - 1


def frames_of(pictures: Tensor) -> np.ndarray:
    """Inverse of `pictures_of`."""
    return ((pictures.cpu() + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def unseen_specs(clips: int) -> tuple[WorldSpec, ...]:
    """Worlds with one group of things that nobody trained on."""
    return specs_from(FIRST_UNSEEN, clips, one_group)


def generated(model: LatentModel, condition: Condition, guidance_scale: float) -> np.ndarray:
    """Pictures (N, H, W, 3) uint8 for N conditions, picture i from seed i."""
    count = len(condition.states)
    parts = []
    for start in range(0, count, _CHUNK):
        states, *others = (each if each is None else each[start : start + _CHUNK] for each in condition)
        assert states is not None
        part = Condition(states, *others)
        generators = [torch.Generator().manual_seed(start + index) for index in range(len(part.states))]
        parts.append(frames_of(model.generate(part, generators, guidance_scale=guidance_scale)))
    return np.concatenate(parts)


def read_pictures(frames: np.ndarray, *, device: torch.device | str = "cpu") -> dict[str, np.ndarray]:
    """What pictures (N, H, W, 3) uint8 show, by the project's classifier: (N,) int64 into `CLASSES` by attribute."""
    return PictureReader(Weights().resolve("inception-world"), device=device).read(frames)


def scored(
    make: Callable[[float], np.ndarray],
    specs: Sequence[WorldSpec],
    truth: np.ndarray,
    named: Sequence[frozenset[str]] | None,
    *,
    device: torch.device | str = "cpu",
) -> dict[str, float]:
    """``ATTRIBUTE_1``, ``ATTRIBUTE_3``: `balanced_accuracies` of pictures with guidance 1 and 3; ``ATTRIBUTE``: with
    the one that does better on average, which is ``guidance``; ``ATTRIBUTE_true``: of true pictures.

    Args:
        make: pictures (N, H, W, 3) uint8 at a guidance scale.
        specs: N worlds that they should show.
        truth: (N, H, W, 3) uint8, true pictures of them.
        named: attributes of each world that count; None: all that can be seen.
        device: of the classifier.
    """
    asked = asked_of(specs, named)

    def read(frames: np.ndarray) -> dict[str, float]:
        return balanced_accuracies(read_pictures(frames, device=device), asked)

    by_scale = {scale: read(make(scale)) for scale in GUIDANCE}
    best = max(GUIDANCE, key=lambda scale: float(np.mean(list(by_scale[scale].values()))))
    found = {"guidance": float(best), **by_scale[best]}
    for label, values in [*by_scale.items(), ("true", read(truth))]:
        found |= {f"{name}_{label}": value for name, value in values.items()}
    return found
