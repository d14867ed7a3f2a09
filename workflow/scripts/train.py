"""Train one part of a method on what it reads, resuming where an earlier attempt stopped (rule `train`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.devices import claimed_device
from onereel.base.joblog import job_log
from onereel.base.progress import terminal_progress
from onereel.jobs.checks import require_wanted
from onereel.jobs.fitting import fit_part, write_weights
from onereel.jobs.inputs import read_inputs, resolve
from onereel.jobs.sampling import use_threads
from onereel.methods import Job, Part, load_method

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    out, part = Path(job.output.weights), job.wildcards.part
    method = load_method(job.wildcards.method)
    models = {name: Path(path) for name, path in zip(job.params.parts, job.input.models, strict=True)}
    declared = Part(tuple(models), frozenset(job.params.reads))
    backbones = resolve(job.params.backbones, job.params.weights)
    with claimed_device(job.resources.gpu) as device:
        require_wanted(job.params.runs, job.params.weights or "auto", device)
        place = Job(device, models=models, backbones=backbones, seed=job.params.seed, progress=terminal_progress)
        state, record, curves = fit_part(
            method,
            part,
            declared,
            read_inputs(**job.params.inputs),
            method.Config.model_validate(job.params.config),
            place,
            Path(job.params.state),
        )
    write_weights(out, state, record, curves)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
