"""Measure outputs that are made from the truth of known edits (rule `calibrate_edits`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.joblog import job_log
from onereel.base.progress import terminal_progress
from onereel.jobs.edits import calibrate
from onereel.jobs.sampling import use_threads
from onereel.scenes.world import EditSet

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    asked = EditSet.model_validate(job.params.asked)
    calibrate(asked, films=Path(job.output.films), out=Path(job.output.scores), progress=terminal_progress)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
