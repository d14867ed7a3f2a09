"""Make what the report shows of a test's films (rule `visualise_heldout`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.joblog import job_log
from onereel.jobs.sampling import use_threads
from onereel.report.load.records import HeldOutRecord, require_record
from onereel.report.page.visuals import visualise
from onereel.video.clip import read

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    for name in require_record(job.input.record, HeldOutRecord)["films"]:
        visualise(read(Path(job.input.films) / f"{name}.mkv"), None, Path(job.output[0]) / name)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
