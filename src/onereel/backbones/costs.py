"""What sampling and tuning a text-to-video model on latents takes, before any of its weights is read."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from onereel.backbones.text import Text
from onereel.backbones.text_to_video import DiffusedTextToVideo, LatentTextToVideo, default_dtype, text_to_video_of
from onereel.base.errors import MethodError
from onereel.base.memory import available_memory
from onereel.training.adapters import Patterns, add_lora
from onereel.training.estimates import Cost, check_memory, cost_of, in_gb, speed_of, tuning_cost
from onereel.weights.store import Resolved


@dataclass(frozen=True)
class Parts:
    """What a sample's parts take, one after the other: reading the prompts, denoising in one step, decoding at once and
    in slices."""

    reading: Cost
    denoising: Cost
    decoding: Cost
    slicing: Cost

    def whole(self, *, num_inference_steps: int = 1, offload: bool = False) -> Cost:
        """All of it.

        Args:
            num_inference_steps: passes of the network.
            offload: whether only the network that is at work is on the device, see `LatentTextToVideo`.
        """
        denoising = self.denoising.times(num_inference_steps)
        if offload:
            return denoising.in_turn(self.slicing)
        return self.reading.together(denoising).together(self.decoding)


def sampling_cost(model: LatentTextToVideo, frames: int, height: int, width: int, *, guided: bool = True) -> Parts:
    """What one sample takes.

    Args:
        model: a `LatentTextToVideo.skeleton`.
        frames, height, width: of the sample.
        guided: whether each pass of the network is of two prompts.
    """
    encoder, prompts = model.encoder, 1 + guided
    tokens = torch.empty((1, encoder.length), dtype=torch.long, device="meta")
    text, noisy = text_like(model, prompts), latents_like(model, prompts, frames, height, width)
    decoding = _decoding(model, frames, height, width)
    return Parts(
        cost_of(lambda: encoder.encoder(tokens), [encoder.encoder]).times(prompts),
        cost_of(lambda: model.predict(noisy, 1, text), [model.network]),
        decoding,
        _slicing(model, frames, height, width) if 0 < model.tile < max(height, width) else decoding,
    )


def _decoding(model: LatentTextToVideo, frames: int, height: int, width: int) -> Cost:
    """Decoding at once; where that is picture by picture, one stands for all."""
    together = 1 if isinstance(model, DiffusedTextToVideo) else frames
    cost = cost_of(lambda: model.to_video(latents_like(model, 1, together, height, width)), [model.vae])
    return _in_pieces(cost, frames / together, (frames, height, width)) if together < frames else cost


def _slicing(model: LatentTextToVideo, frames: int, height: int, width: int) -> Cost:
    """Decoding tile by tile."""
    tile = cost_of(lambda: model.to_video(latents_like(model, 1, frames, model.tile, model.tile)), [model.vae])
    return _in_pieces(tile, height * width / model.tile**2, (frames, height, width))


def _in_pieces(piece: Cost, pieces: float, size: tuple[int, int, int]) -> Cost:
    """So many pieces, one after the other: those that are done, and the video that they are put into, stay."""
    video = 4 * 3 * math.prod(size)  # bytes
    return Cost(piece.weights, piece.activations + 2 * video, round(piece.flops * pieces))


def lora_cost(
    model: LatentTextToVideo,
    frames: int,
    height: int,
    width: int,
    *,
    targets: Patterns = ("*to_q", "*to_k", "*to_v", "*to_out.0"),
    rank: int = 16,
    checkpointing: bool = True,
) -> Cost:
    """What a step of tuning adapters on one video takes. Prompts and latents are made before it: the network alone is
    on the device.

    Args:
        model: a `LatentTextToVideo.skeleton`; it gets the adapters.
        frames, height, width: of the video.
        targets: layers that are adapted.
        rank: of the adapters.
        checkpointing: see `LatentTextToVideo.save_memory`.
    """
    add_lora(model.network, targets, rank=rank, alpha=rank, seed=0)
    if checkpointing:
        model.save_memory()
    noisy, text = latents_like(model, 1, frames, height, width), text_like(model, 1)
    return tuning_cost(lambda: (model.predict(noisy, 1, text) - noisy).square().mean(), [model.network])


@dataclass(frozen=True)
class Outlook:
    """What a run will take.

    Attributes:
        offload: whether only what is at work should be on the device.
        parts: of one sample; None where nobody counts: of small models, which fit anywhere.
        speed: of the device; 0 where nothing runs.
    """

    offload: bool = False
    parts: Parts | None = None
    speed: float = 0.0

    def words(self, num_inference_steps: int, samples: int) -> str:
        """For a log: ``about 7.9 GB and 3 minutes a sample``."""
        if self.parts is None or not self.speed:
            return "not counted"
        cost = self.parts.whole(num_inference_steps=num_inference_steps, offload=self.offload)
        minutes = cost.seconds(self.speed) / 60
        took = f"{minutes:.0f} minutes" if minutes >= 2 else f"{60 * minutes:.0f} seconds"
        how = ", offloaded" if self.offload else ""
        return f"{samples} samples, each about {took}, in about {in_gb(cost.memory)} of memory{how}"


def outlook(
    weights: Resolved, wanted: tuple[int | None, int | None, int | None], device: torch.device, *, guided: bool
) -> Outlook:
    """What a sample of these weights takes; nothing of them but configurations is read.

    Args:
        weights: of a text-to-video model.
        wanted: frames, height and width; None: what it was trained for.
        device: where it is to run; ``meta``: nobody knows yet, so no limit of memory is judged.
        guided: see `sampling_cost`.

    Raises: WeightsError if it makes no videos or files are missing; MethodError if it cannot make that size, or not on
        this device: it says which smaller samples would fit.
    """
    kind = text_to_video_of(weights)
    if not issubclass(kind, LatentTextToVideo):
        if any(wanted):
            small = kind.load(weights)
            native = small.native
            small.check_size(wanted[0] or native.frames, wanted[1] or native.height, wanted[2] or native.width)
        return Outlook()
    dtype = default_dtype(device)
    model = kind.skeleton(weights, dtype=dtype)
    native = model.native
    frames, height, width = wanted[0] or native.frames, wanted[1] or native.height, wanted[2] or native.width
    model.check_size(frames, height, width)
    if device.type == "meta":
        return Outlook()
    key = (weights.name, weights.sha256, frames, height, width, guided, dtype)
    if key not in _COUNTED:
        _COUNTED[key] = sampling_cost(model, frames, height, width, guided=guided)
    offload = check_sampling(model, _COUNTED[key], (frames, height, width), device, guided=guided)
    return Outlook(offload, _COUNTED[key], speed_of(device, dtype))


_COUNTED: dict[tuple[Any, ...], Parts] = {}  # a process asks before it samples, and when it does


def check_sampling(
    model: LatentTextToVideo, parts: Parts, size: tuple[int, int, int], device: torch.device, *, guided: bool = True
) -> bool:
    """Whether a sample needs offloading on a device.

    Args:
        model: a `LatentTextToVideo.skeleton`.
        parts: what a sample of this size takes.
        size: frames, height and width.
        device: where it is to run; of the processor, offloading gains nothing.
        guided: see `sampling_cost`.

    Raises: MethodError in one line if it does not fit even so: it says which smaller samples would.
    """
    able = device.type != "cpu"

    def bytes_of(*smaller: int) -> int:
        return sampling_cost(model, *smaller, guided=guided).whole(offload=able).memory

    step, (frames, height, width) = model.side_step, size
    ways: dict[str, Callable[[], int]] = {}
    for share in (2, 4):
        fewer = (frames // share - 1) // 4 * 4 + 1  # every family makes 4n + 1 frames, or says which it does
        low, narrow = (max(1, side // share // step) * step for side in (height, width))
        if _makes(model, fewer, height, width):
            ways[f"{fewer} frame{'s' * (fewer > 1)}"] = partial(bytes_of, fewer, height, width)
        ways[f"{low}x{narrow} pixels"] = partial(bytes_of, frames, low, narrow)
    check_memory(f"backbone '{model.name}'", parts.whole(offload=able).memory, device, ways)
    return able and parts.whole().memory > available_memory(device)


def _makes(model: LatentTextToVideo, frames: int, height: int, width: int) -> bool:
    try:
        model.check_size(frames, height, width)
    except MethodError:
        return False
    return frames > 0


def latents_like(model: LatentTextToVideo, count: int, frames: int, height: int, width: int) -> Tensor:
    """(count, C, T', H', W') without values."""
    size = model.latent_frames(frames), height // model.side, width // model.side
    return torch.empty((count, model.channels, *size), device="meta")


def text_like(model: LatentTextToVideo, count: int) -> Text:
    """So many encoded prompts without values."""
    config = model.encoder.encoder.config
    width = getattr(config, "d_model", None) or config.hidden_size
    states = torch.empty((count, model.encoder.length, width), device="meta")
    return Text(states, torch.ones(states.shape[:2], dtype=torch.bool, device="meta"))
