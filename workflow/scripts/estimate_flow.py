"""Estimate the optical flow of a clip, there and back (rule `estimate_flow`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.clip import read
from onereel.devices import claimed_device
from onereel.features.artefacts import write_flow
from onereel.joblog import job_log
from onereel.sampling import use_threads

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    with claimed_device(job.resources.gpu) as device:
        write_flow(Path(job.output[0]), read(job.input.clip).frames, weights=job.params.weights, device=device)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
