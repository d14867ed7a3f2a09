"""Hold the measures of the field against truth: figure, tables and every correlation (rule `agree`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.joblog import job_log
from onereel.jobs.measures import agree
from onereel.report.page.agreement import NAME, write_agreement

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    folder = Path(job.output[0])
    folder.mkdir(parents=True, exist_ok=True)
    measured, scores = (list(map(Path, paths)) for paths in (job.input.measured, job.input.scores))
    write_agreement(agree(measured, scores, folder / f"{NAME}.json"), folder)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
