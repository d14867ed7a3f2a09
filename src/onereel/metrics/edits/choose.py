"""Thresholds of success, chosen on edits that nothing is reported of."""

from collections.abc import Sequence

import numpy as np

from onereel.base.errors import ConfigError
from onereel.base.progress import Progress, no_progress
from onereel.metrics.edits.calibration import externals
from onereel.metrics.edits.judge import Judge, Judgement
from onereel.metrics.edits.settings import EditThresholds
from onereel.scenes.world import FIRST_UNSEEN, EditSet

_GOOD = ("true edit through H.264", "true edit blurred")
_BAD = ("another's true edit",)


def choose_thresholds(judge: Judge, chosen_on: EditSet, *, progress: Progress = no_progress) -> EditThresholds:
    """Thresholds that best part right edits, as a codec and a lossy editor would give them, from those of other pairs.

    Each is the middle of the values at which the balanced accuracy of that parting is highest, for itself.

    Args:
        judge: measures.
        chosen_on: edits of seeds below `FIRST_UNSEEN`, of all kinds.
        progress: watches the edits.

    Raises: ConfigError if results are reported of them, or if none of them is of a kind whose mask is everything.
    """
    if chosen_on.first >= FIRST_UNSEEN:
        problem = f"seeds from {chosen_on.first} on are those that results are reported of"
        raise ConfigError("thresholds", problem, f"stay below {FIRST_UNSEEN}")
    edits = list(chosen_on.edits())
    questions = judge.questions(edits)
    good, bad = (
        [one for name in names for one in judge.judge(questions, externals(edits, name), progress=progress)]
        for names in (_GOOD, _BAD)
    )
    whole = [one for one in good if one.psnr_outside is None], [one for one in bad if one.psnr_outside is None]
    return EditThresholds(
        others_kept=_parting("others_kept", good, bad),
        psnr_outside=_parting("psnr_outside", good, bad),
        psnr_truth=_parting("psnr_truth", *whole),
        ssim_truth=_parting("ssim_truth", *whole),
    )


def _parting(name: str, good: Sequence[Judgement], bad: Sequence[Judgement]) -> float:
    """The value at or above which the most good and the fewest bad ones are."""
    high, low = (
        np.array([value for one in group if (value := getattr(one, name)) is not None]) for group in (good, bad)
    )
    if not (len(high) and len(low)):
        raise ConfigError("thresholds", f"no edit tells {name}", "choose on all kinds")
    values = np.unique(np.concatenate([high, low]))
    edges = (values[1:] + values[:-1]) / 2
    score = [(high >= edge).mean() + (low < edge).mean() for edge in edges]
    return round(float(edges[np.isclose(score, max(score))].mean()), 3)
