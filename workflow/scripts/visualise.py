"""Make what the report shows of a clip or of a run's samples (rules `visualise_clip`, `visualise_run`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.clip import read
from onereel.joblog import job_log
from onereel.report.visuals import visualise
from onereel.sampling import use_threads

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    reference, folder = read(job.input.clip), Path(job.output[0])
    if not job.params.samples:
        visualise(reference, None, folder)
        return
    for name, path in zip(job.params.samples, job.input.samples, strict=True):
        visualise(reference, read(path), folder / name)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
