"""Write one table as csv, Markdown, LaTeX and HTML (rule `write_table`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.joblog import job_log
from onereel.project.runs import RunRow
from onereel.report.load.project import load_project
from onereel.report.tables.build import write_table

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    project = load_project(Path(), runs=[RunRow.restore(row) for row in job.params.runs], clips=job.params.clips)
    write_table(project, Path(job.input.description), Path(job.output[0]).with_suffix(""))


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
