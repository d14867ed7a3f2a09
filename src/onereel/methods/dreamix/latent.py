"""Dreamix on public models of latents: ModelScope and Zeroscope, Latte, Wan.

They have no cascade: downsampling is the autoencoder's, the base is all there is to tune, and Zeroscope XL can take the
place of spatial super-resolution (`DreamixConfig.upscaler`). Of Wan frames alone are one-frame videos, which pass its
3D attention as pictures do in its own training: an approximation of leaving time out (`onereel.backbones.wan`).
"""

from __future__ import annotations

import logging
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from onereel.backbones.costs import latents_like, lora_cost, outlook, text_like
from onereel.backbones.loading import placed
from onereel.backbones.text_to_video import LatentTextToVideo, default_dtype, text_to_video_of
from onereel.base.errors import MethodError
from onereel.base.progress import Progress, no_progress
from onereel.diffusion.windows import Windows
from onereel.methods.dreamix.config import DreamixConfig
from onereel.methods.dreamix.editor import Editor, Material, check_stages
from onereel.methods.dreamix.shape import Footage, at_work
from onereel.training.adapters import Patterns
from onereel.training.estimates import check_memory, tuning_cost
from onereel.weights.store import Resolved

log = logging.getLogger(__name__)

_ATTENTION = ("*to_q", "*to_k", "*to_v", "*to_out.0")


class LatentEditor(Editor):
    """A model that denoises latents.

    Args:
        model: with its weights.
        config: settings.
        upscaler: edits the result again, larger.
    """

    stages: ClassVar[tuple[str, ...]] = ("base",)

    def __init__(self, model: LatentTextToVideo, config: DreamixConfig, upscaler: LatentEditor | None = None) -> None:
        self.model, self.config, self.upscaler = model, config, upscaler
        self.native, self.device, self.step = model.native, model.device, model.side_step

    @classmethod
    def load(
        cls,
        weights: Resolved,
        config: DreamixConfig,
        device: torch.device,
        *,
        training: bool,
        upscaler: Resolved | None = None,
    ) -> Self:
        """See `Editor.load`. To be tuned as a whole, weights are float32: steps of bfloat16 are larger than most of
        what such a learning rate would change."""
        whole = training and config.adapter == "full"
        offload = device.type != "cpu"  # what is not at work waits in the machine's memory
        dtype = torch.float32 if whole else None
        model = _latent(weights).load(weights, device=device, dtype=dtype, offload=offload)
        if upscaler is None:
            return cls(model, config)
        further = cls(_latent(upscaler).load(upscaler, device=device, offload=offload), config)
        return cls(model, config, further)

    @classmethod
    def check(
        cls,
        weights: Resolved,
        config: DreamixConfig,
        device: torch.device,
        size: tuple[int, int, int],
        *,
        tuned: bool,
        upscaler: Resolved | None = None,
    ) -> None:
        """Stages that there are; windows, and a step of tuning, that fit into memory."""
        if tuned:
            check_stages(config, cls.stages)
        guided = config.guidance_scale > 1
        for model in (weights, *filter(None, [upscaler])):
            window = _window(_latent(model).skeleton(model, dtype=torch.float32), size)
            outlook(model, window, device, guided=guided)
        if tuned and device.type != "meta":
            window = _window(_latent(weights).skeleton(weights, dtype=torch.float32), size)
            _check_tuning(weights, config, window, device)

    def frames_for(self, count: int) -> int:
        """As many as the model can make."""
        return frames_for(self.model, count)

    def network(self, stage: str) -> nn.Module:
        """The network that denoises."""
        network: nn.Module = self.model.network
        return network

    def targets(self, stage: str) -> Patterns:
        """Attention, over space, time and words."""
        return _ATTENTION

    def material(self, stage: str, footage: Footage) -> Material:
        """Latents; pictures are encoded one by one, also where the autoencoder packs frames of a video."""
        native, side = self.native, self.model.side
        if not self.model.timeless:
            log.warning("%s: frames alone are videos of one frame here, an approximation of Eq. 3", self.model.name)
        video = None if footage.video is None else self.model.encode(footage.video[None])[0]
        pictures = [self.model.encode(picture[None])[0] for picture in footage.pictures]
        window = (self.model.latent_frames(native.frames), native.height // side, native.width // side)
        return Material(video, pictures, window, self.model.encode_prompt([self.config.token]))

    def error(
        self, stage: str, network: nn.Module, clean: Tensor, text: Any, generator: torch.Generator, *, video: bool
    ) -> Tensor:
        """See `LatentTextToVideo.loss`."""
        return self.model.loss(clean, text, generator, video=video)

    def save_memory(self) -> None:
        """See `LatentTextToVideo.save_memory`."""
        self.model.save_memory()

    @torch.no_grad()
    def edit(
        self,
        video: Tensor,
        prompt: str,
        strength: float,
        generator: torch.Generator,
        *,
        progress: Progress = no_progress,
    ) -> Tensor:
        """See `Editor.edit`."""
        model, config = self.model, self.config
        latents = model.encode(video[None])
        condition, negative = (model.encode_prompt([each]) for each in (prompt, config.negative_prompt))
        windows = self._windows()
        with placed(model.network, self.device, offload=model.offload):
            said = model.guided(condition, negative, config.guidance_scale)

            def predict(noisy: Tensor, timestep: int) -> Tensor:
                return windows(lambda part: said(part, timestep), noisy)

            edited = model.edit(
                predict, latents, strength, config.num_inference_steps, generator,
                stochastic=config.sampler == "stochastic", progress=progress,
            )  # fmt: skip
        made = model.decode(edited)[0]
        return made if self.upscaler is None else self._larger(made, prompt, generator, progress)

    def _larger(self, video: Tensor, prompt: str, generator: torch.Generator, progress: Progress) -> Tensor:
        """Edited again at the upscaler's size."""
        assert self.upscaler is not None
        upscaler = self.upscaler
        large, place = at_work(video, upscaler.side, upscaler.step, upscaler.frames_for(video.shape[1]))
        made = upscaler.edit(large, prompt, self.config.upscaler_strength, generator, progress=progress)
        return place.out_of(made)

    def _windows(self) -> Windows:
        native, side, step = self.native, self.model.side, self.model.side_step // self.model.side
        size = (self.model.latent_frames(native.frames), native.height // side, native.width // side)
        return Windows(size, self.config.overlap, (1, step, step), self.config.match_colours)


def frames_for(model: LatentTextToVideo, count: int) -> int:
    """Frames, at least `count`, that a model makes, or of which it makes windows."""
    native = model.native.frames
    for frames in range(count, count + native + 4):
        try:
            model.check_frames(frames)
        except MethodError:
            continue
        if frames > 1 or count == 1:
            return frames
    return max(count, native)  # a model of one length alone, and a longer clip: windows


def _latent(weights: Resolved) -> type[LatentTextToVideo]:
    kind = text_to_video_of(weights)
    if not issubclass(kind, LatentTextToVideo):
        raise MethodError(f"backbone '{weights.name}'", "has no latents", "choose one of config/backbones.yaml")
    return kind


def _window(model: LatentTextToVideo, size: tuple[int, int, int]) -> tuple[int, int, int]:
    """Frames, height and width of what the model sees at once, of an input of this size; zeros: the model's own."""
    native, step = model.native, model.side_step
    frames, height, width = size
    scale = min(native.height, native.width) / min(height, width) if min(height, width) else 0.0
    high, wide = ((step * -(-round(side * scale) // step)) or most for side, most in
                  ((height, native.height), (width, native.width)))  # fmt: skip
    seen = frames_for(model, frames) if frames else native.frames
    return min(seen, native.frames), min(high, native.height), min(wide, native.width)


def _check_tuning(weights: Resolved, config: DreamixConfig, window: tuple[int, int, int], device: torch.device) -> None:
    """Refuse a fine-tuning that does not fit, with what would.

    Raises: MethodError in one line.
    """
    kind = _latent(weights)

    def lora(frames: int, height: int, width: int) -> int:
        return lora_cost(
            kind.skeleton(weights, dtype=default_dtype(device)), frames, height, width, rank=config.lora_rank
        ).memory

    def full(frames: int, height: int, width: int) -> int:
        model = kind.skeleton(weights, dtype=torch.float32)
        model.network.requires_grad_(True)
        model.save_memory()
        noisy, text = latents_like(model, 1, frames, height, width), text_like(model, 1)
        copies = int(config.training.average is not None)
        loss = tuning_cost(lambda: model.predict(noisy, 1, text).square().mean(), [model.network], copies=copies)
        return loss.memory

    needed = {"lora": lora, "full": full}[config.adapter]
    ways = {"adapter=lora": lambda: lora(*window)} if config.adapter == "full" else {}
    check_memory(f"fine-tuning of backbone '{weights.name}'", needed(*window), device, ways)
