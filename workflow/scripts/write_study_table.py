"""Write the table of one kind of study as csv, Markdown, LaTeX and HTML (rule `write_study_table`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.joblog import job_log
from onereel.report.studies import load_studies
from onereel.report.tables import write_table
from onereel.studies.hold_out import Kind
from onereel.studies.sheet import StudyRow

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    studies = load_studies(Path(), [StudyRow.restore(row) for row in job.params.studies])
    project = studies.project(Kind(job.wildcards.kind))
    write_table(project, Path(job.input.description), Path(job.output[0]).with_suffix(""))


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
