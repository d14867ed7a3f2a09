"""Measuring edits: one record for every edit and measure, and what had to be left out, with the reason."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from onereel.base.errors import MetricError, WeightsError
from onereel.base.progress import Progress, no_progress
from onereel.metrics.base import Context
from onereel.metrics.measures.base import Edit, Measure
from onereel.metrics.measures.motion import STILL, amount_of_motion, expected_motion, is_still
from onereel.metrics.measures.registry import choose
from onereel.weights.store import Resolved


@dataclass(frozen=True)
class Measured:
    """What was measured of one editor's outputs.

    Attributes:
        records: one for every edit and measure: ``edit``, ``kind``, ``metric``, ``title``, ``column`` (the title, with
            the stand-in's name where weights stand in), ``value`` (None where it is not defined), ``note`` (why, or
            what a reader should know), ``share`` (of pixels, frames or tracks behind the value; None: all), ``unit``,
            ``better``, ``weights`` (titles and checksums), ``stand_in``, ``protocol``.
        left_out: measures that cannot be computed here at all, with the command that helps.
        motion: by edit, mean flow of the edit and of what it should move like, pixels; those of which nobody can say
            how much they should move are absent.
        still: edits that move less than half as much as they should: never ranked.
        missing: edits without a usable output, with the reason.
        may_change: by edit, the share of pixels in its mask; a mask the wrong way round shows here.
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    motion: dict[str, tuple[float, float]] = field(default_factory=dict)
    still: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    may_change: dict[str, float] = field(default_factory=dict)

    def values(self, metric: str) -> dict[str, float]:
        """Values of a measure by edit, where it is defined."""
        return {
            one["edit"]: one["value"] for one in self.records if one["metric"] == metric and one["value"] is not None
        }

    @property
    def mostly_still(self) -> bool:
        """Whether all edits together move less than half as much as they should: then none of their means ranks."""
        moves, wanted = (sum(pair[index] for pair in self.motion.values()) for index in (0, 1))
        return moves < STILL * wanted


def measure_edits(
    edits: Iterable[Edit],
    *,
    context: Context,
    measures: Sequence[str] | None = None,
    missing: dict[str, str] | None = None,
    total: int | None = None,
    progress: Progress = no_progress,
    keep: Callable[[Measured], None] | None = None,
) -> Measured:
    """Measure edits, one after the other; features of frames are computed once and shared by all measures.

    Args:
        edits: those of one editor; those of one source in a row, so that its features are still there.
        context: weights, device and cache.
        measures: names; None measures all that can be computed here.
        missing: edits without a usable output, and why, as `edits` finds out while it runs; the result's own.
        total: how many edits; None where nobody knows: then `progress` watches nothing.
        progress: watches the edits.
        keep: called with the edits that are finished, where Ctrl-C or SIGTERM ends the measuring.

    Raises: MetricError for an unknown measure, or an output of another shape than its source; WeightsError if weights
        of a measure that was named are not here.
    """
    chosen = choose(measures)
    if total is None:
        edits = list(edits)
        total = len(edits)
    found = Measured(missing={} if missing is None else missing)
    usable = [one for one in chosen if _has_weights(one, context, found.left_out, named=measures is not None)]
    watched = any("flow" in one.roles for one in usable)
    try:
        for edit in edits if total is None else progress(edits, total=total, label="measure"):
            _check(edit)
            records = [_record(one, edit, context) for one in usable]
            if watched:
                _watch(edit, context, found)
            if edit.mask is not None:
                found.may_change[edit.name] = float(edit.mask.mean())
            found.records.extend(records)
    except (KeyboardInterrupt, SystemExit):
        if keep is not None:
            keep(found)
        raise
    return found


def _watch(edit: Edit, context: Context, found: Measured) -> None:
    if (wanted := expected_motion(edit, context)) is None:
        return
    found.motion[edit.name] = (amount_of_motion(edit.output, context), wanted)
    if is_still(edit, context):
        found.still.append(edit.name)


def _has_weights(measure: Measure, context: Context, left_out: dict[str, str], *, named: bool) -> bool:
    """Missing weights are found before hours of work, not after."""
    try:
        for role in measure.roles:
            context.resolve(role)
    except WeightsError as error:
        if named:
            raise
        left_out[measure.name] = str(error)
        return False
    return True


def _check(edit: Edit) -> None:
    where = f"edit '{edit.name}'"
    if edit.output.shape != edit.source.shape:
        found, wanted = ("x".join(map(str, frames.shape[:3])) for frames in (edit.output, edit.source))
        problem = f"is {found} (frames x height x width), its source {wanted}"
        raise MetricError(where, problem, "align it: crop (in time), resize")
    if edit.mask is not None and edit.mask.shape != edit.source.shape[:3]:
        found, wanted = ("x".join(map(str, shape)) for shape in (edit.mask.shape, edit.source.shape[:3]))
        raise MetricError(where, f"its mask is {found} (frames x height x width), its source {wanted}", "fit the mask")


def _record(measure: Measure, edit: Edit, context: Context) -> dict[str, Any]:
    found = measure.measure(edit, context)
    resolved: list[Resolved] = [context.resolve(role) for role in measure.roles]
    stand_ins = [one.label for one in resolved if one.stand_in]
    return {
        "edit": edit.name,
        "kind": edit.kind,
        "metric": measure.name,
        "title": measure.title,
        "column": f"{measure.title} ({', '.join(stand_ins)})" if stand_ins else measure.title,
        "value": found.value,
        "note": found.note,
        "share": found.share,
        "unit": measure.unit,
        "better": measure.better,
        "weights": ", ".join(one.printed for one in resolved) or None,
        "stand_in": bool(stand_ins),
        "protocol": measure.protocol(),
    }
