"""Make what the report shows of a study's films (rule `visualise_study`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.clip import read
from onereel.joblog import job_log
from onereel.report.records import StudyRecord, require_record
from onereel.report.visuals import visualise
from onereel.sampling import use_threads

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    for name in require_record(job.input.record, StudyRecord)["films"]:
        visualise(read(Path(job.input.films) / f"{name}.mkv"), None, Path(job.output[0]) / name)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
