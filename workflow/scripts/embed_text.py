"""Embed one prompt with CLIP (rule `embed_text`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.devices import claimed_device
from onereel.base.joblog import job_log
from onereel.features.artefacts import write_text_embedding
from onereel.jobs.sampling import use_threads

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    with claimed_device(job.resources.gpu) as device:
        write_text_embedding(Path(job.output[0]), job.params.text, weights=job.params.weights, device=device)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
