"""The model ``public``: Gen-1 of published parts (`onereel.backbones.animatediff`), for whoever has a GPU and no time
to train.

Its image model is the same U-Net without motion modules, so Eq. 8 is as for a model of our own; structure is read by
the ControlNet, blurred t_s times as section 3.3 has it, which it was not trained for. On the published weights nobody
has yet seen this.
"""

import logging
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, Self

import torch
from torch import Tensor
from torch.nn import functional

from onereel.backbones import karlo
from onereel.backbones.animatediff import AnimateDiff
from onereel.backbones.text_to_video import default_dtype
from onereel.base.errors import WeightsError
from onereel.diffusion.guidance import CONDITIONAL, IMAGE, UNCONDITIONAL, Branch, combined, temporal_weights
from onereel.diffusion.samplers import Predict
from onereel.methods.base import Inputs, Job
from onereel.methods.gen1 import CUSTOMISED, PUBLIC
from onereel.methods.gen1.config import Gen1Config, VideoEditorConfig
from onereel.methods.gen1.edit import check_window, working_size
from onereel.methods.gen1.loading import load_model
from onereel.methods.gen1.model import Guidance, VideoModel
from onereel.methods.gen1.structure import coarsened
from onereel.training.estimates import Cost, check_memory, cost_of
from onereel.video.clip import Frames
from onereel.video.pyramid import Size
from onereel.weights.store import Resolved

log = logging.getLogger(__name__)
_FAMILIES = {
    "image": "image-variations", "motion": "motion-adapter", "control": "controlnet", "text": "stable-diffusion"
}  # fmt: skip


class PublicWeights(NamedTuple):
    """Published parts, as `AnimateDiff.load` takes them; without `control` no structure is read."""

    image: Resolved
    motion: Resolved
    control: Resolved | None
    text: Resolved


def weights_of(config: Gen1Config, job: Job) -> PublicWeights:
    """Those of Gen-1's settings.

    Raises: WeightsError if some are not here.
    """
    parts = config.public
    return PublicWeights(
        *(job.backbone(name) for name in (config.image_model, parts.motion, parts.control, parts.text))
    )


def load_editor(config: Gen1Config, job: Job) -> VideoModel:
    """What samples are drawn with: published parts, or a model of our own (`loading.load_model`).

    Raises: WeightsError, MethodError as these.
    """
    if config.model == PUBLIC:
        scale = config.public.conditioning_scale
        return PublicModel.load(weights_of(config, job), config, job, conditioning_scale=scale)
    return load_model(config, job, job.models.get(CUSTOMISED))


def reader_of(model: VideoModel) -> "PublicModel | None":
    """What reads contents for a model that brings its own CLIP; None for others."""
    return model if isinstance(model, PublicModel) else None


class PublicModel:
    """A `onereel.methods.gen1.model.VideoModel` of published parts.

    Args:
        parts: the networks.
        conditioning_scale: how much structure counts.
    """

    def __init__(self, parts: AnimateDiff, conditioning_scale: float = 1.0) -> None:
        self.parts, self.device, self.process = parts, parts.device, parts.process
        self.has_structure = parts.control is not None
        self.dimension = int(parts.image_encoder.config.projection_dim)
        self._scale = conditioning_scale

    @classmethod
    def load(
        cls,
        weights: PublicWeights,
        config: VideoEditorConfig,
        job: Job,
        *,
        conditioning_scale: float = 1.0,
        method: str = "gen1",
    ) -> Self:
        """That of published parts.

        Args:
            weights: of the parts.
            config: settings.
            job: where to compute.
            conditioning_scale: how much structure counts.
            method: whose errors they are.

        Raises: WeightsError if parts are missing or damaged; MethodError if they do not go together, or the model sees
            fewer frames than settings say.
        """
        log.info("%s, model 'public': nobody has yet seen this on published weights; tell us what comes out", method)
        parts = AnimateDiff.load(*weights, device=job.device)
        check_window(config, weights.motion.name, parts.longest, method)
        return cls(parts, conditioning_scale)

    @property
    def shrinks(self) -> int:
        """Pixels for one of a latent's."""
        return shrinks_of(self.parts)

    @property
    def step(self) -> int:
        """Sides of videos are multiples of that many pixels."""
        return step_of(self.parts)

    def raw_images(self, frames: Frames) -> Tensor:
        """Embeddings (T, D) of frames (T, H, W, 3) uint8, with CLIP's own length, on the CPU."""
        pictures = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 127.5 - 1
        return self.parts.embed(pictures)[:, 0].cpu()

    def encode(self, video: Tensor) -> Tensor:
        """(3, T, H, W) in [-1, 1] -> (1, 4, T, h, w)."""
        return self.parts.encode(video[None])

    def decode(self, latents: Tensor) -> Tensor:
        """Inverse of `encode`, on the CPU."""
        return self.parts.decode(latents)[0].cpu()

    def read_structure(self, signal: Tensor, level: int) -> Tensor:
        """A clip's signal (T, H, W) in [0, 1] with t_s rounds of blurring. The ControlNet reads pixels, windows are cut
        of latents: all pixels of a latent lie in its channels, (1, side^2, T, h, w)."""
        pictures = coarsened(signal, level)[:, None].to(self.device)
        return functional.pixel_unshuffle(pictures, self.shrinks).transpose(0, 1)[None]

    def guided(self, content: Tensor, unwanted: Tensor, structure: Tensor | None, guidance: Guidance) -> Predict:
        """Eq. 8 for W windows: one pass without motion modules, one with them of both contents.

        Args:
            content: (1, D), c.
            unwanted: (1, D), what stands for no content.
            structure: (W, side^2, T, h, w), of `read_structure`; None for a model without.
            guidance: omega and omega_t; a prediction that then counts nothing is not computed.

        Returns: of (W, 4, T, h, w) at one timestep.
        """
        depth = None if structure is None else self._pixels(structure)

        def network(noisy: Tensor, timestep: int, conditions: Sequence[Tensor], *, video: bool) -> Tensor:
            count = len(noisy) // len(conditions)
            told = torch.cat([each.to(self.device)[:, None].expand(count, -1, -1) for each in conditions])
            read = None if depth is None else depth.repeat(len(conditions), 1, 1, 1)
            with torch.no_grad():
                return self.parts.predict(noisy, timestep, told, read, video=video, conditioning_scale=self._scale)

        def pictures(noisy: Tensor, timestep: int, conditions: Sequence[Tensor]) -> Tensor:
            return network(noisy, timestep, conditions, video=False)

        def videos(noisy: Tensor, timestep: int, conditions: Sequence[Tensor]) -> Tensor:
            return network(noisy, timestep, conditions, video=True)

        branches = {
            IMAGE: Branch(pictures, unwanted),
            UNCONDITIONAL: Branch(videos, unwanted),
            CONDITIONAL: Branch(videos, content),
        }
        return combined(branches, temporal_weights(guidance.temporal, guidance.content))

    def _pixels(self, structure: Tensor) -> Tensor:
        """(W, side^2, T, h, w) -> (W, T, side * h, side * w)."""
        pictures = functional.pixel_shuffle(structure.transpose(1, 2).flatten(0, 1), self.shrinks)[:, 0]
        return pictures.unflatten(0, (len(structure), -1))


def check(weights: PublicWeights, inputs: Inputs, config: VideoEditorConfig, job: Job, method: str = "gen1") -> None:
    """Refuse parts that do not go together, and a device whose memory is too small; of weights configurations alone are
    read.

    Args:
        weights: of the parts.
        inputs: with the clip.
        config: settings.
        job: where to compute, with the prior's weights.
        method: whose errors they are.

    Raises: WeightsError, MethodError in one line.
    """
    for part, resolved in weights._asdict().items():
        if resolved is not None and (found := getattr(resolved.entry, "family", "")) != _FAMILIES[part]:
            problem = f"is of the family '{found}', not '{_FAMILIES[part]}'"
            raise WeightsError(f"{method}, model 'public', weights '{resolved.name}'", problem, "choose another model")
    dtype = default_dtype(job.device)
    bare = _skeleton(weights, dtype)
    if job.device.type == "meta":
        return
    further = 0
    if (inputs.prompt or config.negative_prompt) and karlo.is_karlo(prior := job.backbone(config.prior)):
        further = karlo.bytes_of(prior, dtype)

    def bytes_for(**changed: int) -> int:
        return bytes_of(bare, inputs.clip.size, config.model_copy(update=changed)) + further

    smaller = max(config.window // 2, 1)
    ways = {
        f"batch={3 * config.window}": partial(bytes_for, batch=3 * config.window),
        f"window={smaller}": partial(bytes_for, window=smaller, batch=3 * smaller),
        **{f"side={side}": partial(bytes_for, side=side, tile=side) for side in (384, 256)},
    }
    check_memory(f"{method}, model 'public'", bytes_for(), job.device, ways)


def bytes_of(bare: AnimateDiff, size: Size, config: VideoEditorConfig) -> int:
    """Memory of a sample, counted on the ``meta`` device: all networks, and the largest of their passes.

    Args:
        bare: an `AnimateDiff.skeleton`.
        size: (T, H, W) of the clip.
        config: settings.
    """
    frames, height, width = working_size(size, config.side, step_of(bare))
    window, shrinks = min(config.window, frames), shrinks_of(bare)
    tall, wide = (min(side, max(config.tile, shrinks)) // shrinks for side in (height, width))
    count = 2 * max(1, config.batch // (3 * window))  # with time, both contents go together

    def empty(*shape: int) -> Tensor:
        return torch.empty(shape, device="meta")

    noisy, content = empty(count, 4, window, tall, wide), empty(count, 1, bare.image_encoder.config.projection_dim)
    depth = None if bare.control is None else empty(count, window, tall * shrinks, wide * shrinks)
    networks = [bare.unet] if bare.control is None else [bare.unet, bare.control]
    passing = cost_of(lambda: bare.predict(noisy, 1, content, depth), networks)
    # Decoding is frame by frame: one stands for all, beside the video that they are put into.
    latents, pictures = empty(1, 4, 1, height // shrinks, width // shrinks), empty(1, 3, height, width)
    decoding = cost_of(lambda: bare.decode(latents), [bare.vae])
    embedding = cost_of(lambda: bare.embed(pictures), [bare.image_encoder])
    video = 4 * 3 * frames * height * width  # bytes
    whole = Cost(decoding.weights, decoding.activations + 2 * video, decoding.flops * frames)
    return passing.together(whole).together(embedding).memory


def shrinks_of(parts: AnimateDiff) -> int:
    """Pixels for one of a latent's."""
    return int(2 ** (len(parts.vae.config.block_out_channels) - 1))


def step_of(parts: AnimateDiff) -> int:
    """Sides of videos are multiples of that many pixels."""
    return int(shrinks_of(parts) * 2 ** (len(parts.unet.config.block_out_channels) - 1))


_BARE: dict[tuple[object, ...], AnimateDiff] = {}  # a process asks before it samples, and when it does


def _skeleton(weights: PublicWeights, dtype: torch.dtype) -> AnimateDiff:
    key = (*(part and (part.name, part.sha256) for part in weights), dtype)
    if key not in _BARE:
        _BARE[key] = AnimateDiff.skeleton(*weights, dtype=dtype)
    return _BARE[key]
