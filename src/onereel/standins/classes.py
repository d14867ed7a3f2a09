"""Classification of worlds: which attributes a network is asked for, and its loss."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional

from onereel.scenes.world import CLASSES, WorldSpec
from onereel.scenes.world.rendering import labels_of


def one_group(spec: WorldSpec) -> WorldSpec:
    """The world with its first group only: then there is one right answer to "which kind?"."""
    return replace(spec, groups=spec.groups[:1])


def labels(specs: Sequence[WorldSpec], attributes: Sequence[str]) -> dict[str, np.ndarray]:
    """(N,) int64 by attribute, -1 where the clip does not show it."""
    table = labels_of(specs)
    return {attribute: table[attribute] for attribute in attributes}


def mirrored(values: np.ndarray, attribute: str, flip: np.ndarray) -> np.ndarray:
    """Labels of clips of which some are seen in a mirror: left is right there."""
    names = list(CLASSES[attribute])
    swap = np.arange(len(names))
    for left, right in (("left", "right"), ("pan left", "pan right")):
        if left in names:
            swap[names.index(left)], swap[names.index(right)] = names.index(right), names.index(left)
    return np.where(flip & (values >= 0), swap[values], values)


def classification_loss(logits: torch.Tensor, targets: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Mean over attributes of the cross entropy; -1 is left out.

    Args:
        logits: (N, sum of classes), attributes in the order of `targets`.
        targets: (N,) int64 by attribute.
    """
    parts = logits.split([len(CLASSES[name]) for name in targets], dim=1)
    losses = [
        functional.cross_entropy(part, target, ignore_index=-1, reduction="sum") / (target >= 0).sum().clamp(min=1)
        for part, target in zip(parts, targets.values(), strict=True)
    ]
    return torch.stack(losses).mean()


def accuracies(logits: np.ndarray, targets: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Share of right answers by attribute, where there is one."""
    parts = np.split(logits, np.cumsum([len(CLASSES[name]) for name in targets])[:-1], axis=1)
    return {
        name: float((part.argmax(1) == target)[target >= 0].mean())
        for part, (name, target) in zip(parts, targets.items(), strict=True)
    }
