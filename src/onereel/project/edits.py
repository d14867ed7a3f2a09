"""The sheet of known edits (``config/edits.tsv``), and runs on them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from onereel.base.errors import ConfigError
from onereel.base.names import did_you_mean
from onereel.base.parsing import Layout, check_name, read_rows, unique, whole_number
from onereel.base.readers import complaint
from onereel.methods import Roles, load_method
from onereel.project.runs import KNOWN_EDITS, RunRow

if TYPE_CHECKING:
    from onereel.scenes.world import EditSet

MASKS, SOURCE_PROMPT = ("mask", "edit"), "source_prompt"
"""Names of inputs that are white where an edit may change its source, and a setting."""
_CLIP = "edits."
_NUMBERS = ("number", "first", "frames", "height", "width", "fps")
_COLUMNS = ("edits", "kinds", *_NUMBERS, "sources")
LAYOUT = Layout("sheet of known edits", _COLUMNS, required=("edits",))


@dataclass(frozen=True)
class EditorRow:
    """A run on a set of known edits.

    Attributes:
        row: of the run sheet; its name is the editor's.
        edits: name of the set.
        asked: the set.
    """

    row: RunRow
    edits: str
    asked: "EditSet"

    @property
    def runs(self) -> dict[str, RunRow]:
        """A run for every edit, by the edits' names; no run of the run sheet has a colon in its name.

        The prompt is the edit's where the row has none and the task reads one; the mask is given to tasks that know an
        input ``mask`` or ``edit``, the source's prompt to methods that have a setting ``source_prompt``. Of methods of
        ours only.
        """
        method = load_method(self.row.method)
        roles = method.roles.get(self.row.task, Roles())
        reads = roles.prompt != "refused" and not self.row.prompt
        found = {}
        for name, asked in self.asked.asked.items():
            run = replace(
                self.row, run=f"{KNOWN_EDITS}{self.row.run}:{name}", clip=source_clip(self.edits, asked.source_name)
            )
            if reads:
                run = replace(run, prompt=asked.prompt)
            for mask in MASKS:
                if (group := roles.group_of(mask)) is not None and not group.names & run.inputs.keys():
                    run = replace(run, inputs={**run.inputs, mask: f"clip:{mask_clip(self.edits, name)}"})
            if SOURCE_PROMPT in method.Config.model_fields and SOURCE_PROMPT not in run.settings:
                run = replace(run, settings={**run.settings, SOURCE_PROMPT: asked.source_prompt})
            found[name] = run
        return found

    @property
    def by_kind(self) -> dict[str, dict[str, RunRow]]:
        """The same by kind of edit."""
        runs = self.runs
        return {
            kind: {name: run for name, run in runs.items() if name.startswith(f"{kind}-")} for kind in self.asked.kinds
        }


def source_clip(edits: str, source: str) -> str:
    """Name of the clip that is to be edited. No clip of the sheet, nor of known frames, can have two dots."""
    return f"{_CLIP}{edits}.{source}"


def mask_clip(edits: str, name: str) -> str:
    """Name of the clip that is an edit's mask: white where it may change."""
    return f"{source_clip(edits, name)}.mask"


def is_known_edit(clip: str) -> bool:
    """Whether a clip is one of a set of known edits, by its name."""
    return clip.startswith(_CLIP) and clip.count(".") > 1


def read_edits_sheet(path: Path, default: "EditSet") -> dict[str, "EditSet"]:
    """The sets of known edits of a sheet by name; what a row leaves empty is as in `default`.

    Raises: ConfigError naming the line, what is wrong and what to do.
    """
    from onereel.scenes.world import EditSet  # loads compiled kernels; few projects have such runs

    found: dict[str, EditSet] = {}
    for where, cells in read_rows(path, LAYOUT):
        name = unique(where, "set of edits", check_name(where, "set of edits", cells["edits"]), found)
        given = {column: _number(where, column, cells[column]) for column in _NUMBERS if column in cells}
        asked = {**default.model_dump(), **given}
        if "kinds" in cells:
            asked["kinds"] = tuple(kind.strip() for kind in cells["kinds"].split(","))
        asked["sources"] = cells.get("sources", default.sources)
        try:
            found[name] = EditSet.model_validate(asked)
        except ValidationError as error:
            place, problem, remedy = complaint(error, _COLUMNS)
            column = f", column '{place[0]}'" if place else ""
            raise ConfigError(f"{where}{column}", problem, remedy) from None
    return found


def editors_of(rows: Mapping[str, RunRow], sets: Mapping[str, "EditSet"]) -> dict[str, EditorRow]:
    """The rows of the run sheet that name known edits as their clip, by editor.

    Raises: ConfigError for a set that is not in the sheet, several samples, or further inputs that differ by edit.
    """
    found = {}
    for name, row in rows.items():
        where, edits = f"run '{name}'", row.clip.removeprefix(KNOWN_EDITS)
        if edits not in sets:
            raise ConfigError(where, f"no set of known edits '{edits}'", did_you_mean(edits, list(sets)))
        if row.samples != 1:
            raise ConfigError(where, f"asks for {row.samples} samples of every known edit", "ask for one")
        found[name] = EditorRow(row, edits, sets[edits])
    return found


def _number(where: str, column: str, cell: str) -> int:
    if (number := whole_number(cell)) is None:
        raise ConfigError(f"{where}, column '{column}'", f"'{cell}' is no whole number", "write digits")
    return number
