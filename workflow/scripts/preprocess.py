"""Read depth, flow or embeddings off a clip (rules `estimate_depth`, `estimate_flow`, `embed_clip`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.devices import claimed_device
from onereel.base.joblog import job_log
from onereel.features.artefacts import WRITERS
from onereel.jobs.sampling import use_threads
from onereel.video.clip import read

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    write = WRITERS[job.params.kind]
    with claimed_device(job.resources.gpu) as device:
        write(Path(job.output[0]), read(job.input.clip).frames, weights=job.params.weights, device=device)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
