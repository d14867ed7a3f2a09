"""Train one part of a method on one clip, resuming where an earlier attempt stopped (rule `train`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.devices import claimed_device
from onereel.base.joblog import job_log
from onereel.base.progress import terminal_progress
from onereel.jobs.fitting import fit_part, write_weights
from onereel.jobs.sampling import read_inputs, use_threads
from onereel.methods import load_method

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    method = load_method(job.wildcards.method)
    with claimed_device(job.resources.gpu) as device:
        state, record, curves = fit_part(
            method,
            job.wildcards.part,
            read_inputs(job.input.clip, artefacts=dict(zip(job.params.artefacts, job.input.artefacts, strict=True))),
            method.Config.model_validate(job.params.config),
            weights={part: Path(path) for part, path in zip(job.params.parts, job.input.parts, strict=True)},
            state_folder=Path(job.params.state),
            clip_path=Path(job.input.clip),
            device=device,
            seed=job.params.seed,
            progress=terminal_progress,
        )
    write_weights(Path(job.output.weights), state, record, curves)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
