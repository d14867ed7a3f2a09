"""What the report shows beside samples: where they started, and numbers that say whether they are what was asked."""

from __future__ import annotations

from fractions import Fraction

import torch

from onereel.methods.base import Inputs, Task
from onereel.methods.dreamix.coarse import coarse_of
from onereel.methods.dreamix.config import DreamixConfig
from onereel.methods.dreamix.tasks import predicted_success
from onereel.metrics.psnr import PSNR
from onereel.video.clip import Clip, to_frames
from onereel.video.pyramid import resize

KEPT = "first frame to the picture, dB"
"""Of a sample of `animate_image`: the first frame's transform is the identity, so this is after undoing the path."""
_FRAMES, _RATE = 16, Fraction(8)  # of a coarse video, where only the model knows
_LONGEST = 512  # pixels of its shorter side


def guide(inputs: Inputs, config: DreamixConfig) -> Clip:
    """The coarse video of pictures; a random path is that of seed 0."""
    first = torch.Generator().manual_seed(0)
    return Clip(to_frames(coarse_of(inputs, config, _LONGEST, config.frames or _FRAMES, first)), _RATE)


def effects(task: Task, inputs: Inputs, config: DreamixConfig, sample: Clip) -> dict[str, float]:
    """Numbers by what they are, see `Dreamix.effects`."""
    if task == Task.ANIMATE_IMAGE:
        return {KEPT: _kept(inputs, config, sample)}
    if task == Task.EDIT_TEXT and config.automatic:
        return {"likely to succeed, told before": predicted_success(inputs, config)}
    return {}


def _kept(inputs: Inputs, config: DreamixConfig, sample: Clip) -> float:
    """PSNR of the first frame, whose transform is the identity, to the picture at the sample's size."""
    height, width = sample.size[1:]
    still = config.model_copy(update={"camera": "still"})
    shown = coarse_of(inputs, still, min(height, width), 1, torch.Generator())
    picture = to_frames(resize(shown, (1, height, width)))
    metric = PSNR()
    errors = metric.statistics(metric.extract(picture), metric.extract(sample.frames[:1]))
    return metric.distance(errors, picture[0].size)
