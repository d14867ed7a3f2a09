"""Write the page of a set of known edits, with its tables (rule `write_edits_page`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.joblog import job_log
from onereel.report.page.edits import write_edits_page

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    write_edits_page(
        job.wildcards.edits,
        calibration=Path(job.input.calibration),
        truth=Path(job.input.truth),
        editors=dict(zip(map(Path, job.input.editors), map(Path, job.input.films), strict=True)),
        agreement=Path(job.input.agreement[0]) if job.input.agreement else None,
        out_dir=Path(job.output[0]),
    )


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
