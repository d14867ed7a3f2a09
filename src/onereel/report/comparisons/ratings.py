"""What people rate, told by truth (Dreamix, Table 2), with sentences that two means decide."""

from collections.abc import Mapping, Sequence

from onereel.methods import DEMO
from onereel.metrics.aggregate import over_clips
from onereel.metrics.edits.judge import Judgement
from onereel.metrics.edits.scoring import EditorScores
from onereel.metrics.edits.summary import is_still
from onereel.project.comparisons import Claim, Measure, Ratings
from onereel.report.comparisons.material import Material, Shown
from onereel.report.load.project import DEMO_TITLE
from onereel.report.tables.model import Block, Cell, Column, Row, Table, marked_best

TITLES: Mapping[Measure, tuple[str, str, str]] = {
    "sgfid_truth": ("Quality (SGFID to truth)", "", "lower"),
    "psnr_outside": ("Fidelity (PSNR outside)", "dB", "higher"),
    "attribute_right": ("Alignment (attribute)", "", "higher"),
    "psnr_truth": ("Fidelity (PSNR to truth)", "dB", "higher"),
    "frame_consistency": ("Frame consistency", "", "higher"),
    "prompt_consistency": ("Prompt consistency", "", "higher"),
    "warp_error": ("Warp error (true flow)", "", "lower"),
    "depth_kept": ("Structure (depth kept)", "", "higher"),
    "motion": ("Motion error", "px", "lower"),
    "moves": ("Moves", "px", ""),
    "success": ("Success", "", "higher"),
}
"""Measures of a judgement: title, unit, and which values are better."""
_ASKED: tuple[Measure, ...] = (
    "sgfid_truth", "psnr_outside", "attribute_right", "frame_consistency", "motion", "success"
)  # fmt: skip
_STILL = "s"


def ratings(asked: Ratings, material: Material) -> Shown:
    """The table, and what became of the claims."""
    editors = {label: material.together(rows) for label, rows in asked.editors.items()}
    made = {name: material.calibrations(name) for name in asked.calibration}
    columns = tuple(Column(name, name, *TITLES[name], stand_in=False, ours=True, published=False) for name in _ASKED)
    rows = [_row(label, editor) for label, editor in editors.items()]
    blocks = [
        Block("", "methods", tuple(marked_best(rows, columns))),
        Block("Calibration: made from the truth", "calibration", tuple(_row(*one) for one in made.items())),
    ]
    notes = [("", asked.source)] if asked.source else []
    if any(row.marks for row in rows):
        notes.append((_STILL, "Moves less than half as much as the true edits: shown, not ranked."))
    used = tuple(block for block in blocks if block.rows)
    table = Table("ratings", asked.title, asked.caption, columns, used, tuple(notes), over="edits, then kinds")
    judged = material.judged(asked.editors)
    return Shown(tables=(table,), notes=tuple(verdict(claim, judged) for claim in asked.claims))


def _row(label: str, editor: EditorScores) -> Row:
    still = not editor.calibration and is_still(editor.judgements)
    cells = tuple(_cell(values_of(editor.judgements, name), complete=not (editor.missing or still)) for name in _ASKED)
    missing = f"{len(editor.missing)} missing" if editor.missing else ""
    return Row(
        label=label,
        cells=cells,
        published=(None,) * len(cells),
        calibration=editor.calibration,
        marks=(_STILL,) if still else (),
        partly="; ".join(filter(None, (DEMO_TITLE if editor.preset == DEMO else "", missing))),
        preset=editor.preset,
        demo=editor.preset == DEMO,
    )


def _cell(values: Mapping[str, Sequence[float]], *, complete: bool) -> Cell | None:
    if not values:
        return None
    found = over_clips(values)
    return Cell(found.mean, found.low, found.high, found.n, len(values), complete=complete, protocol="")


def values_of(judgements: Sequence[Judgement], measure: Measure) -> dict[str, list[float]]:
    """A measure by kind of edit, where it is defined."""
    found: dict[str, list[float]] = {}
    for one in judgements:
        if (value := getattr(one, measure)) is not None:
            found.setdefault(one.kind, []).append(float(value))
    return found


def verdict(claim: Claim, judged: Mapping[str, Mapping[str, Judgement]]) -> str:
    """Whether a sentence holds: the mean difference over the edits that both have, with its interval."""
    found: dict[str, list[float]] = {}
    for edit, one in judged[claim.lower].items():
        other = judged[claim.than].get(edit)
        values = [getattr(each, claim.measure) for each in (one, other) if each is not None]
        if len(values) == 2 and None not in values:
            found.setdefault(one.kind, []).append(float(values[0]) - float(values[1]))
    title, unit, _ = TITLES[claim.measure]
    if not found:
        return f"{claim.says}: cannot be told, no edit has both values."
    mean, low, high, count = over_clips(found)
    low, high = (mean if low is None else low), (mean if high is None else high)
    said = "holds" if high < 0 else "does not hold" if low > 0 else "cannot be told from these edits"
    told = f"{title} of {claim.lower} less that of {claim.than}: {mean:+.3g} [{low:+.3g}, {high:+.3g}] {unit}".strip()
    return f"{claim.says}: {said} ({told}; {count} edits)."
