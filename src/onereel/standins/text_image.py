"""The stand-in of CLIP: frames and captions of worlds, contrasted.

Loss: CLIP's symmetric cross entropy over the batch (Radford et al. 2021, Fig. 3); besides the batch's captions every
frame is held against its own caption with one attribute changed, so that every word matters.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from onereel.base.progress import Progress
from onereel.features import text_image as clip
from onereel.scenes.world import CLASSES, FIRST_UNSEEN, MOTION, WorldSpec, describe
from onereel.scenes.world.spec import hidden_attributes
from onereel.standins.base import StandIn
from onereel.standins.worlds import Rendering, Worlds, draw, render_worlds, shares, specs_from
from onereel.training.settings import TrainingConfig
from onereel.weights.store import Resolved

_CLIPS, _BATCH = 16384, 128
_RENDERING = Rendering(frames=4, fps=2)
_MOVING = 0.2  # share of captions that tell motion too: its words must be known, and mean nothing in one frame
_LEAST_SIDE = 0.9  # of random crops: things at the border stay visible
_GALLERY = 64
SWAPPED = ("kind", "colour", "count", "size", "setting", "time", "weather", "style")
"""Attributes that one frame shows."""
_OF_GROUP = ("kind", "colour", "count", "size")


class ClipStandIn(StandIn):
    """``onereel-world``, see `onereel.features.text_image`."""

    name, title, role = "clip-world", "scene-trained CLIP", clip.ROLE
    steps = 4000
    training = TrainingConfig(
        learning_rate=1e-3, drop_at=(), decay="cosine", warm_up=100, average=0.998, clip_norm=1.0, batch=_BATCH
    )
    half = True
    at_least: ClassVar[Mapping[str, float]] = {"retrieval": 0.8, "swap": 0.9}
    about: ClassVar[Mapping[str, str]] = {
        "architecture": "open_clip ModifiedResNet (width 32, one block a stage, 64 px) and a text transformer (width "
        "128, 2 layers, 860 tokens: every word of the captions, letters for others)",
        "data": f"{_CLIPS} worlds, four frames each, captions in random words",
        "limits": "It knows the kinds, colours, counts, sizes, settings, times, weathers and styles of the scenes, and "
        "no other word. Of real clips it sees colours and composition, hardly things.",
    }

    def network(self) -> nn.Module:
        """open_clip's CLIP."""
        return clip.build(clip.MODELS[self.name])

    def data(self, progress: Progress, needed: Mapping[str, Resolved]) -> Worlds:
        """Four frames each of many worlds."""
        return render_worlds(specs_from(0, _CLIPS), _RENDERING, progress)

    def loss(self, network: Any, data: Worlds, generator: torch.Generator, done: float) -> torch.Tensor:
        """Contrast of a batch."""
        which = draw(len(data), _BATCH, generator)
        frames = data.frames[which, draw(data.frames.shape[1], _BATCH, generator)]
        device = next(network.parameters()).device
        images = _augmented(torch.from_numpy(frames).permute(0, 3, 1, 2).to(device) / 255, generator)
        specs = [data.specs[index] for index in which]
        texts = _texts(specs, draw(1 << 30, _BATCH, generator), generator)
        tokens = clip.tokenizer(clip.MODELS[self.name])([*texts[0], *texts[1]]).to(device)
        seen = functional.normalize(network.encode_image(clip.normalised(images, images.shape[2])).float(), dim=-1)
        said = functional.normalize(network.encode_text(tokens).float(), dim=-1)
        return contrast(seen, said[:_BATCH], said[_BATCH:], network.logit_scale.exp().clamp(max=100))

    def scores(self, weights: Resolved, *, device: torch.device | str = "cpu", clips: int = 512) -> dict[str, float]:
        """``retrieval``: of 64 captions of as many worlds the right one is nearest to a frame; ``swap``: the right
        caption is nearer than the same with one attribute changed, mean over attributes; ``swap_NAME`` each."""
        embedder = clip.ClipEmbedder(weights, device=device)
        clips = max(clips // _GALLERY, 1) * _GALLERY
        specs = specs_from(FIRST_UNSEEN, clips)
        frames = render_worlds(specs, _RENDERING).frames[:, 1]
        images = embedder.images(frames)
        texts = embedder.texts([describe(spec, index, leave=MOTION).text for index, spec in enumerate(specs)])
        similar = np.einsum("gid,gjd->gij", *(part.reshape(-1, _GALLERY, part.shape[1]) for part in (images, texts)))
        found = {"retrieval": float((similar.argmax(2) == np.arange(_GALLERY)).mean())}
        each = {name: _swap_accuracy(embedder, images, specs, name) for name in SWAPPED}
        return {**found, "swap": float(np.mean(list(each.values()))), **{f"swap_{k}": v for k, v in each.items()}}


def swapped(spec: WorldSpec, attribute: str, rng: np.random.Generator) -> WorldSpec | None:
    """The spec with another value of one attribute, whether or not such a world would be drawn; None if hidden."""
    if attribute in hidden_attributes(spec):
        return None
    if attribute not in _OF_GROUP:
        return replace(spec, **{attribute: _other(attribute, getattr(spec, attribute), rng)})
    index = int(rng.integers(len(spec.groups)))
    group = spec.groups[index]
    taken = {getattr(one, attribute) for one in spec.groups} if attribute in ("kind", "colour") else set()
    value = _other(attribute, getattr(group, attribute), rng, taken)
    groups = list(spec.groups)
    groups[index] = replace(group, **{attribute: value})
    return replace(spec, groups=tuple(groups))


def _other(attribute: str, value: Any, rng: np.random.Generator, taken: set[Any] = frozenset()) -> Any:  # type: ignore[assignment]
    options = [option for option in CLASSES[attribute] if option != value and option not in taken]
    return options[int(rng.integers(len(options)))]


def _texts(specs: list[WorldSpec], wordings: np.ndarray, generator: torch.Generator) -> tuple[list[str], list[str]]:
    """Captions, and the same with one attribute changed."""
    right, wrong = [], []
    draws = torch.rand(len(specs), generator=generator).tolist()
    for spec, wording, moving in zip(specs, wordings.tolist(), draws, strict=True):
        rng = np.random.default_rng(wording)
        shown = [name for name in SWAPPED if name not in hidden_attributes(spec)]
        attribute = shown[int(rng.integers(len(shown)))]
        other = swapped(spec, attribute, rng)
        assert other is not None
        leave = frozenset() if moving < _MOVING else MOTION
        pair = [describe(one, wording, name=frozenset({attribute}), leave=leave).text for one in (spec, other)]
        right.append(pair[0])
        wrong.append(pair[1])
    return right, wrong


def contrast(seen: torch.Tensor, said: torch.Tensor, wrong: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Cross entropy of frames over captions and their own wrong one, and of captions over frames."""
    logits = scale * seen @ said.T
    traps = scale * (seen * wrong).sum(1, keepdim=True)
    target = torch.arange(len(seen), device=seen.device)
    pairs = functional.softplus(traps[:, 0] - logits.diagonal()).mean()
    return (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)) / 2 + pairs


def _augmented(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mirrored by half, cropped a little, the batch alike."""
    side = images.shape[2]
    cut = int(torch.randint(int(side * _LEAST_SIDE), side + 1, (), generator=generator))
    top, left = (int(torch.randint(side - cut + 1, (), generator=generator)) for _ in range(2))
    images = images[:, :, top : top + cut, left : left + cut]
    images = functional.interpolate(images, (side, side), mode="bilinear", antialias=True)
    mirrored = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(mirrored[:, None, None, None].to(images.device), images.flip(3), images)


def _swap_accuracy(embedder: clip.ClipEmbedder, images: np.ndarray, specs: tuple[WorldSpec, ...], name: str) -> float:
    rng = np.random.default_rng(0)
    pairs = [(index, swapped(spec, name, rng)) for index, spec in enumerate(specs)]
    shown = [(index, other) for index, other in pairs if other is not None]
    must = frozenset({name})
    right = embedder.texts([describe(specs[index], index, name=must, leave=MOTION).text for index, _ in shown])
    wrong = embedder.texts([describe(other, index, name=must, leave=MOTION).text for index, other in shown])
    frames = images[[index for index, _ in shown]]
    return shares((frames * right).sum(1) > (frames * wrong).sum(1))
