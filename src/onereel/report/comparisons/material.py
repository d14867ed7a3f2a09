"""What comparisons are made of, and what they become."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from onereel.base.errors import ConfigError
from onereel.base.names import did_you_mean
from onereel.metrics.edits.judge import Judgement
from onereel.metrics.edits.scoring import EditorScores, Outputs, Scores
from onereel.report.tables.model import Table
from onereel.scenes.world import EditSet


@dataclass(frozen=True)
class ComparedRun:
    """A run of the run sheet that is compared.

    Attributes:
        label: what it and others are called together.
        run: its name.
        samples: its samples.
        config: settings of its method.
        given: clips that it was given, by role.
    """

    label: str
    run: str
    samples: tuple[Path, ...]
    config: Mapping[str, Any]
    given: Mapping[str, Path]

    @classmethod
    def restore(cls, values: Mapping[str, Any]) -> "ComparedRun":
        """That of plain values, see `Plan.compared_runs`."""
        return cls(
            label=values["label"],
            run=values["run"],
            samples=tuple(map(Path, values["samples"])),
            config=values["config"],
            given={role: Path(path) for role, path in values["given"].items()},
        )


@dataclass(frozen=True)
class Material:
    """What was made and judged.

    Attributes:
        scores: by row of the run sheet on known edits.
        calibration: scores of outputs that are made from the truth, of each set.
        outputs: videos by the edits' names, by row.
        sets: the known edits, by row.
        runs: other runs.
    """

    scores: Mapping[str, EditorScores] = field(default_factory=dict)
    calibration: Sequence[Scores] = ()
    outputs: Mapping[str, Outputs] = field(default_factory=dict)
    sets: Mapping[str, EditSet] = field(default_factory=dict)
    runs: Sequence[ComparedRun] = ()

    def together(self, rows: Sequence[str]) -> EditorScores:
        """Scores of one editor that has a row for each of several sets."""
        found = [self.scores[row] for row in rows]
        return EditorScores(
            [one for each in found for one in each.judgements],
            [one for each in found for one in each.missing],
            preset=found[0].preset,
        )

    def calibrations(self, name: str, edits: Collection[str] | None = None) -> EditorScores:
        """Scores of the outputs of that name that are made from the truth, for these edits; None: for all.

        Raises: ConfigError if there are none: their name is wrong, or weights that make them were missing.
        """
        found = [scores.editors[name] for scores in self.calibration if name in scores.editors]
        if not found:
            known = list(dict.fromkeys(each for scores in self.calibration for each in scores.editors))
            raise ConfigError(f"calibration '{name}'", "was not made", did_you_mean(name, known))
        judged = {one.name: one for each in found for one in each.judgements if edits is None or one.name in edits}
        return EditorScores(list(judged.values()), calibration=True)

    def judged(self, editors: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Judgement]]:
        """Judgements by what editors are called, and by edit."""
        return {label: {one.name: one for one in self.together(rows).judgements} for label, rows in editors.items()}


@dataclass(frozen=True)
class Shown:
    """What a comparison shows.

    Attributes:
        tables: in order.
        figures: by file name.
        notes: sentences that say what came out.
        rows: values that tables are means of, one mapping each, for a csv.
    """

    tables: Sequence[Table] = ()
    figures: Mapping[str, Figure] = field(default_factory=dict)
    notes: Sequence[str] = ()
    rows: Sequence[Mapping[str, Any]] = ()
