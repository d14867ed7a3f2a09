"""Classification of worlds: which attributes a network is asked for, and its loss."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional

from onereel.metrics.edits.summary import balanced
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


def asked_of(specs: Sequence[WorldSpec], named: Sequence[Set[str]] | None = None) -> dict[str, np.ndarray]:
    """What should be read of worlds: (N,) int64 into `CLASSES` by attribute, -1 where nothing is asked for.

    Args:
        specs: N worlds of one group.
        named: attributes of each world that count; None: all that can be seen.
    """
    truth = labels_of(specs)
    if named is None:
        return dict(truth)
    counts = {name: np.array([name in each for each in named], bool) for name in truth}
    return {name: np.where(counts[name], values, -1) for name, values in truth.items()}


def balanced_accuracies(read: Mapping[str, np.ndarray], asked: Mapping[str, np.ndarray]) -> dict[str, float]:
    """By attribute, the mean over its values of the share that is read right.

    Args:
        read: (N,) index into `CLASSES` by attribute.
        asked: the same of what should be read, as `asked_of` gives it. Attributes that nobody asks for are left out.
    """
    found = {}
    for name, values in read.items():
        counts = asked[name] >= 0
        if counts.any():
            found[name] = balanced(asked[name][counts].tolist(), (values == asked[name])[counts].tolist())
    return found
