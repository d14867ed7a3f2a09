"""Predict the held-out frames of a clip and measure them (rule `conduct`)."""

from pathlib import Path
from typing import TYPE_CHECKING

from onereel.base.devices import claimed_device
from onereel.base.joblog import job_log
from onereel.base.progress import terminal_progress
from onereel.features.flow import resolve_flow
from onereel.jobs.heldout import conduct, write_outcome
from onereel.jobs.inputs import resolve_backbones
from onereel.jobs.sampling import SampleRequest, use_threads
from onereel.methods import Job, load_method
from onereel.project.heldout import HeldOutRow
from onereel.video.clip import read

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake, snakemake


def main(job: "Snakemake") -> None:
    use_threads(job.threads)
    row = HeldOutRow.restore(job.params.test)
    method = load_method(row.method)
    config = method.Config.model_validate(job.params.config)
    backbones = resolve_backbones(method, row.split.kind.task, config, job.params.weights)
    models = {part: Path(path) for part, path in zip(job.params.parts, job.input.models, strict=True)}
    with claimed_device(job.resources.gpu) as device:
        outcome = conduct(
            method,
            SampleRequest(**job.params.request),
            [row.seed + index for index in range(row.samples)],
            read(job.input.clip),
            row.split,
            config,
            Job(device, models=models, backbones=backbones, progress=terminal_progress),
            flow=resolve_flow(job.params.weights, device=device),
            weights=job.params.weights,
        )
    write_outcome(Path(job.output.record), Path(job.output.films), {"test": row.test, "clip": row.clip}, outcome)


if __name__ == "__main__":
    with job_log(snakemake):
        main(snakemake)
