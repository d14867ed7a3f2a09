"""One editor held against the right answers, kind by kind: whether what was asked for is there, as far as the judge can
read it off right answers; whether more than the source is right; whether the structure is kept."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeAlias

from onereel.metrics.aggregate import over_clips
from onereel.metrics.edits.judge import Judgement, Unanswered
from onereel.metrics.edits.scoring import EditorScores
from onereel.metrics.edits.summary import balanced
from onereel.project.comparisons import Claim, Levels, Measure, Truth
from onereel.report.comparisons.material import Material, Shown
from onereel.report.comparisons.ratings import TITLES, verdict
from onereel.report.tables.model import Block, Cell, Column, Row, Table, marked_best

SOURCE = "source"
Answer: TypeAlias = Judgement | Unanswered
"""What became of an edit; one without a usable output is not right, and has no other value."""


def answers(scores: EditorScores) -> list[Answer]:
    """Of an editor, those that are missing included, but for kinds of which it has none."""
    kinds = {one.kind for one in scores.judgements}
    return [*scores.judgements, *(one for one in scores.missing if one.kind in kinds)]


def truth(asked: Truth, material: Material) -> Shown:
    """A table for each of the three questions, and the answers in words."""
    editors = {label: answers(material.together(rows)) for label, rows in asked.editors.items()}
    edits = {one.name for some in editors.values() for one in some}
    best = {kind: best_level(kind, levels, material) for kind, levels in asked.best.items()}
    editors[asked.judged] = at_best(editors[asked.judged], asked.best, best, material)
    made = {name: material.calibrations(name, edits).judgements for name in asked.calibration}
    tables = (
        _table("attribute", "The new value is there", asked.attribute, _right, asked, editors, made),
        _table("fidelity", _title("psnr_truth"), asked.fidelity, _of("psnr_truth"), asked, editors, made),
        _table("structure", _title("depth_kept"), asked.structure, _of("depth_kept"), asked, editors, made),
    )
    chosen = tuple(f"{kind}: told at {value:g}, the best of {len(asked.best[kind].chosen)} values on edits that are "
                   "reported nowhere." for kind, value in best.items())  # fmt: skip
    notes = (
        *chosen,
        *(_share(kind, asked, editors[asked.judged], made[asked.ceiling]) for kind in asked.attribute),
        *_nearer(asked, editors[asked.judged], made[SOURCE]),
        *_keeps(asked, editors),
    )
    return Shown(tables=tuple(table for table in tables if table.columns), notes=notes)


def best_level(kind: str, levels: Levels, material: Material) -> float:
    """The value of a setting at which most new values are there, on the edits to choose with; of equals the first."""
    shares = {value: accuracy(answers(material.together(rows)), kind) for value, rows in levels.chosen.items()}
    return max(shares, key=lambda value: shares[value] or 0.0)


def at_best(
    judgements: Sequence[Answer], levels: Mapping[str, Levels], best: Mapping[str, float], material: Material
) -> list[Answer]:
    """An editor's judgements, those of some kinds at the setting that was chosen for them."""
    found = [one for one in judgements if one.kind not in best]
    for kind, value in best.items():
        found += [one for one in answers(material.together(levels[kind].told[value])) if one.kind == kind]
    return found


def accuracy(judgements: Sequence[Answer], kind: str) -> float | None:
    """Share of the edits of a kind whose new value is there, balanced over values; None without any."""
    mine = [one for one in judgements if one.kind == kind]
    return balanced([str(one.after) for one in mine], [_is_right(one) for one in mine]) if mine else None


def _share(kind: str, asked: Truth, judgements: Sequence[Answer], ceiling: Sequence[Answer]) -> str:
    """Whether enough new values are there, in words."""
    found, most = accuracy(judgements, kind), accuracy([one for one in ceiling if one.name in _names(judgements)], kind)
    if found is None or not most:
        return f"{kind}: cannot be told, there are no edits, or the judge reads none of them."
    said = "holds" if found >= asked.share * most else "does not hold"
    return (
        f"{kind}: the new value is there in at least {asked.share:g} of what is read of the {asked.ceiling}: {said} "
        f"({found:.2f} of {most:.2f}: {found / most:.2f})."
    )


def _nearer(asked: Truth, judgements: Sequence[Answer], source: Sequence[Answer]) -> list[str]:
    """Whether the output is nearer to the right answer than the source, kind by kind."""
    found = []
    for kind in asked.fidelity:
        claim = Claim(says=f"{kind}: nearer to the right answer than the source", measure="psnr_truth",
                      lower=SOURCE, than=asked.judged)  # fmt: skip
        pair = {SOURCE: source, asked.judged: judgements}
        found.append(verdict(claim, {name: _by_name(some, [kind]) for name, some in pair.items()}))
    return found


def _keeps(asked: Truth, editors: Mapping[str, Sequence[Answer]]) -> list[str]:
    """Whether more of the depth is kept than by each editor that reads none."""
    judged = {label: _by_name(some, asked.structure) for label, some in editors.items()}
    claims = (
        Claim(says=f"Keeps more of the source's depth than {name}", measure="depth_kept", lower=name, than=asked.judged)
        for name in asked.without
    )
    return [verdict(claim, judged) for claim in claims]


def _table(
    name: str,
    title: str,
    kinds: Sequence[str],
    values: Callable[[Sequence[Answer]], Mapping[str, Sequence[float]]],
    asked: Truth,
    editors: Mapping[str, Sequence[Answer]],
    made: Mapping[str, Sequence[Answer]],
) -> Table:
    """Editors by kinds, and below them what is made from the truth."""
    columns = tuple(
        Column(kind, kind, kind.capitalize(), "", "higher", stand_in=False, ours=True, published=False)
        for kind in kinds
    )

    def row(label: str, judgements: Sequence[Answer], *, calibration: bool) -> Row:
        of_kinds = ([one for one in judgements if one.kind == kind] for kind in kinds)
        cells = tuple(_cell(values(mine)) for mine in of_kinds)
        return Row(label, cells, (None,) * len(cells), calibration=calibration)

    rows = [row(label, some, calibration=False) for label, some in editors.items()]
    below = tuple(row(label, some, calibration=True) for label, some in made.items())
    blocks = (Block("", "methods", tuple(marked_best(rows, columns))),
              Block("Calibration: made from the truth", "calibration", below))  # fmt: skip
    over = "edits, then new values" if values is _right else "edits"
    return Table(name, f"{asked.title}: {title}", asked.caption, columns, blocks, (), over=over)


def _right(judgements: Sequence[Answer]) -> dict[str, list[float]]:
    """Whether the new value is there, by that value: a rare one weighs as much as a frequent one."""
    found: dict[str, list[float]] = {}
    for one in judgements:
        found.setdefault(str(one.after), []).append(float(_is_right(one)))
    return found


def _of(measure: Measure) -> Callable[[Sequence[Answer]], dict[str, list[float]]]:
    def values(judgements: Sequence[Answer]) -> dict[str, list[float]]:
        known = [float(value) for one in judgements if (value := getattr(one, measure, None)) is not None]
        return {"": known} if known else {}

    return values


def _is_right(one: Answer) -> bool:
    return isinstance(one, Judgement) and one.attribute_right


def _cell(values: Mapping[str, Sequence[float]]) -> Cell | None:
    if not values:
        return None
    found = over_clips(values)
    return Cell(found.mean, found.low, found.high, found.n, found.n, complete=True, protocol="")


def _by_name(judgements: Sequence[Answer], kinds: Collection[str]) -> dict[str, Judgement]:
    return {one.name: one for one in judgements if one.kind in kinds and isinstance(one, Judgement)}


def _names(judgements: Sequence[Answer]) -> set[str]:
    return {one.name for one in judgements}


def _title(measure: Measure) -> str:
    title, unit, _ = TITLES[measure]
    return f"{title}, {unit}" if unit else title
