"""The stages of `gen1-world` after the first."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from onereel.backbones.latent import IMAGE_UNET, PROCESS, load_autoencoder, plain_attention, plain_layout
from onereel.backbones.video_unet import new_video_unet, widened
from onereel.base.progress import Progress
from onereel.diffusion.process import Process
from onereel.features.depth import DepthEstimator
from onereel.methods.gen1.config import Structure
from onereel.methods.gen1.model import LATENT_CHANNELS, input_channels
from onereel.methods.gen1.pools import FRAMES, Readers, world_pool
from onereel.methods.gen1.training import (
    Pool,
    denoising_loss,
    draw_batch,
    for_raw_content,
    for_unit_content,
    structure_of,
    unit_content,
)
from onereel.standins.base import StandIn
from onereel.standins.captioned import drawn_specs, evened
from onereel.standins.gen1.scoring import edit_scores, video_scores
from onereel.standins.prior import clip_world
from onereel.training.settings import TrainingConfig
from onereel.weights.store import Resolved, Weights

_CLIPS = 4096
_LENGTHS = (8, 16)  # frames of a window; a step has as many windows as make `_FRAMES`
_FRAMES = 64
_PICTURE_SHARE = 0.125  # of the steps (section 3.4)
_DROPPED = 0.1  # of the contents, for guidance
_STEPS = 3000  # of stage 2; the others in the published proportions
_ENTRANCE = "unet.conv_in.weight"
_PROCESS = Process(PROCESS)
_IMAGE, _AUTOENCODER = "latent-world-image", "latent-world-autoencoder"


@dataclass(frozen=True)
class Seen:
    """What a stage learns from, and what encodes its structure."""

    pool: Pool
    autoencoder: Any


class _Stage(StandIn):
    """A stage.

    Attributes:
        structure: what it reads beside noise and content; None: nothing.
        level: t_s in training; None: from 0 to 7.
    """

    title, role = "scene-trained video editor", "video-editing"
    entry = "gen1-world"
    half = True
    training = TrainingConfig(
        learning_rate=5e-4, drop_at=(), decay="cosine", warm_up=100, average=0.998, clip_norm=1.0, batch=_FRAMES
    )
    borrows = (_AUTOENCODER,)
    structure: ClassVar[Structure | None] = "depth"
    level: ClassVar[int | None] = 0

    def network(self) -> nn.Module:
        """Image model and temporal layers, all trained."""
        channels = LATENT_CHANNELS if self.structure is None else input_channels()
        network = new_video_unet(IMAGE_UNET, in_channels=channels, frames=FRAMES)
        plain_attention(network)
        return network

    def begin(self, network: Any, needed: Mapping[str, Resolved]) -> None:
        """With the weights of the stage before; new channels of the input are not read yet."""
        before = needed[self.needs[0]]
        (part,) = before.parts
        state = for_unit_content({name: value.float() for name, value in before.tensors(part).items()})
        if _ENTRANCE not in state:  # stage 1 is an image model without time
            network.unet.load_state_dict(state)
            return
        channels = state[_ENTRANCE].shape[1]
        if channels < network.in_channels:
            earlier = new_video_unet(IMAGE_UNET, in_channels=channels, frames=FRAMES)
            earlier.load_state_dict(state)
            widened(earlier.unet, network.in_channels)
            state = earlier.state_dict()
        network.load_state_dict(state)

    def data(self, progress: Progress, needed: Mapping[str, Resolved]) -> Seen:
        """Latents, embeddings and structure of worlds."""
        autoencoder = load_autoencoder(needed[_AUTOENCODER])
        specs = drawn_specs(_CLIPS)
        depth = DepthEstimator(Weights().resolve("dpt-world")) if self.structure == "depth" else None
        pool = world_pool(specs, Readers(autoencoder, clip_world(), depth, self.structure), progress)
        return Seen(replace(pool, weight=evened(specs)), autoencoder)

    def loss(self, network: Any, data: Seen, generator: torch.Generator, done: float) -> Tensor:
        """Of a batch of videos, or in every eighth one of pictures."""
        plain_layout(network)
        device = next(network.parameters()).device
        data.autoencoder.to(device)
        video = bool(torch.rand((), generator=generator) >= _PICTURE_SHARE)
        frames = _LENGTHS[int(torch.randint(len(_LENGTHS), (), generator=generator))] if video else 1
        batch = draw_batch(
            data.pool, generator, count=_FRAMES // frames, frames=frames, dropped=_DROPPED, level=self.level
        )
        batch = unit_content(batch.to(device))
        structure = structure_of(data.autoencoder, batch)
        return denoising_loss(network, batch, structure, _PROCESS, generator, video=video)

    def finished(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """With kernels that take embeddings as CLIP gives them."""
        return for_raw_content(tensors)

    def scores(self, weights: Resolved, *, device: torch.device | str = "cpu", clips: int = 256) -> dict[str, float]:
        """What it makes of known edits of unseen worlds, see `edit_scores`."""
        assert self.structure is not None
        return edit_scores(weights, self.part, self.structure, clips // 4, device=device)


class Gen1Video(_Stage):
    """Stage 2: temporal layers, on videos and pictures."""

    name, part = "gen1-world-video", "video"
    needs = (_IMAGE, _AUTOENCODER)
    structure = None
    steps = _STEPS
    about: ClassVar[Mapping[str, str]] = {
        "architecture": "latent-world's image model with a temporal convolution after each convolution of its residual "
        "blocks, and a temporal transformer after each spatial one",
        "data": f"{_CLIPS} worlds, 8 or 16 consecutive frames of 64x64 px at 8 per second; every eighth step pictures",
        "limits": "It knows drawn scenes, and of an embedding what clip-world sees.",
    }

    def scores(self, weights: Resolved, *, device: torch.device | str = "cpu", clips: int = 256) -> dict[str, float]:
        """What videos made of contents of unseen worlds show, see `video_scores`."""
        return video_scores(weights, self.part, clips // 8, device=device)


class Gen1Depth(_Stage):
    """Stage 3: depth as it is."""

    name, part = "gen1-world-depth", "depth"
    needs = (Gen1Video.name, _AUTOENCODER)
    steps = _STEPS * 25 // 75
    about: ClassVar[Mapping[str, str]] = {
        "architecture": "as stage 2, with 12 input channels: noise, depth, t_s",
        "data": f"{_CLIPS} worlds and their depth by dpt-world; every eighth step pictures",
        "limits": "It knows drawn scenes, and only unblurred depth: it is what the last stage starts from.",
    }


class Gen1Structure(_Stage):
    """Stage 4: depth with as much detail as t_s leaves."""

    name, part = "gen1-world-structure", "structure"
    needs = (Gen1Depth.name, _AUTOENCODER)
    level = None
    steps = _STEPS * 10 // 75
    about: ClassVar[Mapping[str, str]] = {
        "architecture": "as stage 3",
        "data": f"{_CLIPS} worlds and their depth by dpt-world, blurred 0 to 7 times; every eighth step pictures",
        "limits": "It knows drawn scenes, and of an embedding what clip-world sees.",
    }


class Gen1Edges(_Stage):
    """Stage 3 with edges in the place of depth (section 3.3 says that they carry textures, too)."""

    name, part = "gen1-world-edges", "edges"
    needs = (Gen1Video.name, _AUTOENCODER)
    structure = "edges"
    steps = Gen1Depth.steps
    about: ClassVar[Mapping[str, str]] = {
        "architecture": "as stage 3",
        "data": f"{_CLIPS} worlds and their edges; every eighth step pictures",
        "limits": "It knows drawn scenes, and edges at their full detail only; for comparison with depth.",
    }
