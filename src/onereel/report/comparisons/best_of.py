"""Which editor's output is the best, edit by edit, told by truth, beside what people chose (Dreamix, Table 1).

Of the outputs for an edit those that succeed compete (`onereel.metrics.edits.EditThresholds`); the best is the one that
is nearest to the right answer: PSNR, or SSIM where there is none. None is the best where none succeeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from onereel.metrics.aggregate import mean_interval
from onereel.metrics.edits.judge import Judgement
from onereel.project.comparisons import BestOf
from onereel.project.tables import Published
from onereel.report.comparisons.material import Material, Shown
from onereel.report.page.figures import COLOURS
from onereel.report.tables.edits import TYPES
from onereel.report.tables.model import Block, Cell, Column, Row, Table, marked_best

_NONE_GREY = "#BBBBBB"


@dataclass(frozen=True)
class Choice:
    """What is best for an edit.

    Attributes:
        edit: its name.
        kind: its kind.
        shares: by editor, and by what "none" is called, in [0, 1]: 1 for the best; equals share it.
        succeeds: by editor.
    """

    edit: str
    kind: str
    shares: Mapping[str, float]
    succeeds: Mapping[str, bool]


def best_of(asked: BestOf, material: Material) -> Shown:
    """The table of shares, that of success, and a figure of both beside people's choices."""
    found = choices(material.judged(asked.editors), kinds_of(asked, material), asked.none)
    types = {name: [one for one in found if one.kind in kinds] for name, kinds in TYPES.items()}
    present = {name: chosen for name, chosen in types.items() if chosen}
    preset = {editor: material.together(rows).preset for editor, rows in asked.editors.items()}
    return Shown(
        tables=(_shares(asked, present), _success(asked, present, preset)),
        figures={"best": draw_shares(asked, present)},
        notes=tuple(_told(asked, name, chosen) for name, chosen in present.items()),
        rows=[{"edit": one.edit, "kind": one.kind, **one.shares} for one in found],
    )


def kinds_of(asked: BestOf, material: Material) -> dict[str, str]:
    """The kind of every edit, also of those that nobody answers."""
    found: dict[str, str] = {}
    for rows in asked.editors.values():
        scores = material.together(rows)
        found |= {one.name: one.kind for one in scores.judgements}
        found |= {one.name: one.kind for one in scores.missing}
    return found


def choices(judged: Mapping[str, Mapping[str, Judgement]], kinds: Mapping[str, str], none: str) -> list[Choice]:
    """What is best for each edit.

    Args:
        judged: judgements by editor and edit; an output that is missing does not compete.
        kinds: of the edits, by name.
        none: what it is called that nobody succeeds.
    """
    found = []
    for edit, kind in kinds.items():
        right = {
            editor: _nearness(outputs[edit])
            for editor, outputs in judged.items()
            if edit in outputs and outputs[edit].success
        }
        best = [editor for editor, value in right.items() if value == max(right.values())]
        shares = {editor: (editor in best) / max(len(best), 1) for editor in judged}
        found.append(
            Choice(edit, kind, {**shares, none: float(not best)}, {editor: editor in right for editor in judged})
        )
    return found


def _nearness(one: Judgement) -> float:
    """All outputs for an edit have a PSNR, or none has."""
    return one.ssim_truth if one.psnr_truth is None else one.psnr_truth


def _shares(asked: BestOf, types: Mapping[str, Sequence[Choice]]) -> Table:
    answers = [*asked.editors, asked.none]
    published = bool(asked.published)
    columns = tuple(
        Column(answer, answer, answer, "%", "", stand_in=False, ours=True, published=published) for answer in answers
    )

    def row(label: str, chosen: Sequence[Choice], people: Mapping[str, float]) -> Row:
        cells = [_percent([one.shares[answer] for one in chosen]) for answer in answers]
        most = max(cell.mean for cell in cells)
        alone = sum(cell.mean == most for cell in cells) == 1
        return Row(
            label=label,
            cells=tuple(replace(cell, best=alone and cell.mean == most) for cell in cells),
            published=tuple(Published(value=people[answer]) if answer in people else None for answer in answers),
        )

    by_type = [row(name.capitalize(), chosen, asked.published.get(name, {})) for name, chosen in types.items()]
    by_kind = {
        kind: [one for one in chosen if one.kind == kind] for name, chosen in types.items() for kind in TYPES[name]
    }
    blocks = (
        Block("", "methods", tuple(by_type)),
        Block(
            "By kind",
            "methods",
            tuple(row(kind.capitalize(), chosen, {}) for kind, chosen in by_kind.items() if chosen),
        ),
    )
    notes = (("", asked.source),) if asked.source else ()
    reading = (
        "Share of edits of which this is the best of those that succeed, with 95 % bootstrap interval in brackets; n: "
        "number of edits. Bold: most often, no ties."
    )
    return Table("best", asked.title, asked.caption, columns, blocks, notes, reading=reading)


def _success(asked: BestOf, types: Mapping[str, Sequence[Choice]], preset: Mapping[str, str]) -> Table:
    columns = tuple(
        Column(name, name, name.capitalize(), "%", "higher", stand_in=False, ours=True, published=False)
        for name in types
    )
    rows = [
        Row(
            label=editor,
            cells=tuple(_percent([float(one.succeeds[editor]) for one in chosen]) for chosen in types.values()),
            published=(None,) * len(columns),
            preset=preset[editor],
        )
        for editor in asked.editors
    ]
    blocks = (Block("", "methods", tuple(marked_best(rows, columns))),)
    return Table("success", "Edits that succeed", "By type of edit.", columns, blocks, (), over="edits")


def _percent(values: Sequence[float]) -> Cell:
    found = mean_interval([100 * value for value in values])
    return Cell(found.mean, found.low, found.high, found.n, found.n, complete=True, protocol="")


def _told(asked: BestOf, name: str, chosen: Sequence[Choice]) -> str:
    """What is best most often, and whether people say the same."""
    editors = list(asked.editors)
    shares = {editor: 100 * sum(one.shares[editor] for one in chosen) / len(chosen) for editor in editors}
    most = max(editors, key=lambda editor: shares[editor])
    if not shares[most]:
        return f"{name.capitalize()}: none succeeds."
    told = f"{name.capitalize()}: most often the best is {most} ({shares[most]:.0f} %)"
    people = {editor: value for editor, value in asked.published.get(name, {}).items() if editor in editors}
    if not people:
        return f"{told}."
    theirs = max(people, key=lambda editor: people[editor])
    return f"{told}; people chose {theirs} ({people[theirs]:.0f} %): {'the same' if theirs == most else 'another'}."


def draw_shares(asked: BestOf, types: Mapping[str, Sequence[Choice]]) -> Figure:
    """A bar a type, told by truth, and under it, paler, what people chose."""
    answers = [*asked.editors, asked.none]
    colours = dict(zip(answers, (*COLOURS[: len(asked.editors)], _NONE_GREY), strict=True))
    figure = Figure(figsize=(6.4, 1.1 + 0.75 * len(types)), layout="constrained")
    axes = figure.add_subplot()
    labels, places = [], []
    for index, (name, chosen) in enumerate(types.items()):
        truth = {answer: 100 * sum(one.shares[answer] for one in chosen) / len(chosen) for answer in answers}
        for offset, values, alpha in ((-0.19, truth, 1.0), (0.19, asked.published.get(name), 0.45)):
            if values is None:
                continue
            left = 0.0
            for answer in answers:
                width = values.get(answer, 0.0)
                axes.barh(index + offset, width, 0.34, left, color=colours[answer], alpha=alpha)
                if width >= 6:
                    axes.text(left + width / 2, index + offset, f"{width:.0f}", ha="center", va="center", fontsize=7)
                left += width
            places.append(index + offset)
            labels.append(f"{name} (n = {len(chosen)})" if alpha == 1 else "people")
    axes.set_yticks(places, labels, fontsize=8)
    axes.set_ylim(len(types) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of edits, %", fontsize=8.5)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    handles = [Patch(color=colours[answer], label=answer) for answer in answers]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(answers), fontsize=8, frameon=False)
    return figure
