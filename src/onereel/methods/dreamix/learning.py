"""What the automatic choice is made of, from edits whose success is known (`onereel.methods.dreamix.automatic`)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onereel.methods.dreamix.automatic import (
    FEATURES,
    Bin,
    Choice,
    Choices,
    Score,
    Words,
    changed_words,
    words_of,
)
from onereel.scenes.world import EDITS, FIRST_UNSEEN, describe, sample_world
from onereel.scenes.world.edits import edit_captions

_BINS = 5
_RIDGE = 1.0  # penalty of the weights, in units of one edit


@dataclass(frozen=True)
class Setting:
    """A point of the grid."""

    strength: float
    finetune_steps: int
    alpha: float


@dataclass(frozen=True)
class Tried:
    """A known edit, made with every setting of the grid.

    Attributes:
        name: of the edit.
        kind: of the edit.
        source: of which it is an edit; edits of one source share its difficulty.
        features: `FEATURES`.
        success: whether it succeeded, for each setting.
        right: whether the new value was there, for each setting.
    """

    name: str
    kind: str
    source: str
    features: tuple[float, ...]
    success: tuple[bool, ...]
    right: tuple[bool, ...]


def learned(
    tried: Sequence[Tried], grid: Sequence[Setting], words: Words, *, backbone: str, first: int, number: int
) -> Choices:
    """Choices for every kind, and the score of success.

    Args:
        tried: edits, each with the whole grid.
        grid: settings.
        words: of prompts.
        backbone, first, number: see `Choices`.
    """
    kinds = list(dict.fromkeys(edit.kind for edit in tried))
    of_kind = {kind: [edit for edit in tried if edit.kind == kind] for kind in kinds}
    fixed = _held_out(tried, lambda others: dict.fromkeys(kinds, best(others, len(grid))))
    chosen = _held_out(tried, lambda others: _by_kind(others, kinds, len(grid)))

    def choice(setting: int, group: Sequence[Tried]) -> Choice:
        point = grid[setting]
        return Choice(
            strength=point.strength,
            finetune_steps=point.finetune_steps,
            alpha=point.alpha,
            edits=len(group),
            success=float(np.mean([chosen[edit.name] for edit in group])),
            fixed=float(np.mean([fixed[edit.name] for edit in group])),
        )

    final = _by_kind(tried, kinds, len(grid))
    outcomes = np.array([edit.success[final[edit.kind]] for edit in tried])
    return Choices(
        backbone=backbone,
        first=first,
        number=number,
        kinds={kind: choice(final[kind], of_kind[kind]) for kind in kinds},
        fixed=choice(best(tried, len(grid)), tried),
        words=words,
        score=score_of(tried, outcomes),
    )


def best(tried: Sequence[Tried], count: int) -> int:
    """The setting with which most edits succeed, kinds weighing alike; of equals that with which the new value is there
    most often, then the first one of the grid."""
    groups: dict[str, list[Tried]] = defaultdict(list)
    for edit in tried:
        groups[edit.kind].append(edit)

    def mean(read: Callable[[Tried], bool]) -> float:
        return float(np.mean([np.mean([read(edit) for edit in group]) for group in groups.values()]))

    def merit(setting: int) -> tuple[float, float, int]:
        return (
            round(mean(lambda edit: edit.success[setting]), 9),
            round(mean(lambda edit: edit.right[setting]), 9),
            -setting,
        )

    return max(range(count), key=merit)


def _by_kind(tried: Sequence[Tried], kinds: Sequence[str], count: int) -> dict[str, int]:
    """The best setting of each kind; of a kind without an edit the best over all."""
    over_all = best(tried, count)
    groups = {kind: [edit for edit in tried if edit.kind == kind] for kind in kinds}
    return {kind: best(group, count) if group else over_all for kind, group in groups.items()}


def _held_out(tried: Sequence[Tried], choose: Callable[[Sequence[Tried]], Mapping[str, int]]) -> dict[str, bool]:
    """Success of every edit with what was chosen on all other sources, by the edits' names."""
    found: dict[str, bool] = {}
    for source in dict.fromkeys(edit.source for edit in tried):
        others = [edit for edit in tried if edit.source != source]
        settings = choose(others or tried)  # of one source alone there are no others
        found |= {edit.name: edit.success[settings[edit.kind]] for edit in tried if edit.source == source}
    return found


def score_of(tried: Sequence[Tried], outcomes: NDArray[np.bool_]) -> Score:
    """A logistic regression of success, with the calibration of its predictions for sources that it did not see."""
    kinds = sorted({edit.kind for edit in tried})
    values = np.array([edit.features for edit in tried], float)
    mean, spread = values.mean(0), np.maximum(values.std(0), 1e-6)
    design = np.concatenate([_one_hot(tried, kinds), (values - mean) / spread], 1)
    predicted = np.empty(len(tried))
    for source in {edit.source for edit in tried}:
        held = np.array([edit.source == source for edit in tried])
        known = ~held if not held.all() else held
        predicted[held] = _logistic(design[held] @ _fitted(design[known], outcomes[known]))
    weights = _fitted(design, outcomes)
    return Score(
        kinds=dict(zip(kinds, weights[: len(kinds)].tolist(), strict=True)),
        weights=tuple(weights[len(kinds) :].tolist()),
        mean=tuple(mean.tolist()),
        spread=tuple(spread.tolist()),
        calibration=calibration_of(predicted, outcomes),
        brier=float(np.square(predicted - outcomes).mean()),
        auc=_auc(predicted, outcomes),
    )


def calibration_of(predicted: NDArray[np.float64], outcomes: NDArray[np.bool_]) -> tuple[Bin, ...]:
    """Predictions in groups of equal size, from the lowest on, against what happened."""
    groups = np.array_split(np.argsort(predicted, kind="stable"), min(_BINS, len(predicted)))
    return tuple(
        Bin(predicted=float(predicted[group].mean()), observed=float(outcomes[group].mean()), edits=len(group))
        for group in groups
    )


def read_words(edits: int = 100, captions: int = 2000) -> Words:
    """What prompts of known edits and captions of worlds say, of seeds that nothing is reported of.

    Args:
        edits: of each kind.
        captions: of worlds, as those that the stand-ins were trained with.
    """
    assert max(edits, captions) < FIRST_UNSEEN
    kinds: dict[str, dict[str, int]] = {}
    for kind in EDITS:
        counts: Counter[str] = Counter()
        for seed in range(edits):
            before, after = edit_captions(seed, kind)
            counts.update(changed_words(before.text, after.text))
        kinds[kind] = dict(sorted(counts.items()))
    seen: Counter[str] = Counter()
    for seed in range(captions):
        seen.update(words_of(describe(sample_world(seed)).text))
    return Words(kinds=kinds, edits=edits, seen=dict(sorted(seen.items())), captions=captions)


def _one_hot(tried: Sequence[Tried], kinds: Sequence[str]) -> NDArray[np.float64]:
    return np.array([[float(edit.kind == kind) for kind in kinds] for edit in tried])


def _logistic(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-np.clip(values, -50, 50)))


def _fitted(design: NDArray[np.float64], outcomes: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights of a logistic regression with a ridge, by Newton's method; intercepts of kinds are drawn to the overall
    one, not to zero, since few edits are of each."""
    share = float(np.clip(outcomes.mean(), 0.02, 0.98))
    kinds = design.shape[1] - len(FEATURES)
    start = np.concatenate([np.full(kinds, np.log(share / (1 - share))), np.zeros(len(FEATURES))])
    weights = start.copy()
    for _ in range(50):
        chance = _logistic(design @ weights)
        slope = design.T @ (chance - outcomes) + _RIDGE * (weights - start)
        bend = (design * (chance * (1 - chance))[:, None]).T @ design + _RIDGE * np.eye(len(weights))
        step = np.linalg.solve(bend, slope)
        weights = weights - step
        if np.abs(step).max() < 1e-9:
            break
    return weights


def _auc(predicted: NDArray[np.float64], outcomes: NDArray[np.bool_]) -> float | None:
    high, low = predicted[outcomes], predicted[~outcomes]
    if not (len(high) and len(low)):
        return None
    apart = high[:, None] - low[None]
    return float(((apart > 0) + 0.5 * (apart == 0)).mean())
