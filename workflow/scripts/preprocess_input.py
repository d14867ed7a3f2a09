"""Read an artefact off a file that is a run's further input (rule `preprocess_input`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.devices import claimed_device
from onereel.base.joblog import job_log
from onereel.ingest import load
from onereel.jobs.artefacts import MAKERS
from onereel.jobs.sampling import use_threads

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    read = job.params.read
    clip = load(read["source"], allow_single=True)
    with claimed_device(job.resources.gpu) as device:
        MAKERS[read["kind"]](Path(job.output[0]), clip, read["key"], job.params.weights, device)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
