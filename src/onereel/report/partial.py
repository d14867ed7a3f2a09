"""The report of a workflow that stopped: what there is so far, and why the rest is missing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from onereel.report.page import write_report
from onereel.report.project import load_project
from onereel.report.tables import write_table
from onereel.runs import RunRow


def write_partial_report(
    root: Path, out_dir: Path, *, runs: Sequence[RunRow], clips: Sequence[str], tables: Mapping[str, Path]
) -> None:
    """Write tables and report of what lies under `root`; the page says that it is not all.

    Args:
        root: the repository's root.
        out_dir: the report's folder; its tables are inside.
        runs: the run sheet's rows.
        clips: names of the clip sheet's rows.
        tables: descriptions of the tables by name.

    Raises: ConfigError for a bad description of a table.
    """
    project = load_project(root, runs=runs, clips=clips)
    with TemporaryDirectory() as folder:
        stems = {name: Path(folder) / name for name in tables}
        for name, description in tables.items():
            write_table(project, Path(description), stems[name])
        write_report(project, out_dir, tables=stems, visuals=root / "results/visuals", partial=True)
