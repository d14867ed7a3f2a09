"""Worlds as generative stand-ins learn them: no attribute rare, captions as tokens, some left out for guidance."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from onereel.backbones.cascade.text import tokens_of
from onereel.scenes.world import CLASSES, WorldSpec, describe, sample_world
from onereel.scenes.world.rendering import labels_of
from onereel.standins.classes import one_group

WORDINGS = 4
"""Captions of a clip, and as many of one frame of it."""
_DROPPED = 0.1  # of the prompts: for guidance
_RAREST = 8.0  # no clip counts more than so many times the average one


def drawn_specs(number: int, first: int = 0) -> list[WorldSpec]:
    """Worlds from seed `first` on; every second one with one group only, so that captions are plain."""
    specs = (sample_world(seed) for seed in range(first, first + number))
    return [one_group(spec) if index % 2 else spec for index, spec in enumerate(specs)]


def evened(specs: Sequence[WorldSpec]) -> Tensor:
    """Weights (N,) with which rare values of attributes are drawn more often: the root of how much rarer each of a
    clip's values is than if all were as frequent, multiplied; at most `_RAREST` times the average."""
    weights = np.ones(len(specs))
    for attribute, values in labels_of(specs).items():
        counts = Counter(values[values >= 0].tolist())
        shown = sum(counts.values()) / len(CLASSES[attribute])
        weights *= [(shown / counts[value]) ** 0.5 if value >= 0 else 1.0 for value in values.tolist()]
    weights /= weights.mean()
    return torch.from_numpy(weights.clip(max=_RAREST))


def captions_of(specs: Sequence[WorldSpec], leave: frozenset[str] = frozenset()) -> Tensor:
    """Tokens of several captions of each world: (N, W, L)."""
    texts = [describe(spec, wording, leave=leave).text for spec in specs for wording in range(WORDINGS)]
    return tokens_of(texts).unflatten(0, (len(specs), WORDINGS))


def dropped(tokens: Tensor, generator: torch.Generator) -> Tensor:
    """Tokens (B, L) of which some prompts are empty, cut after the longest one."""
    empty = tokens_of([""])[0]
    tokens = tokens.clone()
    gone = torch.rand(len(tokens), generator=generator) < _DROPPED
    tokens[gone] = 0
    tokens[gone, : len(empty)] = empty
    return tokens[:, : int((tokens != 0).sum(1).max())]
