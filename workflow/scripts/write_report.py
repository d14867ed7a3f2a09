"""Write the report that people watch (rule `write_report`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.joblog import job_log
from onereel.report.page import write_report
from onereel.report.project import load_project
from onereel.report.studies import load_studies
from onereel.runs import RunRow
from onereel.studies.hold_out import Kind
from onereel.studies.sheet import StudyRow

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    project = load_project(Path(), runs=[RunRow.restore(row) for row in job.params.runs], clips=job.params.clips)
    tables = {name: Path(stem) for name, stem in job.params.tables.items()}
    studies = load_studies(Path(), [StudyRow.restore(row) for row in job.params.studies])
    write_report(
        project,
        Path(job.output[0]),
        tables=tables,
        visuals=Path([*job.input.runs, *job.input.studies][0]).parents[1],
        studies=studies,
        study_tables={Kind(kind): Path(stem) for kind, stem in job.params.study_tables.items()},
    )


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
