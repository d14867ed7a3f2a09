"""Write the report that people watch (rule `write_report`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.joblog import job_log
from onereel.heldout.hold_out import Kind
from onereel.project import layout
from onereel.project.heldout import HeldOutRow
from onereel.project.runs import RunRow
from onereel.report.load.heldout import load_heldout
from onereel.report.load.project import load_project
from onereel.report.page.write import write_report

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    project = load_project(Path(), runs=[RunRow.restore(row) for row in job.params.runs], clips=job.params.clips)
    tables = {name: Path(stem) for name, stem in job.params.tables.items()}
    tests = load_heldout(Path(), [HeldOutRow.restore(row) for row in job.params.heldout])
    write_report(
        project,
        Path(job.output[0]),
        tables=tables,
        visuals=layout.VISUALS,
        heldout=tests,
        edits=dict(zip(job.params.edits, map(Path, job.input.edits), strict=True)),
        heldout_tables={Kind(kind): Path(stem) for kind, stem in job.params.heldout_tables.items()},
    )


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
