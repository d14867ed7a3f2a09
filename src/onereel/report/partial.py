"""The report of a workflow that stopped: what there is so far, and why the rest is missing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from onereel.report.page import write_report
from onereel.report.project import load_project
from onereel.report.studies import load_studies
from onereel.report.tables import write_table
from onereel.runs import RunRow
from onereel.studies.hold_out import Kind
from onereel.studies.sheet import StudyRow


def write_partial_report(
    root: Path,
    out_dir: Path,
    *,
    runs: Sequence[RunRow],
    clips: Sequence[str],
    tables: Mapping[str, Path],
    studies: Sequence[StudyRow] = (),
    study_tables: Mapping[Kind, Path] | None = None,
) -> None:
    """Write tables and report of what lies under `root`; the page says that it is not all.

    Args:
        root: the repository's root.
        out_dir: the report's folder; its tables are inside.
        runs: the run sheet's rows.
        clips: names of the clip sheet's rows.
        tables: descriptions of the tables by name.
        studies: the study sheet's rows.
        study_tables: descriptions of the tables by kind of study.

    Raises: ConfigError for a bad description of a table.
    """
    project = load_project(root, runs=runs, clips=clips)
    with TemporaryDirectory() as folder:
        stems = {name: Path(folder) / name for name in tables}
        for name, description in tables.items():
            write_table(project, Path(description), stems[name])
        held_out = load_studies(root, studies)
        study_stems = {kind: Path(folder) / kind for kind in held_out.kinds}
        for kind, stem in study_stems.items():
            write_table(held_out.project(kind), (study_tables or {})[kind], stem)
        write_report(
            project,
            out_dir,
            tables=stems,
            visuals=root / "results/visuals",
            partial=True,
            studies=held_out,
            study_tables=study_stems,
        )
