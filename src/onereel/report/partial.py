"""The report of a workflow that stopped: what there is so far, and why the rest is missing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from onereel.heldout.hold_out import Kind
from onereel.project import layout
from onereel.project.heldout import HeldOutRow
from onereel.project.runs import RunRow
from onereel.report.load.heldout import load_heldout
from onereel.report.load.project import load_project
from onereel.report.page.write import write_report
from onereel.report.tables.build import write_table


def write_partial_report(
    root: Path,
    out_dir: Path,
    *,
    runs: Sequence[RunRow],
    clips: Sequence[str],
    tables: Mapping[str, Path],
    heldout: Sequence[HeldOutRow] = (),
    heldout_tables: Mapping[Kind, Path] | None = None,
) -> None:
    """Write tables and report of what lies under `root`; the page says that it is not all.

    Args:
        root: the repository's root.
        out_dir: the report's folder; its tables are inside.
        runs: the run sheet's rows.
        clips: names of the clip sheet's rows.
        tables: descriptions of the tables by name.
        heldout: the held-out sheet's rows.
        heldout_tables: descriptions of the tables by kind of test.

    Raises: ConfigError for a bad description of a table.
    """
    project = load_project(root, runs=runs, clips=clips)
    with TemporaryDirectory() as folder:
        stems = {name: Path(folder) / name for name in tables}
        for name, description in tables.items():
            write_table(project, Path(description), stems[name])
        held_out = load_heldout(root, heldout)
        heldout_stems = {kind: Path(folder) / kind for kind in held_out.kinds}
        for kind, stem in heldout_stems.items():
            write_table(held_out.project(kind), (heldout_tables or {})[kind], stem)
        write_report(
            project,
            out_dir,
            tables=stems,
            visuals=root / layout.VISUALS,
            partial=True,
            heldout=held_out,
            heldout_tables=heldout_stems,
        )
