"""Check the runs whose models read one clip, before any of them is trained (rule `check`)."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from onereel.base.joblog import job_log
from onereel.jobs.checks import check_runs, write_checks
from onereel.jobs.sampling import use_threads

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    found = check_runs(job.params.runs, job.params.weights, torch.device(job.params.device))
    write_checks(Path(job.output[0]), found)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
