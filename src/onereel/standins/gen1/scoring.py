"""What `gen1-world` makes of unseen worlds, read by the classifiers of pictures."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from onereel.features.depth import DepthEstimator, normalised
from onereel.methods.gen1.config import Gen1Config, Structure
from onereel.methods.gen1.edit import Source, edited
from onereel.methods.gen1.model import Gen1Model
from onereel.methods.gen1.structure import signal_of
from onereel.scenes.world import FIRST_UNSEEN, WorldSpec, edit_pair, render_specs
from onereel.scenes.world.rendering import labels_of
from onereel.standins.classes import asked_of, balanced_accuracies
from onereel.standins.latent_diffusion import read_pictures, unseen_specs
from onereel.standins.prior import clip_world
from onereel.video.clip import Clip
from onereel.weights.store import Resolved, Weights

KINDS = ("colour", "time", "weather", "style")
"""Of known edits that are scored: those that leave the structure."""
_CONFIG = Gen1Config(num_inference_steps=10)
_SEEN = 8  # frame that is read, and whose embedding is the content


def edit_scores(
    weights: Resolved, part: str, structure: Structure, edits: int, *, device: torch.device | str = "cpu"
) -> dict[str, float]:
    """Known edits whose content is a frame of the true edit, t_s = 0.

    Args:
        weights: of ``gen1-world``.
        part: the stage.
        structure: that it reads.
        edits: how many, of `KINDS` in turn.
        device: where to compute.

    Returns: by kind of edit, and as ``attribute`` over all, the share whose new value is read off the output; the same
        of the true edits as ``KIND_true``; ``depth``: mean correlation of the output's depth with the source's.
    """
    model = Gen1Model.load(weights, part, _autoencoder(weights), device=device)
    estimator, embedder = DepthEstimator(Weights().resolve("dpt-world"), device=device), clip_world(device)
    right: dict[str, list[bool]] = {name: [] for kind in KINDS for name in (kind, f"{kind}_true")}
    alike = []
    for index, spec in enumerate(unseen_specs(edits)):
        kind = KINDS[index % len(KINDS)]
        pair = edit_pair(FIRST_UNSEEN + index, kind, source=spec)
        source, truth = pair.source.frames, pair.edited.frames
        depth = estimator.estimate(source)
        signal = signal_of(structure, source, depth if structure == "depth" else None)
        seen = Source(Clip(source), (len(source), *source.shape[1:3]), model.read_structure(signal, 0))
        made = _made(model, seen, embedder.raw_images(truth[[_SEEN]]), index)
        wanted = int(labels_of([pair.edited_spec])[kind][0])
        if wanted < 0:  # what the edit hides
            continue
        for name, frames in ((kind, made), (f"{kind}_true", truth)):
            right[name].append(int(read_pictures(frames[[_SEEN]], device=device)[kind][0]) == wanted)
        alike.append(np.corrcoef(normalised(estimator.estimate(made)).ravel(), normalised(depth).ravel())[0, 1])
    shares = {name: float(np.mean(flags)) for name, flags in right.items() if flags}
    return {"attribute": float(np.mean([shares[kind] for kind in KINDS if kind in shares])), **shares} | {
        "depth": float(np.nanmean(alike))
    }


def video_scores(weights: Resolved, part: str, clips: int, *, device: torch.device | str = "cpu") -> dict[str, float]:
    """Videos of contents alone: balanced accuracy of what a frame shows of the world whose frame the content is, by
    attribute, and of true frames as ``ATTRIBUTE_true``."""
    model = Gen1Model.load(weights, part, _autoencoder(weights), device=device)
    specs = unseen_specs(clips)
    truth = _middle(specs)
    contents = clip_world(device).raw_images(truth)
    asked = asked_of(specs, None)
    made = []
    for index, content in enumerate(contents):
        source = Source(Clip(np.zeros((16, *truth.shape[1:]), np.uint8)), (16, *truth.shape[1:3]), None)
        made.append(_made(model, source, content[None], index)[_SEEN])
    found = balanced_accuracies(read_pictures(np.stack(made), device=device), asked)
    true = balanced_accuracies(read_pictures(truth, device=device), asked)
    return found | {f"{name}_true": value for name, value in true.items()}


def _made(model: Gen1Model, source: Source, content: Tensor, seed: int) -> Any:
    return edited(model, source, content, torch.zeros_like(content), _CONFIG, seed)


def _middle(specs: tuple[WorldSpec, ...]) -> Any:
    return render_specs(specs).frames[:, _SEEN]


def _autoencoder(weights: Resolved) -> Resolved:
    """Beside a stage in training lies the autoencoder that it was trained with; else the project's own is."""
    return weights if "vae" in weights.parts else Weights().resolve("latent-world")
