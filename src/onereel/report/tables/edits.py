"""Tables of known edits: a leaderboard, all measures, Dreamix's Tables 1 and 2, Gen-1's axes.

Editors that hardly move anything are shown below the others, and no value of theirs is the best: consistency is perfect
for stills.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from onereel.methods import DEMO
from onereel.metrics.aggregate import over_clips
from onereel.metrics.edits.judge import Judgement
from onereel.metrics.edits.scoring import EditorScores, Scores
from onereel.metrics.edits.summary import is_still, summary_of
from onereel.report.load.project import DEMO_TITLE
from onereel.report.tables.model import Block, Cell, Column, Row, Table, marked_best

TYPES: Mapping[str, tuple[str, ...]] = {
    "motion": ("direction", "speed", "count", "camera"),
    "style": ("style",),
    "object": ("kind", "colour", "size", "add"),
    "background": ("setting", "time", "weather"),
}
"""Kinds of edits by Dreamix's types (Molad et al. 2023, Table 1)."""
_STILL = "s"
_Value: TypeAlias = Callable[[EditorScores], Cell | None]


@dataclass(frozen=True)
class _Wanted:
    """A column and what stands in it."""

    name: str
    title: str
    value: _Value
    unit: str = ""
    better: str = "higher"


def edit_tables(scores: Scores) -> tuple[Table, ...]:
    """All tables of one set of scores."""
    kinds = list(dict.fromkeys(one.kind for editor in scores.editors.values() for one in _asked(editor)))
    success = [_success("all", "All kinds", kinds), *(_success(kind, kind.capitalize(), [kind]) for kind in kinds)]
    types = [(name, [kind for kind in members if kind in kinds]) for name, members in TYPES.items()]
    return (
        _table("edits", "Known edits", "Share of edits that succeed, by kind.", scores, success),
        _table(
            "edits-measures",
            "Known edits: every measure",
            "Attribute: the new value is read off the output (balanced over values), beside what is "
            "read off the true edits, and the ratio of the two. Others kept: the other attributes are read as on the "
            "true edit. PSNR and SSIM: to the source outside the mask, and to the true edit. Motion error: end-point "
            "error to the true flow.",
            scores,
            [
                _of_all("attribute", "Attribute"),
                _of_all("reader", "Attribute (true edits)", better=""),
                _of_all("ratio", "Attribute (ratio)"),
                _of_all("others_kept", "Others kept"),
                _of_all("named_kept", "Others kept (of the prompt)"),
                _of_all("psnr_outside", "PSNR (outside)", "dB"),
                _of_all("ssim_outside", "SSIM (outside)"),
                _of_all("psnr_truth", "PSNR (truth)", "dB"),
                _of_all("ssim_truth", "SSIM (truth)"),
                _of_all("motion", "Motion error", "px", "lower"),
                _of_all("success", "Success"),
            ],
        ),
        _table(
            "edits-dreamix-1",
            "Known edits, as Dreamix's Table 1",
            "Share of edits that succeed, by Dreamix's types of edits (Molad et al. 2023, Table 1): "
            + "; ".join(f"{name}: {', '.join(members)}" for name, members in types if members)
            + ".",
            scores,
            [_success(name, name.capitalize(), members) for name, members in types if members],
        ),
        _table(
            "edits-dreamix-2",
            "Known edits, as Dreamix's Table 2",
            "What Dreamix asks people (Molad et al. 2023, Table 2), told by truth: quality is how near frames look to "
            "those of the true edit, fidelity what the edit leaves alone, alignment whether the prompt's new value is "
            "there.",
            scores,
            [
                _of_all("sgfid_truth", "Quality (SGFID to truth)", better="lower"),
                _of_all("others_kept", "Fidelity (others kept)"),
                _of_all("psnr_outside", "Fidelity (PSNR outside)", "dB"),
                _of_all("attribute", "Alignment (attribute)"),
                _of_all("success", "Success"),
            ],
        ),
        _table(
            "edits-gen1",
            "Known edits on Gen-1's axes",
            "Frame consistency and prompt consistency (Esser et al. 2023, section 4.3): mean cosines of CLIP, between "
            "consecutive frames, and between the prompt and each frame.",
            scores,
            [
                _of_all("frame_consistency", "Frame consistency"),
                _of_all("prompt_consistency", "Prompt consistency"),
            ],
        ),
    )


def _table(name: str, title: str, caption: str, scores: Scores, wanted: Sequence[_Wanted]) -> Table:
    columns = tuple(
        Column(one.name, one.name, one.title, one.unit, one.better, stand_in=False, ours=True, published=False)
        for one in wanted
    )
    rows = {
        name: Row(
            label=name,
            cells=tuple(one.value(editor) for one in wanted),
            published=(None,) * len(wanted),
            calibration=editor.calibration,
            marks=(_STILL,) if is_still(editor.judgements) else (),
            partly="; ".join(filter(None, (DEMO_TITLE if editor.preset == DEMO else "", _lacking(editor)))),
            preset=editor.preset,
            demo=editor.preset == DEMO,
        )
        for name, editor in scores.editors.items()
    }
    editors = [row for row in rows.values() if not row.calibration]
    ranked = sorted((row for row in editors if not (row.marks or row.demo)), key=_success_of(scores), reverse=True)
    others = [_unranked(row) for row in editors if row.marks or row.demo]
    blocks = (
        Block("", "methods", (*marked_best(ranked, columns), *others)),
        Block(
            "Calibration: made from the truth", "calibration", tuple(row for row in rows.values() if row.calibration)
        ),
    )
    used = tuple(block for block in blocks if block.rows)
    return Table(name, title, caption, columns, used, _notes(scores, rows), over="edits, then kinds")


def _unranked(row: Row) -> Row:
    return replace(row, cells=tuple(cell and replace(cell, complete=False) for cell in row.cells))


def _notes(scores: Scores, rows: Mapping[str, Row]) -> tuple[tuple[str, str], ...]:
    told = ", ".join(f"{name} {value:.2f}" for name, value in scores.readers.items())
    notes = [("", f"Read by {', '.join(scores.networks)}. Their own accuracy on the true edits: {told}.")]
    if any(row.marks for row in rows.values()):
        notes.append((_STILL, "Moves less than half as much as the true edits: shown, not ranked."))
    if any(row.demo for row in rows.values()):
        notes.append(("", f"Rows of the {DEMO_TITLE} show that everything works: not ranked."))
    return tuple(notes)


def _lacking(editor: EditorScores) -> str:
    if not editor.missing:
        return ""
    refused = sum(bool(one.reason) for one in editor.missing)
    told = f"{len(editor.missing)} of {len(editor.judgements) + len(editor.missing)} missing"
    return f"{told}, {refused} of them unusable" if refused else told


def _success_of(scores: Scores) -> Callable[[Row], float]:
    def key(row: Row) -> float:
        editor = scores.editors[row.label]
        return float(summary_of(editor.judgements, editor.missing).get("all", {}).get("success", 0.0))

    return key


def _success(name: str, title: str, kinds: Sequence[str]) -> _Wanted:
    """Share of edits of some kinds that succeed, as a mean over kinds."""

    def value(editor: EditorScores) -> Cell | None:
        counted: dict[str, list[float]] = {}
        for one in _asked(editor):
            if one.kind in kinds:
                counted.setdefault(one.kind, []).append(isinstance(one, Judgement) and one.success)
        return _cell(counted, complete=set(kinds) <= set(_kinds(editor)))

    return _Wanted(name, title, value)


def _of_all(measure: str, title: str, unit: str = "", better: str = "higher") -> _Wanted:
    """A mean over all kinds; without an interval where it is balanced over values."""

    def value(editor: EditorScores) -> Cell | None:
        if measure == "success":
            cell = _success("all", title, list(_kinds(editor))).value(editor)
            return cell and replace(cell, complete=_answers_all(editor))
        if measure in ("attribute", "reader", "ratio"):
            mean = summary_of(editor.judgements, editor.missing).get("all", {}).get(measure)
            count = len(_asked(editor))
            complete = _answers_all(editor)
            return None if mean is None else Cell(mean, None, None, count, 1, complete=complete, protocol="")
        known: dict[str, list[float]] = {}
        for one in editor.judgements:
            if (number := getattr(one, measure)) is not None:
                known.setdefault(one.kind, []).append(number)
        return _cell(known, complete=not editor.missing)

    return _Wanted(measure, title, value, unit, better)


def _cell(values: Mapping[str, Sequence[float]], *, complete: bool = True) -> Cell | None:
    if not values:
        return None
    interval = over_clips(values)
    return Cell(interval.mean, interval.low, interval.high, interval.n, 1, complete=complete, protocol="")


def _kinds(editor: EditorScores) -> Iterable[str]:
    return dict.fromkeys(one.kind for one in editor.judgements)


def _answers_all(editor: EditorScores) -> bool:
    """Whether it has an output of every kind: a mean over fewer kinds is never the best."""
    return {one.kind for one in editor.missing} <= set(_kinds(editor))


def _asked(editor: EditorScores) -> list[Any]:
    """What was judged, and what is missing of the kinds that were."""
    kinds = set(_kinds(editor))
    return [*editor.judgements, *(one for one in editor.missing if one.kind in kinds)]
