"""Train one stand-in on worlds and score it (rule `train_stand_in`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.devices import claimed_device
from onereel.base.joblog import job_log
from onereel.base.progress import terminal_progress
from onereel.jobs.sampling import use_threads
from onereel.standins import train_stand_in

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    with claimed_device(job.resources.gpu) as device:
        train_stand_in(
            job.wildcards.stand_in,
            Path(job.output.weights).parent,
            state_folder=Path(job.params.state),
            device=device,
            needed={path.parent.name: path for path in map(Path, job.input.get("needed", []))},
            seed=job.params.seed,
            progress=terminal_progress,
        )


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
