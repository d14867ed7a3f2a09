"""The sheet of studies with people (``config/studies.tsv``), and what each of them can show."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from onereel.base.errors import ConfigError
from onereel.base.names import did_you_mean
from onereel.base.parsing import (
    EVERY_CLIP,
    Layout,
    check_name,
    decimal_point,
    named_clips,
    parse_choice,
    parse_pairs,
    parse_settings,
    read_rows,
    unique,
)
from onereel.base.readers import LINE_END, complaint, read_text
from onereel.methods import method_names
from onereel.methods.base import Task
from onereel.project import layout
from onereel.project.runs import EXTERNAL, KNOWN_EDITS, RunRow
from onereel.studies.design import INPUT, TRUTH, Design
from onereel.studies.items import Subject
from onereel.studies.simulate import worth_of

if TYPE_CHECKING:
    from onereel.project.plan import Plan

_WHOLE = ("items", "raters", "per_rater", "plays", "seed")
_TEXTS = ("question", "title", "instructions", "post", "completion")
_LISTS = ("methods", "allow", "show")
_CHECKS = ("training", "identical", "obvious")
COLUMNS = (
    "study",
    "form",
    "clips",
    "methods",
    "question",
    "scales",
    "task",
    "items",
    "raters",
    "per_rater",
    "allow",
    "show",
    "checks",
    "seconds",
    "plays",
    "exclude",
    "seed",
    "title",
    "instructions",
    "post",
    "completion",
    "simulated",
)
LAYOUT = Layout("sheet of studies", COLUMNS, required=("study", "form", "clips", "methods"), texts=_TEXTS)
_OF_HELDOUT = {"kind", "horizon", "keep"}
"""Columns of held-out tests, whose sheet was called ``studies.tsv`` earlier."""
NOTHING = "none"
"""In the column ``exclude``: everybody counts."""


@dataclass(frozen=True)
class StudyRow:
    """A study.

    Attributes:
        design: what it asks.
        clips: names of clips; none for a study of known edits.
        edits: name of a set of known edits; "" for a study of clips.
        task: of runs that are named by their method.
        simulated: what raters that a computer plays think of films, by method, log odds; those that are not named have
            0. None: nobody is played.
    """

    design: Design
    clips: tuple[str, ...]
    edits: str = ""
    task: Task = Task.GENERATE
    simulated: Mapping[str, float] | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return self.design.study


def read_studies_sheet(path: Path, clips: Iterable[str], every: Iterable[str]) -> dict[str, StudyRow]:
    """The studies of a sheet, by name.

    Args:
        path: the sheet.
        clips: names of the clips that exist.
        every: those that ``*`` stands for.

    Raises: ConfigError naming the line, what is wrong and what to do.
    """
    _check_not_heldout(path)
    clips, every = tuple(clips), tuple(every)
    found: dict[str, StudyRow] = {}
    for where, cells in read_rows(path, LAYOUT):
        name = unique(where, "study", check_name(where, "study", cells["study"]), found)
        edits, named = "", every
        if cells["clips"].startswith(KNOWN_EDITS):
            edits, named = cells["clips"].removeprefix(KNOWN_EDITS), ()
        elif cells["clips"] != EVERY_CLIP:
            named = tuple(parse_choice(where, "clip", clip, clips) for clip in named_clips(cells["clips"]))
        task = Task(parse_choice(where, "task", cells.get("task", Task.GENERATE), list(Task)))
        design = _design(where, cells)
        found[name] = StudyRow(design, named, edits, task, _simulated(where, cells.get("simulated"), design))
    return found


def subjects_of(plan: "Plan", row: StudyRow) -> list[Subject]:
    """The clips, or known edits, of a study with the films that its methods have of them.

    Raises: ConfigError for a method, or run, that has none.
    """
    return _edits(plan, row) if row.edits else _clips(plan, row)


def study_files(subjects: Sequence[Subject]) -> list[str]:
    """Files, and of known edits folders, that jobs make and that hold the films of a study."""
    references = [one for subject in subjects for films in (*subject.films.values(), [subject.source]) for one in films]
    paths = [Path(one) for one in references if one and not one.startswith("edit:")]
    return list(dict.fromkeys(str(path.parent if path.is_relative_to(layout.EDITS) else path) for path in paths))


def methods_known(plan: "Plan") -> tuple[str, ...]:
    """What a study may name as a method."""
    runs = {row.method.removeprefix(EXTERNAL) for row in (*plan.runs.values(), *plan.editor_rows.values())}
    return (*runs, *plan.runs, *plan.editor_rows, INPUT, TRUTH)


def _check_not_heldout(path: Path) -> None:
    lines = [line for line in LINE_END.split(read_text(path, LAYOUT.kind)) if line.strip() and line[0] != "#"]
    header = {cell.strip().lower() for cell in lines[0].split("\t")} if lines else set()
    if header & _OF_HELDOUT and "study" in header:
        remedy = "rename it to heldout.tsv, its column 'study' to 'test', and the key in config.yaml to 'heldout'"
        raise ConfigError(str(path), "holds held-out tests, no studies with people", remedy)


def _design(where: str, cells: Mapping[str, str]) -> Design:
    values: dict[str, Any] = {"study": cells["study"], "form": cells["form"]}
    values |= {name: cells[name] for name in (*_WHOLE, *_TEXTS) if name in cells}
    values |= {name: [part.strip() for part in cells[name].split(",")] for name in _LISTS if name in cells}
    if "seconds" in cells:
        values["seconds"] = decimal_point(cells["seconds"])
    if "scales" in cells:
        values["scales"] = parse_pairs(cells["scales"], where)
    checks = parse_pairs(cells.get("checks", ""), where)
    for name in checks:
        parse_choice(where, "check", name, _CHECKS)
    values |= checks
    if cells.get("exclude") == NOTHING:
        values["exclude"] = dict.fromkeys(("failed_checks", "unplayed", "seconds", "one_side"))
    elif "exclude" in cells:
        values["exclude"] = parse_settings(cells["exclude"], where)
    try:
        return Design.model_validate(values)
    except ValidationError as error:
        place, problem, remedy = complaint(error, (*COLUMNS, *Design.model_fields["exclude"].annotation.model_fields))  # type: ignore[union-attr]
        column = f", column '{place[0]}'" if place and place[0] in COLUMNS else ""
        raise ConfigError(f"{where}{column}", problem, remedy) from None


def _simulated(where: str, cell: str | None, design: Design) -> dict[str, float] | None:
    if cell is None:
        return None
    given = {name: decimal_point(value) for name, value in parse_pairs(cell, where).items()}
    return worth_of(f"{where}, column 'simulated'", design.methods, given)


def _clips(plan: "Plan", row: StudyRow) -> list[Subject]:
    _check_methods(plan, row)
    subjects = []
    for clip in row.clips:
        films: dict[str, tuple[str, ...]] = {}
        for method in row.design.methods:
            if method == INPUT:
                films[method] = (str(layout.clip_of(clip)),)
            elif (run := _run_of(row, method, clip, list(plan.runs.values()))) is not None:
                films[method] = tuple(str(layout.samples_of(run.run) / f"{name}.mkv") for name in plan.samples(run.run))
        prompts = [plan.runs[Path(films[name][0]).parent.name].prompt for name in films if name != INPUT]
        subjects.append(Subject(clip, films, source=str(layout.clip_of(clip)), prompt=next(filter(None, prompts), "")))
    _check_found(row, subjects)
    return subjects


def _run_of(row: StudyRow, name: str, clip: str, runs: Sequence[RunRow]) -> RunRow | None:
    """The run that a study means by a method, or a row of the run sheet, on a clip; None where there is none."""
    of_clip = [run for run in runs if run.clip == clip]
    exact = [run for run in of_clip if run.run in (name, f"{clip}-{name}")]
    if exact:
        return exact[0]
    found = [run for run in of_clip if run.method.removeprefix(EXTERNAL) == name and run.task is row.task]
    if len(found) > 1:
        told = ", ".join(run.run.removeprefix(f"{clip}-") for run in found)
        problem = f"clip '{clip}' has several runs of '{name}' ({told})"
        raise ConfigError(f"study '{row.name}'", problem, "name the run in the place of the method")
    return found[0] if found else None


def _edits(plan: "Plan", row: StudyRow) -> list[Subject]:
    where = f"study '{row.name}'"
    if row.edits not in plan.edit_sets:
        raise ConfigError(where, f"no set of known edits '{row.edits}'", did_you_mean(row.edits, list(plan.edit_sets)))
    _check_methods(plan, row)
    editors = {name: editor for name, editor in plan.editors.items() if editor.edits == row.edits}
    places: dict[str, dict[str, str]] = {}
    for method in row.design.methods:
        found = [name for name, one in editors.items() if method in (name, one.row.method.removeprefix(EXTERNAL))]
        if len(found) > 1 and method not in found:
            raise ConfigError(where, f"'{method}' edits the set in several runs ({', '.join(found)})", "name a run")
        if method in found or found:
            places[method] = _outputs(plan, layout.EDITS, method if method in found else found[0])
    asked = plan.edit_sets[row.edits]
    subjects = []
    for name, one in asked.asked.items():
        kind = name.rsplit("-", 1)[0]
        films = {method: (files[name],) for method, files in places.items() if name in files}
        films |= {INPUT: (edit_film(name, INPUT),)} if INPUT in row.design.methods else {}
        films |= {TRUTH: (edit_film(name, TRUTH),)} if TRUTH in row.design.methods else {}
        subjects.append(Subject(name, films, source=edit_film(name, INPUT), prompt=one.prompt, kind=kind))
    _check_found(row, subjects)
    return subjects


def edit_film(name: str, what: str) -> str:
    """Reference to the source (``input``) or the right answer (``truth``) of a known edit, which is rendered."""
    return f"edit:{what}:{name}"


def _outputs(plan: "Plan", folder: Path, editor: str) -> dict[str, str]:
    """What an editor made of known edits, by their names: lossless of ours; of others' what the judge took."""
    if editor in plan.editor_runs:
        by_kind = plan.editors[editor].by_kind
        return {
            name: str(folder / "outputs" / editor / kind / f"{name}.mkv")
            for kind, runs in by_kind.items()
            for name in runs
        }
    return {
        name: str(folder / "films" / editor / f"{name}.mp4")
        for name in plan.outputs_found(editor)
        if name in plan.editors[editor].asked.requests
    }


def _check_methods(plan: "Plan", row: StudyRow) -> None:
    known = {*methods_known(plan), *method_names()}
    for method in row.design.methods:
        runs = [name for name in plan.runs if name.endswith(f"-{method}")]
        if method not in known and not runs:
            raise ConfigError(f"study '{row.name}'", f"unknown method or run '{method}'", did_you_mean(method, known))
        if method == TRUTH and not row.edits:
            raise ConfigError(f"study '{row.name}'", "clips have no right answer", "compare with 'input'")


def _check_found(row: StudyRow, subjects: Sequence[Subject]) -> None:
    for method in row.design.methods:
        if not any(subject.films.get(method) for subject in subjects):
            where = f"set of edits '{row.edits}'" if row.edits else f"clips {', '.join(row.clips)}, task '{row.task}'"
            raise ConfigError(f"study '{row.name}'", f"no run of '{method}' on {where}", "add its row to runs.tsv")
