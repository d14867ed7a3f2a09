"""Every measure of edits by name, in the order of tables."""

from collections.abc import Sequence

from onereel.base.errors import MetricError
from onereel.base.names import did_you_mean
from onereel.metrics.measures import background, clip_scores, five_acc, motion, pickscore, structure, warping
from onereel.metrics.measures.base import Measure

_MODULES = (clip_scores, pickscore, five_acc, structure, background, warping, motion)

MEASURES: dict[str, Measure] = {measure.name: measure for module in _MODULES for measure in module.MEASURES}


def choose(names: Sequence[str] | None) -> list[Measure]:
    """Measures by name; all without names.

    Raises: MetricError for an unknown name, or none.
    """
    if names is None:
        return list(MEASURES.values())
    if not names:
        raise MetricError("evaluation", "no measure was named", f"choose from {', '.join(MEASURES)}")
    for name in names:
        if name not in MEASURES:
            raise MetricError(f"measure '{name}'", "no such measure of edits", did_you_mean(name, MEASURES))
    return [MEASURES[name] for name in dict.fromkeys(names)]
