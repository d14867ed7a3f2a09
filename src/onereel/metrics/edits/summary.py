"""Numbers of tables: means per kind, balanced over values, beside what the classifiers reach on true edits."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np

from onereel.metrics.edits.judge import Judgement, Question, Unanswered
from onereel.scenes.world import CLASSES
from onereel.scenes.world.rendering import labels_of

MEANS = (
    "others_kept",
    "named_kept",
    "psnr_outside",
    "ssim_outside",
    "psnr_truth",
    "ssim_truth",
    "sgfid_truth",
    "warp_error",
    "depth_kept",
    "motion",
    "moves",
    "true_moves",
    "frame_consistency",
    "prompt_consistency",
)
"""Measures whose mean over edits says enough."""
MOVED = frozenset({"count", "kind", "size", "direction", "speed", "camera", "add"})
"""Kinds of edits that change what moves, and how much."""


def balanced(classes: Iterable[Hashable], values: Iterable[float]) -> float:
    """Mean over classes of the mean over what is of them: a rare class weighs as much as a frequent one."""
    groups: dict[Hashable, list[float]] = defaultdict(list)
    for key, value in zip(classes, values, strict=True):
        groups[key].append(float(value))
    return float(np.mean([np.mean(group) for group in groups.values()]))


def summary_of(judgements: Sequence[Judgement], missing: Sequence[Unanswered] = ()) -> dict[str, dict[str, Any]]:
    """By kind, and under "all" the mean over kinds.

    Args:
        judgements: of outputs.
        missing: questions without a usable output; in kinds of which others have one they count as not right and no
            success, since a share of what is there would reward leaving out what is hard.

    Returns: ``n``: outputs; ``of``: questions; ``attribute``: share right, balanced over new values; ``reader``: that
        of the classifiers on the true edits; ``ratio``: of the two; means of the measures of `MEANS` over outputs, None
        where none is defined; ``success``: share.
    """
    kinds: dict[str, list[Judgement]] = defaultdict(list)
    for one in judgements:
        kinds[one.kind].append(one)
    rows = {kind: _row(group, [one for one in missing if one.kind == kind]) for kind, group in kinds.items()}
    if rows:
        columns = list(next(iter(rows.values())))
        rows["all"] = {key: _mean(row[key] for row in rows.values()) for key in columns}
        rows["all"] |= {key: sum(row[key] for kind, row in rows.items() if kind != "all") for key in ("n", "of")}
    return rows


def is_still(judgements: Sequence[Judgement]) -> bool:
    """Whether outputs move less than half as much as the true edits do; edits of motion say nothing of that.

    Measures of consistency are perfect for stills: such an editor is shown, and never ranked.
    """
    moving = [one for one in judgements if one.moves is not None and one.kind not in MOVED]
    return sum(one.moves or 0 for one in moving) < 0.5 * sum(one.true_moves or 0 for one in moving)


def _row(group: Sequence[Judgement], missing: Sequence[Unanswered]) -> dict[str, Any]:
    right = [*(one.attribute_right for one in group), *(False for _ in missing)]
    asked: list[Judgement | Unanswered] = [*group, *missing]
    classes = [(one.attribute.split(".")[-1], one.after) for one in asked]
    attribute = balanced(classes, right)
    reader = balanced(classes, [one.reader_right for one in asked])
    return {
        "n": len(group),
        "of": len(asked),
        "attribute": attribute,
        "reader": reader,
        "ratio": attribute / reader if reader else None,
        **{name: _mean(getattr(one, name) for one in group) for name in MEANS},
        "success": sum(one.success for one in group) / len(asked),
    }


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def reader_accuracy(questions: Sequence[Question]) -> dict[str, float]:
    """Accuracy of the classifiers on true edits by attribute, balanced over its values, where it can be seen; edits
    that added a group are read by one more, ``added``."""
    alone = [question for question in questions if question.edit.asks_for != "added"]
    truth = labels_of([question.edit.edited_spec for question in alone])
    table = {}
    for name in CLASSES:
        shown = [(int(label), one) for label, one in zip(truth[name], alone, strict=True) if label >= 0]
        if shown:
            table[name] = balanced([label for label, _ in shown], [one.read[name] == label for label, one in shown])
    if added := [question for question in questions if question.edit.asks_for == "added"]:
        table["added"] = balanced([one.edit.after for one in added], [one.right for one in added])
    return table
