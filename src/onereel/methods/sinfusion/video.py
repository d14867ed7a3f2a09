"""Videos from the models (sections 5 and 6): frame after frame, forward or backward, and frames between frames."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from onereel.base.progress import Progress, no_progress
from onereel.methods.sinfusion.config import SinFusionConfig
from onereel.methods.sinfusion.models import Model
from onereel.training.loop import generator_of


def first_frames(projector: Model, like: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Frames from noise, one for each generator: (B, 3, H, W) in [-1, 1].

    Args:
        projector: the model of single frames.
        like: (B, 3, H, W) whose size and device they get.
        generators: one for each.
    """
    return projector.sample(like, generators)


def continued(
    predictor: Model,
    projector: Model | None,
    first: Tensor,
    count: int,
    config: SinFusionConfig,
    generators: Sequence[torch.Generator],
    *,
    progress: Progress = no_progress,
    label: str = "sinfusion: frames",
) -> Tensor:
    """Frames after `first`, each predicted from the one before, then corrected by the projector (section 6).

    Args:
        predictor: the model of a frame given another; `config.shift` is its k.
        projector: corrects; None leaves frames as they were predicted.
        first: (B, 3, H, W) in [-1, 1], one video each.
        count: how many new frames.
        config: settings.
        generators: one for each video.
        progress: watches the frames.
        label: names them.

    Returns: (B, 3, count, H, W) in [-1, 1], in the order in which they were made.
    """
    current, frames = first, []
    for _ in progress(range(count), total=count, label=label):
        current = predictor.sample(current, generators, given=current, shift=config.shift)
        if projector is not None:
            current = projector.renew(current, config.correction_steps, generators)
        frames.append(current)
    return torch.stack(frames, dim=2) if frames else first.new_empty((*first.shape[:2], 0, *first.shape[2:]))


def upsampled(
    interpolator: Model,
    projector: Model | None,
    video: Tensor,
    config: SinFusionConfig,
    seed: int,
    *,
    progress: Progress = no_progress,
) -> Tensor:
    """Insert an interpolated and corrected frame between each pair of frames, again and again (section 6).

    Args:
        interpolator: the model of a frame between two.
        projector: corrects; None leaves frames as they were made.
        video: (3, T, H, W) in [-1, 1], T >= 2; its frames stay as they are.
        config: `upsample_factor` is 2, 4 or 8.
        seed: every inserted frame has a generator of its own, so that how many are made together does not matter.
        progress: watches the frames.

    Returns: (3, (T - 1) * factor + 1, H, W).
    """
    frames = list(video.unbind(1))
    rounds = config.upsample_factor.bit_length() - 1
    for turn in range(rounds):
        pairs = torch.stack([torch.cat(pair) for pair in pairwise(frames)])  # (T - 1, 6, H, W)
        starts = range(0, len(pairs), config.batch)
        made: list[Tensor] = []
        label = f"sinfusion: frames between others, round {turn + 1} of {rounds}"
        for start in progress(starts, total=len(starts), label=label):
            given = pairs[start : start + config.batch]
            generators = [generator_of(seed, start + index, stream=turn) for index in range(len(given))]
            new = interpolator.sample(given[:, :3], generators, given=given)
            made += projector.renew(new, config.correction_steps, generators) if projector is not None else new
        frames = [frame for pair in zip(frames, made, strict=False) for frame in pair] + frames[-1:]
    return torch.stack(frames, dim=1)
