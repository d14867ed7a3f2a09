"""Write the table of one kind of test as csv, Markdown, LaTeX and HTML (rule `write_heldout_table`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.joblog import job_log
from onereel.heldout.hold_out import Kind
from onereel.project.heldout import HeldOutRow
from onereel.report.load.heldout import load_heldout
from onereel.report.tables.build import write_table

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    tests = load_heldout(Path(), [HeldOutRow.restore(row) for row in job.params.heldout])
    project = tests.project(Kind(job.wildcards.kind))
    write_table(project, Path(job.input.description), Path(job.output[0]).with_suffix(""))


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
