"""Measure and judge outputs that are made from the truth, for edits of one kind (rule `measure_calibration`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.joblog import job_log
from onereel.base.progress import terminal_progress
from onereel.jobs.measures import measure_calibration
from onereel.jobs.sampling import use_threads
from onereel.metrics.edits import EXTERNALS
from onereel.scenes.world import EditSet

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    measure_calibration(
        EditSet.model_validate(job.params.asked),
        list(EXTERNALS),
        weights=job.params.weights,
        measured=Path(job.output.measured),
        scores=Path(job.output.scores),
        progress=terminal_progress,
        most=job.params.most,
    )


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
