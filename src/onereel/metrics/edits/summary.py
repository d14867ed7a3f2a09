"""Numbers of tables: means per kind, balanced over values, beside what the classifiers reach on true edits."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np

from onereel.metrics.edits.judge import Answer, Judgement, attribute_of
from onereel.scenes.world import CLASSES
from onereel.scenes.world.rendering import labels_of

_MEANS = (
    "others_kept", "named_kept", "psnr_outside", "ssim_outside", "psnr_truth", "ssim_truth", "motion", "motion_still",
)  # fmt: skip


def balanced(classes: Iterable[Hashable], values: Iterable[float]) -> float:
    """Mean over classes of the mean over what is of them: a rare class weighs as much as a frequent one."""
    groups: dict[Hashable, list[float]] = defaultdict(list)
    for key, value in zip(classes, values, strict=True):
        groups[key].append(float(value))
    return float(np.mean([np.mean(group) for group in groups.values()]))


def summary_of(judgements: Sequence[Judgement]) -> dict[str, dict[str, Any]]:
    """By kind, and under "all" the mean over kinds.

    Returns: ``n``; ``attribute``: share right, balanced over new values; ``reader``: that of the classifiers on the
        true edits; ``ratio``: of the two; means of the other measures, None where none is defined; ``success``: share.
    """
    kinds: dict[str, list[Judgement]] = defaultdict(list)
    for one in judgements:
        kinds[one.kind].append(one)
    rows = {kind: _row(group) for kind, group in kinds.items()}
    rows["all"] = {key: _mean(row[key] for row in rows.values()) for key in next(iter(rows.values()))}
    rows["all"] |= {"n": len(judgements)}
    return rows


def _row(group: Sequence[Judgement]) -> dict[str, Any]:
    classes = [(one.attribute.split(".")[-1], one.after) for one in group]
    right = balanced(classes, [one.attribute_right for one in group])
    reader = balanced(classes, [one.reader_right for one in group])
    return {
        "n": len(group),
        "attribute": right,
        "reader": reader,
        "ratio": right / reader if reader else None,
        **{name: _mean(getattr(one, name) for one in group) for name in _MEANS},
        "success": float(np.mean([one.success for one in group])),
    }


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def reader_accuracy(answers: Sequence[Answer]) -> dict[str, float]:
    """Accuracy of the classifiers on true edits by attribute, balanced over its values, where it can be seen; edits
    that added a group are read by one more, ``added``."""
    alone = [answer for answer in answers if attribute_of(answer.pair) != "added"]
    truth = labels_of([answer.pair.edited_spec for answer in alone])
    table = {}
    for name in CLASSES:
        shown = [(int(label), one) for label, one in zip(truth[name], alone, strict=True) if label >= 0]
        if shown:
            table[name] = balanced([label for label, _ in shown], [one.read[name] == label for label, one in shown])
    if added := [answer for answer in answers if attribute_of(answer.pair) == "added"]:
        table["added"] = balanced([one.pair.after for one in added], [one.right for one in added])
    return table
