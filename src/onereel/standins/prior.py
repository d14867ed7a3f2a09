"""The stand-in of a diffusion prior: image embeddings of worlds from their captions, both of `clip-world`.

Loss: the squared error of the clean embedding, every noise level alike (Ramesh et al. 2022, Eq. 2), on embeddings whose
every value was brought to mean 0 and spread 1. A tenth of the captions are empty, for guidance.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from onereel.backbones.prior import PRIOR_WORLD, PROCESS, ROLE, ImagePrior, Said, new_prior, predicted, read_texts
from onereel.base.progress import Progress, no_progress
from onereel.diffusion.process import Process
from onereel.features.text_image import ClipEmbedder
from onereel.scenes.world import FIRST_UNSEEN, MOTION, describe
from onereel.standins.base import StandIn
from onereel.standins.captioned import drawn_specs, evened
from onereel.standins.latent_diffusion import plain_attention
from onereel.standins.worlds import Rendering, draw, render_worlds, specs_from
from onereel.training.settings import TrainingConfig
from onereel.weights.store import Resolved, Weights

_CLIPS, _BATCH = 8192, 128
_WORDINGS = 4
_DROPPED = 0.1  # of the captions
_RENDERING = Rendering(frames=2, fps=1)
_MEASURED = 1024  # clips whose embeddings give mean and spread
_TEXTS = 1024  # read together
_GALLERY = 64
_GUIDANCE = (1, 3)
_PROCESS = Process(PROCESS)


@dataclass(frozen=True)
class Embedded:
    """N worlds of T frames and W captions.

    Attributes:
        images: (N, T, D) float32, with mean 0 and spread 1.
        texts: of N * W captions, those of a world one after the other; states are float16.
        empty: of one empty caption.
        weight: (N,) float64, how often each world is drawn.
    """

    images: Tensor
    texts: Said
    empty: Said
    weight: Tensor


class PriorStandIn(StandIn):
    """``PriorTransformer`` from texts of `clip-world` to its images."""

    name, title, role = "prior-world", "scene-trained diffusion prior", ROLE
    steps = 1500
    training = TrainingConfig(
        learning_rate=1e-3, drop_at=(), decay="cosine", warm_up=100, average=0.998, clip_norm=1.0, batch=_BATCH
    )
    half = True
    at_least: ClassVar[Mapping[str, float]] = {"retrieval": 0.6}
    about: ClassVar[Mapping[str, str]] = {
        "architecture": "diffusers' PriorTransformer, 4 layers of 3 heads of 64, on clip-world's 256 values",
        "data": f"two frames each of {_CLIPS} worlds, {_WORDINGS} captions of each without motion",
        "limits": "It knows what clip-world knows: the words of the scenes' captions.",
    }

    def network(self) -> nn.Module:
        """The transformer."""
        network: nn.Module = new_prior()
        plain_attention(network)
        return network

    def data(self, progress: Progress, needed: Mapping[str, Resolved]) -> Embedded:
        """Embeddings by the project's `clip-world`, which is what users of the prior have."""
        embedder = clip_world()
        specs = drawn_specs(_CLIPS)
        frames = render_worlds(specs, _RENDERING, progress).frames
        images = torch.cat([raw_images(embedder, frames[:, index])[:, None] for index in range(frames.shape[1])], 1)
        captions = [describe(spec, wording, leave=MOTION).text for spec in specs for wording in range(_WORDINGS)]
        length = PRIOR_WORLD["num_embeddings"]
        parts = [captions[start : start + _TEXTS] for start in range(0, len(captions), _TEXTS)]
        read = [_halved(read_texts(embedder, part, length)) for part in parts]
        mean, spread = _moments()
        return Embedded(
            (images - mean) / spread,
            Said(*map(torch.cat, zip(*read, strict=True))),
            _halved(read_texts(embedder, [""], length)),
            evened(specs),
        )

    def loss(self, network: Any, data: Embedded, generator: torch.Generator, done: float) -> Tensor:
        """Of one batch."""
        device = next(network.parameters()).device
        which = torch.multinomial(data.weight, _BATCH, replacement=True, generator=generator)
        clean = data.images[which, torch.from_numpy(draw(data.images.shape[1], _BATCH, generator))].to(device)
        wording = which * _WORDINGS + torch.from_numpy(draw(_WORDINGS, _BATCH, generator))
        gone = torch.rand(_BATCH, generator=generator) < _DROPPED
        pairs = zip(data.texts, data.empty, strict=True)
        said = Said(*(_without(texts[wording], gone, empty).to(device) for texts, empty in pairs))
        timesteps = _PROCESS.draw_timesteps(_BATCH, generator)
        noise = torch.randn(clean.shape, generator=generator).to(device)
        noisy = _PROCESS.add_noise(clean, noise, _PROCESS.levels[timesteps + 1])
        answer = predicted(network, noisy, timesteps.to(device), said._replace(states=said.states.float()))
        return functional.mse_loss(answer.float(), clean)

    def finished(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """With mean and spread of the embeddings, which `post_process_latents` gives back."""
        mean, spread = _moments()
        return {**tensors, "clip_mean": mean[None], "clip_std": spread[None]}

    def scores(self, weights: Resolved, *, device: torch.device | str = "cpu", clips: int = 256) -> dict[str, float]:
        """``retrieval``: of 64 image embeddings of as many worlds the right one is nearest (cosine) to what the prior
        makes of a caption, guidance 1; ``retrieval_3`` with guidance 3; ``retrieval_text``: nearest to the caption's
        own embedding; ``cosine``: between what the prior makes and the right one, guidance 1."""
        prior = ImagePrior(weights, clip_world(device))
        clips = max(clips // _GALLERY, 1) * _GALLERY
        specs = specs_from(FIRST_UNSEEN, clips)
        seen = functional.normalize(raw_images(prior.embedder, render_worlds(specs, _RENDERING).frames[:, 0]), dim=1)
        captions = [describe(spec, index, leave=MOTION).text for index, spec in enumerate(specs)]
        found = {"retrieval_text": _retrieval(torch.from_numpy(prior.embedder.texts(captions)), seen)}
        for guidance in _GUIDANCE:
            generators = [torch.Generator().manual_seed(index) for index in range(clips)]
            made = prior.image_embeddings(captions, generators, guidance_scale=guidance).cpu()
            made = functional.normalize(made, dim=1)
            found["retrieval" if guidance == 1 else f"retrieval_{guidance}"] = _retrieval(made, seen)
            found.setdefault("cosine", float((made * seen).sum(1).mean()))
        return found


def clip_world(device: torch.device | str = "cpu") -> ClipEmbedder:
    """The project's own."""
    return ClipEmbedder(Weights().resolve("clip-world"), device=device)


def raw_images(embedder: ClipEmbedder, frames: np.ndarray) -> Tensor:
    """See `ClipEmbedder.raw_images`."""
    return embedder.raw_images(frames)


@cache
def _moments() -> tuple[Tensor, Tensor]:
    """Mean and spread (D,) of the image embeddings of worlds."""
    frames = render_worlds(drawn_specs(_MEASURED), _RENDERING, no_progress).frames
    images = raw_images(clip_world(), frames.reshape(-1, *frames.shape[2:]))
    return images.mean(0), images.std(0)


def _halved(said: Said) -> Said:
    return Said(said.whole.cpu(), said.states.half().cpu(), said.known.cpu())


def _without(values: Tensor, gone: Tensor, empty: Tensor) -> Tensor:
    """The values (B, ...), those of the empty caption (1, ...) where they are gone."""
    return torch.where(gone.view(-1, *(1,) * (values.ndim - 1)), empty, values)


def _retrieval(made: Tensor, seen: Tensor) -> float:
    """Share of rows whose nearest of the 64 in their group is their own."""
    similar = torch.einsum("gid,gjd->gij", *(part.unflatten(0, (-1, _GALLERY)) for part in (made, seen)))
    return float((similar.argmax(2) == torch.arange(_GALLERY)).float().mean())
