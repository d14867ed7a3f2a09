"""What a whole cascade makes of captions that nobody trained on, read by the classifiers of worlds."""

from collections.abc import Sequence

import torch

from onereel.backbones.cascade.pipeline import Cascade
from onereel.base.progress import Progress, no_progress
from onereel.features.world_classifiers import WorldReader
from onereel.scenes.world import FIRST_UNSEEN, describe
from onereel.scenes.world.rendering import render_specs
from onereel.standins.classes import asked_of, balanced_accuracies, one_group
from onereel.standins.worlds import specs_from
from onereel.video.clip import Frames, to_frames
from onereel.weights.store import Weights

GUIDANCE = (1.0, 3.0)
_STEPS = 25


def cascade_scores(cascade: Cascade, clips: int, *, progress: Progress = no_progress) -> dict[str, float]:
    """Balanced accuracy by attribute, over the captions that name it.

    Args:
        cascade: what makes the videos.
        clips: how many captions, of worlds of one group.
        progress: watches the sampling.

    Returns: in [0, 1], 1 is best, by attribute: the better of what is reached at the weights of guidance; that at each
        of them as ``ATTRIBUTE at guidance WEIGHT``; and what the classifiers read off the true videos, which bounds
        them, as ``ATTRIBUTE of true videos``.
    """
    specs = specs_from(FIRST_UNSEEN, clips, one_group)
    captions = [describe(spec) for spec in specs]
    named = [{str(fact["attribute"]).rpartition(".")[2] for fact in caption.facts} for caption in captions]
    asked = asked_of(specs, named)
    prompts = [caption.text for caption in captions]
    reader = WorldReader(Weights().resolve("c3d-world"), Weights().resolve("inception-world"), device=cascade.device)
    truth = list(render_specs(specs).frames)
    reached = {
        f"at guidance {scale:g}": balanced_accuracies(reader.read(made(cascade, prompts, scale, progress)), asked)
        for scale in GUIDANCE
    }
    better = {
        attribute: max(table[attribute] for table in reached.values()) for attribute in next(iter(reached.values()))
    }
    reached["of true videos"] = balanced_accuracies(reader.read(truth), asked)
    told = {f"{name} {where}": value for where, table in reached.items() for name, value in table.items()}
    return better | told


def made(cascade: Cascade, prompts: Sequence[str], guidance_scale: float, progress: Progress) -> list[Frames]:
    """Videos of the cascade's native size, of seeds 0, 1, ..."""
    native = cascade.native
    videos = cascade.generate(
        prompts,
        [torch.Generator().manual_seed(seed) for seed in range(len(prompts))],
        frames=native.frames,
        height=native.height,
        width=native.width,
        num_inference_steps=_STEPS,
        guidance_scale=guidance_scale,
        progress=progress,
    )
    return [to_frames(video) for video in videos]
